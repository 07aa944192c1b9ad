"""Which task hashes may be stored: a Bloom filter, so that a new request costs no query.

A task hash is a SHA-256 value, so its own words are the filter's hash functions. With 2^27 bits (16 MiB) one lookup in
200 is in vain at ten million tasks; beyond that lookups only become as dear as without it.
"""

from __future__ import annotations

import struct
from typing import Final

_WORDS: Final = struct.Struct(">4I")
_LOG2_BITS: Final = 27


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

    def __contains__(self, hash_: bytes) -> bool:
        """Say whether the hash may have been put in; when not, it was not."""
        bits, mask = self._bits, self._mask
        for word in _WORDS.unpack_from(hash_):
            at = word & mask
            if not bits[at >> 3] & (1 << (at & 7)):
                return False
        return True
