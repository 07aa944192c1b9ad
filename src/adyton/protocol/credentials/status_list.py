"""A status list as it is kept in state: brought in by a transaction, looked at by every check, never fetched.

A list is a head and its pages (`status_bits.py`). What time says of it is counted in block time; a newer list takes an
older one's place, never the reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.errors import VerificationError
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes32, Message, Uint, Uint32, message
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.status import ListKind, Status, StatusReference
from adyton.protocol.credentials.status_bits import StatusBits, StatusPage, page_number, status_in

REVOCATION: Final = "revocation"
SUSPENSION: Final = "suspension"
PURPOSES: Final = (REVOCATION, SUSPENSION)
_BITS_LOG2: Final = {1: 0, 2: 1, 4: 2, 8: 3}
# Values of a Token Status List; those beside them are an application's own.
_TOKEN: Final = {0: Status.VALID, 1: Status.REVOKED, 2: Status.SUSPENDED}
_BITSTRING: Final = {REVOCATION: Status.REVOKED, SUSPENSION: Status.SUSPENDED}


@message("status-list/1", max_bytes=8192)
class StatusListHead(Message):
    """What is kept of a status list beside its pages.

    Attributes:
        kind: the standard that it follows.
        uri: its address, as credentials name it.
        purposes: of a bitstring list, in the order of `PURPOSES`; none in a token list.
        issuer: record of the issuer that signed it.
        bits_log2: 0 to 3; a status has 1, 2, 4 or 8 bits.
        entries: number of statuses.
        issued_s: when its issuer made it, seconds since 1970.
        expires_s: when it is void; absent where the issuer says nothing.
        ttl_s: how long after it was brought in it may be used; absent where the issuer says nothing.
        taken_s: block time of the transaction that brought it in.
    """

    kind: Annotated[str, OneOf.of(*(kind.value for kind in ListKind))]
    uri: Annotated[str, AtMost(limits.IDENTITY_TEXT)]
    purposes: Annotated[tuple[Annotated[str, OneOf.of(*PURPOSES)], ...], AtMost(len(PURPOSES))]
    issuer: Bytes32
    bits_log2: Annotated[int, AtMost(3)]
    entries: Uint32
    issued_s: Uint
    expires_s: Uint | None
    ttl_s: Uint | None
    taken_s: Uint

    @property
    def bits(self) -> int:
        """Return the bits of one status."""
        return 1 << self.bits_log2

    @property
    def until_s(self) -> int | None:
        """Return the block time from which it is out of date, as far as the issuer says; None: never."""
        if self.ttl_s is None:
            return self.expires_s
        ends = self.taken_s + self.ttl_s
        return ends if self.expires_s is None else min(ends, self.expires_s)


@dataclass(frozen=True, slots=True)
class Timing:
    """What an issuer says of a list's time, in seconds.

    Attributes:
        issued_s: when it was made.
        expires_s: when it is void.
        ttl_s: how long it may be used after it was fetched.
    """

    issued_s: int
    expires_s: int | None
    ttl_s: int | None

    def require_at(self, now_s: int) -> None:
        """Refuse a list that is of the future, or void.

        Raises:
            VerificationError: `status_stale`.
        """
        if self.issued_s > now_s + limits.CLOCK_SKEW_MS // 1000:
            raise VerificationError("status_stale", "the status list was made in the future")
        if self.expires_s is not None and self.expires_s <= now_s:
            raise VerificationError(
                "status_stale", "the status list has expired; bring the issuer's newest"
            )


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list comes from, as the registry has it.

    Attributes:
        kind: the standard that it follows.
        uri: its address.
        issuer: record of its issuer, 32 bytes.
    """

    kind: ListKind
    uri: str
    issuer: bytes


@dataclass(frozen=True, slots=True)
class StatusList:
    """A status list whose signature and form were checked.

    Attributes:
        head: what is kept of it.
        statuses: packed.
    """

    head: StatusListHead
    statuses: StatusBits

    @classmethod
    def of(
        cls, source: Source, purposes: tuple[str, ...], timing: Timing, bits: StatusBits, now_s: int
    ) -> StatusList:
        """Return a list that was read and verified, taken in at `now_s`."""
        head = StatusListHead(
            source.kind.value, source.uri, purposes, source.issuer, _BITS_LOG2[bits.bits],
            bits.entries, timing.issued_s, timing.expires_s, timing.ttl_s, now_s,
        )  # fmt: skip
        return cls(head, bits)


def require_successor(held: StatusListHead, new: StatusListHead) -> None:
    """Refuse a list that may not take the place of the one that is held.

    The same list again is taken: it was fetched again, and its time to live begins anew.

    Raises:
        VerificationError: `status_stale`, older; `status_invalid`, of another issuer, address or kind.
    """
    if (held.kind, held.uri, held.issuer) != (new.kind, new.uri, new.issuer):
        raise VerificationError(
            "status_invalid", "the status list is not of the same issuer, address and kind"
        )
    if new.issued_s < held.issued_s:
        raise VerificationError(
            "status_stale", "the status list is older than the one that is held"
        )


def page_of(head: StatusListHead, reference: StatusReference) -> int:
    """Return the number of the page in which a credential's status is.

    Raises:
        CredentialError: `status_form`, the index is not one of this list.
    """
    if not 0 <= reference.index < head.entries:
        raise refused(Reason.STATUS_FORM, "the credential")
    return page_number(reference.index, head.bits)


def status_of(
    head: StatusListHead,
    page: StatusPage,
    reference: StatusReference,
    *,
    now_s: int,
    oldest_s: int | None,
) -> Status:
    """Return what a list says of a credential.

    Trust: runs in the enclave over its own state; `reference` is what a verified credential says.

    Args:
        head: of the list that the reference names.
        page: that of `page_of`.
        reference: place in the list.
        now_s: block time.
        oldest_s: how long ago the policy lets the issuer have made the list; None: no bound.

    Raises:
        CredentialError: `status_form`, the index is not one of this list.
        VerificationError: `status_invalid`, another list or page: the caller's mistake.
    """
    if (head.kind, head.uri) != (reference.kind.value, reference.uri):
        raise VerificationError("status_invalid", "not the list that the credential names")
    page_of(head, reference)
    if reference.kind is ListKind.BITSTRING and reference.purpose not in head.purposes:
        return Status.UNKNOWN
    if _is_stale(head, now_s, oldest_s):
        return Status.STALE
    value = status_in(page, reference.index, head.bits)
    if reference.kind is ListKind.TOKEN:
        return _TOKEN.get(value, Status.OTHER)
    return _BITSTRING[reference.purpose] if value else Status.VALID


def _is_stale(head: StatusListHead, now_s: int, oldest_s: int | None) -> bool:
    until_s = head.until_s
    return (until_s is not None and now_s >= until_s) or (
        oldest_s is not None and now_s > head.issued_s + oldest_s
    )
