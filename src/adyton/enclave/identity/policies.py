"""Policies as the check wants them; those used lately are at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.recent import Recent
from adyton.enclave.identity.book import Book
from adyton.protocol.credentials.age import AgePolicy, LeapDay
from adyton.protocol.credentials.presentation import CredentialPolicy
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.identity.registries import FEBRUARY, MARCH, IssuerRecord, PolicyRecord

OFFSET_ZERO: Final = 840  # of `PolicyRecord.offset_minutes`: UTC
_HELD: Final = 1024
_ROOM: Final = 16 * limits.MIB  # of memory that all of them take
# What one takes, rather too much: at the least, and for each byte of its record.
_OF_POLICY: Final = 4 * limits.KIB
_OF_BYTE: Final = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What a policy asks for.

    Attributes:
        record: the policy.
        hash: 32 bytes.
        of_credential: what it asks of a credential.
        issuers: record of each issuer that it takes, by what its credentials call it.
    """

    record: PolicyRecord
    hash: bytes
    of_credential: CredentialPolicy
    issuers: dict[str, bytes]


class Policies:
    """Policies of a book.

    Args:
        book: of records.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self._held = Recent[bytes, Asked](_HELD, _ROOM)

    def policy(self, name: bytes) -> Asked:
        """Return a policy as it is registered now.

        Raises:
            UsageError: `not_found`.
        """
        record = self._book.record(name, PolicyRecord)
        held = self._held.get(name)
        if held is None or held.record.version != record.version:
            held = self._read(record)
            self._held.put(name, held, _memory(record))
        return held

    def _read(self, record: PolicyRecord) -> Asked:
        age = None
        if record.age_over:
            leap: LeapDay = FEBRUARY if record.feb29 == FEBRUARY else MARCH
            age = AgePolicy(record.age_over, leap, record.offset_minutes - OFFSET_ZERO)
        asked = CredentialPolicy(
            types=frozenset(record.types),
            former_typ=False,
            validity=Validity(record.skew_s, record.expiry),
            binding_required=True,
            binding_oldest_s=record.binding_s,
            status_required=record.status,
            claims=frozenset(record.claims),
            age=age,
            birthdate=record.range_proof,
            stable=record.pseudonym,
        )
        # An issuer's `iss` never changes, and no two of a policy have the same.
        issuers = {self._book.record(name, IssuerRecord).iss: name for name in record.issuers}
        return Asked(record, record.hash(), asked, issuers)


def _memory(record: PolicyRecord) -> int:
    return _OF_POLICY + _OF_BYTE * len(record.encode())
