"""A node that says what a test tells it to, in memory or over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adyton.client.rpc.node import Node, NodeError

CHAIN = 4242
GWEI = 10**9
ETHER = 10**18
HASH = "0x" + "ab" * 32

Answer = Any | Callable[[list[Any]], Any]


def honest() -> dict[str, Answer]:
    """What an ordinary node says."""
    return {
        "eth_chainId": hex(CHAIN),
        "eth_getBlockByNumber": {
            "number": "0x10",
            "hash": HASH,
            "parentHash": "0x" + "aa" * 32,
            "baseFeePerGas": hex(10 * GWEI),
        },
        "eth_maxPriorityFeePerGas": hex(GWEI),
        "eth_gasPrice": hex(11 * GWEI),
        "eth_estimateGas": hex(21_000),
        "eth_getBalance": hex(5 * ETHER),
        "eth_getTransactionCount": "0x0",
        "eth_getTransactionReceipt": None,
        "eth_getTransactionByHash": None,
        "eth_blockNumber": "0x10",
    }


class ScriptedNode(Node):
    """A node in memory.

    Attributes:
        answers: by method; a function gets the params, and may raise.
        calls: what was asked, in order.
    """

    def __init__(self, **answers: Answer) -> None:
        super().__init__("http://127.0.0.1:1")
        self.answers = {**honest(), **answers}
        self.calls: list[tuple[str, list[Any]]] = []

    def call(self, method: str, params: list[Any]) -> Any:
        self.calls.append((method, params))
        if method not in self.answers:
            raise NodeError(-32601, f"the method {method} does not exist", code="node_refused")
        answer = self.answers[method]
        return answer(params) if callable(answer) else answer

    def asked(self, method: str) -> list[list[Any]]:
        """The params of each call of a method."""
        return [params for name, params in self.calls if name == method]


Bend = Callable[[str, list[Any], Callable[[], Any]], Any]


class LyingNode:
    """Stands before a real node, and bends what it says.

    Attributes:
        url: of it.
        bend: given method, params and a function that asks the real node; returns the whole answer but its id, as
            `{"result": …}`, or bytes that are sent as they are; None breaks the connection.
        calls: what was asked.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.bend: Bend = lambda _method, _params, ask: ask()
        self.calls: list[tuple[str, list[Any]]] = []

    def lie(self, method: str, result: Any) -> None:
        """Answer one method with something else."""
        self.bend = lambda asked, _params, ask: {"result": result} if asked == method else ask()

    def asked(self, method: str) -> list[list[Any]]:
        """The params of each call of a method."""
        return [params for name, params in self.calls if name == method]


@contextmanager
def lying_node(ask: Callable[[str, list[Any]], dict[str, Any]]) -> Iterator[LyingNode]:
    """Serve one on a free port.

    Args:
        ask: calls a method of the real node and returns its answer.
    """

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            method, params = call["method"], call["params"]
            node.calls.append((method, params))
            told = node.bend(method, params, lambda: ask(method, params))
            if told is None:
                self.close_connection = True
                return
            if not isinstance(told, bytes):
                told = json.dumps({"jsonrpc": "2.0", "id": call["id"], **told}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    node = LyingNode(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
