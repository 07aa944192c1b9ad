"""Size classes: what an observer learns of a length is its class only.

Classes are those of PADMÉ (Nikitin et al., 2019): a length of E bits keeps its top log2(E) + 1 bits, which costs at
most 12 % and leaves O(log log n) classes.
"""

from __future__ import annotations

from adyton.core.errors import MalformedError


def size_class(size: int, *, least: int) -> int:
    """Return the smallest class that holds `size` bytes, at least `least`."""
    size = max(size, least)
    exponent = size.bit_length() - 1
    low_bits = exponent - exponent.bit_length()
    if low_bits <= 0:
        return size
    mask = (1 << low_bits) - 1
    return (size + mask) & ~mask


def pad(data: bytes, *, least: int) -> bytes:
    """Return the data behind its length in four bytes, filled with zeros to a size class."""
    framed = len(data).to_bytes(4, "big") + data
    return framed.ljust(size_class(len(framed), least=least), b"\x00")


def unpad(unverified: bytes, *, least: int) -> bytes:
    """Return what was padded.

    Raises:
        MalformedError: not the one padding of its content.
    """
    size = int.from_bytes(unverified[:4], "big")
    data = unverified[4 : 4 + size]
    if (
        len(unverified) < 4
        or len(data) != size
        or len(unverified) != size_class(4 + size, least=least)
        or unverified[4 + size :].strip(b"\x00")
    ):
        raise MalformedError("malformed", "not the padding of its content")
    return data
