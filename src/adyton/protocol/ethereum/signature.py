"""ECDSA over secp256k1 as Ethereum uses it: deterministic (RFC 6979), low s, with a recovery id.

A signature is recovered and compared with its key before it is given out: a fault in the machine then shows as a
refusal, not as a signature that tells something about the key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from adyton.core.errors import InvariantError, MalformedError, UsageError, VerificationError

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
HALF_ORDER: Final = ORDER // 2
_CONTEXT: Final = GLOBAL_CONTEXT.ctx
_UNCOMPRESSED: Final = lib.SECP256K1_EC_UNCOMPRESSED

# 32 secret bytes that need not be copied: a memoryview of locked memory, a bytearray, or bytes.
Secret = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature with low s.

    Attributes:
        r: from 1 to the order less 1.
        s: from 1 to half of the order.
        y_parity: 0 or 1, the parity of the nonce point's y; not of the public key's.

    Raises:
        MalformedError: a value is outside of its range; the high s of a second signature is.
    """

    r: int
    s: int
    y_parity: int

    def __post_init__(self) -> None:
        if not 0 < self.r < ORDER:
            raise MalformedError("malformed", "signature: r is not from 1 to the order less 1")
        if not 0 < self.s <= HALF_ORDER:
            raise MalformedError("malformed", "signature: s is not from 1 to half of the order")
        if self.y_parity not in (0, 1):
            raise MalformedError("malformed", "signature: y parity is not 0 or 1")

    @classmethod
    def from_bytes(cls, unverified: bytes) -> Signature:
        """Read the 65 bytes of a message's signature: r, s, and v as 27 or 28.

        Raises:
            MalformedError: another size or v, or values outside of their ranges.
        """
        if len(unverified) != 65 or unverified[64] not in (27, 28):
            raise MalformedError("malformed", "a signature is r, s and v: 65 bytes, v 27 or 28")
        r, s = (int.from_bytes(unverified[at : at + 32], "big") for at in (0, 32))
        return cls(r, s, unverified[64] - 27)

    def to_bytes(self) -> bytes:
        """Return r, s (32 bytes each, padded) and v as 27 or 28: the form of messages."""
        return self.compact() + bytes((27 + self.y_parity,))

    def compact(self) -> bytes:
        """Return r and s, 64 bytes."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big")

    def v(self, chain_id: int) -> int:
        """Return v of a legacy transaction, which names its chain (EIP-155)."""
        return chain_id * 2 + 35 + self.y_parity


def public_key(secret: Secret) -> bytes:
    """Return the uncompressed public key (65 bytes) of a private key.

    Raises:
        UsageError: not 32 bytes, or not from 1 to the order less 1.
    """
    with _pointer(secret) as pointer:
        point = ffi.new("secp256k1_pubkey *")
        if not lib.secp256k1_ec_pubkey_create(_CONTEXT, point, pointer):
            raise UsageError("bad_argument", "a private key is from 1 to the order less 1")
    return _serialized(point)


def sign(digest: bytes, secret: Secret, public: bytes) -> Signature:
    """Return the signature over a digest, after recovering `public` from it.

    Args:
        digest: 32 bytes, already hashed.
        secret: 32 bytes, used where they lie and not copied.
        public: the uncompressed public key of `secret`, 65 bytes.

    Raises:
        UsageError: no private key.
        InvariantError: what was signed does not recover to `public`; nothing is given out.
    """
    _require_digest(digest)
    made = ffi.new("secp256k1_ecdsa_recoverable_signature *")
    with _pointer(secret) as pointer:
        signed = lib.secp256k1_ecdsa_sign_recoverable(
            _CONTEXT, made, digest, pointer, ffi.NULL, ffi.NULL
        )
    if not signed:
        raise UsageError("bad_argument", "a private key is from 1 to the order less 1")
    point = ffi.new("secp256k1_pubkey *")
    if (
        not lib.secp256k1_ecdsa_recover(_CONTEXT, point, made, digest)
        or _serialized(point) != public
    ):
        raise InvariantError("invariant", "a signature does not recover to its own key")
    output = ffi.new("unsigned char[64]")
    recovery = ffi.new("int *")
    lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(_CONTEXT, output, recovery, made)
    compact = bytes(ffi.buffer(output))
    return Signature(
        int.from_bytes(compact[:32], "big"), int.from_bytes(compact[32:], "big"), recovery[0]
    )


def recover(digest: bytes, unverified: Signature) -> bytes:
    """Return the uncompressed public key (65 bytes) that has signed a digest.

    Raises:
        VerificationError: `bad_signature`, no key can have made it.
    """
    _require_digest(digest)
    parsed = ffi.new("secp256k1_ecdsa_recoverable_signature *")
    point = ffi.new("secp256k1_pubkey *")
    if not lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
        _CONTEXT, parsed, unverified.compact(), unverified.y_parity
    ) or not lib.secp256k1_ecdsa_recover(_CONTEXT, point, parsed, digest):
        raise VerificationError("bad_signature", "no key can have made this signature")
    return _serialized(point)


def _require_digest(digest: bytes) -> None:
    # The C library reads 32 bytes whatever it is given.
    if type(digest) is not bytes or len(digest) != 32:
        raise InvariantError("invariant", "a digest has 32 bytes")


def _pointer(secret: Secret) -> Any:
    if memoryview(secret).nbytes != 32:
        raise UsageError("bad_argument", "a private key has 32 bytes")
    return ffi.from_buffer("unsigned char[32]", secret)


def _serialized(point: Any) -> bytes:
    output = ffi.new("unsigned char[65]")
    size = ffi.new("size_t *", 65)
    lib.secp256k1_ec_pubkey_serialize(_CONTEXT, output, size, point, _UNCOMPRESSED)
    return bytes(ffi.buffer(output))
