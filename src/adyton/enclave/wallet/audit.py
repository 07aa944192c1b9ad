"""Audit entries: one for each decision of a wallet, without gaps."""

from __future__ import annotations

from adyton.enclave.apps.base import Call
from adyton.enclave.wallet.book import Book
from adyton.protocol.wallet.answers import AuditEntry, Changed, Exported, Signed, Wallet


def audit_entry(
    book: Book, call: Call, wallet: Wallet, method: str, told: Signed | Changed | Exported
) -> AuditEntry:
    """Return the next entry of a wallet's audit, without what is particular to a transaction.

    Args:
        book: of wallets.
        call: the ordered request.
        wallet: as it is after the request.
        method: what was asked.
        told: the answer.
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
        account=b"",
        chain_id=None if signed is None else signed.chain_id,
        nonce=None if signed is None else signed.nonce,
        to=b"",
        value=b"",
        max_cost=b"",
        digest=bytes(32),
        proposal=None if isinstance(told, Signed) else told.proposal,
    )


def note(book: Book, call: Call, wallet: Wallet, told: Changed | Exported) -> None:
    """Write the audit entry of a request that is about the wallet itself."""
    book.write_audit(wallet.wallet, audit_entry(book, call, wallet, call.request.method, told))
