"""The endpoint over WebSocket: calls at once, subscriptions, and who may open one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from adyton.client.rpc.gate import Gate
from adyton.core import limits
from adyton.protocol.ethereum.address import checksummed
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade
from tests.scripted_node import CHAIN, LyingNode
from tests.unit.client.rpc.conftest import Start
from tests.unit.client.rpc.parts import TO

PATIENCE = 30


class Chain:
    """Blocks of a node, which a test makes and unmakes."""

    def __init__(self, node: LyingNode) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.logs: dict[str, list[Any]] = {}
        self.grow("genesis")
        node.bend = self._answer

    def grow(self, *names: str, logs: int = 0) -> None:
        for name in names:
            block = {
                "number": hex(len(self.blocks)),
                "hash": "0x" + name.encode().hex(),
                "parentHash": self.blocks[-1]["hash"] if self.blocks else "0x",
                "baseFeePerGas": "0x1",
                "transactions": ["0x1"],
                "uncles": [],
            }
            self.logs[str(block["hash"])] = [{"in": name, "n": at} for at in range(logs)]
            self.blocks.append(block)

    def _answer(self, method: str, params: list[Any], ask: Callable[[], Any]) -> Any:
        if method == "eth_getBlockByNumber":
            number = len(self.blocks) - 1 if params[0] == "latest" else int(params[0], 16)
            return {"result": self.blocks[number] if number < len(self.blocks) else None}
        if method == "eth_getLogs":
            return {"result": self.logs[params[0]["blockHash"]]}
        return ask()


@pytest.fixture
def chain(node: LyingNode) -> Chain:
    return Chain(node)


@contextmanager
def opened(facade: Facade, **options: Any) -> Iterator[ClientConnection]:
    with connect(facade.ws_url, compression=None, max_size=2**25, **options) as socket:
        yield socket


def ask(socket: ClientConnection, method: str, *params: Any) -> Any:
    socket.send(json.dumps({"jsonrpc": "2.0", "id": method, "method": method, "params": params}))
    told = hear(socket)
    assert told["id"] == method
    return told.get("result", told.get("error"))


def hear(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=PATIENCE))


def say_and_hear(socket: ClientConnection, text: str) -> None:
    socket.send(text)
    socket.recv(timeout=PATIENCE)


def heads_of(socket: ClientConnection, name: str, count: int) -> list[str]:
    found = []
    for _ in range(count):
        told = hear(socket)
        assert told["method"] == "eth_subscription"
        assert told["params"]["subscription"] == name
        found.append(bytes.fromhex(told["params"]["result"]["hash"][2:]).decode())
    return found


def test_calls_and_batches(facade: Facade) -> None:
    with opened(facade) as socket:
        assert ask(socket, "eth_chainId") == hex(CHAIN)
        call = {"jsonrpc": "2.0", "id": 1, "method": "net_version"}
        socket.send(json.dumps([call, {**call, "id": 2}]))
        assert [answer["id"] for answer in hear(socket)] == [1, 2]
        socket.send(json.dumps({"jsonrpc": "2.0", "method": "net_version"}))
        socket.send(json.dumps(call).encode())
        assert hear(socket)["result"] == str(CHAIN)
        socket.send("{")
        assert hear(socket)["error"]["code"] == -32700


def test_payments_at_once(facade: Facade, signer: FakeSigner) -> None:
    request = {"from": checksummed(signer.accounts()[0]), "to": TO}
    with opened(facade) as socket:
        for at in range(40):
            params = [{**request, "value": hex(at)}]
            call = {"jsonrpc": "2.0", "id": at, "method": "eth_sendTransaction", "params": params}
            socket.send(json.dumps(call))
        told = [hear(socket) for _ in range(40)]
    assert sorted(answer["id"] for answer in told) == list(range(40))
    assert len({answer["result"] for answer in told}) == 40
    assert sorted(nonce for _, _, nonce in signer.signed) == list(range(40))


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"origin": "https://evil.example"}, {}),
        ({"additional_headers": {"Authorization": "Bearer no"}}, {"gate": Gate(token=b"t" * 16)}),
        ({}, {"gate": Gate(token=b"t" * 16)}),
    ],
)
def test_strangers_open_none(
    start: Start, options: dict[str, Any], settings: dict[str, Any]
) -> None:
    with pytest.raises(InvalidStatus) as caught, opened(start(**settings), **options):
        pass
    assert caught.value.response.status_code == 403


def test_friends_do(start: Start) -> None:
    facade = start(gate=Gate(token=b"t" * 16, origins=frozenset({"https://app.example"})))
    bearer = {"Authorization": "Bearer " + "t" * 16}
    with opened(facade, additional_headers=bearer, origin="https://app.example") as socket:
        assert ask(socket, "eth_chainId") == hex(CHAIN)


def test_another_path_is_not_there(facade: Facade) -> None:
    with pytest.raises(InvalidStatus), connect(facade.ws_url + "/x"):
        pass


def test_a_message_that_is_too_large_ends_it(facade: Facade) -> None:
    said = None
    for _ in range(10):
        # It may be refused while it is still being sent, and the reason be lost with the connection.
        with opened(facade) as socket, pytest.raises(ConnectionClosed) as caught:
            say_and_hear(socket, "x" * (limits.RPC_BODY + 1))
        said = caught.value.rcvd
        if said is not None:
            break
    assert said is not None
    assert said.code == 1009
    assert facade.rpc("eth_chainId") == hex(CHAIN)


# --- subscriptions ------------------------------------------------------------------------------


def test_heads_are_told_once_each_and_in_order(chain: Chain, facade: Facade) -> None:
    with opened(facade) as socket:
        name = ask(socket, "eth_subscribe", "newHeads")
        chain.grow("a")
        assert heads_of(socket, name, 1) == ["a"]
        chain.grow("b", "c", "d")
        assert heads_of(socket, name, 3) == ["b", "c", "d"]
        assert ask(socket, "eth_unsubscribe", name) is True
        assert ask(socket, "eth_unsubscribe", name) is False
        chain.grow("e")
        time.sleep(0.2)
        assert ask(socket, "eth_chainId") == hex(CHAIN)


def test_a_head_is_a_header(chain: Chain, facade: Facade) -> None:
    with opened(facade) as socket:
        ask(socket, "eth_subscribe", "newHeads")
        chain.grow("a")
        head = hear(socket)["params"]["result"]
    assert (head["number"], head["baseFeePerGas"]) == ("0x1", "0x1")
    assert "transactions" not in head
    assert "uncles" not in head


def test_blocks_in_the_place_of_others_are_told(chain: Chain, facade: Facade) -> None:
    with opened(facade) as socket:
        name = ask(socket, "eth_subscribe", "newHeads")
        chain.grow("a", "b", "c")
        assert heads_of(socket, name, 3) == ["a", "b", "c"]
        kept = chain.blocks[:2]
        chain.blocks = list(kept)
        chain.grow("B", "C", "D")
        assert heads_of(socket, name, 3) == ["B", "C", "D"]


def test_a_second_subscription_begins_later(chain: Chain, facade: Facade) -> None:
    with opened(facade) as first, opened(facade) as second:
        one = ask(first, "eth_subscribe", "newHeads")
        chain.grow("a")
        assert heads_of(first, one, 1) == ["a"]
        two = ask(second, "eth_subscribe", "newHeads")
        assert one != two
        chain.grow("b")
        assert heads_of(second, two, 1) == ["b"]
        assert heads_of(first, one, 1) == ["b"]


def test_logs_are_told_by_filter(chain: Chain, node: LyingNode, facade: Facade) -> None:
    wanted = {"address": TO, "topics": [None, ["0x1"]]}
    with opened(facade) as socket:
        ask(socket, "eth_subscribe", "logs", wanted)
        chain.grow("a")
        chain.grow("b", logs=2)
        told = [hear(socket)["params"]["result"] for _ in range(2)]
    assert told == [{"in": "b", "n": 0}, {"in": "b", "n": 1}]
    asked = [params[0] for params in node.asked("eth_getLogs")]
    assert asked[-1] == {**wanted, "blockHash": "0x" + b"b".hex()}


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["newPendingTransactions"],
        ["syncing"],
        ["newHeads", {"x": 1}],
        ["logs", {"fromBlock": "0x0"}],
        ["logs", []],
        [7],
        [["newHeads"]],
    ],
)
def test_other_subscriptions_are_not_offered(
    chain: Chain, facade: Facade, params: list[Any]
) -> None:
    with opened(facade) as socket:
        assert ask(socket, "eth_subscribe", *params)["code"] == -32602


@pytest.mark.parametrize("params", [[], [7], ["0x1", "0x2"]])
def test_what_is_no_subscription_is_not_ended(
    chain: Chain, facade: Facade, params: list[Any]
) -> None:
    with opened(facade) as socket:
        assert ask(socket, "eth_unsubscribe", *params)["code"] == -32602


def test_subscriptions_are_bounded(
    chain: Chain, facade: Facade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RPC_SUBSCRIPTIONS", 2)
    with opened(facade) as socket:
        for _ in range(2):
            assert ask(socket, "eth_subscribe", "newHeads").startswith("0x")
        assert ask(socket, "eth_subscribe", "newHeads")["code"] == -32005


def test_a_node_that_fails_for_a_while_is_asked_again(
    chain: Chain, node: LyingNode, facade: Facade
) -> None:
    with opened(facade) as socket:
        name = ask(socket, "eth_subscribe", "newHeads")
        honest, failed = node.bend, []

        def fail(*_: Any) -> Any:
            failed.append(1)
            return {"result": {"hash": 7}}

        node.bend = fail
        deadline = time.monotonic() + PATIENCE
        while len(failed) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        node.bend = honest
        chain.grow("a")
        assert heads_of(socket, name, 1) == ["a"]


def test_the_node_is_not_asked_when_nobody_listens(
    chain: Chain, node: LyingNode, facade: Facade
) -> None:
    with opened(facade) as socket:
        name = ask(socket, "eth_subscribe", "newHeads")
        chain.grow("a")
        assert heads_of(socket, name, 1) == ["a"]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        before = len(node.asked("eth_getBlockByNumber"))
        time.sleep(0.2)
        if len(node.asked("eth_getBlockByNumber")) == before:
            break
    else:
        pytest.fail("it goes on asking")


def test_it_stops_with_open_sockets(start: Start, chain: Chain) -> None:
    facade = start()
    with opened(facade) as socket:
        ask(socket, "eth_subscribe", "newHeads")
        facade.facts.stop()
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=PATIENCE)
