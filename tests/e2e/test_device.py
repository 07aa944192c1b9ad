"""A device pays by the policy of a wallet in the enclave, over MQTT, on a real chain, each thing once."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.client import Device
from adyton.client.device_config import DeviceConfig
from adyton.client.wallet_answers import PaymentRefused
from adyton.client.wallet_making import new_wallet
from adyton.client.wallet_receipt import WalletReceipt
from adyton.core.errors import Error, PolicyError, UnavailableError, UsageError
from adyton.protocol.claims import content_digest
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests import mqtt_kit
from tests.anvil_node import Anvil
from tests.broker import Broker
from tests.canary.search import Search
from tests.device_kit import CHARGER, run, write_config
from tests.e2e.command import Server, environment, until
from tests.ethereum_kit import ETHER, GWEI, VENDOR
from tests.mqtt_kit import GatewayProcess
from tests.wallet_kit import policy

TO = checksummed(VENDOR)


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker(persistence=True) as started:
        yield started


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(automine=False) as started:
        yield started


@pytest.fixture
def gateway(
    broker: Broker, anvil: Anvil, server: Server, tmp_path: Path
) -> Iterator[GatewayProcess]:
    chain = ("--ethereum", anvil.url, "--chain", str(anvil.chain_id), "--confirmations", "2")
    with GatewayProcess(broker, server.url, tmp_path, *chain) as started:
        yield started


def pays_the_vendor(chain: int) -> bytes:
    return policy(
        [
            {
                "id": "pay",
                "effect": "allow",
                "chain": [chain],
                "when": {
                    "to": {"in": "@vendors"},
                    "value": {"lte": 10_000},
                    "fee": {"lte": hex(ETHER // 100)},
                    "data": {"size": {"lte": 256}},
                },
            }
        ]
    )


@pytest.fixture
def config(
    broker: Broker, anvil: Anvil, server: Server, gateway: GatewayProcess, tmp_path: Path
) -> Path:
    """A device's configuration; its wallet is made, and has an ether."""
    made = write_config(broker, server, tmp_path, chain=anvil.chain_id)
    with Device.open(made) as device:
        wallet, _ = new_wallet(device.session, policy=pays_the_vendor(anvil.chain_id))
        anvil.fund(checksummed(wallet.account), ETHER)
    return made


def sent(anvil: Anvil, device: Device) -> int:
    """Return how many transactions the device's account has on the chain, those that wait among them."""
    account = checksummed(device.wallet().account)
    return int(anvil.rpc("eth_getTransactionCount", [account, "pending"]), 16)


def test_a_payment_from_policy_to_confirmation(anvil: Anvil, config: Path) -> None:
    with Device.open(config) as device:
        before = int(anvil.rpc("eth_getBalance", [TO, "latest"]), 16)
        payment = device.pay(to=TO, value=1025, data="charge 17 ⚡")
        until(lambda: payment.event.get("event") == "broadcast", "it is broadcast")
        anvil.mine(2)
        event = payment.wait(60)
        assert event["transactionId"] == "charge 17 ⚡"
        assert event["hash"] == payment.hash
        assert int(anvil.rpc("eth_getBalance", [TO, "latest"]), 16) == before + 1025
        found = anvil.rpc("eth_getTransactionByHash", [payment.hash])
        assert bytes.fromhex(found["input"][2:]).decode() == "charge 17 ⚡"
        assert found["from"] == "0x" + device.wallet().account.hex()


def test_a_device_that_nobody_pays_for_is_told_its_key(
    broker: Broker, server: Server, gateway: GatewayProcess, tmp_path: Path
) -> None:
    made = write_config(broker, server, tmp_path)
    with Device.open(made) as device:
        with pytest.raises(UsageError, match="in the policy of one") as refusal:
            device.pay(to=TO, value=1, data="charge 1")
        assert device.session.keystore.identity.signing_key.public.hex() in str(refusal.value)


def test_what_the_policy_refuses_is_not_signed(anvil: Anvil, config: Path, broker: Broker) -> None:
    receipts = {"receipts": "receipts"}
    config.write_text(json.dumps(json.loads(config.read_text()) | receipts))
    with Device.open(config) as device:
        with pytest.raises(PaymentRefused, match="value"):
            device.pay(to=TO, value=10_001, data="too much")
        assert sent(anvil, device) == 0
        # Nothing was signed, so the key is free for what is allowed.
        payment = device.pay(to=TO, value=10_000, data="too much")
        until(lambda: payment.event.get("event") == "broadcast", "it is broadcast")
    kept = [path.read_bytes() for path in (config.parent / "receipts").glob("*.receipt")]
    opened = [{opening.value for opening in WalletReceipt.decode(one).openings} for one in kept]
    assert sorted(b"signed" in one for one in opened) == [False, True]
    assert sorted(b"refused" in one for one in opened) == [False, True]


