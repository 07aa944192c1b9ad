"""Keys and signed transactions, and a node that says what it is told to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction import (
    DYNAMIC_FEE,
    SignedTransaction,
    Transaction,
    sign_transaction,
)

GWEI = 10**9
ETHER = 10**18
VENDOR = bytes.fromhex("f125691d24a6b5cdcb87a89cb825fdf4487c2a34")


class Account:
    """A key outside of any wallet."""

    def __init__(self, number: int) -> None:
        self._secret = number.to_bytes(32, "big")
        self._public = public_key(self._secret)
        self.address = address_of(self._public)
        self.name = checksummed(self.address)

    def pay(self, nonce: int, chain: int = 31337, **changes: Any) -> SignedTransaction:
        """Return a signed payment to a vendor."""
        given: dict[str, Any] = {
            "kind": DYNAMIC_FEE,
            "chain_id": chain,
            "nonce": nonce,
            "gas": 60_000,
            "to": VENDOR,
            "value": 1025,
            "data": b"charge-%d" % nonce,
            "max_fee": 20 * GWEI,
            "tip": GWEI,
        }
        return sign_transaction(Transaction(**{**given, **changes}), self._secret, self._public)


class ToldNode:
    """Answers each method with what `says` holds: a value, a call of the parameters, or an error object."""

    def __init__(self, chain: int) -> None:
        self.says: dict[str, Any] = {
            "eth_chainId": hex(chain),
            "eth_blockNumber": "0x10",
            "eth_getTransactionCount": "0x0",
            "eth_getTransactionReceipt": None,
            "eth_getTransactionByHash": None,
        }
        self.asked: list[tuple[str, Any]] = []
        self.raw: bytes | None = None
        self.url = ""

    def answer(self, call: dict[str, Any]) -> bytes:
        if self.raw is not None:
            return self.raw
        self.asked.append((call["method"], call["params"]))
        said = self.says.get(call["method"])
        if callable(said):
            said = said(*call["params"])
        told = {"jsonrpc": "2.0", "id": call["id"]}
        if isinstance(said, Exception):
            told["error"] = {"code": -32000, "message": str(said)}
        else:
            told["result"] = said
        return json.dumps(told).encode()

    def count(self, method: str) -> int:
        return sum(asked == method for asked, _ in self.asked)


@contextmanager
def told_node(chain: int = 31337) -> Iterator[ToldNode]:
    """Give a node on the loopback interface."""
    node = ToldNode(chain)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = node.answer(call)
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # A client that has read enough hangs up; that is no news.
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # of this one server
    node.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield node
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def receipt(transaction: SignedTransaction, **changes: Any) -> dict[str, Any]:
    """Return a receipt as an honest node has it, in block 16."""
    honest = {
        "transactionHash": "0x" + transaction.hash.hex(),
        "from": "0x" + transaction.sender.hex(),
        "blockNumber": "0x10",
        "blockHash": "0x" + "ab" * 32,
        "status": "0x1",
        "gasUsed": "0x5208",
    }
    return {**honest, **changes}


def block(transaction: SignedTransaction, **changes: Any) -> dict[str, Any]:
    """Return the block of that receipt."""
    honest = {"hash": "0x" + "ab" * 32, "transactions": ["0x" + transaction.hash.hex()]}
    return {**honest, **changes}
