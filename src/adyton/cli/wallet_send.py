"""`adyton wallet send`, `replace`, `cancel` and `broadcast`: payments, from options to the chain."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_asking import ask, signing_json
from adyton.cli.wallet_chain import add_node, broadcast, filled, node_of
from adyton.cli.wallet_parts import chain_id, found_account, integer, verb
from adyton.cli.wallet_payment import (
    add_fees,
    add_target,
    fees,
    gas_and_nonce,
    payment,
    raised_fees,
    without_node,
)
from adyton.cli.wallet_receipts import Wanted, wanted
from adyton.cli.wallet_sign import add_asking
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.rpc.node import Node
    from adyton.client.session import Session
    from adyton.client.wallet_signed import Signing
    from adyton.protocol.ethereum.transaction import SignedTransaction


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    send = verb(
        verbs,
        "send",
        "pay: have a transaction signed, and broadcast it",
        _send,
        about="Without --node it is printed, ready to be broadcast.",
    )
    add_target(send)
    send.add_argument("--nonce", metavar="N", help="else the wallet chooses it")
    replace = verb(
        verbs,
        "replace",
        "put another transaction in the place of one that no block has yet",
        _replace,
        about="What is not named is as it was; the fees are a tenth higher.",
    )
    add_target(replace)
    replace.add_argument("--nonce", metavar="N", required=True, help="of the one to replace")
    cancel = verb(
        verbs,
        "cancel",
        "put a transaction that moves nothing in the place of one that no block has yet",
        _cancel,
        about="The fees are a tenth higher, unless they are named.",
    )
    again = verb(
        verbs, "broadcast", "send a transaction that was signed here once more", _broadcast
    )
    for parser in (cancel, again):
        parser.add_argument("--from", dest="sender", metavar="ADDRESS", help="the account")
        parser.add_argument("--chain", metavar="ID", help="Ethereum's chain id")
        parser.add_argument("--nonce", metavar="N", required=True, help="of the transaction")
    for parser in (send, replace, cancel):
        add_fees(parser)
        add_asking(parser)
    for parser in (send, replace, cancel, again):
        add_node(parser)


def _send(args: argparse.Namespace, out: Output) -> int:
    document = {**payment(args), **fees(args), **gas_and_nonce(args)}
    if args.node is None:
        document = without_node(document)
    return _carry_out(args, out, wanted(args), document, "transaction", replace=False)


def _replace(args: argparse.Namespace, out: Output) -> int:
    chain, receipt = chain_id(args), wanted(args)
    given = _given(args)
    with open_session(settings_of(args), out) as session:
        before = _before(args, session)
    document: dict[str, Any] = {"chainId": chain}
    if given:
        document = payment(args)
    elif before is None:
        raise _unknown()
    else:
        from adyton.protocol.ethereum.transaction_json import write_transaction

        was = write_transaction(before.transaction)
        document = {name: was[name] for name in ("chainId", "to", "value", "data", "gas")}
    was_transaction = None if before is None else before.transaction
    document |= {**raised_fees(args, was_transaction), **gas_and_nonce(args)}
    if args.node is None:
        document = without_node(document)
    return _carry_out(args, out, receipt, document, "transaction", replace=True)


def _cancel(args: argparse.Namespace, out: Output) -> int:
    chain, receipt = chain_id(args), wanted(args)
    with open_session(settings_of(args), out) as session:
        before = _before(args, session)
    was = None if before is None else before.transaction
    document = {"chainId": chain, **raised_fees(args, was), **gas_and_nonce(args)}
    return _carry_out(args, out, receipt, document, "cancel", replace=True)


def _carry_out(
    args: argparse.Namespace,
    out: Output,
    receipt: Wanted,
    document: dict[str, Any],
    method: str,
    *,
    replace: bool,
) -> int:
    chain = chain_id(args)
    with open_session(settings_of(args), out) as session:
        if args.node is None:
            signing = _asked(args, out, session, receipt, document, method, replace)
            out.text("0x" + signing.raw.hex())
            out.json(signing_json(signing))
            return 0
        with node_of(args, chain) as node:
            if method != "cancel":
                with out.waiting("asking"):
                    document = _filled(args, session, node, document, chain)
            signing = _asked(args, out, session, receipt, document, method, replace)
            said = signing_json(signing)
            args.explained = said
            if signing.transaction is not None:
                said |= broadcast(args, out, node, signing.transaction)
    out.text(said["hash"], *_block(said))
    out.json(said)
    return 0


def _filled(
    args: argparse.Namespace, session: Session, node: Node, document: dict[str, Any], chain: int
) -> dict[str, Any]:
    """Return a payment with its estimates: those of the first time, where it is asked for again under a key."""
    from adyton.client.wallet_keyed import keep_keyed, kept_keyed

    _, account = found_account(session, args.sender)
    if args.key:
        kept = kept_keyed(session, account, args.key, document)
        if kept is not None:
            return kept
    made = filled(args, node, account, document, chain)
    if args.key:
        keep_keyed(session, account, args.key, document, made)
    return made


def _asked(
    args: argparse.Namespace,
    out: Output,
    session: Session,
    receipt: Wanted,
    document: dict[str, Any],
    method: str,
    replace: bool,
) -> Signing:
    from adyton.client.wallet_document import read_asked
    from adyton.protocol.wallet.requests import JSON_RPC, Sign

    if len(args.key) > 64:
        raise UsageError("usage", "--key has at most 64 characters")
    with out.waiting("asking"):
        wallet, account = found_account(session, args.sender)
    encoded = json.dumps(document).encode()
    asked = Sign(account, method, JSON_RPC, encoded, replace, args.key)
    read_asked(asked)
    return ask(args, out, session, wallet, asked, receipt)


def _broadcast(args: argparse.Namespace, out: Output) -> int:
    chain = chain_id(args)
    if args.node is None:
        raise UsageError("usage", "--node is missing: where to send it")
    with open_session(settings_of(args), out) as session:
        signed = _before(args, session)
    if signed is None:
        raise _unknown()
    said: dict[str, Any] = {"hash": "0x" + signed.hash.hex(), "raw": "0x" + signed.raw.hex()}
    args.explained = said
    with node_of(args, chain) as node:
        said |= broadcast(args, out, node, signed)
    out.text(said["hash"], *_block(said))
    out.json(said)
    return 0


def _block(said: dict[str, Any]) -> list[str]:
    mined = said.get("mined")
    return [f"block {mined['block']}, gas {mined['gas_used']}"] if mined else []


def _before(args: argparse.Namespace, session: Session) -> SignedTransaction | None:
    """Return the transaction of --nonce, as far as this directory knows it: from here, or from `adyton wallet rpc`."""
    from adyton.client.rpc.journal import Journal
    from adyton.client.wallet_sent import kept_signed
    from adyton.protocol.ethereum.transaction import NONCE_MAX

    nonce, chain = integer(args.nonce, "--nonce", 0, NONCE_MAX), chain_id(args)
    _, account = found_account(session, args.sender)
    if nonce is None:
        return None
    held = kept_signed(session, account, chain, nonce)
    known = [] if held is None else [held]
    journal = session.keystore.home / "rpc" / str(chain)
    if journal.is_dir():
        known += [entry.signed for entry in Journal(journal).of_nonce(account, nonce)]
    # What replaced another one pays more.
    return max(known, key=lambda one: one.transaction.max_fee, default=None)


def _given(args: argparse.Namespace) -> bool:
    return any((args.to, args.value, args.data, args.token, args.amount))


def _unknown() -> UsageError:
    return UsageError(
        "not_found",
        "this directory does not hold a transaction of that nonce: say with --to and --value what is to take its place",
    )
