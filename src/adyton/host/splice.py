"""Deterministic CBOR put together from pieces, where the general encoder is the greater part of a request's cost.

Each function gives the bytes that `core.encoding.encode` gives for the same value; tests compare the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from adyton.core import limits
from adyton.core.cose import INCLUSION, VDP, InclusionProof
from adyton.core.encoding import encode
from adyton.core.errors import MalformedError
from adyton.core.merkle import HASH
from adyton.protocol.envelope import Envelope

_NODE: Final = b"\x58\x20"
_RECEIPT_HEAD: Final = b"\xd2\x84"  # tag 18, array of four
_PROOFS_HEAD: Final = encode({VDP: {INCLUSION: []}})[:-1] + b"\x81"
_NULL: Final = b"\xf6"
_SIGNATURE: Final = 64
_BARE: Final = b"\xa0\x58\x20"  # an empty map, then the head of a payload of 32 bytes
_SIGNATURE_HEAD: Final = b"\x58\x40"
_TAIL: Final = len(_BARE) + HASH + len(_SIGNATURE_HEAD) + _SIGNATURE
_ENVELOPE_HEAD: Final = bytes((0x80 + len(Envelope._FIELDS) + 1,)) + encode(Envelope.WIRE_NAME)
_SIZES: Final = {24: 2, 25: 3, 26: 5}
_TICKET_HEAD: Final = b"\x58" + bytes((limits.TICKET,))


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


class SignedParts(Protocol):
    """What a receipt takes over from its checkpoint."""

    @property
    def protected(self) -> bytes:
        """The encoded protected header."""

    @property
    def signature(self) -> bytes:
        """The signature."""


@dataclass(frozen=True, slots=True)
class SignedRoot:
    """A checkpoint's parts, as they are encoded; nothing of it is verified.

    Attributes:
        protected: encoded protected header.
        root: of the log; the payload.
        signature: 64 bytes.
    """

    protected: bytes
    root: bytes
    signature: bytes


def signed_root(encoded: bytes) -> SignedRoot:
    """Return the parts of a checkpoint, at a tenth of the cost of `core.cose.parse_sign1`.

    Raises:
        MalformedError: not a COSE_Sign1 over 32 bytes without unprotected headers.
    """
    if len(encoded) <= len(_RECEIPT_HEAD) + _TAIL or not encoded.startswith(_RECEIPT_HEAD):
        raise MalformedError("malformed", "not a checkpoint")
    bare = len(encoded) - _TAIL
    root = bare + len(_BARE)
    end = root + HASH
    start = len(_RECEIPT_HEAD) + _head_size(encoded, len(_RECEIPT_HEAD), 2)
    if (
        encoded[len(_RECEIPT_HEAD) : start] != head(2, bare - start)
        or not encoded.startswith(_BARE, bare)
        or not encoded.startswith(_SIGNATURE_HEAD, end)
    ):
        raise MalformedError("malformed", "not a checkpoint")
    return SignedRoot(encoded[start:bare], encoded[root:end], encoded[-_SIGNATURE:])


def receipt(checkpoint: SignedParts, proof: InclusionProof) -> bytes:
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


def is_envelope(unverified: bytes, chain_id: bytes, purpose: str) -> bool:
    """Say whether the bytes are the one encoding of an envelope for this chain and purpose.

    It is what `Envelope.decode` and two comparisons say, at a quarter of their cost; which error a refused envelope
    gets is theirs to say.
    """
    start, middle = _around_epoch(chain_id, purpose)
    at = len(start)
    if len(unverified) > limits.ENVELOPE or not unverified.startswith(start):
        return False
    epoch_size = _head_size(unverified, at, 0)
    epoch = int.from_bytes(unverified[at + 1 : at + epoch_size], "big")
    if epoch_size > 1 and unverified[at : at + epoch_size] != head(0, epoch):
        return False
    at += epoch_size
    if not epoch_size or not unverified.startswith(middle, at):
        return False
    at += len(middle) + limits.TICKET
    sealed_size = len(unverified) - at - _head_size(unverified, at, 2)
    return sealed_size >= 0 and unverified.startswith(head(2, sealed_size), at)


@lru_cache(maxsize=8)
def _around_epoch(chain_id: bytes, purpose: str) -> tuple[bytes, bytes]:
    """Return what stands in an envelope before its epoch, and between that and its ticket."""
    return _ENVELOPE_HEAD + byte_string(chain_id), encode(purpose) + _TICKET_HEAD


def _head_size(data: bytes, at: int, major: int) -> int:
    """Return the size of the head at a place: of this major type, with a value under 2^32; else 0."""
    first = data[at] - (major << 5) if at < len(data) else -1
    if 0 <= first < 24:
        return 1
    return _SIZES.get(first, 0)
