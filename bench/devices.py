"""A payment that a device asks for over MQTT, beside the same one over HTTP, taken in turns."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from adyton.client import HttpTransport, Keystore, Session
from adyton.client.mqtt_transport import MqttTransport
from adyton.client.transport import Transport
from adyton.client.wallet import Wallet
from adyton.client.wallet_making import new_wallet
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.server import POLICY, Server
from bench.summary import BenchError, Summary
from tests import mqtt_kit
from tests.wallet_kit import payment, plain_policy

_WARM_UP: Final = 20
_MS: Final = 1e3
_GOAL_MS: Final = 8


def measure(plan: Plan) -> list[Figure]:
    """Measure exchanges and payments through a broker and a gateway, mutual TLS on each way."""
    place, running = plan.directory("devices"), plan.server()
    try:
        with (
            mqtt_kit.example_broker() as broker,
            mqtt_kit.GatewayProcess(broker, running.url, place),
        ):
            identity = mqtt_kit.identity(broker.certificate("device"))
            over_mqtt = MqttTransport(mqtt_kit.url(broker), identity)
            return _measured(running, place, over_mqtt, plan.alone)
    except pytest.skip.Exception as absent:
        raise BenchError(f"there is no broker: {absent}") from None


def _measured(running: Server, place: Path, over_mqtt: Transport, count: int) -> list[Figure]:
    with (
        _session(running, place / "mqtt", over_mqtt) as device,
        _session(running, place / "http", HttpTransport(running.url)) as plain,
    ):
        asked, asked_plain = _turns(_health(device), _health(plain), count)
        paid, paid_plain = _turns(_paying(device), _paying(plain), count)
    return [
        Figure(
            "exchange over MQTT, p50", _MS * asked.p50, "ms", None,
            Floor(_MS * asked_plain.p50, "the same over HTTP"),
            f"{asked.count} each in turns, p99 {_MS * asked.p99:.2f} ms; mutual TLS 1.3 twice",
        ),
        Figure(
            "payment signed over MQTT, p50", _MS * paid.p50, "ms", Goal(_GOAL_MS),
            Floor(_MS * paid_plain.p50, "the same over HTTP"),
            f"{paid.count} each in turns, p99 {_MS * paid.p99:.2f} ms; sealed, signed, receipt verified, "
            "both commits",
        ),
    ]  # fmt: skip


def _turns(
    one: Callable[[], object], other: Callable[[], object], count: int
) -> tuple[Summary, Summary]:
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(count + _WARM_UP):
        for call, times in zip((one, other), taken, strict=True):
            begun = time.perf_counter()
            call()
            if number >= _WARM_UP:
                times.append(time.perf_counter() - begun)
    return Summary.of(taken[0]), Summary.of(taken[1])


def _health(session: Session) -> Callable[[], object]:
    return session.api.health


def _paying(session: Session) -> Callable[[], object]:
    wallet: Wallet = new_wallet(session, policy=plain_policy())[0]
    account = wallet.account

    def pay() -> None:
        if not wallet.sign_transaction(account, payment()).raw:
            raise BenchError("a payment was not signed")

    return pay


def _session(running: Server, keys: Path, transport: Transport) -> Session:
    opened = Session(Keystore(keys), transport, POLICY)
    opened.trust(bytes.fromhex(running.fingerprint))
    opened.first_contact()
    return opened
