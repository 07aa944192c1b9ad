"""Audit entries: one for each decision of a wallet, without gaps."""

from __future__ import annotations

from typing import Final, NamedTuple

from adyton.enclave.apps.base import Call
from adyton.enclave.wallet.book import Book
from adyton.protocol.wallet.answers import AuditEntry, Changed, Exported, Signed, Wallet
from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.requests import amount


class Subject(NamedTuple):
    """What a decision was about; the attributes are those of `AuditEntry`."""

    account: bytes = b""
    to: bytes = b""
    value: bytes = b""
    max_cost: bytes = b""
    digest: bytes = bytes(32)
    proposal: bytes | None = None


_NOBODY: Final = Subject()


def subject_of(intent: Intent, digest: bytes, proposal: bytes | None) -> Subject:
    """Return what a decision on an intent is about.

    Args:
        intent: what is, or would be, signed.
        digest: of it.
        proposal: that it claims, if any.
    """
    transaction = intent.transaction
    if transaction is None:
        return Subject(intent.account, digest=digest, proposal=proposal)
    return Subject(
        intent.account,
        transaction.to or b"",
        amount(transaction.value),
        amount(transaction.max_cost),
        digest,
        proposal,
    )


def audit_entry(
    book: Book,
    call: Call,
    wallet: Wallet,
    method: str,
    told: Signed | Changed | Exported,
    subject: Subject = _NOBODY,
) -> AuditEntry:
    """Return the next entry of a wallet's audit.

    Args:
        book: of wallets.
        call: the ordered request.
        wallet: as it is after the request.
        method: what was asked.
        told: the answer.
        subject: what it was about.
    """
    signed = told if isinstance(told, Signed) else None
    return AuditEntry(
        place=book.audited(wallet.wallet),
        height=call.height,
        time_ms=call.time_ms,
        task_hash=call.task_hash,
        client=call.request.client_key,
        method=method,
        status=told.status,
        reason="" if signed is None else signed.reason,
        rule="" if signed is None else signed.rule,
        version=wallet.version,
        policy_hash=wallet.policy_hash,
        account=subject.account,
        chain_id=None if signed is None else signed.chain_id,
        nonce=None if signed is None else signed.nonce,
        to=subject.to,
        value=subject.value,
        max_cost=subject.max_cost,
        digest=subject.digest,
        proposal=subject.proposal if signed is not None else told.proposal,
    )


def note(book: Book, call: Call, wallet: Wallet, told: Changed | Exported) -> None:
    """Write the audit entry of a request that is about the wallet itself."""
    book.write_audit(wallet.wallet, audit_entry(book, call, wallet, call.request.method, told))
