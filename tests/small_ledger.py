"""One block with a few entries, deterministic and from `core` and `protocol` alone."""

from dataclasses import dataclass, replace
from typing import Any

from adyton.core import cose
from adyton.core.crypto import SigningKey, key_id
from adyton.core.merkle import Tree
from adyton.protocol.ledger import (
    BlockHeader,
    Checkpoint,
    CheckpointFacts,
    EntryProof,
    PublicPart,
    data_hash,
    entry_leaf,
)

RECORDER = SigningKey(b"recorder".ljust(32, b"."))
STRANGER = SigningKey(b"stranger".ljust(32, b"."))
CHAIN_ID = bytes(range(32))
MEASUREMENT = bytes(range(48))
EPOCH = 3


@dataclass(frozen=True)
class Block:
    """What one signature of the recorder covers."""

    header: BlockHeader
    checkpoint: Checkpoint
    entries: tuple[tuple[bytes, bytes], ...]
    tree: Tree
    first: int

    def receipt(self, entry: int, **changed: Any) -> bytes:
        """Return the receipt of an entry; `changed` replaces fields of its inclusion proof."""
        at, size = self.first + entry, self.checkpoint.facts.size
        proof = cose.InclusionProof(size, at, tuple(self.tree.inclusion(at, size)))
        return cose.make_receipt(self.checkpoint.message, replace(proof, **changed))

    def proof(self, index: int) -> EntryProof:
        """Return the proof of an entry."""
        public, writes = self.entries[index]
        return EntryProof(self.header, index, public, writes, self.receipt(index))


def public_part(number: int, **changed: Any) -> PublicPart:
    """Return a request's public part; `changed` replaces its fields."""
    claims = bytes([number]) * 32 if number % 2 else None
    made = PublicPart(
        "request", bytes([200 + number]) * 32, "", EPOCH, MEASUREMENT, claims, b"sealed", None
    )
    return replace(made, **changed)


def make_block(
    count: int = 5,
    before: int = 9,
    *,
    key: SigningKey = RECORDER,
    facts: dict[str, Any] | None = None,
    **header: Any,
) -> Block:
    """Return a block of `count` entries behind `before` earlier leaves.

    Args:
        facts: fields of the checkpoint that are signed as a liar would.
        header: fields of the header that are to be different.
    """
    tree = Tree()
    for number in range(before):
        tree.append(entry_leaf(b"earlier", bytes([number]) * 32, None))
    entries = []
    for number in range(count):
        part, writes = public_part(number), bytes([100 + number]) * 32
        tree.append(entry_leaf(part.encode(), writes, part.claims))
        entries.append((part.encode(), writes))
    transactions = [bytes([number]) for number in range(count)]
    made = replace(
        BlockHeader(
            CHAIN_ID,
            7,
            1_700_000_000_000,
            bytes([1]) * 32,
            data_hash(transactions),
            bytes([2]) * 32,
        ),
        **header,
    )
    signed = CheckpointFacts(
        key_id(key.public),
        made.chain_id,
        made.height,
        tree.size,
        before,
        made.time_ms,
        bytes([3]) * 32,
        made.hash(),
        EPOCH,
        "single-host",
        "host",
    )
    checkpoint = Checkpoint.sign(replace(signed, **(facts or {})), tree.root(), key)
    return Block(made, checkpoint, tuple(entries), tree, before)
