"""What a node answers has a form, or it is no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from adyton.client.rpc.node import Node, NodeError
from adyton.core import limits
from adyton.core.errors import UnavailableError, VerificationError
from tests.scripted_node import LyingNode, lying_node


@pytest.fixture
def lying() -> Iterator[LyingNode]:
    with lying_node(lambda *_: {"result": "0x1"}) as node:
        yield node


@pytest.fixture
def node(lying: LyingNode) -> Iterator[Node]:
    made = Node(lying.url, timeout_s=60)
    yield made
    made.close()


def test_an_answer(node: Node) -> None:
    assert node.call("m", []) == "0x1"
    assert node.call("m", [{"a": 1}]) == "0x1"


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"<html>",
        b"7",
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":999,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":null,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":1,"id":1,"result":"0x1"}',
        b'{"jsonrpc":"2.0","id":1,"result":NaN}',
        b"[" * 10_000,
    ],
)
def test_what_is_no_answer(lying: LyingNode, node: Node, told: bytes) -> None:
    lying.bend = lambda *_: told
    with pytest.raises(VerificationError, match="no answer of JSON-RPC"):
        node.call("m", [])


def test_a_broken_connection_is_silence(lying: LyingNode, node: Node) -> None:
    lying.bend = lambda *_: None
    with pytest.raises(UnavailableError, match=r"the node http://127\.0\.0\.1:\d+ does not answer"):
        node.call("m", [])


def test_a_silent_node_is_not_waited_for(lying: LyingNode) -> None:
    ended = threading.Event()

    def wait(*_: Any) -> None:
        ended.wait(60)

    lying.bend = wait
    node = Node(lying.url, timeout_s=0.3)
    try:
        with pytest.raises(UnavailableError):
            node.call("m", [])
    finally:
        ended.set()
        node.close()


def test_an_answer_without_end_is_cut(
    lying: LyingNode, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RPC_NODE_ANSWER", 1000)
    lying.bend = lambda *_: b" " * 1001
    with pytest.raises(VerificationError, match="over 1000 bytes"):
        node.call("m", [])


@pytest.mark.parametrize(
    ("error", "number", "text"),
    [
        ({"code": -32000, "message": "no", "data": "0x1"}, -32000, "no"),
        ({"code": "x", "message": 7}, -32000, "the node answers with an error"),
        ({"code": 2**40}, -32000, "the node answers with an error"),
        ("no", -32000, "the node answers with an error"),
        ({"code": 1, "message": "a\x1b[2Jb\n"}, 1, "a\ufffd[2Jb\ufffd"),
        ({"code": 1, "message": "x" * 10**5}, 1, "x" * limits.RPC_NODE_ERROR),
    ],
)
def test_errors_of_the_node(
    lying: LyingNode, node: Node, error: Any, number: int, text: str
) -> None:
    lying.bend = lambda *_: {"error": error}
    with pytest.raises(NodeError) as caught:
        node.call("m", [])
    assert (caught.value.number, caught.value.message) == (number, text)


def test_a_secret_path_is_sent_and_never_shown() -> None:
    node = Node("https://node.example/v3/s3cr3t?key=s3cr3t")
    assert node.shown == "https://node.example:443"
