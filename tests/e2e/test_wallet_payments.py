"""Payments all the way to a chain: anvil mines what `adyton wallet` has signed and broadcast."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests import solidity
from tests.anvil_node import Anvil
from tests.e2e.command import Client, Server, serving

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
CHAIN = 4
ETHER = 10**18


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("payments") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def node() -> Iterator[Anvil]:
    with Anvil(CHAIN) as running:
        yield running


class Payer:
    """A client with one wallet that pays the vendor on the node's chain."""

    def __init__(self, client: Client, node: Anvil, **more: Any) -> None:
        self.client = client
        self.node = node
        chain = ("--chain", str(CHAIN))
        text = client.ok("wallet", "policy", "example", "--to", VENDOR, *chain)
        policy = client.home.parent / "policy.json"
        policy.write_text(json.dumps(json.loads(text) | more))
        self.address: str = client.json("wallet", "new", "--policy", str(policy))["address"]
        node.fund(self.address, ETHER)

    def send(self, *given: str, verb: str = "send") -> Any:
        return self.client.json(
            "wallet", verb, "--chain", str(CHAIN), "--node", self.node.url, *given
        )

    def pay(self, value: str, *given: str) -> Any:
        return self.send("--to", VENDOR, "--value", value, *given)


@pytest.fixture
def payer(client: Client, node: Anvil) -> Payer:
    return Payer(client, node)


def balance(node: Anvil, address: str) -> int:
    return int(node.rpc("eth_getBalance", [address, "latest"]), 16)


def test_a_payment_is_estimated_signed_broadcast_and_mined(payer: Payer, tmp_path: Path) -> None:
    before = balance(payer.node, VENDOR)
    receipt = tmp_path / "paid.receipt"
    told = payer.pay("0.01ether", "--receipt", str(receipt))
    assert told["mined"]["gas_used"] == 21_000
    assert balance(payer.node, VENDOR) - before == ETHER // 100
    mined = payer.node.rpc("eth_getTransactionByHash", [told["hash"]])
    assert (mined["from"], mined["type"]) == (payer.address.lower(), "0x2")
    assert int(mined["gas"], 16) == 21_000
    shown = payer.client.json("verify", str(receipt))["shown"]
    assert (shown["account"], shown["status"]) == (payer.address, "signed")
    assert payer.pay("1")["nonce"] == 1


def test_under_a_key_a_payment_is_made_once_though_fees_move(payer: Payer) -> None:
    first = payer.pay("5", "--key", "order 7")
    for _ in range(3):
        payer.pay("1")  # blocks go by, and the base fee with them
    again = payer.pay("5", "--key", "order 7")
    assert (again["hash"], again["mined"]) == (first["hash"], first["mined"])
    assert payer.pay("6", "--key", "order 7")["error"]["code"] == "key_reused"


@pytest.mark.parametrize("fees", [("--gas-price", "3gwei"), ("--max-fee", "9gwei", "--tip", "1")])
def test_fees_that_are_named_are_not_estimated(payer: Payer, fees: tuple[str, ...]) -> None:
    made = decode_signed(bytes.fromhex(payer.pay("5", *fees)["raw"][2:])).transaction
    assert made.max_fee == (3 if len(fees) == 2 else 9) * 10**9


def test_a_refused_payment_reaches_no_chain(payer: Payer) -> None:
    before = payer.node.rpc("eth_blockNumber")
    told = payer.pay("0.5ether")
    assert told["error"]["code"] == "payment_refused"
    assert "raw" not in told
    assert payer.node.rpc("eth_blockNumber") == before


