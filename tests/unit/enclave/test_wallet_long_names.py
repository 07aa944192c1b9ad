"""Policies of long names: what is said of them, and what the audit keeps of it, stays short enough to be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.wallet import requests
from adyton.protocol.wallet.answers import Changed
from tests.host_simulator import HostSimulator, SimulatedClient
from tests.wallet_kit import VENDOR, WalletClient, policy


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WalletClient]:
    host = HostSimulator(tmp_path_factory.mktemp("names"), sandbox=False)
    host.start()
    yield WalletClient(host, SimulatedClient(host, b"owner".ljust(32)))
    host.stop()


def test_a_long_signature_is_warned_of_in_few_words(owner: WalletClient) -> None:
    count = 120
    rule = {
        "id": "r" * 64,
        "effect": "allow",
        "chain": [1],
        "when": {"fee": "any"},
        "call": {
            "to": "any",
            "abi": f"f({','.join(['uint256'] * count)})",
            "args": {str(place): "any" for place in range(count)},
        },
    }
    asked = requests.New(requests.RANDOM, 1, bytes(32), policy([rule]), "single-host")
    warnings = owner.ordered(requests.NEW, asked, Changed).warnings
    assert any("of any contract" in line for line in warnings)


def test_whatever_a_limit_sums_its_refusal_can_be_read_in_the_audit(owner: WalletClient) -> None:
    field = "\U0001f600" * 2000
    rule = {
        "id": "typed",
        "effect": "allow",
        "chain": "any",
        "typedData": {
            "contract": "any",
            "primaryType": "Note",
            "fields": {"n": "any"},
        },
        "limits": [{"sum": f"field:{field}", "window": 60, "max": 5}],
    }
    wallet = owner.new(policy([rule], time="host"))
    types = {
        "EIP712Domain": [{"name": "verifyingContract", "type": "address"}],
        "Note": [{"name": "n", "type": "uint256"}],
    }
    document = {
        "types": types,
        "primaryType": "Note",
        "domain": {"verifyingContract": checksummed(VENDOR)},
        "message": {"n": 9},
    }
    told = owner.sign(wallet.accounts[0].address, document, "typedData")
    assert (told.status, "would allow it, but" in told.reason) == ("refused", True)
    # Its text is the policy's, and an entry that is too long could be written and not read.
    assert [entry.reason for entry in owner.audit(wallet)] == ["", told.reason]
