"""Hashing, signing, sealing and key derivation over `cryptography` and libsodium.

Every function takes a `Context`; whatever is concatenated is length-prefixed. Keys never appear in `repr`. One
library per operation: Ed25519 is signed by `cryptography` and verified by libsodium everywhere, because the edge
cases of verification are a consensus rule; so it is with X25519, in HPKE by the one and outside of it by the other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adyton.core.contexts import Context
from adyton.core.errors import VerificationError

_SHA256: Final = hashes.SHA256()
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
HPKE_OVERHEAD: Final = 48  # 32 encapsulated key, 16 tag
SIV_OVERHEAD: Final = 16
# Every hash, key and signature of a request needs some of these.
_LENGTHS: Final = tuple(size.to_bytes(4, "big") for size in range(1024))


def prefixed(*parts: bytes) -> bytes:
    """Return the parts, each behind its length in four big-endian bytes: injective for any parts."""
    pieces: list[bytes] = []
    for part in parts:
        size = len(part)
        pieces += (_LENGTHS[size] if size < 1024 else size.to_bytes(4, "big"), part)
    return b"".join(pieces)


def _framed(context: Context, parts: Iterable[bytes]) -> bytes:
    """Return the context and the parts, each behind its length: what is hashed, signed and derived from."""
    # As `prefixed`, written out: a request needs it twenty times.
    pieces = [context.prefix]
    for part in parts:
        size = len(part)
        pieces += (_LENGTHS[size] if size < 1024 else size.to_bytes(4, "big"), part)
    return b"".join(pieces)


def digest(context: Context, *parts: bytes) -> bytes:
    """Return SHA-256 over the context and the parts, 32 bytes."""
    return sha256(_framed(context, parts)).digest()


def digest_each(context: Context, parts: Iterable[Sequence[bytes]]) -> tuple[bytes, ...]:
    """Return what `digest` returns for each of several sequences of parts."""
    return tuple([sha256(_framed(context, each)).digest() for each in parts])


def digest512(context: Context, *parts: bytes) -> bytes:
    """Return SHA-512 over the context and the parts, 64 bytes: the size of a platform's report data."""
    return hashlib.sha512(_framed(context, parts)).digest()


def mac(key: bytes, context: Context, *parts: bytes) -> bytes:
    """Return HMAC-SHA-256 under `key` over the context and the parts, 32 bytes."""
    return hmac.digest(key, _framed(context, parts), "sha256")


class MacKey:
    """An HMAC-SHA-256 key that is used again and again: its two blocks are hashed once.

    Args:
        key: of any length.
    """

    __slots__ = ("_begun",)

    def __init__(self, key: bytes) -> None:
        self._begun = HMAC(key, _SHA256)

    def __repr__(self) -> str:
        return "<MacKey>"

    def mac(self, context: Context, *parts: bytes) -> bytes:
        """Return what `mac` returns under this key."""
        return self.mac_raw(_framed(context, parts))

    def mac_raw(self, message: bytes) -> bytes:
        """Return HMAC-SHA-256 of `message` alone, 32 bytes."""
        made = self._begun.copy()
        made.update(message)
        return made.finalize()


def equal(one: bytes, other: bytes) -> bool:
    """Compare in time that does not depend on where the strings differ."""
    return hmac.compare_digest(one, other)


def derive(secret: bytes, context: Context, *parts: bytes, size: int = 32) -> bytes:
    """Return `size` bytes of HKDF-SHA-256 from `secret`, with the context and the parts as info."""
    return HKDF(_SHA256, size, None, _framed(context, parts)).derive(secret)


# HKDF without salt extracts under a key of zeros (RFC 5869, 2.2).
_EXTRACT: Final = MacKey(bytes(32))


def derive_each(
    secret: bytes, context: Context, first: bytes, lasts: Sequence[bytes]
) -> tuple[bytes, ...]:
    """Return what `derive` returns for `first` and each of `lasts`, 32 bytes each.

    The secret is extracted once, and what all of them begin with is hashed once.
    """
    begun = HMAC(_EXTRACT.mac_raw(secret), _SHA256)
    begun.update(_framed(context, (first,)))
    derived = []
    for last in lasts:
        expanded = begun.copy()
        size = len(last)  # as `prefixed` does it
        length = _LENGTHS[size] if size < 1024 else size.to_bytes(4, "big")
        expanded.update(length + last + b"\x01")
        derived.append(expanded.finalize())
    return tuple(derived)


def derive_into(out: bytearray, secret: bytes, context: Context, *parts: bytes) -> None:
    """Write what `derive` returns, as many bytes as `out` has, so that it can be wiped later."""
    HKDF(_SHA256, len(out), None, _framed(context, parts)).derive_into(secret, out)


def key_id(public_key: bytes) -> bytes:
    """Return the eight bytes that name a public key in a COSE `kid`."""
    return digest(Context.KEY_ID, public_key)[:8]


