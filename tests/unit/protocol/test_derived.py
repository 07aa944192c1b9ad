"""Sealing inside of a block, held against the same formula over other calls of the library."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adyton.core.crypto import hpke_public
from adyton.core.errors import VerificationError
from adyton.protocol.derived import DERIVED_OVERHEAD, open_derived, seal_derived

SECRET, EXEC_ID, RECIPIENT = b"\x21" * 32, b"\x47" * 32, b"\x46" * 32


def lp(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def kdf(secret: bytes, context: bytes, *parts: bytes, size: int = 32) -> bytes:
    return HKDF(hashes.SHA256(), size, None, lp(context, *parts)).derive(secret)


def by_the_page(secret: bytes, exec_id: bytes, index: int, recipient: bytes, plain: bytes) -> bytes:
    """Follow docs/spec/contract.md word by word."""
    place = index.to_bytes(4, "big")
    ephemeral = X25519PrivateKey.from_private_bytes(
        kdf(secret, b"adyton/1/kdf/derived-ephemeral", exec_id, place, recipient)
    )
    public = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    key = AESSIV(kdf(shared, b"adyton/1/kdf/derived-seal", public, recipient, size=64))
    return public + key.encrypt(plain, [b"adyton/1/ad/derived", exec_id, place])


@pytest.mark.parametrize("index", [0, 1, 63])
@pytest.mark.parametrize("plain", [b"", b"told", bytes(5000)])
def test_it_is_what_the_page_says(index: int, plain: bytes) -> None:
    public = hpke_public(RECIPIENT)
    sealed = seal_derived(SECRET, EXEC_ID, index, public, plain)
    assert sealed == by_the_page(SECRET, EXEC_ID, index, public, plain)
    assert len(sealed) == len(plain) + DERIVED_OVERHEAD
    assert open_derived(RECIPIENT, public, EXEC_ID, index, sealed) == plain


def test_nothing_is_shared_between_executions_places_and_recipients() -> None:
    one, two = hpke_public(RECIPIENT), hpke_public(b"\x45" * 32)
    made = {
        seal_derived(SECRET, exec_id, index, recipient, b"the same")[:32]
        for exec_id in (EXEC_ID, bytes(32))
        for index in (0, 1)
        for recipient in (one, two)
    }
    assert len(made) == 8


@pytest.mark.parametrize("recipient", [bytes(32), b"\x01" + bytes(31), b"", bytes(33)])
def test_what_is_no_key_is_refused(recipient: bytes) -> None:
    with pytest.raises(VerificationError):
        seal_derived(SECRET, EXEC_ID, 0, recipient, b"x")
