"""Blocks and entries as the host handles them, and the proofs it makes of them.

Trust: runs in the untrusted host; clients verify what is made here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core.cose import InclusionProof
from adyton.core.crypto import key_id
from adyton.core.encoding import encode
from adyton.core.errors import UsageError
from adyton.core.merkle import Tree
from adyton.host import splice
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import EntryProof, PublicPart


def _kind_prefix(kind: str) -> bytes:
    """Return the bytes that the encoding of each public part of this kind begins with."""
    array_head = bytes([0x80 + len(PublicPart._FIELDS) + 1])
    return array_head + encode([PublicPart.WIRE_NAME, kind])[1:]


_START: Final = _kind_prefix("start")
_FINISH: Final = _kind_prefix("finish")
_PROOF_HEAD: Final = bytes([0x80 + len(EntryProof._FIELDS) + 1]) + encode(EntryProof.WIRE_NAME)


@dataclass(frozen=True, slots=True)
class BlockRecord:
    """A committed block, without its entries.

    Attributes:
        header: encoded `BlockHeader`.
        encoded_checkpoint: COSE_Sign1.
        checkpoint: its parts; not verified here.
        first_leaf: log index of its first entry.
        count: of its entries.
    """

    height: int
    time_ms: int
    first_leaf: int
    count: int
    header: bytes
    encoded_checkpoint: bytes
    checkpoint: splice.SignedRoot

    @property
    def size(self) -> int:
        """Leaves in the log once this block is in it."""
        return self.first_leaf + self.count


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry that is committed.

    Attributes:
        block: that it lies in.
        position: in that block.
        public: encoded public part.
        writes: digest of its encrypted write set.
    """

    block: BlockRecord
    position: int
    public: bytes
    writes: bytes

    @property
    def finished(self) -> bool:
        """Whether this is the end of a task."""
        return is_finish(self.public)

    def proof(self, tree: Tree) -> bytes:
        """Return the encoded `EntryProof`, under the checkpoint of the entry's own block.

        The header's encoding is spliced in as it is stored: decoding it to encode it again would cost more than the
        rest.
        """
        leaf, size = self.block.first_leaf + self.position, self.block.size
        path = tuple(tree.inclusion(leaf, size))
        return b"".join(
            (
                _PROOF_HEAD,
                self.block.header,
                splice.head(0, self.position),
                splice.byte_string(self.public),
                splice.byte_string(self.writes),
                splice.byte_string(
                    splice.receipt(self.block.checkpoint, InclusionProof(size, leaf, path))
                ),
            )
        )


def is_finish(public: bytes) -> bool:
    """Say whether an encoded public part is the end of a task."""
    return public.startswith(_FINISH)


def announced_keys(public: bytes) -> tuple[bytes, ...]:
    """Return the key ids that a start entry announces; of any other entry, none."""
    if not public.startswith(_START):
        return ()
    evidence = start_evidence(public)
    node = NodeEvidence.decode(evidence)
    return tuple(key_id(bundle.attested.signing_key) for bundle in (node.recorder, node.runner))


def start_evidence(public: bytes) -> bytes:
    """Return the encoded `NodeEvidence` in a start entry's public part.

    Raises:
        UsageError: not a start entry.
    """
    body = PublicPart.decode(public).body if public.startswith(_START) else None
    if body is None:
        raise UsageError("not_found", "not a start entry")
    return body


def view_consistency(tree: Tree, view: int, size: int) -> list[bytes]:
    """Return the consistency proof between a client's view and the tree of `size`, whichever is smaller first.

    Args:
        view: tree size of the client's verified view; 0 for none.
        size: tree size of the answer.
    """
    if view in (0, size):
        return []
    return tree.consistency(min(view, size), max(view, size))
