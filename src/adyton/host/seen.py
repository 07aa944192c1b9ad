"""Which task hashes may be stored: a Bloom filter, so that a new request costs no query.

A task hash is a SHA-256 value, so its own words are the filter's hash functions: two of them, for each is paid for
every stored hash at start. With 2^27 bits (16 MiB) one lookup in 50 is in vain at ten million tasks, one in 4000 at a
million; beyond that lookups only become as dear as without it.
"""

from __future__ import annotations

import struct
from typing import Final

_WORDS: Final = struct.Struct(">2I")
PREFIX: Final = _WORDS.size  # bytes of a hash that the filter looks at
_LOG2_BITS: Final = 27
_BIT: Final = tuple(1 << place for place in range(8))


class Seen:
    """A set of 32-byte hashes that may also hold others, and never forgets one."""

    __slots__ = ("_bits", "_mask")

    def __init__(self, log2_bits: int = _LOG2_BITS) -> None:
        self._bits = bytearray(1 << (log2_bits - 3))
        self._mask = (1 << log2_bits) - 1

    def add(self, hash_: bytes) -> None:
        """Put a hash in."""
        bits, mask = self._bits, self._mask
        for word in _WORDS.unpack_from(hash_):
            at = word & mask
            bits[at >> 3] |= 1 << (at & 7)

    def update(self, prefixes: bytes) -> None:
        """Put many hashes in: the first `PREFIX` bytes of each, joined."""
        bits, mask = self._bits, self._mask
        for one, two in _WORDS.iter_unpack(prefixes):
            bits[(one & mask) >> 3] |= _BIT[one & 7]
            bits[(two & mask) >> 3] |= _BIT[two & 7]

    def __contains__(self, hash_: bytes) -> bool:
        """Say whether the hash may have been put in; when not, it was not."""
        bits, mask = self._bits, self._mask
        for word in _WORDS.unpack_from(hash_):
            at = word & mask
            if not bits[at >> 3] & (1 << (at & 7)):
                return False
        return True
