"""Deterministic CBOR put together from pieces, where the general encoder is the greater part of a request's cost.

Each function gives the bytes that `core.encoding.encode` gives for the same value; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adyton.core.cose import INCLUSION, VDP, InclusionProof, Sign1
from adyton.core.encoding import encode

_NODE: Final = b"\x58\x20"
_RECEIPT_HEAD: Final = b"\xd2\x84"  # tag 18, array of four
_PROOFS_HEAD: Final = encode({VDP: {INCLUSION: []}})[:-1] + b"\x81"
_NULL: Final = b"\xf6"


def head(major: int, value: int) -> bytes:
    """Return the head of an item: major type 0 to 7, and its value, length or count under 2^64."""
    first = major << 5
    if value < 24:
        return bytes((first + value,))
    if value < 1 << 8:
        return bytes((first + 24, value))
    if value < 1 << 16:
        return bytes((first + 25,)) + value.to_bytes(2, "big")
    if value < 1 << 32:
        return bytes((first + 26,)) + value.to_bytes(4, "big")
    return bytes((first + 27,)) + value.to_bytes(8, "big")


def byte_string(data: bytes) -> bytes:
    """Return the encoding of a byte string."""
    return head(2, len(data)) + data


def nodes(hashes: Sequence[bytes]) -> bytes:
    """Return the encoding of a list of 32-byte hashes."""
    return head(4, len(hashes)) + b"".join([_NODE + node for node in hashes])


def receipt(checkpoint: Sign1, proof: InclusionProof) -> bytes:
    """Return what `core.cose.make_receipt` returns."""
    inclusion = b"\x83" + head(0, proof.size) + head(0, proof.index) + nodes(proof.path)
    return b"".join(
        (
            _RECEIPT_HEAD,
            byte_string(checkpoint.protected),
            _PROOFS_HEAD,
            byte_string(inclusion),
            _NULL,
            byte_string(checkpoint.signature),
        )
    )
