"""A node that lies, answers nonsense or is away: nothing is confirmed by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.core.errors import Error, UnavailableError
from adyton.host.gateways.ethereum_node import EthereumNode
from adyton.protocol.ethereum.keccak import keccak
from tests.broadcast_kit import CHAIN, PAYER, Bench
from tests.ethereum_kit import ToldNode, block, receipt, told_node


@pytest.fixture
def node() -> Iterator[ToldNode]:
    with told_node(CHAIN) as made:
        made.says["eth_sendRawTransaction"] = lambda raw: "0x" + _hash(raw)
        yield made


def _hash(raw: str) -> str:
    return keccak(bytes.fromhex(raw[2:])).hex()


@pytest.fixture
def bench(node: ToldNode, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(node, tmp_path / "journal.sqlite")
    yield made
    made.close()


OTHER = PAYER.pay(9)


@pytest.mark.parametrize(
    ("method", "says"),
    [
        ("eth_chainId", "0x1"),
        ("eth_chainId", 31337),
        ("eth_chainId", None),
        ("eth_chainId", ValueError("no")),
        ("eth_blockNumber", "16"),
        ("eth_sendRawTransaction", "0x" + OTHER.hash.hex()),
        ("eth_sendRawTransaction", None),
        ("eth_sendRawTransaction", "0x00"),
        ("eth_getTransactionReceipt", receipt(OTHER)),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), **{"from": "0x" + "11" * 20})),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), status="0x2")),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), status=None)),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), blockNumber="16")),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), blockHash=None)),
        ("eth_getTransactionReceipt", receipt(PAYER.pay(0), gasUsed="0xffffffff")),
        ("eth_getTransactionReceipt", []),
        ("eth_getBlockByNumber", block(OTHER)),
        ("eth_getBlockByNumber", None),
        ("eth_getBlockByNumber", {"hash": "0x" + "ab" * 32}),
        ("eth_getTransactionCount", "many"),
    ],
)
def test_a_node_that_lies_confirms_nothing(bench: Bench, method: str, says: Any) -> None:
    paid = PAYER.pay(0)
    if method in ("eth_getTransactionReceipt", "eth_getBlockByNumber"):
        bench.mine(paid)
    bench.node.says[method] = says
    bench.hand(paid)
    for _ in range(3):
        bench.look()
    assert "confirmed" not in bench.names
    assert (bench.last["event"], bench.last["reason"]) == ("failed", "node-fault")
    name = "adyton_gateway_node_faults_total"
    assert bench.counters.registry.get_sample_value(name) == 1


def test_a_block_of_another_hash_is_asked_again(bench: Bench) -> None:
    """The chain may have moved between two questions: no lie, and no confirmation."""
    paid = PAYER.pay(0)
    bench.mine(paid)
    bench.node.says["eth_getBlockByNumber"] = block(paid, hash="0x" + "cd" * 32)
    bench.hand(paid)
    bench.look()
    assert bench.names == []
    bench.mine(paid)
    bench.look()
    assert bench.names == ["broadcast", "confirmed"]


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[1]", b'{"id": 1}', b'{"id": 1, "id": 2}', b"\xff", b"x" * 9_000_000]
)
def test_an_answer_that_is_none(node: ToldNode, raw: bytes) -> None:
    ethereum = EthereumNode(node.url, CHAIN)
    node.raw = raw
    with pytest.raises(Error, match=r"does not hold|over \d+ bytes"):
        ethereum.require_chain()


def test_a_node_that_is_away_is_waited_for(bench: Bench) -> None:
    bench.hand(PAYER.pay(0))
    away = EthereumNode("http://127.0.0.1:9", CHAIN)
    with pytest.raises(UnavailableError):
        away.head()
    bench.broadcaster._node = away
    bench.look()
    assert bench.told == []
    bench.broadcaster._node = bench.ethereum
    bench.look()
    assert bench.names == ["broadcast"]