def test_one_payment_for_one_transaction_id(anvil: Anvil, config: Path) -> None:
    with Device.open(config) as device:
        first = device.pay(to=TO, value=5, data="id-1")
        again = device.pay(to=TO, value=5, data="id-1")
        assert first.hash == again.hash
        with pytest.raises(UsageError, match="key_reused"):
            device.pay(to=TO, value=6, data="id-1")
        other = device.pay(to=TO, value=6, data="id-1", key="another")
        assert other.hash != first.hash
        until(lambda: other.event.get("event") == "broadcast", "both are broadcast")
        anvil.mine(3)
        assert first.wait(60)["event"] == "confirmed"
        assert again.wait(60)["event"] == "confirmed"
        assert other.wait(60)["event"] == "confirmed"
        assert sent(anvil, device) == 2


def test_other_fees_do_not_make_another_payment(anvil: Anvil, config: Path) -> None:
    with Device.open(config) as device:
        first = device.pay(to=TO, value=5, data="id-2")
    fields = json.loads(config.read_text())
    config.write_text(json.dumps({**fields, "maxFeePerGas": str(30 * GWEI)}))
    with Device.open(config) as device:
        assert device.pay(to=TO, value=5, data="id-2").hash == first.hash


def test_the_articles_document_is_taken(anvil: Anvil, config: Path) -> None:
    document = {
        "gasPrice": f"{10 * GWEI:x}",
        "gasLimit": "0186a0",
        "to": VENDOR.hex(),
        "value": "0401",
        "data": "fe3d61b7cd6eff03698c0303b056e0fe3116206e",
        "chainId": f"{anvil.chain_id:x}",
    }
    with Device.open(config) as device:
        payment = device.send(json.dumps(document), key="article", profile="article")
        until(lambda: payment.event.get("event") == "broadcast", "it is broadcast")
        assert payment.event["transactionId"] == document["data"]
        made = payment.transaction.transaction
        assert (made.kind, made.value, made.data.decode()) == (0, 1025, document["data"])


def test_the_charger_pays_though_broker_gateway_and_node_restart(
    anvil: Anvil, config: Path, broker: Broker, gateway: GatewayProcess, server: Server
) -> None:
    broker.stop()
    charger = run(config, TO, "1025", "session-1")
    server.stop(signal.SIGKILL)
    broker.start()
    server.start()
    assert charger.stdout is not None
    signed = charger.stdout.readline()
    assert signed.startswith("signed by policy: 0x")
    named = signed.split()[-1]
    until(lambda: anvil.rpc("eth_getTransactionByHash", [named]) is not None, "it is broadcast")
    broker.restart()
    gateway.stop(signal.SIGKILL)
    anvil.mine(3)
    gateway.start()
    out, err = charger.communicate(timeout=120)
    assert charger.returncode == 0, err
    assert out.startswith("confirmed in block ")
    # A second one after everything is over: the same payment.
    again = run(config, TO, "1025", "session-1")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, err
    assert out.startswith(signed)
    with Device.open(config) as device:
        assert sent(anvil, device) == 1


