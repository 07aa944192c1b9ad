"""The endpoint over HTTP: what comes in, what is refused before it is read, and batches."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.gate import Gate
from adyton.client.rpc.server import RpcSettings
from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed
from tests.fake_signer import FakeSigner
from tests.rpc_kit import CallError, Facade, running
from tests.scripted_node import CHAIN, LyingNode
from tests.unit.client.rpc.conftest import Start
from tests.unit.client.rpc.parts import TO

CALL = {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": hex(CHAIN)}


def account(signer: FakeSigner) -> str:
    return checksummed(signer.accounts()[0])


def test_a_call(facade: Facade) -> None:
    reply = facade.post(CALL)
    assert (reply.status, reply.json) == (200, ANSWER)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in reply.headers


def test_a_connection_is_kept(facade: Facade) -> None:
    body = json.dumps(CALL).encode()
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", facade.facts.port), timeout=30) as raw:
        for _ in range(3):
            raw.sendall(head.encode() + body)
            seen = b""
            while not seen.endswith(b"}"):
                seen += raw.recv(4096)
            assert json.loads(seen.partition(b"\r\n\r\n")[2]) == ANSWER


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": f"evil.example:{8545}"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": None}, 415),
        ({"Content-Type": "multipart/form-data"}, 415),
        ({"Content-Length": None, "Transfer-Encoding": "chunked"}, 411),
        ({"Content-Encoding": "gzip"}, 415),
    ],
)
def test_what_a_web_page_could_send_is_refused(
    facade: Facade, signer: FakeSigner, headers: dict[str, str | None], status: int
) -> None:
    request = {"from": account(signer), "to": TO, "value": "0x1"}
    call = {**CALL, "method": "eth_sendTransaction", "params": [request]}
    body: Any = b"2\r\n{}\r\n0\r\n\r\n" if status == 411 else call
    reply = facade.post(body, headers=headers)
    assert reply.status == status
    assert reply.json["error"]["code"] == -32600
    assert "access-control-allow-origin" not in reply.headers
    assert not signer.signed


def test_no_preflight_is_granted_to_strangers(start: Start) -> None:
    facade = start(gate=Gate(origins=frozenset({"https://app.example"})))
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    stranger = facade.post(
        b"", method="OPTIONS", headers={"Origin": "https://evil.example", **asked}
    )
    assert stranger.status == 403
    assert "access-control-allow-origin" not in stranger.headers
    friend = facade.post(b"", method="OPTIONS", headers={"Origin": "https://app.example", **asked})
    assert friend.status == 204
    assert friend.headers["access-control-allow-origin"] == "https://app.example"
    answer = facade.post(CALL, headers={"Origin": "https://app.example"})
    assert (answer.status, answer.json) == (200, ANSWER)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert facade.post(b"", method="OPTIONS").status == 405


def test_a_token_is_needed_where_there_is_one(start: Start) -> None:
    facade = start(gate=Gate(token=b"0123456789abcdef"))
    assert facade.post(CALL).status == 401
    assert facade.post(CALL, headers={"Authorization": "Bearer wrong-wrong-wrong"}).status == 401
    told = facade.post(CALL, headers={"Authorization": "Bearer 0123456789abcdef"})
    assert told.json == ANSWER


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 405), ("PUT", "/", 405), ("POST", "/x", 404)]
)
def test_there_is_one_place_to_post_to(facade: Facade, method: str, path: str, status: int) -> None:
    assert facade.post(CALL, method=method, path=path).status == status


def test_a_body_that_is_too_large_is_not_read(facade: Facade) -> None:
    reply = facade.post(b"{}", headers={"Content-Length": str(limits.RPC_BODY + 1)})
    assert (reply.status, reply.json["error"]["code"]) == (413, -32005)


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_accounts","method":"eth_sign"}', -32700),
        (b"[" * 100 + b"]" * 100, -32700),
        (b"\xff", -32700),
        (b"7", -32600),
        (b"[]", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_accounts","params":{}}', -32602),
        (b'{"jsonrpc":"2.0","id":1e999,"method":"eth_accounts"}', -32700),
    ],
)
def test_bad_messages_are_answered(facade: Facade, body: bytes, number: int) -> None:
    reply = facade.post(body)
    assert (reply.status, reply.json["error"]["code"]) == (200, number)
    assert facade.post(CALL).json == ANSWER


def test_a_batch_is_answered_in_its_order(facade: Facade) -> None:
    calls = [
        {**CALL, "id": at, "method": name}
        for at, name in enumerate(("eth_chainId", "net_version", "no"))
    ]
    strange = {**CALL, "id": 9, "method": ["eth_sendTransaction"]}
    told = facade.post([*calls, 7, {"jsonrpc": "2.0", "method": "eth_chainId"}, strange]).json
    assert [answer["id"] for answer in told] == [0, 1, 2, None, 9]
    assert told[1]["result"] == str(CHAIN)
    codes = [answer.get("error", {}).get("code") for answer in told]
    assert codes == [None, None, -32601, -32600, -32600]


def test_payments_of_a_batch_get_their_nonces_in_order(facade: Facade, signer: FakeSigner) -> None:
    request = {"from": account(signer), "to": TO}
    calls = [
        {
            **CALL,
            "id": at,
            "method": "eth_sendTransaction",
            "params": [{**request, "value": hex(at)}],
        }
        for at in range(limits.RPC_BATCH)
    ]
    told = facade.post(calls).json
    assert [answer["id"] for answer in told] == list(range(limits.RPC_BATCH))
    place = (signer.accounts()[0], CHAIN)
    for at, answer in enumerate(told):
        signed = signer.signed[(*place, at)]
        assert answer["result"] == "0x" + signed.hash.hex()
        assert signed.transaction.value == at


def test_a_batch_is_bounded(facade: Facade) -> None:
    told = facade.post([CALL] * (limits.RPC_BATCH + 1)).json
    assert told["error"]["code"] == -32005


def test_a_notification_does_nothing(facade: Facade, signer: FakeSigner) -> None:
    request = {"from": account(signer), "to": TO, "value": "0x1"}
    call = {"jsonrpc": "2.0", "method": "eth_sendTransaction", "params": [request]}
    for body in (call, [call, call]):
        reply = facade.post(body)
        assert (reply.status, reply.body) == (204, b"")
    assert not signer.signed


def test_forty_payments_at_once_get_forty_nonces(facade: Facade, signer: FakeSigner) -> None:
    request = {"from": account(signer), "to": TO}
    sent: list[str] = []
    begin = threading.Barrier(40)

    def pay(value: int) -> None:
        begin.wait()
        sent.append(facade.rpc("eth_sendTransaction", {**request, "value": hex(value)}))

    threads = [threading.Thread(target=pay, args=(value,)) for value in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(sent)) == 40
    assert sorted(nonce for _, _, nonce in signer.signed) == list(range(40))
    assert sorted(made.transaction.value for made in signer.signed.values()) == list(range(40))


def test_nothing_of_a_call_is_logged(
    facade: Facade, signer: FakeSigner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "adyton.rpc")
    request = {
        "from": account(signer),
        "to": TO,
        "value": "0x1",
        "data": "0x5ec2e7",
        "gas": "0x7530",
    }
    facade.rpc("eth_sendTransaction", request)
    facade.rpc("personal_sign", "0x5ec2e7", account(signer))
    assert "eth_sendTransaction: done" in caplog.text
    assert "5ec2e7" not in caplog.text
    assert TO.lower() not in caplog.text.lower()


# --- starting -----------------------------------------------------------------------------------


def test_the_chain_of_the_node_is_pinned(
    node: LyingNode, facade: Facade, signer: FakeSigner
) -> None:
    assert facade.facts.chain_id == CHAIN
    node.lie("eth_chainId", "0x1")
    assert facade.rpc("eth_chainId") == hex(CHAIN)
    with pytest.raises(CallError, match="4242 is pinned") as caught:
        facade.rpc("eth_sendTransaction", {"from": account(signer), "to": TO})
    assert caught.value.code == 4901
    assert not signer.signed


def test_another_chain_than_named_is_refused(start: Start) -> None:
    assert start(chain_id=CHAIN).facts.chain_id == CHAIN
    with pytest.raises(VerificationError, match="the node says its chain is 4242, but 1 is pinned"):
        start(chain_id=1)


@pytest.mark.parametrize("lie", ["0x0", None, "main", hex(2**64)])
def test_a_node_without_a_chain_is_refused(node: LyingNode, start: Start, lie: Any) -> None:
    node.lie("eth_chainId", lie)
    with pytest.raises(VerificationError):
        start()


def test_the_network_is_served_only_with_a_token(start: Start) -> None:
    with pytest.raises(UsageError, match="--token-file"):
        start(host="0.0.0.0")
    facade = start(host="0.0.0.0", gate=Gate(token=b"0123456789abcdef"))
    assert facade.post(CALL).status == 401


def test_accounts_that_are_not_there_are_named(start: Start) -> None:
    with pytest.raises(UsageError, match="--account"):
        start(accounts=(bytes(20),))


def test_a_port_in_use_is_told(start: Start, facade: Facade) -> None:
    with pytest.raises(UnavailableError, match="cannot listen on 127"):
        start(port=facade.facts.port)


def test_a_node_that_is_not_there_is_told(signer: FakeSigner, tmp_path: Path) -> None:
    settings = RpcSettings("http://127.0.0.1:1/secret-path", tmp_path / "journal", port=0)
    with (
        pytest.raises(UnavailableError, match=r"the node http://127\.0\.0\.1:1 does not answer"),
        running(signer, settings),
    ):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "",
        "node.example",
        "ws://node.example",
        "http://",
        "http://a:b@node",
        "http://n:x/",
        "http://n#f",
    ],
)
def test_what_is_no_address_of_a_node(url: str, signer: FakeSigner, tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="node's address"),
        running(signer, RpcSettings(url, tmp_path)),
    ):
        pass


@pytest.mark.parametrize(("counted", "expected"), [(7, 7), (3, 5), (5, 5)])
def test_nonces_are_raised_when_asked_for(
    node: LyingNode, start: Start, signer: FakeSigner, counted: int, expected: int
) -> None:
    address = signer.accounts()[0]
    signer.raise_nonce(address, CHAIN, 5)
    node.lie("eth_getTransactionCount", hex(counted))
    start()
    assert signer.next_nonce(address, CHAIN) == 5
    start(sync_nonce=True)
    assert signer.next_nonce(address, CHAIN) == expected


def test_an_absurd_nonce_is_not_believed(node: LyingNode, start: Start, signer: FakeSigner) -> None:
    node.lie("eth_getTransactionCount", hex(2**60))
    with pytest.raises(Exception, match="to believe it"):
        start(sync_nonce=True)
    assert signer.next_nonce(signer.accounts()[0], CHAIN) == 0


def test_a_journal_of_an_earlier_run_is_told(
    node: LyingNode, start: Start, signer: FakeSigner
) -> None:
    first = start()
    first.rpc("eth_sendTransaction", {"from": account(signer), "to": TO, "value": "0x1"})
    first.facts.stop()
    assert start().facts.waiting == 1
