"""What contracts have told: public events, and those sealed to this client, out of the verified copy of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adyton.client.chain import VerifiedBlock
from adyton.client.keystore import Identity
from adyton.core.errors import Error
from adyton.protocol.contract import ContractEntry, PublicEvent
from adyton.protocol.derived import open_derived
from adyton.protocol.padding import size_class, unpad


@dataclass(frozen=True)
class SeenEvent:
    """An event of the ledger.

    Attributes:
        height: of its block.
        time_ms: of its block.
        task_hash: of the request that caused it.
        event: what was told.
        sealed: whether it was sealed to this client; nobody else can read it then.
    """

    height: int
    time_ms: int
    task_hash: bytes
    event: PublicEvent
    sealed: bool


def events_in(block: VerifiedBlock, identity: Identity) -> Iterator[SeenEvent]:
    """Yield the events of one block that this client can read, in order.

    Trust: the block is verified; what a contract says in an event is its word.
    """
    secret, public = identity.events_key()
    for index, part in enumerate(block.parts):
        if part.kind != "request" or part.body is None or part.task_hash is None:
            continue
        entry = ContractEntry.decode(part.body)
        at = (block.header.height, block.header.time_ms, part.task_hash)
        for event in entry.events:
            yield SeenEvent(*at, event, False)
        exec_id = block.header.exec_id(part.epoch, index)
        for place, sealed in enumerate(entry.sealed_events):
            try:
                opened = open_derived(secret, public, exec_id, place, sealed)
                event = PublicEvent.decode(_unpadded(opened))
            except Error:
                continue  # another's
            yield SeenEvent(*at, event, True)


def _unpadded(padded: bytes) -> bytes:
    """Return what was padded; the least class is the contract's choice, and here the whole where it was."""
    size = int.from_bytes(padded[:4], "big") + 4
    least = 0 if size_class(size, least=0) == len(padded) else len(padded)
    return unpad(padded, least=least)
