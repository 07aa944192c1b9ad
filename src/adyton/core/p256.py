"""ECDSA over P-256 with SHA-256, as JOSE has it: signatures are r and s, 32 bytes each.

A second signature over the same bytes, with n - s for s, verifies too: JOSE does not ask for a low s, and stock wallets
do not make one. So nothing may be told apart by its signature's bytes.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from adyton.core.errors import MalformedError, UsageError, VerificationError

SIZE: Final = 32  # bytes of a coordinate, of r, of s, and of a private key
_CURVE: Final = ec.SECP256R1()
_VERIFY: Final = ec.ECDSA(hashes.SHA256())
# RFC 6979: replicas agree, and no bad randomness gives the key away.
_SIGN: Final = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


class P256PublicKey:
    """A point that is on the curve.

    Args:
        x: 32 bytes.
        y: 32 bytes.

    Raises:
        MalformedError: no point of the curve.
    """

    __slots__ = ("_key", "x", "y")

    def __init__(self, x: bytes, y: bytes) -> None:
        if len(x) != SIZE or len(y) != SIZE:
            raise MalformedError("malformed", "a coordinate of P-256 has 32 bytes")
        try:
            self._key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + x + y)
        except ValueError as problem:
            raise MalformedError("malformed", "not a point of P-256") from problem
        self.x, self.y = x, y

    def __repr__(self) -> str:
        return f"<P256PublicKey {self.x.hex()[:16]}>"

    def compressed(self) -> bytes:
        """Return the point as x and the parity of y, 33 bytes (SEC 1)."""
        return bytes((2 + (self.y[-1] & 1),)) + self.x

    def verify(self, signature: bytes, message: bytes) -> None:
        """Verify r and s, 64 bytes, over `message`.

        Raises:
            VerificationError: it does not verify, or has a wrong size.
        """
        if len(signature) != 2 * SIZE:
            raise VerificationError("bad_signature", "a signature of a wrong size")
        r, s = int.from_bytes(signature[:SIZE], "big"), int.from_bytes(signature[SIZE:], "big")
        try:
            self._key.verify(utils.encode_dss_signature(r, s), message, _VERIFY)
        except InvalidSignature as problem:
            raise VerificationError("bad_signature", "a signature does not verify") from problem


class P256SigningKey:
    """A P-256 private key; signs deterministically (RFC 6979).

    Args:
        secret: 32 bytes, from 1 to the order less 1, big-endian.

    Raises:
        UsageError: outside of that.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != SIZE:
            raise UsageError("bad_argument", "a private key of P-256 has 32 bytes")
        try:
            self._key = ec.derive_private_key(int.from_bytes(secret, "big"), _CURVE)
        except ValueError as problem:
            raise UsageError(
                "bad_argument", "a private key is from 1 to the order less 1"
            ) from problem
        numbers = self._key.public_key().public_numbers()
        self.public = P256PublicKey(
            numbers.x.to_bytes(SIZE, "big"), numbers.y.to_bytes(SIZE, "big")
        )

    def __repr__(self) -> str:
        return f"<P256SigningKey of {self.public!r}>"

    def sign(self, message: bytes) -> bytes:
        """Return r and s over `message`, 64 bytes."""
        r, s = utils.decode_dss_signature(self._key.sign(message, _SIGN))
        return r.to_bytes(SIZE, "big") + s.to_bytes(SIZE, "big")
