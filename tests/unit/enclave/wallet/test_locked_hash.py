"""HMAC and HKDF in locked memory against the libraries that answer with bytes."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.contexts import Context
from adyton.core.crypto import derive
from adyton.core.errors import InvariantError
from adyton.enclave.wallet.locked_hash import MESSAGE, LockedHash
from adyton.enclave.wallet.locked_memory import LockedMemory


@pytest.fixture(scope="module")
def memory() -> Iterator[LockedMemory]:
    made = LockedMemory(16384)
    yield made
    made.close()


@pytest.fixture(scope="module")
def hashing(memory: LockedMemory) -> LockedHash:
    return LockedHash(memory)


@given(key=st.binary(max_size=128), pieces=st.lists(st.binary(max_size=80), max_size=6))
def test_hmac_sha512(
    memory: LockedMemory, hashing: LockedHash, key: bytes, pieces: list[bytes]
) -> None:
    with memory.slot(64) as out:
        hashing.hmac_sha512(key, pieces, out)
        assert bytes(out) == hmac.digest(key, b"".join(pieces), "sha512")


@given(
    secret=st.binary(max_size=80),
    parts=st.lists(st.binary(max_size=80), max_size=6),
    size=st.integers(1, 200),
)
def test_derivation_is_the_one_of_the_core(
    memory: LockedMemory, hashing: LockedHash, secret: bytes, parts: list[bytes], size: int
) -> None:
    with memory.slot(size) as out:
        hashing.derive(secret, out, Context.KDF_WALLET_SEED, *parts)
        assert bytes(out) == derive(secret, Context.KDF_WALLET_SEED, *parts, size=size)


def test_a_key_longer_than_a_block_is_refused(memory: LockedMemory, hashing: LockedHash) -> None:
    with memory.slot(64) as out, pytest.raises(InvariantError, match="key"):
        hashing.hmac_sha512(bytes(129), (b"",), out)


def test_a_message_has_a_bound(memory: LockedMemory, hashing: LockedHash) -> None:
    with memory.slot(64) as out:
        hashing.hmac_sha512(b"", (bytes(MESSAGE),), out)
        with pytest.raises(InvariantError, match="over 1024 bytes"):
            hashing.hmac_sha512(b"", (bytes(MESSAGE), b"\0"), out)


@pytest.mark.parametrize("size", [32, 63, 65])
def test_nothing_is_written_past_its_place(
    memory: LockedMemory, hashing: LockedHash, size: int
) -> None:
    with memory.slot(size) as out:
        with pytest.raises(InvariantError, match="another size"):
            hashing.hmac_sha512(b"", (b"",), out)
        assert bytes(out) == bytes(size)
