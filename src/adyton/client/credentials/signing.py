"""Keys that sign as JOSE has it: P-256 as ES256, Ed25519 as EdDSA."""

from __future__ import annotations

from typing import Protocol

from adyton.core.crypto import SigningKey
from adyton.core.p256 import P256SigningKey
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.jwk import PublicKey, ed25519_key, p256_key
from adyton.protocol.credentials.strict_json import Object


class JoseKey(Protocol):
    """A private key with the algorithm that it signs by."""

    @property
    def alg(self) -> str:
        """Value of the header's `alg`."""

    @property
    def public(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Return a signature of 64 bytes."""


class Es256Key:
    """A P-256 key.

    Args:
        secret: 32 bytes, from 1 to the order less 1, big-endian.

    Raises:
        UsageError: outside of that.
    """

    alg = "ES256"

    def __init__(self, secret: bytes) -> None:
        self._key = P256SigningKey(secret)
        self.public = p256_key(self._key.public)

    def sign(self, message: bytes) -> bytes:
        """Return r and s, 64 bytes."""
        return self._key.sign(message)


class EdDsaKey:
    """An Ed25519 key.

    Args:
        seed: 32 secret bytes.
    """

    alg = "EdDSA"

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        self.public = ed25519_key(self._key.public)

    def sign(self, message: bytes) -> bytes:
        """Return a signature, 64 bytes."""
        return self._key.sign_raw(message)


def sign_jws(key: JoseKey, header: Object, payload: Object) -> str:
    """Return a compact JWS of a payload; `alg` is the key's."""
    parts = ({"alg": key.alg, **header}, payload)
    signed = ".".join(base64url.encode(strict_json.write(dict(part))) for part in parts)
    return f"{signed}.{base64url.encode(key.sign(signed.encode('ascii')))}"
