"""A device whose payment others must approve, over MQTT: it asks, is told, comes back after a restart, pays once."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import (
    ApprovalEnded,
    ApprovalPending,
    Device,
    HttpTransport,
    Keystore,
    Session,
)
from adyton.client.wallet_answers import PaymentRefused
from adyton.client.wallet_finding import open_proposal
from adyton.client.wallet_making import new_wallet
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests import mqtt_kit
from tests.broker import Broker
from tests.device_kit import run, write_config
from tests.e2e.command import Client, Server, environment
from tests.ethereum_kit import ETHER, VENDOR
from tests.mqtt_kit import GatewayProcess
from tests.wallet_kit import policy

TO = checksummed(VENDOR)
FREE = 10  # wei that nobody needs to approve


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker(persistence=True) as started:
        yield started


@pytest.fixture
def gateway(broker: Broker, server: Server, tmp_path: Path) -> Iterator[GatewayProcess]:
    with GatewayProcess(broker, server.url, tmp_path) as started:
        yield started


@dataclass
class Site:
    """A device and two people who approve what it pays: one with the command, one with the SDK."""

    config: Path
    ann: Client
    bob: Client

    def approved_by_ann(self, proposal: bytes) -> None:
        self.ann.ok("wallet", "approve", proposal.hex(), "--yes")

    def approved_by_bob(self, proposal: bytes) -> None:
        with session_of(self.bob) as session:
            wallet, read = open_proposal(session, proposal)
            wallet.approve(read)

    def approved(self, proposal: bytes) -> None:
        self.approved_by_ann(proposal)
        self.approved_by_bob(proposal)


def session_of(client: Client) -> Session:
    transport = HttpTransport(client.server.url)
    return Session(Keystore(client.home), transport, AppraisalPolicy(allow_simulated=True))


def approving(keys: list[str], within: int, most: int = ETHER) -> bytes:
    rule = {"effect": "allow", "chain": [31337]}
    when = {
        "to": {"in": "@vendors"},
        "fee": {"lte": hex(ETHER // 100)},
        "data": {"size": {"lte": 256}},
    }
    wanted = {"m": len(keys), "of": "@people", "within": within}
    names = [f"person-{at}" for at in range(len(keys))]
    return policy(
        [
            {**rule, "id": "small", "when": {**when, "value": {"lte": FREE}}},
            {**rule, "id": "large", "when": {**when, "value": {"lte": most}}, "approvals": wanted},
        ],
        clients=dict(zip(names, keys, strict=True)),
        sets={"vendors": [TO], "people": names},
        time="host",
    )  # fmt: skip


@pytest.fixture
def make_site(
    broker: Broker,
    server: Server,
    gateway: GatewayProcess,
    new_client: Callable[[str], Client],
    tmp_path: Path,
) -> Callable[[int], Site]:
    def make(within: int) -> Site:
        site = Site(write_config(broker, server, tmp_path), new_client("ann"), new_client("bob"))
        with Device.open(site.config) as device:
            new_wallet(device.session, policy=approving(keys(site), within))
        return site

    return make


def keys(site: Site) -> list[str]:
    return [one.json("whoami")["client_key"] for one in (site.ann, site.bob)]


@pytest.fixture
def site(make_site: Callable[[int], Site]) -> Site:
    return make_site(3600)


def waits(device: Device, value: int, data: str) -> ApprovalPending:
    with pytest.raises(ApprovalPending) as told:
        device.pay(to=TO, value=value, data=data)
    return told.value


def signatures(device: Device) -> list[str]:
    """Return what the wallet has signed, by its audit."""
    entries = device.wallet().audit().entries
    return [entry.digest.hex() for entry in entries if entry.status == "signed"]


def test_the_charger_asks_is_killed_and_claims_what_two_have_approved(site: Site) -> None:
    charger = run(site.config, TO, "1025", "session-1")
    assert charger.stdout is not None
    told = charger.stdout.readline()
    assert told.startswith("waits for approvals: ")
    charger.send_signal(signal.SIGKILL)
    charger.wait()
    site.approved(bytes.fromhex(told.split()[-1]))
    again = run(site.config, TO, "1025", "session-1")
    assert again.stdout is not None
    signed = again.stdout.readline()
    assert signed.startswith("signed by policy: 0x")
    again.send_signal(signal.SIGKILL)
    again.wait()
    with Device.open(site.config) as device:
        payment = device.claim("session-1")
        assert payment.hash == signed.split()[-1]
        made = decode_signed(payment.transaction.raw).transaction
        assert (made.value, made.nonce, made.data) == (1025, 0, b"session-1")
        assert len(signatures(device)) == 1


def test_a_device_that_waits_is_told_as_soon_as_enough_have_approved(
    site: Site, gateway: GatewayProcess
) -> None:
    with Device.open(site.config) as device:
        told = waits(device, 1025, "waited for")
        assert told.missing == 2
        assert told.proposal.hex() in told.message
        site.approved_by_ann(told.proposal)
        assert waits(device, 1025, "waited for").missing == 1
        with pytest.raises(ApprovalPending):
            device.claim("waited for", timeout_s=1.5)
        # What needs nobody is paid meanwhile.
        assert device.pay(to=TO, value=FREE, data="small").transaction.transaction.nonce == 0
        gateway.stop(signal.SIGKILL)
        gateway.start()
        late = Timer(2, site.approved_by_bob, (told.proposal,))
        late.start()
        payment = device.claim("waited for", timeout_s=60)
        late.join()
        assert payment.transaction.transaction.nonce == 1
        assert device.claim("waited for").hash == payment.hash
        assert device.pay(to=TO, value=1025, data="waited for").hash == payment.hash
        assert len(signatures(device)) == 2


@pytest.mark.parametrize("point", ["asked", "claimed", "signed"])
def test_power_fails_at_the_worst_moment(site: Site, point: str) -> None:
    """A child ends without goodbye where the parent says; the device claims, and has paid once."""
    script = """
