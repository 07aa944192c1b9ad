"""Authenticated index of the state: stored name to hash of the stored value, under one root.

The root is a Merkle tree over 2^16 buckets, a bucket being all names with the same first two bytes. Buckets touched by
a block are hashed once, when the block ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.merkle import node_hash

_DEPTH: Final = limits.STATE_BUCKETS_LOG2
_BUCKETS: Final = 1 << _DEPTH


def _bucket_hash(bucket: dict[bytes, bytes]) -> bytes:
    return digest(Context.STATE_BUCKET, b"".join([name + bucket[name] for name in sorted(bucket)]))


class StateTree:
    """The index, in enclave memory: about 200 bytes a value."""

    def __init__(self) -> None:
        self._buckets: list[dict[bytes, bytes] | None] = [None] * _BUCKETS
        self._touched: set[int] = set()
        self.size = 0
        # nodes[1] is the root, nodes[2^16 + i] is bucket i; an empty tree has one hash per level.
        level_hash = _bucket_hash({})
        nodes = [level_hash] * (2 * _BUCKETS)
        for level in range(_DEPTH - 1, -1, -1):
            level_hash = node_hash(level_hash, level_hash)
            nodes[1 << level : 2 << level] = [level_hash] * (1 << level)
        self._nodes = nodes

    def get(self, name: bytes) -> bytes | None:
        """Return the hash of the value stored under `name`, or None; safe from other threads."""
        bucket = self._buckets[int.from_bytes(name[:2], "big")]
        return None if bucket is None else bucket.get(name)

    def set(self, name: bytes, value_hash: bytes | None) -> None:
        """Set or, with None, remove."""
        place = int.from_bytes(name[:2], "big")
        bucket = self._buckets[place]
        if bucket is None:
            bucket = self._buckets[place] = {}
        self._touched.add(place)
        present = name in bucket
        if value_hash is None:
            if present:
                del bucket[name]
                self.size -= 1
        else:
            bucket[name] = value_hash
            if not present:
                self.size += 1

    def root(self) -> bytes:
        """Return the root over all values, hashing what was touched since the last call."""
        nodes = self._nodes
        level = set()
        for place in self._touched:
            nodes[_BUCKETS + place] = _bucket_hash(self._buckets[place] or {})
            level.add((_BUCKETS + place) >> 1)
        self._touched.clear()
        while level:
            for at in level:
                # `node_hash`, written out: these are most of the hashes of a block.
                nodes[at] = sha256(b"\x01" + nodes[2 * at] + nodes[2 * at + 1]).digest()
            level = {at >> 1 for at in level if at > 1}
        return nodes[1]

    def names(self) -> Iterator[bytes]:
        """Yield every stored name in ascending order."""
        for bucket in self._buckets:
            if bucket:
                yield from sorted(bucket)
