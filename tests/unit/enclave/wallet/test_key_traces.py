"""Where secrets lie in the memory of a process that has a vault, looked at from another process.

The secrets are not the vault's word: they are derived here from the same root, by the code that clients use.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adyton.core.contexts import Context
from adyton.core.crypto import derive
from adyton.protocol.ethereum.hd import HdKey, account_path, master
from adyton.protocol.ethereum.mnemonic import entropy_of, phrase_of, seed_of
from tests.memory_traces import Look, Mapping, pieces
from tests.unit.enclave.wallet.vault_child import ACCOUNTS, KEY, STEPS
from tests.vault_kit import ENTROPY, PHRASE, REQUEST, ROOT, WALLET, genesis

MADE_PHRASES = ("hd24",)
IMPORTED = {"key": "key 0"}
FINAL = {f"key {account_path(number)}" for number in range(ACCOUNTS)}
CHILD = "tests.unit.enclave.wallet.vault_child"


def wallets_secret() -> bytes:
    return derive(ROOT, Context.KDF_WALLETS, genesis().chain_id())


def made_seed(words: int) -> bytes:
    named = (WALLET, REQUEST, ENTROPY, bytes((words,)))
    return derive(wallets_secret(), Context.KDF_WALLET_SEED, *named)


def hd_secrets(seed: bytes) -> dict[str, bytes]:
    """The seed, and every key and chain code on the way to the accounts."""
    found = {"seed": seed}
    nodes: dict[tuple[int, ...], HdKey] = {}
    for number in range(ACCOUNTS):
        path = account_path(number)
        for depth in range(len(path) + 1):
            nodes[path[:depth]] = master(seed).derive(path[:depth])
    for path, node in nodes.items():
        found[f"key {path}"] = node.secret
        found[f"chain code {path}"] = node.chain_code
    assert len(nodes) == 5 + ACCOUNTS
    return found


def secrets_of(kind: str) -> dict[str, bytes]:
    """Every secret of the wallet of this kind that the child makes."""
    if kind == "key":
        return {"key 0": KEY}
    if kind == "mnemonic":
        return {"entropy": entropy_of(PHRASE), **hd_secrets(seed_of(PHRASE))}
    if kind in ("random", "careless"):
        seed = made_seed(0)
        numbers = {f"key {at}": (at.to_bytes(4, "big"), bytes(1)) for at in range(ACCOUNTS)}
        return {"seed": seed} | {
            name: derive(seed, Context.KDF_WALLET_ACCOUNT, *parts)
            for name, parts in numbers.items()
        }
    entropy = made_seed(int(kind[2:]))[: int(kind[2:]) * 4 // 3]
    return {"entropy": entropy, **hd_secrets(seed_of(phrase_of(entropy)))}


def looked_for(kind: str) -> dict[str, list[bytes]]:
    """The pieces of every secret of this kind, and of those that all wallets follow from."""
    secret = wallets_secret()
    secrets = {
        "wallets' secret": secret,
        "wrapping key": derive(secret, Context.KDF_WALLET_WRAP, size=64),
        **secrets_of(kind),
    }
    found = {name: pieces(held) for name, held in secrets.items()}
    if kind in MADE_PHRASES:
        # The words are a public list that lies in memory; a secret is their order.
        phrase = phrase_of(secrets["entropy"]).encode()
        found["phrase"] = [phrase[:24], phrase[-24:]]
    return found


@contextmanager
def child(kind: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", CHILD, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def at_each_step(kind: str) -> dict[str, dict[str, list[Mapping]]]:
    """What is found at each step of the child, by secret."""
    look, found = Look(looked_for(kind)), {}
    with child(kind) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for step in STEPS:
            assert process.stdout.readline().strip() == step
            found[step] = look.traces(process.pid)
            process.stdin.write("\n")
            process.stdin.flush()
        assert process.wait(60) == 0
    return found


def is_locked(mapping: Mapping) -> bool:
    """Say whether a mapping is locked, and left out of core files and of children."""
    return mapping.flags >= {"lo", "dd", "dc"}


def outside(found: dict[str, list[Mapping]]) -> dict[str, int]:
    """How often each secret lies outside of locked memory, where it does."""
    counts = {name: sum(not is_locked(place) for place in places) for name, places in found.items()}
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("kind", ["random", *MADE_PHRASES])
def test_made_secrets_lie_in_locked_memory_alone(kind: str) -> None:
    found = at_each_step(kind)
    for step in STEPS:
        assert outside(found[step]) == {}, step
    # What is at hand is found, so the look was one.
    keys = [
        name
        for name in found["used"]
        if name in FINAL or (name.startswith("key") and kind == "random")
    ]
    assert len(keys) == ACCOUNTS
    for name in ("wallets' secret", "wrapping key", *keys):
        assert len(found["used"][name]) == 2, name
    assert {place for places in found["used"].values() for place in places if is_locked(place)}
    assert not any(found["closed"].values())


@pytest.mark.parametrize("kind", ["mnemonic", "key"])
def test_an_import_adds_no_copy(kind: str) -> None:
    """What was imported lies where the request has left it, and the vault adds nothing to that."""
    found = at_each_step(kind)
    before = outside(found["made"])
    # A phrase comes as words; what it stands for lies nowhere outside.
    assert before == ({} if kind == "mnemonic" else {IMPORTED[kind]: before[IMPORTED[kind]]})
    for step in STEPS:
        assert outside(found[step]) == before, step
    assert found["used"]["wallets' secret"]
    assert sum(map(len, found["closed"].values())) == sum(before.values())


def test_a_copy_is_found() -> None:
    """The look itself: a process that keeps a key in ordinary memory gives it away."""
    found = at_each_step("careless")
    assert not outside(found["made"])
    assert set(outside(found["used"])) == set(outside(found["closed"])) == {"key 0"}


def test_a_piece_that_lies_across_two_stretches_is_found_once() -> None:
    piece = secrets.token_bytes(8)
    held = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.madvise(mmap.MADV_DONTDUMP)  # so that it is a mapping of its own
    count = len(held) // 8 - 1
    held[3 : 3 + 8 * count] = piece * count
    place = ctypes.addressof(ctypes.c_char.from_buffer(held))
    look = Look({"piece": [piece]})
    for _ in range(2):  # what was searched before is known
        found = look.traces(os.getpid())["piece"]
        assert sum(mapping.start <= place < mapping.end for mapping in found) == count
