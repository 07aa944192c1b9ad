"""Public keys as JWK (RFC 7517, RFC 8037), thumbprints (RFC 7638), and verification by them.

A key pins its algorithm: P-256 is for ES256, Ed25519 for EdDSA (which RFC 9864 calls Ed25519), and no header changes
that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from adyton.core import crypto
from adyton.core.errors import MalformedError
from adyton.core.p256 import P256PublicKey
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.strict_json import Json, Object

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
ES256: Final = ("ES256",)
EDDSA: Final = ("EdDSA", "Ed25519")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key for signatures.

    Attributes:
        algorithms: values of `alg` that it verifies.
    """

    algorithms: tuple[str, ...]
    _key: P256PublicKey | bytes

    @property
    def members(self) -> dict[str, str]:
        """The JWK's required members, in the order of RFC 7638."""
        key = self._key
        if isinstance(key, bytes):
            return {"crv": self.curve, "kty": "OKP", "x": base64url.encode(key)}
        x, y = base64url.encode(key.x), base64url.encode(key.y)
        return {"crv": self.curve, "kty": "EC", "x": x, "y": y}

    @property
    def curve(self) -> str:
        """The curve, by the name that JWK and Multikey have for it."""
        return "Ed25519" if isinstance(self._key, bytes) else "P-256"

    def data(self) -> bytes:
        """Return the key as a Multikey has it: 32 bytes of Ed25519, or a compressed point of P-256, 33 bytes."""
        return self._key if isinstance(self._key, bytes) else self._key.compressed()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Verify a signature of 64 bytes over `message`.

        Raises:
            VerificationError: it does not verify, or has a wrong size.
        """
        if isinstance(self._key, bytes):
            crypto.verify_raw(self._key, signature, message)
        else:
            self._key.verify(signature, message)

    def thumbprint(self) -> bytes:
        """Return the SHA-256 thumbprint, 32 bytes: one for each key, however its JWK is written."""
        return hashlib.sha256(strict_json.write({**self.members})).digest()


def p256_key(key: P256PublicKey) -> PublicKey:
    """Return a P-256 point as a key."""
    return PublicKey(ES256, key)


def ed25519_key(key: bytes) -> PublicKey:
    """Return 32 bytes of an Ed25519 public key as a key."""
    return PublicKey(EDDSA, key)


def read_jwk(unverified: Json, what: str) -> PublicKey:
    """Return the public key that a parsed JWK describes.

    Members that say nothing of the key itself (`kid`, `x5c`, …) are not looked at.

    Raises:
        CredentialError: private, for encryption, of another kind, or no point of its curve.
    """
    if type(unverified) is not dict:
        raise refused(Reason.JWK, what)
    if not _PRIVATE.isdisjoint(unverified):
        raise refused(Reason.JWK_PRIVATE, what)
    key = _read_point(unverified, what)
    if (
        unverified.get("use", "sig") != "sig"
        or unverified.get("key_ops", ["verify"]) != ["verify"]
        or unverified.get("alg", key.algorithms[0]) not in key.algorithms
    ):
        raise refused(Reason.JWK_USE, what)
    return key


def _read_point(members: Object, what: str) -> PublicKey:
    kind = members.get("kty"), members.get("crv")
    if kind == ("EC", "P-256"):
        x, y = _coordinate(members, "x", what), _coordinate(members, "y", what)
        try:
            return p256_key(P256PublicKey(x, y))
        except MalformedError:
            raise refused(Reason.JWK, what) from None
    if kind == ("OKP", "Ed25519"):
        return ed25519_key(_coordinate(members, "x", what))
    raise refused(Reason.JWK, what)


def _coordinate(members: Object, name: str, what: str) -> bytes:
    text = members.get(name)
    if type(text) is not str or len(text) != 43:
        raise refused(Reason.JWK, what)
    return base64url.decode(text, what)
