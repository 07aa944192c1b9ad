"""`adyton wallet proposals`, `approve`, `reject` and `claim`: what others must agree to."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output, json_lines, printable
from adyton.cli.receipt_options import add_options
from adyton.cli.settings import settings_of
from adyton.cli.wallet_asking import say_signing
from adyton.cli.wallet_intent import confirm, intent_words
from adyton.cli.wallet_parts import WALLET_HELP, found_wallet, record_json, verb, wallet_json
from adyton.cli.wallet_receipts import require_done, told, wanted
from adyton.core import limits
from adyton.core.errors import Error, UsageError

if TYPE_CHECKING:
    from adyton.client.session import Session
    from adyton.client.wallet import Wallet
    from adyton.protocol.wallet.answers import Proposal, Shown
    from adyton.protocol.wallet.requests import ChangePolicy


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    listed = verb(
        verbs,
        "proposals",
        "list what waits for approvals",
        _proposals,
        about="Without WALLET in all wallets that are mine, or whose policy names me.",
    )
    listed.add_argument(
        "wallet", metavar="WALLET", nargs="?", help="address of an account of it, or its name"
    )
    approve = verb(
        verbs,
        "approve",
        "approve a proposal, after it was said what it would do",
        _approve,
        about="Approvals name the digest of all that is approved.",
    )
    approve.add_argument("--yes", action="store_true", help="do not ask whether it is meant")
    reject = verb(verbs, "reject", "put an end to a proposal", _reject)
    claim = verb(verbs, "claim", "get what was approved", _claim)
    claim.add_argument(
        "--wait", type=float, metavar="SECONDS", help="wait this long until enough have approved"
    )
    claim.add_argument(
        "--out", metavar="FILE", help="where an exported secret goes; see `adyton wallet export`"
    )
    claim.add_argument("--password-file", metavar="FILE", help="of the file of an export")
    for parser in (approve, reject, claim):
        parser.add_argument("proposal", metavar="PROPOSAL", help="its name, or how it begins")
        parser.add_argument("--wallet", metavar="WALLET", help=WALLET_HELP)
        add_options(parser)


def _proposals(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.wallet_finding import each_wallet

    found: list[tuple[Shown, Proposal]] = []
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        named = (
            each_wallet(session) if args.wallet is None else [found_wallet(session, args.wallet)]
        )
        for looked, wallet in enumerate(named):
            if looked == limits.INDEX_PAGE:
                out.note(f"only the first {looked} wallets were looked through; name one")
                break
            listed = wallet.proposals()
            shown = wallet.show() if listed else None
            found += [(shown, proposal) for proposal in listed if shown is not None]
    if not found:
        out.text("nothing waits for approvals")
    for shown, proposal in found:
        out.text(*_lines(shown, proposal))
    out.json({"proposals": [_json(shown, proposal) for shown, proposal in found]})
    return 0


def _approve(args: argparse.Namespace, out: Output) -> int:
    receipt = wanted(args)
    with open_session(settings_of(args), out) as session:
        with out.waiting("asking"):
            wallet, proposal = _found(session, args)
            wallet.require_content(proposal)
            shown = wallet.show()
        confirm(args, out, _lines(shown, proposal), "approve it")
        with out.waiting("approving"), told(args, out, session, receipt):
            made = wallet.approve(proposal)
        receipt.write(session, made.carried)
    missing = made.told.missing
    out.text(f"approved; {missing} missing" if missing else "approved; it can be claimed")
    out.json(
        {"status": "approved", "proposal": proposal.proposal.hex(), "missing": missing}
        | record_json(made.carried)
    )
    return 0


def _reject(args: argparse.Namespace, out: Output) -> int:
    receipt = wanted(args)
    with open_session(settings_of(args), out) as session, out.waiting("rejecting"):
        wallet, proposal = _found(session, args)
        with told(args, out, session, receipt):
            made = wallet.reject(proposal.proposal)
        receipt.write(session, made.carried)
    out.text("rejected")
    out.json(
        {"status": "rejected", "proposal": proposal.proposal.hex()} | record_json(made.carried)
    )
    return 0


def _claim(args: argparse.Namespace, out: Output) -> int:
    from adyton.cli.wallet_export import keep_export, place_of
    from adyton.client.wallet_changes import Changing, Exporting
    from adyton.client.wallet_sent import keep_signed
    from adyton.protocol.wallet.requests import EXPORT

    receipt = wanted(args)
    with open_session(settings_of(args), out) as session:
        with out.waiting("asking"):
            wallet, proposal = _found(session, args)
        # A secret that nothing could take would be lost: the proposal is used up by its claim.
        place = place_of(args) if proposal.method == EXPORT else None
        with out.waiting("claiming"), told(args, out, session, receipt):
            if args.wait:
                made = wallet.wait_claim(proposal.proposal, timeout_s=args.wait)
            else:
                made = wallet.claim(proposal)
        receipt.write(session, made.carried)
        require_done(args, made)
        if isinstance(made, Exporting):
            if place is None:
                raise UsageError("usage", "it is an export: name --out FILE")
            keep_export(out, wallet, made, place)
        elif isinstance(made, Changing):
            out.text(f"policy version {wallet.known.version}")
            out.json(wallet_json(wallet.known) | record_json(made.carried))
        else:
            if made.transaction is not None:
                keep_signed(session, made.transaction)
            say_signing(out, made)
    return 0


def _found(session: Session, args: argparse.Namespace) -> tuple[Wallet, Proposal]:
    """Return the proposal that is meant, and its wallet.

    Raises:
        UsageError: none, or several begin like that.
    """
    from adyton.client.wallet_finding import each_wallet, open_proposal

    named = args.proposal.lower()
    if re.fullmatch("[0-9a-f]{64}", named):
        wallet, proposal = open_proposal(session, bytes.fromhex(named))
        if args.wallet is not None and found_wallet(session, args.wallet).id != wallet.id:
            raise UsageError("not_found", "the proposal is of another wallet than --wallet names")
        return wallet, proposal
    among = each_wallet(session) if args.wallet is None else [found_wallet(session, args.wallet)]
    found = [
        (wallet, proposal)
        for wallet in among
        for proposal in wallet.proposals()
        if proposal.proposal.hex().startswith(named)
    ]
    if not found:
        raise UsageError(
            "not_found", "no open proposal of that name; it may be settled, or have expired"
        )
    if len(found) > 1:
        raise UsageError("usage", "several proposals begin like that; give more of the name")
    return found[0]


def _words(shown: Shown, proposal: Proposal) -> list[str]:
    from adyton.protocol.wallet.requests import POLICY, SIGN, ChangePolicy, Sign

    if proposal.method == SIGN:
        return intent_words(shown, Sign.decode(proposal.content))
    if proposal.method == POLICY:
        asked = ChangePolicy.decode(proposal.content)
        text = json_lines(asked.policy.decode(errors="replace"))
        title = f"another policy in the place of version {asked.version}"
        return [title, *_changes(shown, asked), *(line.expandtabs(2) for line in text)]
    return ["the wallet's secret leaves the enclave: whoever asked for it gets it"]


def _changes(shown: Shown, asked: ChangePolicy) -> list[str]:
    """Return what a policy changes of the one that holds, and the words that all of it follows by."""
    from adyton.client.policy_difference import policy_difference

    if asked.version != shown.wallet.version:
        return [
            f"version {shown.wallet.version} holds by now, so this cannot be approved; it says:"
        ]
    changed = policy_difference(shown.policy, asked.policy)
    return ["what changes:", *(f"  {line}" for line in changed), "all of it:"]


def _who(shown: Shown, client: bytes) -> str:
    """Return a client's key, and what it is to the wallet."""
    from adyton.protocol.wallet.policy_reader import read_policy

    try:
        known = read_policy(shown.policy).clients if shown.policy else {}
    except Error:  # what the server says; its names are a help and no more
        known = {}
    called = [name for name, key in known.items() if key == client]
    if client == shown.wallet.owner:
        called.insert(0, "the owner")
    return client.hex() + (f" ({', '.join(called)})" if called else "")


def _lines(shown: Shown, proposal: Proposal) -> list[str]:
    from adyton.client.verdict import utc

    return [
        f"proposal {proposal.proposal.hex()}",
        f"  asked by  {_who(shown, proposal.requester)}",
        f"  approved  {len(proposal.approved)} of {proposal.needed}, until {utc(proposal.expires_ms)}",
        *[f"  {printable(line)}" for line in _words(shown, proposal)],
    ]


def _json(shown: Shown, proposal: Proposal) -> dict[str, Any]:
    return {
        "proposal": proposal.proposal.hex(),
        "wallet": proposal.wallet.hex(),
        "method": proposal.method,
        "requester": proposal.requester.hex(),
        "digest": proposal.digest.hex(),
        "needed": proposal.needed,
        "approvers": [key.hex() for key in proposal.approvers],
        "approved": [key.hex() for key in proposal.approved],
        "expires_ms": proposal.expires_ms,
        "intent": _words(shown, proposal),
    }
