"""`adyton wallet list`, `show`, `address` and `nonce`: what wallets there are, and how they stand."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.receipt_options import add_options
from adyton.cli.settings import settings_of
from adyton.cli.wallet_meters import meters_json, meters_lines
from adyton.cli.wallet_parts import (
    WALLET_HELP,
    chain_id,
    found_account,
    found_wallet,
    integer,
    record_json,
    verb,
    wallet_json,
    wallet_lines,
)
from adyton.cli.wallet_receipts import told, wanted

if TYPE_CHECKING:
    from adyton.protocol.wallet.answers import NextNonce


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    verb(verbs, "list", "list the wallets that are mine, or whose policy names me", _list)
    show = verb(verbs, "show", "say what a wallet is, and how far its limits are used", _show)
    show.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    one = verb(verbs, "address", "print the addresses of a wallet, a line each", _address)
    one.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    nonce = verb(
        verbs,
        "nonce",
        "print the nonce that an account's next transaction gets, or raise it",
        _nonce,
    )
    nonce.add_argument("--from", dest="sender", metavar="ADDRESS", help="the account")
    nonce.add_argument("--chain", metavar="ID")
    nonce.add_argument(
        "--raise-to",
        metavar="N",
        help="go on from here: for an account that has signed elsewhere before",
    )
    add_options(nonce)


def _list(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.wallet_finding import wallets
    from adyton.protocol.ethereum.address import checksummed

    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        own = session.keystore.identity.signing_key.public
        listed = [wallet.known for wallet in wallets(session)]
    rows = [
        (
            checksummed(account.address),
            known.wallet.hex()[:16],
            known.kind,
            "mine" if known.owner == own else "named",
            str(known.version) if any(known.policy_hash) else "none",
        )
        for known in listed
        for account in known.accounts
    ]
    if rows:
        out.table(("ADDRESS", "WALLET", "KIND", "WHOSE", "POLICY"), rows)
    else:
        out.text("no wallets; make one with `adyton wallet new`")
    out.json({"wallets": [wallet_json(known) for known in listed]})
    return 0


def _show(args: argparse.Namespace, out: Output) -> int:
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        shown = found_wallet(session, args.wallet).show()
    out.text(
        *wallet_lines(shown.wallet),
        *[_nonce_line(one) for one in shown.nonces],
        *meters_lines(shown),
    )
    out.json(
        wallet_json(shown.wallet)
        | {
            "policy": shown.policy.decode(errors="replace"),
            "meters": meters_json(shown),
            "nonces": [
                {"account": _checksummed(one.account), "chain": one.chain_id, "nonce": one.nonce}
                for one in shown.nonces
            ],
        }
    )
    return 0


def _address(args: argparse.Namespace, out: Output) -> int:
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        wallet = found_wallet(session, args.wallet)
    addresses = [_checksummed(account) for account in wallet.accounts]
    out.text(*addresses)
    out.json({"address": addresses[0], "addresses": addresses, "wallet": wallet.id.hex()})
    return 0


def _nonce(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.ethereum.transaction import NONCE_MAX

    receipt, chain = wanted(args), chain_id(args)
    floor = integer(args.raise_to, "--raise-to", 0, NONCE_MAX)
    made: dict[str, Any] = {}
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        wallet, account = found_account(session, args.sender)
        if floor is not None:
            with told(args, out, session, receipt):
                raised = wallet.raise_nonce(account, chain, floor)
            receipt.write(session, raised.carried)
            made = record_json(raised.carried)
        following = wallet.next_nonce(account, chain)
    out.text(str(following))
    out.json({"address": _checksummed(account), "chain": chain, "nonce": following} | made)
    return 0


def _nonce_line(one: NextNonce) -> str:
    return f"nonce     {one.nonce} next on chain {one.chain_id} of {_checksummed(one.account)}"


def _checksummed(account: bytes) -> str:
    from adyton.protocol.ethereum.address import checksummed

    return checksummed(account)
