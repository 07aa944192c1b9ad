"""A device is a client like any other, through a broker and a gateway that can neither read nor alter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adyton.client import notarize
from adyton.client.mqtt_transport import MqttTransport
from adyton.host.gateways.mqtt import MqttGateway
from tests import mqtt_kit
from tests.broker import Broker
from tests.e2e.command import Server


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(broker: Broker, server: Server) -> Iterator[MqttGateway]:
    with mqtt_kit.gateway(broker, server.url) as started:
        yield started


@pytest.fixture
def device(broker: Broker, gateway: MqttGateway) -> Iterator[Callable[[str], MqttTransport]]:
    """Make devices' transports by name."""
    made: list[MqttTransport] = []

    def make(name: str) -> MqttTransport:
        identity = mqtt_kit.identity(broker.certificate(name))
        made.append(MqttTransport(mqtt_kit.url(broker), identity))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


def test_a_device_has_the_ledger_record_something(
    server: Server, device: Callable[[str], MqttTransport], tmp_path: Path
) -> None:
    with mqtt_kit.session(tmp_path / "home", device("charger-7"), server.fingerprint) as session:
        receipt = notarize(session, b"a meter's reading")
        assert receipt.proof.encode()
