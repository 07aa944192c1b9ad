"""Signed transactions go from a device by way of a gateway to a real chain; what became of them comes back."""

from __future__ import annotations

import json
import queue
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from adyton.client.mqtt_transport import MqttTransport
from adyton.protocol.ethereum.transaction import SignedTransaction
from tests import mqtt_kit
from tests.anvil_node import Anvil
from tests.broker import Broker
from tests.ethereum_kit import ETHER, Account, told_node
from tests.mqtt_kit import GatewayProcess
from tests.vectors_dir import vectors_dir
from tests.wallet_vectors import unhex

NOBODY = "http://127.0.0.1:9"  # the relay's node is not needed here
# Makes a contract whose every call reverts.
REVERTS = bytes.fromhex("6460006000fd6000526005601bf3")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker(persistence=True) as started:
        yield started


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil() as started:
        yield started


@pytest.fixture
def gateway(broker: Broker, anvil: Anvil, tmp_path: Path) -> Iterator[GatewayProcess]:
    with gateway_to(broker, anvil, tmp_path) as started:
        yield started


def gateway_to(
    broker: Broker, anvil: Anvil, directory: Path, *options: str, confirmations: int = 2
) -> GatewayProcess:
    chain = ("--ethereum", anvil.url, "--chain", str(anvil.chain_id))
    bound = ("--confirmations", str(confirmations))
    return GatewayProcess(broker, NOBODY, directory, *chain, *bound, *options)


class Device:
    """A device that hands transactions over and listens."""

    def __init__(self, broker: Broker, name: str) -> None:
        self._heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        identity = mqtt_kit.identity(broker.certificate(name))
        self.transport = MqttTransport(mqtt_kit.url(broker), identity, on_event=self._heard.put)

    def hand(self, transaction: SignedTransaction | bytes) -> None:
        raw = transaction if isinstance(transaction, bytes) else transaction.raw
        self.transport.hand_over(json.dumps({"v": 1, "raw": "0x" + raw.hex()}).encode())

    def hear(self, name: str) -> dict[str, Any]:
        """Return the next event, which has that name."""
        event: dict[str, Any] = json.loads(self._heard.get(timeout=60))
        assert event["event"] == name, event
        return event

    def hear_at_last(self, *awaited: tuple[str, str]) -> None:
        """Hear until each of these events came; others may come again, for each is told once at least."""
        left = set(awaited)
        while left:
            event = json.loads(self._heard.get(timeout=60))
            left.discard((event["event"], event["nonce"]))


@pytest.fixture
def device(broker: Broker) -> Iterator[Device]:
    made = Device(broker, "charger-7")
    yield made
    made.transport.close()


def test_a_payment_is_broadcast_and_confirmed(
    anvil: Anvil, gateway: GatewayProcess, device: Device
) -> None:
    assert gateway.facts["chain"] == anvil.chain_id
    payer = Account(101)
    anvil.fund(payer.name, ETHER)
    paid = payer.pay(0)
    device.hand(paid)
    event = device.hear("broadcast")
    assert event["hash"] == "0x" + paid.hash.hex()
    assert (event["transactionId"], event["nonce"]) == ("charge-0", "0x0")
    receipt = anvil.receipt(event["hash"])
    anvil.mine()
    event = device.hear("confirmed")
    assert event["blockHash"] == receipt["blockHash"]
    assert (event["status"], event["confirmations"]) == ("0x1", 2)
    # Handed over once more it changes nothing, and the answer is the same.
    device.hand(paid)
    assert device.hear("confirmed") == event
    assert anvil.rpc("eth_getTransactionCount", [payer.name, "latest"]) == "0x1"


def test_the_articles_transaction_on_its_own_chain(
    broker: Broker, device: Device, tmp_path: Path
) -> None:
    example = json.loads(vectors_dir("wallet", "article-example.json").read_text())["usable"]
    # One wei for one gas, as the article has it: blocks here ask for no more.
    free = ("--base-fee", "0", "--gas-price", "0")
    with Anvil(4, options=free) as anvil, gateway_to(broker, anvil, tmp_path, confirmations=1):
        anvil.fund(example["sender"], ETHER)
        device.hand(unhex(example["signed"]))
        assert device.hear("broadcast")["hash"] == example["tx_hash"]
        event = device.hear("confirmed")
        assert (event["chainId"], event["from"]) == ("0x4", example["sender"])
        assert event["transactionId"] == example["fields"]["data_utf8"]
        found = anvil.rpc("eth_getTransactionByHash", [example["tx_hash"]])
        assert found["input"] == "0x" + example["fields"]["data_utf8"].encode().hex()
        assert int(found["value"], 16) == 1025


def test_what_reverts_is_a_failure(anvil: Anvil, gateway: GatewayProcess, device: Device) -> None:
    payer = Account(102)
    anvil.fund(payer.name, ETHER)
    device.hand(payer.pay(0, to=None, value=0, data=REVERTS, gas=200_000))
    made = anvil.receipt(device.hear("broadcast")["hash"])
    anvil.mine()
    device.hear("confirmed")
    target = bytes.fromhex(made["contractAddress"][2:])
    device.hand(payer.pay(1, to=target, value=0))
    device.hear("broadcast")
    anvil.mine(2)
    event = device.hear("failed")
    assert (event["reason"], event["status"]) == ("reverted", "0x0")


