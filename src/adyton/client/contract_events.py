"""What contracts have told: public events, and those sealed to this client, out of the verified copy of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adyton.client.chain import VerifiedBlock
from adyton.client.keystore import Identity
from adyton.core.errors import Error
from adyton.core.schema import decode_one_of
from adyton.protocol.contract import Contract, ContractEntry, PublicEvent
from adyton.protocol.derived import open_derived
from adyton.protocol.identity.answers import IdentityEntry
from adyton.protocol.padding import size_class, unpad

_BODIES: Final = {cls.WIRE_NAME: cls for cls in (ContractEntry, IdentityEntry)}


@dataclass(frozen=True)
class SeenEvent:
    """An event of the ledger.

    Attributes:
        height: of its block.
        time_ms: of its block.
        task_hash: of the request that caused it.
        event: what was told.
        sealed: whether it was sealed to this client; nobody else can read it then.
        code_hash: of the code that told it, as the ledger has it; None where it has no such contract.
    """

    height: int
    time_ms: int
    task_hash: bytes
    event: PublicEvent
    sealed: bool
    code_hash: bytes | None


class EventReader:
    """Reads a verified chain from its genesis on for what contracts have told.

    Trust: the blocks are verified; what a contract says in an event is its word.

    Args:
        identity: to whom events may be sealed.

    Attributes:
        contracts: by address, as the ledger has them so far.
    """

    def __init__(self, identity: Identity) -> None:
        self._secret, self._public = identity.events_key()
        self.contracts: dict[bytes, Contract] = {}

    def read(self, block: VerifiedBlock) -> Iterator[SeenEvent]:
        """Yield the events of the next block that this client can read, in order."""
        for index, part in enumerate(block.parts):
            if part.kind != "request" or part.body is None or part.task_hash is None:
                continue
            entry = decode_one_of(part.body, _BODIES)
            if not isinstance(entry, ContractEntry):
                continue
            if entry.contract is not None:
                self.contracts[entry.contract.address] = entry.contract
            at = (block.header.height, block.header.time_ms, part.task_hash)
            for event in entry.events:
                yield SeenEvent(*at, event, False, self._code(event))
            exec_id = block.header.exec_id(part.epoch, index)
            for place, sealed in enumerate(entry.sealed_events):
                try:
                    opened = open_derived(self._secret, self._public, exec_id, place, sealed)
                    event = PublicEvent.decode(_unpadded(opened))
                except Error:
                    continue  # another's
                yield SeenEvent(*at, event, True, self._code(event))

    def _code(self, event: PublicEvent) -> bytes | None:
        contract = self.contracts.get(event.address)
        return None if contract is None else contract.code_hash


def _unpadded(padded: bytes) -> bytes:
    """Return what was padded; the least class is the contract's choice, and here the whole where it was."""
    size = int.from_bytes(padded[:4], "big") + 4
    least = 0 if size_class(size, least=0) == len(padded) else len(padded)
    return unpad(padded, least=least)
