"""A node that lies stands before a real chain: the wallet never loses more than the payment and the caps."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.caps import Caps
from adyton.client.rpc.server import RpcSettings
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil, RpcError
from tests.components.rpc_fixtures import CHAIN, ETHER
from tests.fake_signer import FakeSigner
from tests.rpc_kit import CallError, Facade, running
from tests.scripted_node import GWEI, LyingNode, lying_node

TO = "0x00000000000000000000000000000000DeaDBeef"
VALUE = ETHER // 1000
CAPS = Caps(gas=100_000, fee=50 * GWEI, tip=2 * GWEI, cost=ETHER // 500)


@dataclass
class Setting:
    anvil: Anvil
    node: LyingNode
    facade: Facade
    account: str

    def pay(self, **more: Any) -> str | None:
        """Pay, and return the hash; None where it was refused."""
        request = {"from": self.account, "to": TO, "value": hex(VALUE), **more}
        try:
            return str(self.facade.rpc("eth_sendTransaction", request))
        except CallError:
            return None

    def balance(self) -> int:
        return int(self.anvil.rpc("eth_getBalance", [self.account, "latest"]), 16)


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=CHAIN) as node:
        yield node


@pytest.fixture
def setting(anvil: Anvil, tmp_path: Path) -> Iterator[Setting]:
    def ask(method: str, params: list[Any]) -> dict[str, Any]:
        try:
            return {"result": anvil.rpc(method, params)}
        except RpcError as problem:
            return {"error": {"code": problem.code, "message": problem.message}}

    signer = FakeSigner(secrets.token_bytes(32))
    account = checksummed(signer.accounts()[0])
    anvil.fund(account, ETHER)
    with lying_node(ask) as node:
        settings = RpcSettings(node.url, tmp_path / "journal", port=0, caps=CAPS)
        with running(signer, settings) as facade:
            yield Setting(anvil, node, facade, account)


def base_fee(wei: int) -> Callable[[Any], Any]:
    return lambda block: {**block, "baseFeePerGas": hex(wei)}


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_chainId", "0x1"),
        ("eth_estimateGas", hex(2**63)),
        ("eth_estimateGas", hex(100_001)),
        ("eth_estimateGas", "0x1"),
        ("eth_getBlockByNumber", base_fee(51 * GWEI)),
        ("eth_getBlockByNumber", base_fee(2**250)),
        ("eth_getBalance", "0x0"),
        ("eth_getBalance", None),
    ],
)
def test_refused(setting: Setting, method: str, lie: Any) -> None:
    before = setting.balance()
    bend(setting.node, method, lie)
    assert setting.pay() is None
    setting.node.bend = lambda _method, _params, ask: ask()
    assert setting.balance() == before
    # Nothing of it is left behind: the next payment is the first.
    sent = setting.pay()
    assert sent is not None
    assert setting.anvil.receipt(sent)["status"] == "0x1"
    assert setting.anvil.rpc("eth_getTransactionByHash", [sent])["nonce"] == "0x0"


@pytest.mark.parametrize(
    ("method", "lie"),
    [
        ("eth_maxPriorityFeePerGas", hex(2**255)),
        ("eth_getBlockByNumber", base_fee(49 * GWEI)),
        (
            "eth_getBlockByNumber",
            lambda block: {k: v for k, v in block.items() if k != "baseFeePerGas"},
        ),
        ("eth_getTransactionCount", hex(77)),
        ("eth_getBalance", hex(2**255)),
        ("eth_estimateGas", hex(100_000 // 3)),
        ("eth_sendRawTransaction", "0x" + "99" * 32),
    ],
)
def test_bounded(setting: Setting, method: str, lie: Any) -> None:
    before = setting.balance()
    bend(setting.node, method, lie)
    sent = setting.pay()
    assert sent is not None
    if method == "eth_sendRawTransaction":
        # The node keeps it for itself: it is sent again until there is one that does not.
        setting.node.bend = lambda _method, _params, ask: ask()
    receipt = setting.anvil.receipt(sent)
    assert receipt["status"] == "0x1"
    assert before - setting.balance() <= VALUE + CAPS.cost


def test_a_balance_that_is_not_there_costs_nothing(setting: Setting) -> None:
    setting.anvil.fund(setting.account, VALUE)
    setting.node.lie("eth_getBalance", hex(2**255))
    assert setting.pay() is None
    assert setting.balance() == VALUE


def bend(node: LyingNode, method: str, lie: Any) -> None:
    def answer(asked: str, _params: list[Any], ask: Callable[[], Any]) -> Any:
        if asked != method:
            return ask()
        return {"result": lie(ask()["result"]) if callable(lie) else lie}

    node.bend = answer
