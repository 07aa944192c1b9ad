"""A client, and a server with wallets that a test makes lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_making import new_wallet
from tests.adversary.server_simulator import open_session
from tests.adversary.wallet_server import WalletServer
from tests.wallet_asking import POLICY


@pytest.fixture
def server(tmp_path: Path) -> WalletServer:
    (tmp_path / "server").mkdir()
    return WalletServer(tmp_path / "server")


@pytest.fixture
def session(tmp_path: Path, server: WalletServer) -> Iterator[Session]:
    with open_session(tmp_path / "home", server) as made:
        yield made


@pytest.fixture
def wallet(session: Session) -> Wallet:
    return new_wallet(session, policy=POLICY)[0]