class SivKey:
    """An AES-256-SIV key (RFC 5297): deterministic, nothing to repeat; equal inputs give equal outputs.

    Args:
        secret: 32 bytes of key material; the 64 key bytes are derived from it under `context`.
        context: what the key is for; it is also in the associated data.
        parts: what else the key depends on.
    """

    __slots__ = ("_aead",)

    def __init__(self, secret: bytes, context: Context, *parts: bytes) -> None:
        self._aead = AESSIV(derive(secret, context, *parts, size=64))

    def __repr__(self) -> str:
        return "<SivKey>"

    def seal(self, plaintext: bytes, context: Context, *associated: bytes) -> bytes:
        """Return tag and ciphertext, 16 bytes longer than `plaintext`."""
        return self._aead.encrypt(plaintext, [context.label, *associated])

    def open(self, unverified: bytes, context: Context, *associated: bytes) -> bytes:
        """Return the plaintext.

        Raises:
            VerificationError: another key, context or associated data, or altered bytes.
        """
        try:
            return self._aead.decrypt(unverified, [context.label, *associated])
        except (InvalidTag, ValueError) as problem:
            raise VerificationError("unopenable", "a sealed value does not open") from problem


class SigningKey:
    """An Ed25519 private key.

    Args:
        seed: 32 secret bytes, from the caller's source of entropy.
    """

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"<SigningKey {self.public.hex()[:16]}>"

    def sign(self, context: Context, *parts: bytes) -> bytes:
        """Return the signature over the context and the parts, 64 bytes."""
        return self._key.sign(_framed(context, parts))

    def sign_raw(self, message: bytes) -> bytes:
        """Return the signature over `message` alone: for COSE, whose structure carries its own context."""
        return self._key.sign(message)


def verify(public_key: bytes, signature: bytes, context: Context, *parts: bytes) -> None:
    """Verify an Ed25519 signature over the context and the parts.

    Raises:
        VerificationError: it does not verify.
    """
    verify_raw(public_key, signature, _framed(context, parts))


def verify_raw(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Verify an Ed25519 signature over `message` alone: for COSE.

    Raises:
        VerificationError: it does not verify, or key or signature have a wrong size.
    """
    if len(signature) != 64 or len(public_key) != 32:
        raise VerificationError("bad_signature", "a signature or key of a wrong size")
    try:
        nacl.bindings.crypto_sign_open(signature + message, public_key)
    except nacl.exceptions.CryptoError as problem:
        raise VerificationError("bad_signature", "a signature does not verify") from problem


class HpkeKey:
    """An X25519 private key that opens HPKE base-mode messages (X25519, HKDF-SHA-256, AES-256-GCM).

    Args:
        secret: 32 secret bytes.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        self._key = X25519PrivateKey.from_private_bytes(secret)
        self.public: bytes = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"<HpkeKey {self.public.hex()[:16]}>"

    def open(self, unverified: bytes, context: Context, *info: bytes) -> bytes:
        """Return what was sealed to this key under the same context and info.

        Raises:
            VerificationError: another key, context or info, or altered bytes.
        """
        try:
            return _SUITE.decrypt(unverified, self._key, info=_framed(context, info))
        except Exception as problem:
            # The library raises InvalidTag, but ValueError for short input and for low-order points.
            raise VerificationError("unopenable", "a sealed message does not open") from problem


def hpke_seal(public_key: bytes, plaintext: bytes, context: Context, *info: bytes) -> bytes:
    """Return the encapsulated key and ciphertext, 48 bytes longer than `plaintext`.

    Draws randomness from the library: for clients, and for the enclave outside of block execution only.

    Raises:
        VerificationError: the public key is not usable.
    """
    try:
        return _SUITE.encrypt(
            plaintext,
            X25519PublicKey.from_public_bytes(public_key),
            info=_framed(context, info),
        )
    except ValueError as problem:
        raise VerificationError("unopenable", "not a usable public key") from problem


def exchange(secret: bytes, unverified_public: bytes) -> bytes:
    """Return the X25519 shared secret of 32 secret bytes and another's public key, 32 bytes.

    Raises:
        VerificationError: the public key is not usable: a wrong size, or of low order.
    """
    if len(unverified_public) != 32:
        raise VerificationError("unopenable", "not a usable public key")
    try:
        # libsodium: OpenSSL makes the secret's own public key first, which costs as much again.
        return nacl.bindings.crypto_scalarmult(secret, unverified_public)
    except nacl.exceptions.CryptoError as problem:
        raise VerificationError("unopenable", "not a usable public key") from problem


def exchange_anew(secret: bytes, unverified_public: bytes) -> tuple[bytes, bytes]:
    """Return the X25519 public key of 32 secret bytes, and their shared secret with another's, 32 bytes each.

    Raises:
        VerificationError: the public key is not usable: a wrong size, or of low order.
    """
    shared = exchange(secret, unverified_public)
    return nacl.bindings.crypto_scalarmult_base(secret), shared


def hpke_public(secret: bytes) -> bytes:
    """Return the X25519 public key of 32 secret bytes."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
