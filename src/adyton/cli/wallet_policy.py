"""`adyton wallet policy`: show, set, check and begin a policy."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import hex_bytes, open_session
from adyton.cli.output import Output, json_lines
from adyton.cli.policy_example import example
from adyton.cli.receipt_options import add_options
from adyton.cli.settings import settings_of
from adyton.cli.wallet_intent import Preview, preview, preview_of
from adyton.cli.wallet_parts import (
    WALLET_HELP,
    address,
    chain_id,
    found_account,
    found_wallet,
    integer,
    read_policy_file,
    record_json,
    verb,
    wallet_json,
    wei,
)
from adyton.cli.wallet_payment import add_fees, add_target, fees, gas_and_nonce, payment
from adyton.cli.wallet_payment import without_node as complete
from adyton.cli.wallet_receipts import require_done, told, wanted
from adyton.cli.wallet_sign import add_document, document_of
from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.protocol.wallet.policy import Policy
    from adyton.protocol.wallet.requests import Sign

_CHECK = """\
Check a policy, and what it says of something that would be signed: rule by rule, before anything is. With --policy no
server is asked, limits count from nothing, and who asks is the owner unless --client says otherwise. Without it the
wallet's own policy is asked, with its limits as they stand. Exits with 5 where it would be refused.
"""


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    parser = verbs.add_parser("policy", help="what a wallet may sign", allow_abbrev=False)
    inner = parser.add_subparsers(metavar="VERB", required=True)
    show = verb(inner, "show", "print the policy of a wallet", _show)
    show.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    set_ = verb(inner, "set", "put another policy in the place of a wallet's", _set)
    set_.add_argument("file", metavar="FILE", help="the policy, JSON")
    set_.add_argument("--wallet", metavar="WALLET", help=WALLET_HELP)
    add_options(set_)
    check = verb(inner, "check", "explain what a policy would decide, rule by rule", _check)
    check.description = _CHECK
    check.add_argument("--policy", metavar="FILE", help="ask this policy, and no server")
    check.add_argument("--client", metavar="HEX64", help="who would ask; default the owner, or I")
    add_target(check)
    add_fees(check)
    check.add_argument("--nonce", metavar="N")
    add_document(check)
    begin = verb(inner, "example", "print a policy to begin with", _example)
    begin.add_argument("--to", metavar="ADDRESS", action="append", default=[], help="receivers")
    begin.add_argument("--chain", metavar="ID", default="1", help="default 1")
    begin.add_argument("--max-value", metavar="WEI", default="0.01ether", help="of one payment")
    begin.add_argument("--per-day", metavar="WEI", default="0.1ether", help="of all payments")
    begin.add_argument("--max-fee", metavar="WEI", default="0.005ether", help="of one payment")
    begin.add_argument("--token", metavar="ADDRESS", help="payments of this token too")
    begin.add_argument("--max-amount", metavar="N", help="of one payment of the token")
    begin.add_argument(
        "--data", metavar="BYTES", help="a payment may bring so much data: a transaction id"
    )
    begin.add_argument(
        "--client",
        metavar="HEX64",
        action="append",
        default=[],
        help="who may pay beside the owner: a device's key, as `adyton whoami` prints it",
    )


def _show(args: argparse.Namespace, out: Output) -> int:
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        shown = found_wallet(session, args.wallet).show()
    if not shown.policy:
        out.note("adyton: the wallet has no policy, so it refuses everything")
    text = shown.policy.decode(errors="replace")
    out.text(*json_lines(text.rstrip("\r\n")) if text else ())
    out.json(
        {
            "wallet": shown.wallet.wallet.hex(),
            "version": shown.wallet.version,
            "policy_hash": shown.wallet.policy_hash.hex(),
            "policy": text,
        }
    )
    return 0


def _set(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.wallet.policy_reader import read_policy

    receipt, text = wanted(args), read_policy_file(args.file)
    policy = read_policy(text)
    with open_session(settings_of(args), out) as session, out.waiting("changing the policy"):
        wallet = found_wallet(session, args.wallet)
        with told(args, out, session, receipt):
            changed = wallet.change_policy(text)
        receipt.write(session, changed.carried)
        require_done(args, changed)
    out.text(
        f"policy {policy.hash.hex()}, version {wallet.known.version}",
        *[f"warning: {line}" for line in changed.told.warnings],
    )
    out.json(
        wallet_json(wallet.known)
        | record_json(changed.carried)
        | {"status": changed.told.status, "warnings": list(changed.told.warnings)}
    )
    return 0


def _check(args: argparse.Namespace, out: Output) -> int:
    client = None if args.client is None else hex_bytes(args.client, 32, "a client's key")
    if args.policy is not None:
        return _check_file(args, out, client)
    asked = _asked(args, _sender(args))
    if asked is None:
        raise UsageError("usage", "nothing to check: give --policy, or what would be signed")
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        wallet, account = found_account(session, args.sender)
        shown = wallet.show()
        own = session.keystore.identity.signing_key.public
    asked = _asked(args, account) or asked
    return _say(preview_of(shown, asked, client or own), out)


def _check_file(args: argparse.Namespace, out: Output, client: bytes | None) -> int:
    from adyton.client.wallet_document import read_asked
    from adyton.protocol.wallet.policy_reader import read_policy

    policy = read_policy(read_policy_file(args.policy))
    asked = _asked(args, _sender(args))
    if asked is None:
        out.text(*_policy_lines(policy))
        out.json(
            {
                "policy_hash": policy.hash.hex(),
                "rules": [rule.id for rule in policy.rules],
                "warnings": list(policy.warnings),
            }
        )
        return 0
    # Nobody is asked who the owner is: whoever asks is taken for it, unless the policy knows the one named.
    owner = bytes(32) if client is None or policy.knows(client) else client
    return _say(preview(policy, read_asked(asked), client or owner, owner, {}), out)


def _asked(args: argparse.Namespace, account: bytes) -> Sign | None:
    """Return what would be asked; None where the options name nothing."""
    from adyton.protocol.wallet.requests import JSON_RPC, Sign

    found = document_of(args, account, False, "")
    if found is not None:
        return found
    if not any((args.to, args.value, args.data, args.token, args.amount)):
        return None
    document = complete({**payment(args), **fees(args), **gas_and_nonce(args)}, has_node=False)
    return Sign(account, "transaction", JSON_RPC, json.dumps(document).encode(), False, "")


def _sender(args: argparse.Namespace) -> bytes:
    return bytes(20) if args.sender is None else address(args.sender, "--from")


def _say(seen: Preview, out: Output) -> int:
    out.text(*seen.words, *seen.steps(), seen.verdict)
    if seen.effect == "deny":
        if out.as_json:
            out.json(seen.to_json())
            return 5
        raise PolicyError("payment_refused", seen.verdict.removeprefix("policy   "))
    out.json(seen.to_json())
    return 0


def _policy_lines(policy: Policy) -> list[str]:
    lines = [f"policy   {policy.hash.hex()}"]
    for rule in policy.rules:
        effect = "allows" if rule.allows else "denies"
        lines.append(f"rule     {rule.id}: {effect} {', '.join(sorted(rule.methods))}")
    return lines + [f"warning  {line}" for line in policy.warnings]


def _example(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.wallet.policy_reader import read_policy

    chain, amount = chain_id(args), wei(args.max_amount, "--max-amount")
    if (args.token is None) != (amount is None):
        raise UsageError("usage", "--token and --max-amount are given together")
    made = example(
        chain=chain,
        receivers=tuple(args.to),
        most=wei(args.max_value, "--max-value") or 0,
        per_day=wei(args.per_day, "--per-day") or 0,
        fee=wei(args.max_fee, "--max-fee") or 0,
        token=args.token,
        amount=amount or 0,
        data=integer(args.data, "--data", 1, limits.ETHEREUM_TRANSACTION) or 0,
        clients=tuple(hex_bytes(key, 32, "a client's key").hex() for key in args.client),
    )
    text = json.dumps(made, indent=2)
    read_policy(text.encode())
    out.text(*text.splitlines())
    out.json({"policy": made})
    return 0
