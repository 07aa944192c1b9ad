"""Broadcasting: from what a device hands over to what it is told, through restarts and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.core import limits
from adyton.host.gateways import broadcaster as module
from adyton.host.gateways import reports
from adyton.host.gateways.journal import ENDED, SENT, WAITING
from adyton.mqtt import topics
from adyton.mqtt.link import Outgoing
from adyton.protocol.ethereum.keccak import keccak
from tests.broadcast_kit import CHAIN, CHARGER, PAYER, Bench, message
from tests.e2e.command import until
from tests.ethereum_kit import ToldNode, told_node


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


def test_an_event_that_is_taken_while_the_journal_is_read_is_told_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Callable[[int], None]] = []

    def publish(sent: Outgoing, acknowledged: Callable[[int], None]) -> None:
        bench.told.append((sent.topic, json.loads(sent.payload)))
        taken.append(acknowledged)

    undelivered = bench.journal.undelivered

    def read(after: int, most: int) -> list[tuple[int, str, bytes]]:
        found = undelivered(after, most)
        if found and taken:  # the link's thread hears of it now
            taken.pop()(0)
        return found

    monkeypatch.setattr(bench.broadcaster, "_publish", publish)
    monkeypatch.setattr(bench.journal, "undelivered", read)
    bench.hand(PAYER.pay(3))
    for _ in range(3):
        bench.look()
    assert bench.names == ["broadcast"]
    assert undelivered(0, 10) == []


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
    states = [bench.state(paid)]
    bench.close()
    bench.open()
    bench.takes = False
    bench.look()
    states.append(bench.state(paid))
    bench.close()
    bench.open()
    bench.mine(paid)
    bench.look()
    states.append(bench.state(paid))
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


def test_what_cost_nobody_anything_takes_no_room(bench: Bench) -> None:
    refused, replaced = PAYER.pay(1), PAYER.pay(2)
    honest = bench.node.says["eth_sendRawTransaction"]
    bench.node.says["eth_sendRawTransaction"] = ValueError("insufficient funds")
    bench.takes = False
    bench.hand(refused)
    bench.look()
    assert bench.journal.find(refused.hash) is None
    bench.node.says["eth_sendRawTransaction"] = honest
    bench.hand(replaced)
    bench.node.says["eth_getTransactionCount"] = "0x3"
    bench.look()
    assert bench.journal.find(replaced.hash) is None
    # It is told all the same, also after a restart.
    bench.close()
    bench.open()
    bench.takes = True
    bench.look()
    assert [told["reason"] for _, told in bench.told] == ["refused", "replaced"]
    bench.hand(replaced)
    bench.look()
    assert bench.last["reason"] == "replaced"


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
