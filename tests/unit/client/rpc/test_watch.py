"""Signed transactions are looked after until they are mined."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.node import NodeError
from adyton.core.errors import VerificationError
from tests.unit.client.rpc import parts as kit
from tests.unit.client.rpc.parts import Parts, parts


@pytest.fixture
def made(tmp_path: Path) -> Parts:
    made = parts(tmp_path)
    made.pay()
    return made


def look(made: Parts, seconds: float = 1) -> None:
    made.clock[0] += seconds
    made.watch.sweep()


def begin(made: Parts) -> None:
    made.watch.sweep()
    assert len(made.broadcasts) == 1


def test_a_fresh_one_is_left_alone(made: Parts) -> None:
    begin(made)
    look(made, 0.9)
    assert not made.node.asked("eth_getTransactionReceipt")


def test_what_the_node_has_lost_is_sent_again(made: Parts) -> None:
    begin(made)
    look(made)
    assert len(made.broadcasts) == 2
    assert len(set(made.broadcasts)) == 1


def test_the_pauses_grow(made: Parts) -> None:
    begin(made)
    looked: list[int] = []
    for second in range(1, 40):
        look(made)
        looked += [second] * (len(made.broadcasts) - 1 - len(looked))
    assert looked == [1, 3, 7, 15, 31]


def test_what_the_node_knows_is_not_sent_again(made: Parts) -> None:
    made.node.answers["eth_getTransactionByHash"] = {"blockNumber": None}
    begin(made)
    look(made)
    assert len(made.broadcasts) == 1
    assert len(made.journal.entries()) == 1


def test_what_is_mined_is_forgotten(made: Parts, tmp_path: Path) -> None:
    made.node.answers["eth_getTransactionReceipt"] = {"blockNumber": "0x5"}
    begin(made)
    look(made)
    assert not made.journal.entries()
    assert not list((tmp_path / "journal").iterdir())


def test_what_was_replaced_is_forgotten_with_what_replaced_it(made: Parts) -> None:
    begin(made)
    first = made.journal.entries()[0]
    made.pay(nonce="0x0", maxFeePerGas=hex(40 * 10**9), maxPriorityFeePerGas=hex(4 * 10**9))
    made.pay()
    name = "0x" + first.signed.hash.hex()
    made.node.answers["eth_getTransactionReceipt"] = lambda params: (
        {"blockNumber": "0x5"} if params == [name] else None
    )
    begin_again = len(made.broadcasts)
    look(made)
    assert [entry.signed.transaction.nonce for entry in made.journal.entries()] == [1]
    assert begin_again == 3


def test_nothing_is_sent_to_a_node_of_another_chain(made: Parts) -> None:
    begin(made)
    made.node.answers["eth_chainId"] = "0x1"
    with pytest.raises(VerificationError):
        look(made)
    assert len(made.broadcasts) == 1


def test_one_that_another_took_the_place_of_is_given_up_after_a_day(
    made: Parts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def low(_: list[Any]) -> Any:
        raise NodeError(-32000, "nonce too low", code="node_refused")

    begin(made)
    made.node.answers["eth_sendRawTransaction"] = low
    look(made)
    assert len(made.journal.entries()) == 1
    monkeypatch.setattr(kit, "NOW_MS", kit.NOW_MS + 24 * 3600 * 1000 + 1)
    look(made, 10)
    assert not made.journal.entries()
    assert not list((tmp_path / "journal").iterdir())
