"""A payment that others must approve, from a client that comes back for it: claimed once, or told how it ended."""

from __future__ import annotations

from typing import Final

from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import invalid
from adyton.client.wallet_document import read_asked
from adyton.client.wallet_signed import Signing
from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError
from adyton.protocol.ethereum.transaction_json import write_transaction
from adyton.protocol.wallet.answers import REFUSED, SIGNED, AuditEntry
from adyton.protocol.wallet.requests import REJECT, SIGN, Sign

_PAGES: Final = 50  # of the audit, that are looked through


class ApprovalPending(PolicyError):
    """Too few have approved it by now; nothing was signed.

    Attributes:
        proposal: its name, for those who approve it, 32 bytes.
        missing: approvals that are missing.
    """

    def __init__(self, proposal: bytes, missing: int) -> None:
        super().__init__(
            "approval_pending",
            f"{missing} must approve it still: `adyton wallet approve {proposal.hex()}`",
        )
        self.proposal = proposal
        self.missing = missing


class ApprovalEnded(PolicyError):
    """The proposal ended without a signature: rejected, refused by the policy, or expired."""

    def __init__(self, reason: str) -> None:
        super().__init__("approval_ended", reason)


def claim_asked(wallet: Wallet, asked: Sign, named: bytes, height: int, *, now_ms: int) -> Signing:
    """Return the signature of a transaction, if enough have approved it; the same one however often it is claimed.

    Args:
        wallet: whose account signs.
        asked: as it was asked for the first time.
        named: the proposal that it became.
        height: block of the answer that named it.
        now_ms: this client's clock.

    Raises:
        ApprovalPending: ask again. ApprovalEnded: it was not signed, and will not be.
        PaymentRefused: the policy has come to refuse it. VerificationError: the proposal is of something else.
        Error: as `Wallet.claim`.
    """
    try:
        proposal = wallet.proposal(named)
        if (proposal.method, proposal.content) != (SIGN, asked.encode()):
            raise invalid("the proposal is of another payment than was asked for")
        missing = proposal.needed - len(proposal.approved)
        # Time is that of the newest block: where none comes, it takes a request to learn that a proposal has expired.
        if missing > 0 and now_ms < proposal.expires_ms:
            raise ApprovalPending(named, missing)
        claimed = wallet.claim(proposal)
    except UsageError as problem:
        if problem.code != "not_found":
            raise
        return _settled(wallet, asked, named, height)
    if not isinstance(claimed, Signing):
        raise invalid("another thing is claimed than a signature")
    if claimed.pending is not None:
        raise ApprovalPending(named, claimed.told.missing)
    return claimed


def _settled(wallet: Wallet, asked: Sign, named: bytes, height: int) -> Signing:
    """Return the signature that a lost answer held.

    Raises:
        ApprovalEnded: there is none.
    """
    last = ending_of(wallet, named, height)
    if last is None:
        raise ApprovalEnded("the proposal has expired before enough had approved it")
    if last.method == REJECT:
        raise ApprovalEnded(f"the proposal was rejected by client {last.client.hex()}")
    if last.status != SIGNED or last.nonce is None:
        raise ApprovalEnded(f"the policy refused it when it was claimed: {last.reason}")
    # Named by its nonce it is that transaction or an error, also when its idempotency key is forgotten.
    transaction = read_asked(asked, last.nonce).transaction
    if transaction is None:
        raise invalid("a transaction was not asked for")
    return wallet.sign_transaction(asked.account, write_transaction(transaction))


def ending_of(wallet: Wallet, proposal: bytes, height: int) -> AuditEntry | None:
    """Return the audit entry that ended a proposal: a signature, a refusal or a rejection; None where it has expired.

    Args:
        wallet: of the proposal.
        proposal: its name, 32 bytes.
        height: of a block in which it was open; what is older is not looked through.

    Raises:
        UsageError: `not_found`, too many have come since to look through. VerificationError: entries are missing.
        Error: as `Wallet.audit`.
    """
    end = wallet.audit(limits.UINT_MAX).total
    for _ in range(_PAGES):
        start = max(0, end - limits.INDEX_PAGE)
        entries = _entries(wallet, start, end)
        for entry in reversed(entries):
            ends = entry.method == REJECT or entry.status in (SIGNED, REFUSED)
            if entry.proposal == proposal and ends:
                return entry
        if start == 0 or not entries or entries[0].height < height:
            return None
        end = start
    # Nothing is said of a payment that may have been signed: who takes it for expired pays again.
    raise UsageError(
        "not_found",
        "the audit is too long to tell how the proposal ended; look for it with `adyton wallet audit`",
    )


def _entries(wallet: Wallet, start: int, end: int) -> list[AuditEntry]:
    found: list[AuditEntry] = []
    while start + len(found) < end:
        page = wallet.audit(start + len(found)).entries
        if not page:
            raise invalid("audit entries are missing")
        found += page
    return found[: end - start]