def test_what_the_node_does_not_take(anvil: Anvil, gateway: GatewayProcess, device: Device) -> None:
    poor = Account(103)
    paid = poor.pay(0)
    device.hand(paid)
    event = device.hear("failed")
    assert event["reason"] == "refused"
    assert "funds" in event["detail"].lower()
    anvil.fund(poor.name, ETHER)
    device.hand(paid)
    device.hear("broadcast")
    anvil.mine()
    device.hear("confirmed")


def test_a_replaced_one_is_a_failure(anvil: Anvil, gateway: GatewayProcess, device: Device) -> None:
    payer = Account(104)
    anvil.fund(payer.name, ETHER)
    first, second = payer.pay(0), payer.pay(0, value=7)
    anvil.rpc("eth_sendRawTransaction", ["0x" + second.raw.hex()])
    anvil.receipt("0x" + second.hash.hex())
    anvil.mine(2)
    device.hand(first)
    assert device.hear("failed")["reason"] == "replaced"


def test_a_gateway_that_is_killed_loses_no_payment(
    broker: Broker, device: Device, tmp_path: Path
) -> None:
    with Anvil(automine=False) as anvil:
        payer = Account(105)
        anvil.fund(payer.name, ETHER)
        gateway = gateway_to(broker, anvil, tmp_path)
        with gateway:
            device.hand(payer.pay(0))
            device.hear("broadcast")
            gateway.stop(signal.SIGKILL)
            # Handed over while nobody is there: the broker keeps it for the gateway's session.
            device.hand(payer.pay(1))
            anvil.mine(3)
            gateway.start()
            device.hear_at_last(("confirmed", "0x0"), ("broadcast", "0x1"))
            anvil.mine(3)
            device.hear_at_last(("confirmed", "0x1"))
            assert anvil.rpc("eth_getTransactionCount", [payer.name, "latest"]) == "0x2"


def test_events_outlast_the_broker(broker: Broker, device: Device, tmp_path: Path) -> None:
    with Anvil(automine=False) as anvil:
        payer = Account(106)
        anvil.fund(payer.name, ETHER)
        with gateway_to(broker, anvil, tmp_path):
            device.hand(payer.pay(0))
            device.hear("broadcast")
            broker.stop()
            anvil.mine(3)
            time.sleep(1.5)  # so that the confirmation finds no broker
            broker.start()
            device.hear_at_last(("confirmed", "0x0"))


def test_a_node_of_another_chain_is_refused_at_the_start(broker: Broker, tmp_path: Path) -> None:
    with told_node(1) as node:
        options = ("--ethereum", node.url, "--chain", "31337")
        gateway = GatewayProcess(broker, NOBODY, tmp_path, *options)
        with pytest.raises(RuntimeError, match="not of chain 31337"):
            gateway.start()
        assert gateway.stop() == 4


def test_a_node_that_is_away_at_the_start_is_waited_for(
    broker: Broker, device: Device, tmp_path: Path
) -> None:
    with told_node(31337) as node:
        url = node.url
    options = ("--ethereum", url, "--chain", "31337")
    with GatewayProcess(broker, NOBODY, tmp_path, *options):
        device.hand(Account(107).pay(0))
        with pytest.raises(queue.Empty):
            device._heard.get(timeout=1.5)


def test_a_gateway_without_a_chain_says_so(broker: Broker, device: Device, tmp_path: Path) -> None:
    with GatewayProcess(broker, NOBODY, tmp_path):
        device.hand(Account(108).pay(0))
        assert device.hear("failed")["reason"] == "no-chain"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ethereum", "http://127.0.0.1:1"), "go together"),
        (("--chain", "5"), "go together"),
        (("--ethereum", "http://127.0.0.1:1", "--chain", "0"), "--chain must be"),
        (("--ethereum", "ftp://x", "--chain", "1"), "not an http or https one"),
        (
            ("--ethereum", "http://127.0.0.1:1", "--chain", "1", "--confirmations", "0"),
            "--confirmations must be",
        ),
        (("--metrics", "0"), "a port is"),
        (("--name", "a/b"), "a gateway's name is"),
        (("--cert", "/dev/null"), "not a certificate"),
        (("--ca", "/dev/null"), "not certificates of an authority"),
        (("--broker", "host:port"), "port is not a number"),
        (("--server", "mqtts://a/b"), "not an http or https one"),
    ],
)
def test_wrong_usage(broker: Broker, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    gateway = GatewayProcess(broker, NOBODY, tmp_path, *options)
    with pytest.raises(RuntimeError, match=said):
        gateway.start()
    assert gateway.stop() == 2


def test_the_counters_are_shown(broker: Broker, device: Device, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with GatewayProcess(broker, NOBODY, tmp_path, "--metrics", str(port)):
        device.hand(b"")
        device.hear("failed")
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert b'adyton_gateway_dropped_total{reason="no chain"} 1.0' in answer.read()
