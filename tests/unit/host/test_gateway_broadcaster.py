"""Broadcasting, before a node that lies, forgets and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import UnavailableError, VerificationError
from adyton.host.gateways import broadcaster as module
from adyton.host.gateways import reports
from adyton.host.gateways.broadcaster import Broadcaster
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.ethereum_node import EthereumNode
from adyton.host.gateways.journal import ENDED, SENT, WAITING, Journal
from adyton.mqtt import topics
from adyton.mqtt.link import Outgoing
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.transaction import SignedTransaction
from tests.e2e.command import until
from tests.ethereum_kit import Account, ToldNode, block, receipt, told_node

CHAIN = 31337
CHARGER = topics.Sender("charger", "")
PAYER = Account(7)


class Bench:
    """A broadcaster, and a broker that takes every event, or none."""

    def __init__(self, node: ToldNode, path: Path) -> None:
        self.node = node
        self.path = path
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.takes = True
        self.counters = Counters()
        self.ethereum = EthereumNode(node.url, CHAIN)
        self.open()

    def open(self) -> None:
        self.journal = Journal(self.path)
        self.broadcaster = Broadcaster(
            "g",
            self.ethereum,
            CHAIN,
            self.journal,
            self.publish,
            self.counters,
            confirmations=2,
            poll_s=0.01,
        )

    def close(self) -> None:
        self.broadcaster.close()
        self.journal.close()

    def publish(self, message: Outgoing, acknowledged: Callable[[int], None]) -> None:
        if self.takes:
            self.told.append((message.topic, json.loads(message.payload)))
            acknowledged(0)

    def hand(self, transaction: SignedTransaction, device: topics.Sender = CHARGER) -> None:
        self.broadcaster.take(device, message(transaction.raw))

    def look(self) -> None:
        """Look once, as the thread would."""
        self.broadcaster._look()
        self.broadcaster._deliver()

    @property
    def names(self) -> list[str]:
        return [told["event"] for _, told in self.told]

    @property
    def last(self) -> dict[str, Any]:
        return self.told[-1][1]

    def mine(self, transaction: SignedTransaction, head: int = 0x11, **changes: Any) -> None:
        self.node.says["eth_getTransactionReceipt"] = receipt(transaction, **changes)
        self.node.says["eth_getBlockByNumber"] = block(transaction)
        self.node.says["eth_blockNumber"] = hex(head)


def message(raw: bytes) -> bytes:
    return json.dumps({"v": 1, "raw": "0x" + raw.hex()}).encode()


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


def test_a_payment_from_hand_over_to_confirmation(bench: Bench) -> None:
    paid = PAYER.pay(3)
    bench.hand(paid)
    assert bench.told == []
    bench.look()
    assert bench.node.asked[-1] == ("eth_sendRawTransaction", ["0x" + paid.raw.hex()])
    expected = {
        "v": 1,
        "event": "broadcast",
        "hash": "0x" + paid.hash.hex(),
        "chainId": "0x7a69",
        "from": PAYER.name,
        "nonce": "0x3",
        "transactionId": "charge-3",
    }
    assert bench.told == [("adyton/v1/g/charger/events", expected)]
    bench.mine(paid, head=0x10)
    bench.look()
    assert bench.names == ["broadcast"]
    bench.mine(paid, head=0x11)
    bench.look()
    assert bench.last == expected | {
        "event": "confirmed",
        "blockNumber": "0x10",
        "blockHash": "0x" + "ab" * 32,
        "status": "0x1",
        "gasUsed": "0x5208",
        "confirmations": 2,
    }
    calls = len(bench.node.asked)
    bench.look()
    assert len(bench.node.asked) == calls
    assert bench.journal.undelivered(0, 10) == []


def test_a_reverted_payment_is_a_failure(bench: Bench) -> None:
    paid = PAYER.pay(0)
    bench.hand(paid)
    bench.mine(paid, status="0x0")
    bench.look()
    assert bench.names == ["broadcast", "failed"]
    assert (bench.last["reason"], bench.last["status"]) == ("reverted", "0x0")
    # It lies in the chain: handed over again, nothing more happens than that this is said again.
    bench.hand(paid)
    bench.look()
    assert bench.names == ["broadcast", "failed", "failed"]
    assert bench.node.count("eth_sendRawTransaction") == 0


@pytest.mark.parametrize(
    "words", ["already known", "transaction already imported", "ALREADY KNOWN"]
)
def test_one_that_the_node_knows_is_broadcast(bench: Bench, words: str) -> None:
    bench.node.says["eth_sendRawTransaction"] = ValueError(words)
    bench.hand(PAYER.pay(0))
    bench.look()
    assert bench.names == ["broadcast"]


def test_what_the_node_refuses_may_be_handed_over_again(bench: Bench) -> None:
    paid = PAYER.pay(0)
    honest = bench.node.says["eth_sendRawTransaction"]
    words = "insufficient funds\x1b[2J" + "x" * 1000
    bench.node.says["eth_sendRawTransaction"] = ValueError(words)
    bench.hand(paid)
    bench.look()
    assert (bench.last["event"], bench.last["reason"]) == ("failed", "refused")
    assert bench.last["detail"].startswith("insufficient funds\ufffd[2J")
    assert len(bench.last["detail"]) == reports.DETAIL
    bench.look()
    assert bench.names == ["failed"]
    bench.node.says["eth_sendRawTransaction"] = honest
    bench.hand(paid)
    bench.look()
    assert bench.names == ["failed", "broadcast"]


def test_another_with_its_nonce_replaces_it_once_that_is_deep(bench: Bench) -> None:
    bench.hand(PAYER.pay(0))
    bench.look()
    counts = {"0xf": "0x0"}
    bench.node.says["eth_getTransactionCount"] = lambda _, at: counts.get(at, "0x1")
    bench.look()
    assert bench.names == ["broadcast"]
    bench.node.says["eth_blockNumber"] = "0x11"
    bench.look()
    assert (bench.last["event"], bench.last["reason"]) == ("failed", "replaced")


def test_what_the_node_forgot_is_sent_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESEND_S", 0.0)
    bench.hand(PAYER.pay(0))
    for _ in range(3):
        bench.look()
    assert bench.node.count("eth_sendRawTransaction") == 3
    bench.node.says["eth_getTransactionByHash"] = {"hash": "…"}
    bench.look()
    assert bench.node.count("eth_sendRawTransaction") == 3
    assert bench.names == ["broadcast"]


def test_a_reorganised_chain_is_waited_for(bench: Bench) -> None:
    paid = PAYER.pay(0)
    bench.hand(paid)
    bench.mine(paid, head=0x10)
    bench.look()
    bench.node.says["eth_getTransactionReceipt"] = None
    bench.node.says["eth_blockNumber"] = "0x20"
    bench.look()
    assert bench.names == ["broadcast"]
    bench.mine(paid, head=0x20)
    bench.look()
    assert bench.names == ["broadcast", "confirmed"]


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
    with pytest.raises((VerificationError, Exception), match=r"does not hold|over \d+ bytes"):
        ethereum.require_chain()


def test_a_node_that_is_away_is_waited_for(bench: Bench) -> None:
    bench.hand(PAYER.pay(0))
    away = Bench.__new__(Bench)
    away.ethereum = EthereumNode("http://127.0.0.1:9", CHAIN)
    with pytest.raises(UnavailableError):
        away.ethereum.head()
    bench.broadcaster._node = away.ethereum
    bench.look()
    assert bench.told == []
    bench.broadcaster._node = bench.ethereum
    bench.look()
    assert bench.names == ["broadcast"]


@pytest.mark.parametrize(
    ("unverified", "reason"),
    [
        (b"", "malformed"),
        (b"[]", "malformed"),
        (b'{"v": 1}', "malformed"),
        (b'{"v": 2, "raw": "0x00"}', "malformed"),
        (b'{"v": true, "raw": "0x00"}', "malformed"),
        (b'{"v": 1, "raw": "00"}', "malformed"),
        (b'{"v": 1, "raw": "0x0"}', "malformed"),
        (b'{"v": 1, "raw": "0x00", "raw": "0x00"}', "malformed"),
        (b'{"v": 1, "raw": "0x00", "to": 1}', "malformed"),
        (message(PAYER.pay(0).raw + b"\x00"), "malformed"),
        (message(PAYER.pay(0).transaction.unsigned), "malformed"),
        (message(bytes(limits.ETHEREUM_TRANSACTION + 1)), "malformed"),
        (message(PAYER.pay(0, chain=1).raw), "wrong-chain"),
    ],
)
def test_what_is_handed_over_wrongly_is_told(bench: Bench, unverified: bytes, reason: str) -> None:
    bench.broadcaster.take(CHARGER, unverified)
    assert (bench.last["event"], bench.last["reason"]) == ("failed", reason)
    assert bench.journal.open_ones() == []
    bench.look()
    assert bench.node.asked == []


def test_a_device_has_its_share(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNDER_WAY_EACH", 2)
    for nonce in range(3):
        bench.hand(PAYER.pay(nonce))
    assert (bench.last["reason"], bench.last["hash"]) == (
        "overloaded",
        "0x" + PAYER.pay(2).hash.hex(),
    )
    bench.hand(PAYER.pay(2), topics.Sender("other", ""))
    assert len(bench.journal.open_ones()) == 3


def test_each_device_that_hands_it_over_is_told(bench: Bench) -> None:
    paid = PAYER.pay(0)
    bench.hand(paid)
    bench.look()
    bench.hand(paid, topics.Sender("other", ""))
    bench.look()
    assert [topic.split("/")[3] for topic, _ in bench.told] == ["charger", "other"]
    assert bench.names == ["broadcast", "broadcast"]
    bench.mine(paid)
    bench.look()
    assert [topic.split("/")[3] for topic, _ in bench.told[2:]] == ["charger", "other"]
    assert bench.node.count("eth_sendRawTransaction") == 1


def test_nothing_is_lost_at_any_restart(bench: Bench) -> None:
    paid = PAYER.pay(0)
    bench.hand(paid)
    states = [bench.journal.open_ones()[0].state]
    bench.close()
    bench.open()
    bench.takes = False
    bench.look()
    states.append(bench.journal.open_ones()[0].state)
    bench.close()
    bench.open()
    bench.mine(paid)
    bench.look()
    found = bench.journal.find(paid.hash)
    states.append(found.state if found else "")
    assert states == [WAITING, SENT, ENDED]
    assert bench.told == []
    bench.close()
    bench.open()
    bench.takes = True
    bench.look()
    assert bench.names == ["broadcast", "confirmed"]


def test_the_thread_goes_on_after_a_round_that_broke(bench: Bench) -> None:
    bench.broadcaster.start()
    bench.node.says["eth_blockNumber"] = "0x10"
    honest = bench.journal.open_ones
    rounds: list[int] = []

    def broken() -> Any:
        rounds.append(1)
        raise ZeroDivisionError

    bench.journal.open_ones = broken  # type: ignore[method-assign]  # for one moment
    bench.hand(PAYER.pay(0))
    until(lambda: len(rounds) > 1, "two rounds break")
    bench.journal.open_ones = honest  # type: ignore[method-assign]  # again
    until(lambda: bench.names == ["broadcast"], "it goes on")


def test_old_things_are_forgotten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = PAYER.pay(0)
    bench.hand(paid)
    bench.mine(paid)
    bench.look()
    bench.journal.prune()
    assert bench.journal.find(paid.hash) is not None
    monkeypatch.setattr("adyton.host.gateways.journal.KEPT_S", -10)
    bench.journal.prune()
    assert bench.journal.find(paid.hash) is None


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", None),
        (b"fe3d61b7", "fe3d61b7"),
        ("Ladesäule 7".encode(), "Ladesäule 7"),
        (b"a\nb", None),
        (b"a\x00", None),
        (b"\xff\xfe", None),
        ("\u202eb".encode(), None),
        (b"x" * 256, "x" * 256),
        (b"x" * 257, None),
    ],
)
def test_the_transaction_id_is_short_printable_text(data: bytes, text: str | None) -> None:
    assert reports.transaction_id(data) == text
