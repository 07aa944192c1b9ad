"""A node, accounts with ether, and a facade between them, for tests with programs that others wrote."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.server import RpcSettings
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade, running

CHAIN = 4242
ETHER = 10**18

Start = Callable[..., Facade]


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=CHAIN) as node:
        yield node


@pytest.fixture
def signer(anvil: Anvil) -> FakeSigner:
    """Two accounts that nobody has used."""
    made = FakeSigner(secrets.token_bytes(32), secrets.token_bytes(32))
    for account in made.accounts():
        anvil.fund(checksummed(account), 100 * ETHER)
    return made


@pytest.fixture
def start(anvil: Anvil, signer: FakeSigner, tmp_path: Path) -> Iterator[Start]:
    """Starts a facade with other settings than usual."""
    with ExitStack() as stack:

        def begin(**settings: Any) -> Facade:
            usual = RpcSettings(anvil.url, tmp_path / "journal", port=0, poll_s=0.05)
            return stack.enter_context(running(signer, replace(usual, **settings)))

        yield begin


@pytest.fixture
def facade(start: Start) -> Facade:
    return start()