@pytest.mark.parametrize("point", ["asked", "signed", "handed"])
def test_power_fails_at_the_worst_moment(anvil: Anvil, config: Path, point: str) -> None:
    """A child ends without goodbye where the parent says; called again alike, it has paid once."""
    script = """
import os, sys
from adyton.client import Device, device_payments, mqtt_transport, wallet
config, to, point = sys.argv[1:]
die = lambda *a, **k: os._exit(9)
if point == "asked":
    answered = wallet.require_signing
    wallet.require_signing = die                      # the enclave has signed; the device never knew
if point == "signed":
    device_payments.PaymentJournal.signed = die       # known, not written down
if point == "handed":
    device_payments.Payment.hand_over = die           # written down, not handed over
with Device.open(config) as device:
    device.pay(to=to, value=77, data="power")
"""
    died = subprocess.run(
        [sys.executable, "-c", script, str(config), TO, point],
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert died.returncode == 9, died.stderr.decode()
    with Device.open(config) as device:
        assert sent(anvil, device) == 0
        payment = device.pay(to=TO, value=77, data="power")
        until(lambda: payment.event.get("event") == "broadcast", "it is broadcast")
        assert payment.transaction.transaction.nonce == 0
        anvil.mine(2)
        payment.wait(60)
        assert sent(anvil, device) == 1


def test_a_gateway_that_cannot_send_is_told_apart_from_a_chain_that_does_not_take_it(
    anvil: Anvil, config: Path
) -> None:
    with Device.open(config) as device:
        account = checksummed(device.wallet().account)
        anvil.fund(account, 0)
        payment = device.pay(to=TO, value=5, data="poor")
        with pytest.raises(UnavailableError, match="refused"):
            payment.wait(60)
        anvil.fund(account, ETHER)
        again = device.pay(to=TO, value=5, data="poor")
        assert again.hash == payment.hash
        until(lambda: again.event.get("event") == "broadcast", "it is broadcast")
        for reason in ("reverted", "replaced"):
            again.heard({"event": "failed", "reason": reason})
            with pytest.raises(PolicyError, match=f"payment_failed|{reason}"):
                again.wait(1)


def test_a_payment_that_is_not_confirmed_in_time(config: Path) -> None:
    with Device.open(config) as device:
        payment = device.pay(to=TO, value=5, data="slow")
        with pytest.raises(UnavailableError, match="timeout"):
            payment.wait(0.2)


@pytest.mark.parametrize(
    "event",
    [
        b"",
        b"[]",
        b'{"event": "confirmed"}',
        b'{"event": "confirmed", "hash": 5}',
        b'{"event": "confirmed", "hash": "0x00"}',
        b'{"event": "confirmed", "hash": "HASH", "hash": "HASH"}',
        b'{"event": "CONFIRMED", "hash": "HASH"}',
    ],
)
def test_nonsense_of_a_gateway_confirms_nothing(config: Path, event: bytes) -> None:
    with Device.open(config) as device:
        payment = device.pay(to=TO, value=5, data="nonsense")
        device._heard(event.replace(b"HASH", payment.hash.encode()))
        with pytest.raises(UnavailableError, match="timeout"):
            payment.wait(0.1)


def test_payments_that_nobody_holds_take_no_room(config: Path) -> None:
    with Device.open(config) as device:
        payment = device.pay(to=TO, value=5, data="held")
        assert device.pay(to=TO, value=5, data="held") is payment
        assert list(device._payments) == [payment.hash]
        del payment
        gc.collect()
        # The connection's thread may have one in its hands for a moment.
        until(lambda: not device._payments, "it is forgotten")


def test_a_payment_without_a_name_is_refused(config: Path) -> None:
    with Device.open(config) as device, pytest.raises(UsageError, match="transaction id or a key"):
        device.pay(to=TO, value=5, data="")


def test_what_is_signed_is_not_in_broker_or_gateway_before_it_is_handed_over(
    config: Path, gateway: GatewayProcess
) -> None:
    """What is asked of the enclave stays between the two: searched for by the idempotency key's digest."""
    key = os.urandom(16).hex()
    with Device.open(config) as device:
        payment = device.pay(to=TO, value=5, data="told", key=key)
        assert decode_signed(payment.transaction.raw).transaction.value == 5
        for secret in (key.encode(), content_digest(key.encode()).hex().encode()):
            assert Search(secret).in_process(gateway.pid) == []
            assert Search(secret).in_file(gateway.log) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chain": 0}, "config.chain"),
        ({"fingerprint": "00"}, "config.fingerprint"),
        ({"maxFeePerGas": "1.5"}, "config.maxFeePerGas"),
        ({"allowSimulated": 1}, "config.allowSimulated"),
        ({"account": "0x00"}, "config.account"),
        ({"home": 5}, "config.home"),
        ({"Home": "x"}, "has no field 'Home'"),
        ({"server": None}, "config.server"),
    ],
)
def test_a_wrong_configuration(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    example = json.loads((CHARGER.parent / "charger.json").read_text())
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**example, **changes}))
    with pytest.raises(UsageError, match=said):
        DeviceConfig.load(path)
    with pytest.raises(Error, match="cannot be read"):
        DeviceConfig.load(tmp_path / "absent.json")


def test_the_example_configuration_is_one() -> None:
    assert DeviceConfig.load(CHARGER.parent / "charger.json").chain == 1


def test_a_server_of_another_fingerprint_is_not_spoken_to(
    broker: Broker, server: Server, gateway: GatewayProcess, tmp_path: Path
) -> None:
    made = write_config(broker, server, tmp_path, fingerprint="ab" * 32)
    with pytest.raises(Error, match="fingerprint_mismatch"):
        Device.open(made)


def test_a_simulated_platform_must_be_allowed(
    broker: Broker, server: Server, gateway: GatewayProcess, tmp_path: Path
) -> None:
    made = write_config(broker, server, tmp_path, allowSimulated=False)
    with pytest.raises(Error, match="simulated_refused"):
        Device.open(made)


def test_the_paying_account_is_named_where_there_are_several(
    config: Path, named: Callable[[Path, str], Path]
) -> None:
    with Device.open(config) as device:
        account = checksummed(device.wallet().account)
        new_wallet(device.session)
    with Device.open(config) as device, pytest.raises(UsageError, match="several wallets"):
        device.pay(to=TO, value=5, data="which")
    with Device.open(named(config, account)) as device:
        assert (
            device.pay(to=TO, value=5, data="which").transaction.sender.hex() == account[2:].lower()
        )
    with Device.open(named(config, TO)) as device, pytest.raises(UsageError, match="no wallet"):
        device.pay(to=TO, value=5, data="whose")


@pytest.fixture
def named() -> Callable[[Path, str], Path]:
    def write(config: Path, account: str) -> Path:
        fields = json.loads(config.read_text())
        config.write_text(json.dumps({**fields, "account": account}))
        return config

    return write