def test_a_token_is_paid_under_a_rule_for_its_call(client: Client, node: Anvil) -> None:
    token = solidity.token()
    (deployer, *_) = node.rpc("eth_accounts")
    words = "".join(
        part.hex()
        for part in (
            (96).to_bytes(32, "big"), (160).to_bytes(32, "big"), (1000).to_bytes(32, "big"),
            (4).to_bytes(32, "big"), b"Gold".ljust(32, b"\0"),
            (3).to_bytes(32, "big"), b"GLD".ljust(32, b"\0"),
        )
    )  # fmt: skip
    made = node.rpc(
        "eth_sendTransaction",
        [{"from": deployer, "data": token.bytecode + words, "gas": "0x300000"}],
    )
    from adyton.protocol.ethereum.address import checksummed

    contract = checksummed(bytes.fromhex(node.receipt(made)["contractAddress"][2:]))
    call = {"to": contract, "abi": "transfer(address,uint256)",
            "args": {"0": {"eq": VENDOR}, "1": {"lte": "50"}}}  # fmt: skip
    rule = {"id": "gold", "effect": "allow", "chain": [CHAIN], "call": call,
            "when": {"fee": {"lte": str(ETHER // 100)}}}  # fmt: skip
    payer = Payer(client, node, rules=[rule])
    give = "a9059cbb" + bytes.fromhex(payer.address[2:]).rjust(32, b"\0").hex() + f"{100:064x}"
    node.receipt(
        node.rpc("eth_sendTransaction", [{"from": deployer, "to": contract, "data": "0x" + give}])
    )

    def held(owner: str) -> int:
        asked = "0x70a08231" + bytes.fromhex(owner[2:]).rjust(32, b"\0").hex()
        return int(node.rpc("eth_call", [{"to": contract, "data": asked}, "latest"]), 16)

    told = payer.send("--token", contract, "--to", VENDOR, "--amount", "40")
    assert (told["rule"], held(VENDOR), held(payer.address)) == ("gold", 40, 60)
    over = payer.send("--token", contract, "--to", VENDOR, "--amount", "51")
    assert over["error"]["code"] == "payment_refused"
    broke = payer.send(
        "--token", contract, "--to", VENDOR, "--amount", "50", "--gas", "90000",
        "--gas-price", "3gwei",
    )  # fmt: skip
    assert (broke["mined"]["block"] > 0, held(VENDOR)) == (True, 90)
    failed = payer.send(
        "--token", contract, "--to", VENDOR, "--amount", "50", "--gas", "90000",
        "--gas-price", "3gwei",
    )  # fmt: skip
    assert (failed["error"]["code"], failed["error"]["exit_code"]) == ("call_failed", 6)
    assert (failed["nonce"], held(VENDOR)) == (2, 90)


def test_what_is_stuck_is_replaced_cancelled_and_sent_again(client: Client) -> None:
    with Anvil(CHAIN, automine=False) as node:
        payer = Payer(client, node)
        told = payer.pay("7", "--max-fee", "4gwei", "--tip", "1gwei", "--timeout", "1")
        assert (told["error"]["code"], told["nonce"]) == ("timeout", 0)
        assert "`adyton wallet replace` pays more for it" in told["error"]["message"]
        again = payer.send("--nonce", "0", "--timeout", "0", verb="replace")
        assert again["transaction"]["maxFeePerGas"] == hex(4_400_000_000)
        payer.pay("9", "--max-fee", "4gwei", "--tip", "1gwei", "--timeout", "0")
        gone = payer.send("--nonce", "1", "--timeout", "0", verb="cancel")
        node.mine()
        assert node.receipt(again["hash"])["status"] == "0x1"
        assert node.receipt(gone["hash"])["to"] == payer.address.lower()
        assert balance(node, VENDOR) == 7
        sent = payer.send("--nonce", "1", verb="broadcast")
        assert (sent["hash"], sent["mined"]["block"]) == (gone["hash"], 1)
        late = payer.send("--nonce", "0", "--timeout", "0", verb="cancel")["error"]
        assert late["code"] == "nonce_used"
        assert "a block has another transaction of nonce 0" in late["message"]


def test_what_the_node_cannot_take_stays_signed(payer: Payer) -> None:
    payer.node.fund(payer.address, 10)
    told = payer.pay("5")
    assert told["error"]["code"] == "payment_refused"
    assert "insufficient funds" in told["error"]["message"]
    assert payer.client.json("wallet", "nonce", "--chain", str(CHAIN))["nonce"] == 0


@contextmanager
def lying(answers: dict[str, Any]) -> Iterator[str]:
    """Give the address of a node that answers by rote."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(int(self.headers["content-length"])))
            said = {"jsonrpc": "2.0", "id": call["id"], "result": answers.get(call["method"])}
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("lie", "code"),
    [
        ({"eth_chainId": "0x1"}, "wrong_chain"),
        ({"eth_estimateGas": hex(10**9)}, "payment_refused"),
        ({"eth_estimateGas": "0x1"}, "answer_invalid"),
        ({"eth_estimateGas": "twelve"}, "answer_invalid"),
        ({"eth_getBlockByNumber": {"baseFeePerGas": hex(10**15)}}, "payment_refused"),
        ({"eth_getBalance": "0x0"}, "payment_refused"),
    ],
)
def test_a_node_that_lies_gets_no_signature(
    client: Client, node: Anvil, lie: dict[str, Any], code: str
) -> None:
    payer = Payer(client, node)
    honest = {
        "eth_chainId": hex(CHAIN), "eth_estimateGas": "0x5208", "eth_getBalance": hex(ETHER),
        "eth_getBlockByNumber": {"baseFeePerGas": "0x7"}, "eth_maxPriorityFeePerGas": "0x1",
    }  # fmt: skip
    with lying(honest | lie) as url:
        told = client.json(
            "wallet", "send", "--chain", str(CHAIN), "--node", url, "--to", VENDOR, "--value", "1"
        )
    assert told["error"]["code"] == code
    assert (
        client.json("wallet", "nonce", "--chain", str(CHAIN), "--from", payer.address)["nonce"] == 0
    )
