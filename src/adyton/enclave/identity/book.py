"""The book of records: what clients have registered, in memory, rebuilt from the state; and which requests are used up.

Names in the state, of app `identity`:

    r name                        DidRecord, IssuerRecord, PartyRecord or PolicyRecord
    s issuer list                 StatusListHead      (`lists.py`)
    g issuer list page            StatusPage
    n request                     nothing: it was answered; gone after its deadline
    c request                     KeptChecklist, padded (`checklists.py`)

A list is the digest of its address; a page is four bytes, big-endian.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from typing import Final, TypeVar

from adyton.core.errors import UsageError
from adyton.core.schema import decode_one_of
from adyton.enclave.state import Loaded, State
from adyton.protocol.identity.registries import (
    RECORDS,
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)
from adyton.protocol.identity.requests import APP

_R = TypeVar("_R", DidRecord, IssuerRecord, PartyRecord, PolicyRecord)
_RECORD: Final = b"r"
_USED: Final = b"n"


class Book:
    """Records of one chain.

    Args:
        state: holds what the book says.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._records: dict[bytes, Record] = {}
        self._of_owner: defaultdict[bytes, list[bytes]] = defaultdict(list)

    def visit(self, loaded: Loaded) -> None:
        """Take up a value met while the state is loaded."""
        if loaded.app == APP and loaded.name[:1] == _RECORD:
            self._remember(loaded.name[1:], decode_one_of(loaded.value, RECORDS))

    # --- records --------------------------------------------------------------------------------

    def held(self, name: bytes) -> Record | None:
        """Return the record of a name; None where there is none."""
        return self._records.get(name)

    def record(self, name: bytes, kind: type[_R]) -> _R:
        """Return the record of a name.

        Raises:
            UsageError: `not_found`, there is none of this kind.
        """
        record = self._records.get(name)
        if not isinstance(record, kind):
            raise UsageError("not_found", "there is no such record here; register it first")
        return record

    def write(self, name: bytes, record: Record) -> None:
        """Write a new or changed record; seen from now on."""
        self._state.set(APP, _RECORD + name, record.encode())
        self._remember(name, record)

    def owned(self, owner: bytes, after: bytes, most: int) -> list[Record]:
        """Return up to `most` records of a client whose names come after one, in the order of names."""
        names = self._of_owner.get(owner, [])
        start = bisect_right(names, after)
        return [self._records[name] for name in names[start : start + most]]

    def _remember(self, name: bytes, record: Record) -> None:
        if name not in self._records:
            insort(self._of_owner[record.owner], name)
        self._records[name] = record

    # --- requests -------------------------------------------------------------------------------

    def is_used(self, request: bytes) -> bool:
        """Say whether the request of this name was answered."""
        return self._state.has(APP, _USED + request)

    def use(self, request: bytes, deadline_ms: int) -> None:
        """Use up a request; from its deadline on no one answers it, and it need not be remembered."""
        self._state.set(APP, _USED + request, b"", expires_ms=deadline_ms)
