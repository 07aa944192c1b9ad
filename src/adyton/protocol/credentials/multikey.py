"""Public keys as DIDs carry them: Multikey (W3C Controlled Identifiers 1.0).

A key is checked when it is made: a point that is not on its curve, or of small order, is no key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import nacl.bindings
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adyton.core import crypto
from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.protocol.credentials.base58 import read_multibase, write_multibase

ED25519: Final = "Ed25519"
X25519: Final = "X25519"
P256: Final = "P-256"
SECP256K1: Final = "secp256k1"
CURVES: Final = (ED25519, X25519, P256, SECP256K1)
SIGNING: Final = frozenset({ED25519, P256, SECP256K1})
KEY_MOST: Final = 33
_FIELD_25519: Final = 2**255 - 19

# Codes of the multicodec table, as the two bytes of their varint.
_MULTICODEC: Final = {
    ED25519: b"\xed\x01",
    X25519: b"\xec\x01",
    P256: b"\x80\x24",
    SECP256K1: b"\xe7\x01",
}
_BY_CODE: Final = {code: curve for curve, code in _MULTICODEC.items()}
_WEIERSTRASS: Final[Mapping[str, ec.EllipticCurve]] = {
    P256: ec.SECP256R1(),
    SECP256K1: ec.SECP256K1(),
}


@dataclass(frozen=True, slots=True)
class Multikey:
    """A public key that is one.

    Attributes:
        curve: one of `CURVES`.
        data: 32 bytes for Ed25519 and X25519; else the compressed point, 33 bytes.

    Raises:
        MalformedError: another curve or size, not a point of the curve, or one of small order.
    """

    curve: str
    data: bytes

    def __post_init__(self) -> None:
        if self.curve == ED25519:
            # Small order and other encodings of a point: no signature would verify under it.
            if len(self.data) != 32 or not nacl.bindings.crypto_core_ed25519_is_valid_point(
                self.data
            ):
                raise MalformedError("malformed", "not an Ed25519 key: not a point of its group")
        elif self.curve == X25519:
            _require_usable(self.data)
        elif self.curve in _WEIERSTRASS:
            _point(self.curve, self.data)
        else:
            raise MalformedError("malformed", f"a key's curve is one of {', '.join(CURVES)}")

    def multikey(self) -> str:
        """Return the key as multibase of its multicodec code and bytes."""
        return write_multibase(_MULTICODEC[self.curve] + self.data)

    def uncompressed(self) -> bytes:
        """Return the 65 bytes of a point of P-256 or secp256k1.

        Raises:
            UsageError: a key of another curve has no such form.
        """
        if self.curve not in _WEIERSTRASS:
            raise UsageError("bad_argument", f"an {self.curve} key has no uncompressed form")
        return _point(self.curve, self.data).public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint
        )


def read_multikey(unverified: str) -> Multikey:
    """Return the key of a Multikey text, as in `publicKeyMultibase` and did:key.

    Raises:
        MalformedError: not base58 behind `z`, a code of another kind of key, or no key.
    """
    data = read_multibase(unverified)
    curve = _BY_CODE.get(data[:2])
    if curve is None:
        raise MalformedError(
            "malformed", f"multikey: not a key of {', '.join(CURVES)}; use one of these"
        )
    return Multikey(curve, data[2:])


def key_agreement_of(key: Multikey) -> Multikey:
    """Return the X25519 key that did:key derives from an Ed25519 one: the same point, on the other curve.

    Raises:
        UsageError: a key of another curve.
    """
    if key.curve != ED25519:
        raise UsageError("bad_argument", "only an Ed25519 key has an X25519 twin")
    return Multikey(X25519, nacl.bindings.crypto_sign_ed25519_pk_to_curve25519(key.data))


def _point(curve: str, data: bytes) -> ec.EllipticCurvePublicKey:
    if len(data) != KEY_MOST:
        raise MalformedError("malformed", f"a {curve} key is its compressed point, 33 bytes")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_WEIERSTRASS[curve], data)
    except ValueError as problem:
        raise MalformedError(
            "malformed", f"not a {curve} key: not a point of the curve"
        ) from problem


def _require_usable(data: bytes) -> None:
    """Refuse an X25519 key with which everybody gets the same shared secret."""
    try:
        crypto.exchange(bytes(31) + b"\x01", data)
    except VerificationError as problem:
        raise MalformedError(
            "malformed", "not an X25519 key: not 32 bytes, or of small order"
        ) from problem
    if int.from_bytes(data, "little") >= _FIELD_25519:
        raise MalformedError("malformed", "not an X25519 key: another encoding of one")
