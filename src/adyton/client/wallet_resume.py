"""Requests to wallets whose answer was lost: asked again, they have one effect."""

from __future__ import annotations

from collections.abc import Callable

from adyton.client.exchange import Accepted
from adyton.client.records import PENDING, RequestRecord
from adyton.client.session import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import Carried, carry_out, invalid
from adyton.client.wallet_changes import (
    Changing,
    Exporting,
    changing,
    require_export,
    require_made,
    require_policy,
)
from adyton.client.wallet_claims import drop_claim, kept_claim
from adyton.client.wallet_finding import open_wallet
from adyton.client.wallet_signed import Signing, require_signing
from adyton.core.errors import UsageError
from adyton.protocol.envelope import Request, SignedRequest
from adyton.protocol.wallet import requests as protocol

Outcome = Signing | Changing | Exporting


def pending(session: Session) -> list[RequestRecord]:
    """Return the requests to wallets without an answer, oldest first."""
    return [
        record
        for record in session.store.requests()
        if record.app == protocol.APP and record.state == PENDING
    ]


def resume(session: Session, record: RequestRecord) -> tuple[Wallet, Outcome]:
    """Ask again for what has no answer: however often, it has one effect.

    Args:
        session: whose it is.
        record: one of `pending`.

    Returns:
        The wallet as it is then, and what became of the request.

    Raises:
        Error: as the method that asked first; refused in public, it has no effect any more.
    """
    request = Request.decode(SignedRequest.decode(record.signed or b"").body)
    method, arguments = request.method, request.arguments

    def send() -> Accepted:
        return session.resume(record.request_id, keep=False)

    def ask() -> Carried:
        return carry_out(session, send, method, arguments)

    if method in (protocol.SIGN, protocol.EXPORT, protocol.CLAIM):
        return _of_wallet(session, method, arguments, ask)
    made = _changed(method, arguments, ask())
    if method == protocol.IMPORT:
        session.store.scrub()
    return Wallet(session, made.told.wallet), made


def _changed(method: str, arguments: bytes, carried: Carried) -> Changing:
    if method == protocol.NEW:
        return require_made(carried, protocol.New.decode(arguments))
    if method == protocol.IMPORT:
        return require_made(carried, protocol.Import.decode(arguments))
    if method == protocol.POLICY:
        return require_policy(carried, protocol.ChangePolicy.decode(arguments))
    made = changing(carried)
    if (
        method == protocol.ACCOUNT
        and made.told.wallet.wallet != protocol.AddAccount.decode(arguments).wallet
    ):
        raise invalid("the answer of another wallet")
    return made


def _of_wallet(
    session: Session, method: str, arguments: bytes, ask: Callable[[], Carried]
) -> tuple[Wallet, Outcome]:
    if method == protocol.SIGN:
        asked = protocol.Sign.decode(arguments)
        wallet = open_wallet(session, asked.account)
        return wallet, require_signing(ask(), asked)
    if method == protocol.EXPORT:
        wallet = open_wallet(session, protocol.Export.decode(arguments).wallet)
        return wallet, require_export(ask(), wallet.known)
    named = protocol.OfProposal.decode(arguments).proposal
    proposal = kept_claim(session, named)
    if proposal is None:
        raise UsageError("not_found", "this directory does not hold what the claim is of")
    wallet = open_wallet(session, proposal.wallet)
    claimed = wallet.claimed(ask(), proposal)
    drop_claim(session, named)
    return wallet, claimed
