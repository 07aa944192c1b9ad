"""A server with wallets behind the command line, and what tests pay with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adversary.wallet_server import WalletServer
from tests.unit.cli.conftest import Adyton, Called

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
KEY = "46" * 32
KEY_ADDRESS = "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
PHRASE = "test test test test test test test test test test test junk"
PHRASE_ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FEES = ("--max-fee", "20gwei", "--tip", "1gwei")
PAYMENT = json.dumps(
    {"to": VENDOR, "value": 7, "chainId": 4, "gas": 21_000, "gasPrice": 1}
).encode()
PAY = ("--to", VENDOR, "--value", "1025", "--chain", "4", *FEES)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WalletServer:
    """A server with wallets, reached under every address."""
    (tmp_path / "server").mkdir()
    made = WalletServer(tmp_path / "server")
    monkeypatch.setattr("adyton.client.transport.HttpTransport", lambda url: made)
    return made


@pytest.fixture
def policy(tmp_path: Path, trusted: Adyton) -> str:
    """A policy that pays the vendor."""
    made = trusted("wallet", "policy", "example", "--to", VENDOR, "--chain", "4")
    (tmp_path / "policy.json").write_text(made.stdout)
    return "policy.json"


@pytest.fixture
def own(trusted: Adyton, policy: str) -> str:
    """The address of a wallet with that policy."""
    made: str = trusted("wallet", "new", "--policy", policy, "--json").json()["address"]
    return made


def fails(called: Called) -> tuple[int, str]:
    """Return exit status and code of a failure under --json."""
    told = called.json()["error"]
    assert told["message"]
    assert told["exit_code"] == called.status
    return called.status, told["code"]
