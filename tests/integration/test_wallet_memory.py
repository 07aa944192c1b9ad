"""A real server makes wallets and signs; their keys are looked for in the memory of its enclave and of its host.

On the simulated platform whoever has the device's files can open the sealed root, and so can this test: that is how
it knows what to look for without asking the enclave, whose answer would be a copy.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from pathlib import Path
from unittest import mock

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_making import new_wallet
from adyton.core.contexts import Context
from adyton.core.crypto import derive
from adyton.enclave.platform.simulated import open_simulated
from adyton.enclave.sealing import Sealer
from adyton.host.simulated_tee import open_device
from adyton.host.store import SEALED_ROOT
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.hd import account_path, master
from adyton.protocol.ethereum.mnemonic import phrase_of, seed_of
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.genesis import Genesis
from bench import server
from tests.memory_traces import Mapping, pieces, traces
from tests.wallet_kit import policy

ACCOUNTS, SIGNED = 2, 20
RULES = [{"id": "talk", "effect": "allow", "method": ["message"], "message": "any"}]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wallets") / "data"


@pytest.fixture(scope="module")
def running(data: Path) -> Iterator[server.Server]:
    with server.running(data) as running:
        yield running


@pytest.fixture
def session(running: server.Server, tmp_path: Path) -> Iterator[Session]:
    with server.session(running.url, running.fingerprint, tmp_path / "keys") as session:
        yield session


def wallets_secret(data: Path, measurement: bytes) -> bytes:
    """The secret that the chain's wallets follow from, out of the sealed root."""
    with closing(sqlite3.connect(f"file:{data / 'ledger.sqlite'}?mode=ro", uri=True)) as store:
        (sealed,) = store.execute(
            "SELECT value FROM meta WHERE name = ?", (SEALED_ROOT,)
        ).fetchone()
    device = open_device(data / "device")
    try:
        root = Sealer(open_simulated(device, measurement).sealing_secret()).open_root(sealed)
    finally:
        os.close(device)
    return derive(root.root, Context.KDF_WALLETS, Genesis.decode(root.genesis).chain_id())


def made(session: Session, kind: str, secret: bytes) -> tuple[Wallet, dict[str, bytes]]:
    """Make a wallet; return it, and its secrets as they follow from what its client drew at random."""
    drawn: list[bytes] = []

    def draw(size: int) -> bytes:
        drawn.append(secrets.SystemRandom().randbytes(size))
        return drawn[-1]

    with mock.patch("secrets.token_bytes", draw):
        wallet, _ = new_wallet(session, kind=kind, accounts=ACCOUNTS, policy=policy(RULES))
    words = 24 if kind == "hd" else 0
    for request_id, entropy in permutations([one for one in drawn if len(one) == 32], 2):
        named = (wallet.id, request_id, entropy, bytes((words,)))
        seed = derive(secret, Context.KDF_WALLET_SEED, *named)
        found = hd_secrets(seed) if words else random_secrets(seed)
        if wallet.accounts == tuple(
            address_of(public_key(found[f"key {number}"])) for number in range(ACCOUNTS)
        ):
            return wallet, found
    raise AssertionError("the wallet does not follow from root, request and entropy")


def random_secrets(seed: bytes) -> dict[str, bytes]:
    context = Context.KDF_WALLET_ACCOUNT
    return {"seed": seed} | {
        f"key {number}": derive(seed, context, number.to_bytes(4, "big"), bytes(1))
        for number in range(ACCOUNTS)
    }


def hd_secrets(entropy: bytes) -> dict[str, bytes]:
    seed = seed_of(phrase_of(entropy))
    return {"entropy": entropy, "seed": seed} | {
        f"key {number}": master(seed).derive(account_path(number)).secret
        for number in range(ACCOUNTS)
    }


def looked(pid: int, secrets: dict[str, bytes]) -> tuple[dict[str, int], dict[str, int]]:
    """Where the secrets lie in a process: in locked memory, and elsewhere."""
    try:
        found = traces(pid, {name: pieces(secret) for name, secret in secrets.items()})
    except PermissionError:
        pytest.skip("an ordinary user cannot look into the enclave's process")

    def count(places: list[Mapping], locked: bool) -> int:
        return sum((place.flags >= {"lo", "dd", "dc"}) == locked for place in places)

    inside = {name: count(places, True) for name, places in found.items()}
    outside = {name: count(places, False) for name, places in found.items()}
    return inside, {name: number for name, number in outside.items() if number}


@pytest.mark.parametrize("kind", ["random", "hd"])
def test_keys_lie_in_the_enclaves_locked_memory_alone(
    kind: str, data: Path, running: server.Server, session: Session
) -> None:
    secret = wallets_secret(data, session.appraise().measurement)
    wallet, found = made(session, kind, secret)
    for number in range(SIGNED):
        wallet.sign_message(wallet.accounts[number % ACCOUNTS], b"message %d" % number)
    found["wallets' secret"] = secret
    inside, outside = looked(running.enclave_pid, found)
    assert outside == {}
    assert {name for name, count in inside.items() if count} == {
        "wallets' secret",
        *(f"key {number}" for number in range(ACCOUNTS)),
    }
    inside, outside = looked(running.pid, found)
    assert outside == {}
    assert not any(inside.values())
