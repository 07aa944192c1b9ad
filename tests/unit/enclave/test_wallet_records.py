"""What a wallet writes down can be read again, and is there as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.core import limits
from adyton.protocol.wallet.answers import Signed
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import WalletClient, payment, policy


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostSimulator]:
    host = HostSimulator(tmp_path, sandbox=False)
    host.start()
    yield host
    host.stop()


@pytest.fixture
def owner(host: HostSimulator) -> WalletClient:
    return WalletClient(host, SimulatedClient(host, b"owner".ljust(32)))


@pytest.fixture
def others(host: HostSimulator) -> list[WalletClient]:
    return [WalletClient(host, SimulatedClient(host, bytes([n]) * 32)) for n in range(2)]


def test_an_idempotency_key_is_remembered_as_long_as_its_proposal_can_be_claimed(
    owner: WalletClient, others: list[WalletClient], host: HostSimulator
) -> None:
    rule = {
        "id": "big",
        "effect": "allow",
        "chain": [1],
        "when": {"to": {"in": "@vendors"}, "fee": "any"},
        "approvals": {"m": 2, "of": "@treasury", "within": 3 * limits.WALLET_KEY_S},
    }
    keys = [client.key.hex() for client in others]
    wallet = owner.new(policy([rule], sets={"treasury": keys}, time="host"))
    account = wallet.accounts[0].address
    asked = owner.sign(account, payment(), key="charge 1")
    assert asked.proposal is not None
    host.time_ms += (limits.WALLET_KEY_S + 1) * 1000
    for client in (owner, *others):
        client.client.tickets.clear()
    host.block()
    # Else there were two proposals under one key, and each could be approved and claimed.
    assert owner.sign(account, payment(), key="charge 1") == asked
    for other in others:
        other.approve(other.proposal(asked.proposal))
    signed = owner.claim(asked.proposal, Signed)
    assert owner.sign(account, payment(), key="charge 1") == signed
    host.time_ms += (limits.WALLET_KEY_S + 1) * 1000
    for client in (owner, *others):
        client.client.tickets.clear()
    host.block()
    assert owner.sign(account, payment(), key="charge 1").proposal not in (None, asked.proposal)
