"""Derived accounts: against the plain derivation for any path, and the cases that no vector has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.core.contexts import Context
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave.wallet.derivation import Derivation, require_private_key
from adyton.enclave.wallet.locked_hash import LockedHash, Piece
from adyton.enclave.wallet.locked_memory import LockedMemory
from adyton.protocol.ethereum.hd import HARDENED, account_path, master
from adyton.protocol.ethereum.signature import ORDER
from tests.wallet_vectors import cases, steps_of, unhex

SEED = b"a seed of some bytes"
BODY = memoryview(SEED)
NO_KEY = (0, ORDER, 2**256 - 1)


@pytest.fixture(scope="module")
def memory() -> Iterator[LockedMemory]:
    made = LockedMemory(16384)
    yield made
    made.close()


class Scripted(LockedHash):
    """Answers with numbers from a list, each as 32 bytes and 32 zeros behind."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)

    def hmac_sha512(self, key: Piece, pieces: Sequence[Piece], out: memoryview) -> None:
        out[:] = self.answers.pop(0).to_bytes(32, "big") + bytes(32)

    def derive(self, secret: Piece, out: memoryview, context: Context, *parts: bytes) -> None:
        out[:] = self.answers.pop(0).to_bytes(32, "big")


def counted(hashing: LockedHash, number: int) -> int:
    """Return the key of an account of a random wallet."""
    memory = LockedMemory(4096)
    try:
        with memory.slot(32) as out:
            Derivation(memory, hashing).account("random", BODY, number, out)
            return int.from_bytes(out, "big")
    finally:
        memory.close()


def along(hashing: LockedHash, steps: tuple[int, ...]) -> int:
    """Return the key at the end of a path."""
    memory = LockedMemory(4096)
    try:
        with memory.slot(32) as out:
            Derivation(memory, hashing).along(BODY, steps, out)
            return int.from_bytes(out, "big")
    finally:
        memory.close()


@settings(max_examples=50)
@given(
    st.binary(min_size=16, max_size=64),
    st.lists(st.integers(0, 2 * HARDENED - 1), max_size=6).map(tuple),
)
def test_any_path_of_any_seed(seed: bytes, steps: tuple[int, ...]) -> None:
    memory = LockedMemory(16384)
    try:
        out = memory.take(32)
        Derivation(memory, LockedHash(memory)).along(memoryview(seed), steps, out)
        assert bytes(out) == master(seed).derive(steps).secret
    finally:
        memory.close()


def test_bip32_vectors(memory: LockedMemory) -> None:
    hashing = LockedHash(memory)
    for case in cases("bip32"):
        steps, seed = steps_of(case["path"]), unhex(case["seed"])
        with memory.slot(32) as out:
            Derivation(memory, hashing).along(memoryview(seed), steps, out)
            assert bytes(out) == master(seed).derive(steps).secret


def test_the_longest_path(memory: LockedMemory) -> None:
    hashing = LockedHash(memory)
    for steps in ((7,) * 255, ()):
        with memory.slot(32) as out:
            Derivation(memory, hashing).along(BODY, steps, out)
            assert bytes(out) == master(SEED).derive(steps).secret


@pytest.mark.parametrize("number", NO_KEY)
def test_a_random_account_takes_the_next_attempt(number: int) -> None:
    assert counted(Scripted(number, number, 5), 3) == 5
    with pytest.raises(InvariantError, match="no private key"):
        counted(Scripted(*[number] * 8), 3)


@pytest.mark.parametrize("number", NO_KEY)
def test_seeds_and_indices_without_a_key_are_refused(number: int) -> None:
    with pytest.raises(UsageError, match="seed has no key"):
        along(Scripted(number), ())
    if number:
        with pytest.raises(UsageError, match="take the next one"):
            along(Scripted(7, number), (1,))
    with pytest.raises(UsageError, match="take the next one"):
        along(Scripted(7, ORDER - 7), (HARDENED,))
    assert along(Scripted(7, ORDER - 6, 3, 0, 1), (0, 1, 2, 3)) == 5
    assert along(Scripted(ORDER - 1, 9, 0, 0, 0, 0), account_path(0)) == 8


@pytest.mark.parametrize("number", NO_KEY)
def test_what_is_no_private_key(number: int) -> None:
    with pytest.raises(UsageError, match="from 1 to the order"):
        require_private_key(memoryview(number.to_bytes(32, "big")))


def test_the_least_and_the_greatest_private_key() -> None:
    for number in (1, ORDER - 1):
        require_private_key(memoryview(number.to_bytes(32, "big")))


def test_nothing_shows(memory: LockedMemory) -> None:
    hashing = LockedHash(memory)
    assert repr(hashing) == "<LockedHash>"
    assert repr(Derivation(memory, hashing)) == "<Derivation>"