import os, sys
from adyton.client import Device, device_payments, wallet
config, to, point = sys.argv[1:]
die = lambda *a, **k: os._exit(9)
if point == "asked":
    device_payments.PaymentJournal.wait = die     # others are asked; the device has not written it down
if point == "claimed":
    wallet.require_signing = die                  # the enclave has signed; the device never knew
if point == "signed":
    device_payments.PaymentJournal.signed = die   # known, not written down
with Device.open(config) as device:
    device.pay(to=to, value=77, data="power")
"""
    if point != "asked":
        with Device.open(site.config) as device:
            site.approved(waits(device, 77, "power").proposal)
    died = subprocess.run(
        [sys.executable, "-c", script, str(site.config), TO, point],
        env=environment(),
        capture_output=True,
        timeout=60,
    )
    assert died.returncode == 9, died.stderr.decode()
    with Device.open(site.config) as device:
        if point == "asked":
            told = waits(device, 77, "power")
            assert len(device.wallet().proposals()) == 1
            site.approved(told.proposal)
        payment = device.claim("power")
        assert payment.transaction.transaction.nonce == 0
        assert signatures(device) == [payment.transaction.transaction.signing_hash.hex()]
        assert device.wallet().proposals() == ()


def test_a_rejection_is_told_once_and_the_payment_may_be_asked_for_anew(site: Site) -> None:
    with Device.open(site.config) as device:
        told = waits(device, 1025, "no")
    site.ann.ok("wallet", "reject", told.proposal.hex())
    with Device.open(site.config) as device:
        with pytest.raises(ApprovalEnded, match=f"rejected by client {keys(site)[0]}"):
            device.claim("no", timeout_s=60)
        with pytest.raises(UsageError, match="not_found"):
            device.claim("no")
        anew = waits(device, 1025, "no")
        assert anew.proposal != told.proposal
        assert signatures(device) == []


def test_an_expiry_is_told_though_the_chain_is_idle(make_site: Callable[[int], Site]) -> None:
    site = make_site(2)
    with Device.open(site.config) as device:
        told = waits(device, 1025, "late")
        begun = time.monotonic()
        with pytest.raises(ApprovalEnded, match="expired"):
            device.claim("late", timeout_s=60)
        assert time.monotonic() - begun < 30
        assert waits(device, 1025, "late").proposal != told.proposal
        assert signatures(device) == []


def test_what_the_policy_has_come_to_refuse_is_told(site: Site) -> None:
    with Device.open(site.config) as device:
        told = waits(device, 1025, "changed")
        site.approved(told.proposal)
        device.wallet().change_policy(approving(keys(site), 3600, most=1024))
        with pytest.raises(PaymentRefused, match="value"):
            device.claim("changed")
        with pytest.raises(UsageError, match="not_found"):
            device.claim("changed")
        assert signatures(device) == []


def test_nothing_is_claimed_that_was_not_asked_for(site: Site) -> None:
    with Device.open(site.config) as device, pytest.raises(UsageError, match="pay it first"):
        device.claim("never")
