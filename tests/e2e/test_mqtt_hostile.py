"""Who has a certificate of the broker's authority disturbs nobody else; a bad message is answered or dropped."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from adyton.client.mqtt_transport import MqttTransport
from adyton.core import limits
from adyton.core.errors import PolicyError
from adyton.host.gateways.mqtt import MqttGateway
from adyton.host.gateways.relay import IN_FLIGHT_EACH
from adyton.mqtt import topics
from adyton.mqtt.link import PACKET
from adyton.protocol.relay import RelayRequest, RelayResponse
from tests import mqtt_kit
from tests.broker import Broker
from tests.e2e.command import Server, until
from tests.mqtt_client import MqttClient, Refused, tls_context

GATEWAY = mqtt_kit.GATEWAY
HEALTH = RelayRequest("GET", "/health", "", None, 10_000).encode()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(broker: Broker, server: Server) -> Iterator[MqttGateway]:
    with mqtt_kit.gateway(broker, server.url) as started:
        yield started


@pytest.fixture
def mallory(broker: Broker, gateway: MqttGateway) -> Iterator[MqttClient]:
    """A device that has a certificate, and does what it likes."""
    with connected(broker, "mallory") as client:
        client.subscribe(topics.response(GATEWAY, "mallory", "i"))
        yield client


def connected(broker: Broker, name: str, client_id: str = "") -> MqttClient:
    context = tls_context(broker.ca, broker.certificate(name))
    return MqttClient(broker.port, context, client_id or f"raw-{secrets.token_hex(4)}")


def ask(client: MqttClient, payload: bytes, **properties: Any) -> None:
    properties = {"CorrelationData": secrets.token_bytes(16), **properties}
    client.publish(topics.request(GATEWAY, "mallory", "i"), payload, **properties)


def answer(client: MqttClient) -> RelayResponse:
    return RelayResponse.decode(bytes(client.receive().payload))


def code(client: MqttClient) -> str:
    said = json.loads(answer(client).body)
    return str(said["code"])


def dropped(gateway: MqttGateway, reason: str) -> float:
    name, labels = "adyton_gateway_dropped_total", {"reason": reason}
    return gateway.counters.registry.get_sample_value(name, labels) or 0.0


def assert_serving(client: MqttClient) -> None:
    ask(client, HEALTH)
    assert answer(client).status == 200


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"garbled",
        bytes(100),
        HEALTH + b"\x00",
        HEALTH[:-1],
        HEALTH.replace(b"relay-request/1", b"relay-request/2"),
        b"\x86" + HEALTH[1:].replace(b"/health", b"/healt\xff"),
        secrets.token_bytes(100_000),
    ],
)
def test_a_garbled_request_is_answered_and_counted(
    mallory: MqttClient, gateway: MqttGateway, payload: bytes
) -> None:
    before = dropped(gateway, "malformed")
    ask(mallory, payload)
    assert code(mallory) == "malformed"
    assert dropped(gateway, "malformed") == before + 1
    assert_serving(mallory)


@pytest.mark.parametrize("correlation", [None, b"", b"x", bytes(15), bytes(17)])
def test_a_request_nobody_could_match_is_dropped(
    mallory: MqttClient, gateway: MqttGateway, correlation: bytes | None
) -> None:
    before = dropped(gateway, "no correlation")
    given = {} if correlation is None else {"CorrelationData": correlation}
    mallory.publish(topics.request(GATEWAY, "mallory", "i"), HEALTH, **given)
    assert_serving(mallory)
    assert dropped(gateway, "no correlation") == before + 1


@pytest.mark.parametrize(
    "wanted",
    [
        topics.response(GATEWAY, "victim", "i"),
        topics.request(GATEWAY, "victim", "i"),
        topics.status(GATEWAY),
        topics.response(GATEWAY, "mallory", "j"),
        "elsewhere",
    ],
)
def test_a_foreign_response_topic_is_never_obeyed(
    broker: Broker, mallory: MqttClient, gateway: MqttGateway, wanted: str
) -> None:
    before = dropped(gateway, "foreign response topic")
    with connected(broker, "victim") as victim, connected(broker, GATEWAY) as watcher:
        victim.subscribe(topics.response(GATEWAY, "victim", "i"))
        watcher.subscribe(f"{topics.PREFIX}/{GATEWAY}/#")
        ask(mallory, HEALTH, ResponseTopic=wanted)
        assert code(mallory) == "bad_argument"
        assert dropped(gateway, "foreign response topic") == before + 1
        with pytest.raises(queue.Empty):
            victim.receive(timeout=0.1)
        seen: list[str] = []
        while len(seen) < 3:
            seen.append(watcher.receive().topic)
        assert sorted(set(seen)) == sorted(
            {
                topics.status(GATEWAY),
                topics.request(GATEWAY, "mallory", "i"),
                topics.response(GATEWAY, "mallory", "i"),
            }
        )


def test_its_own_response_topic_may_be_said(mallory: MqttClient) -> None:
    ask(mallory, HEALTH, ResponseTopic=topics.response(GATEWAY, "mallory", "i"))
    assert answer(mallory).status == 200


def test_a_device_publishes_under_its_own_name_alone(mallory: MqttClient) -> None:
    for topic in (
        topics.request(GATEWAY, "victim", "i"),
        topics.transactions(GATEWAY, "victim"),
        topics.response(GATEWAY, "mallory", "i"),
        topics.events(GATEWAY, "mallory"),
        topics.status(GATEWAY),
        f"{topics.PREFIX}/{GATEWAY}/mallory/i/j/req",
        "elsewhere",
    ):
        with pytest.raises(Refused, match="Not authorized"):
            mallory.publish(topic, HEALTH, CorrelationData=bytes(16))
    assert_serving(mallory)


def test_a_device_hears_nothing_of_another(broker: Broker, mallory: MqttClient) -> None:
    with connected(broker, "victim") as victim:
        victim.subscribe(topics.response(GATEWAY, "victim", "i"))
        mallory.subscribe(f"{topics.PREFIX}/#")
        victim.publish(
            topics.request(GATEWAY, "victim", "i"), HEALTH, CorrelationData=secrets.token_bytes(16)
        )
        assert answer(victim).status == 200
        heard = []
        while True:
            try:
                heard.append(mallory.receive(timeout=0.2).topic)
            except queue.Empty:
                break
        assert set(heard) <= {topics.status(GATEWAY)}


def test_a_device_cannot_take_the_gateways_session_over(broker: Broker, server: Server) -> None:
    """Even who has guessed the session's name gets nothing of others, and the gateway comes back."""
    name = f"guessed-{secrets.token_hex(4)}"
    with mqtt_kit.gateway(broker, server.url, client_id=name), connected(broker, "victim") as other:
        other.subscribe(topics.response(GATEWAY, "victim", "i"))
        with connected(broker, "mallory", name) as thief:
            other.publish(
                topics.request(GATEWAY, "victim", "i"),
                HEALTH,
                CorrelationData=secrets.token_bytes(16),
            )
            try:
                assert thief.receive(timeout=0.3).topic == topics.status(GATEWAY)
            except queue.Empty:
                pass
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            other.publish(
                topics.request(GATEWAY, "victim", "i"),
                HEALTH,
                CorrelationData=secrets.token_bytes(16),
            )
            try:
                assert RelayResponse.decode(bytes(other.receive(timeout=1).payload)).status == 200
                break
            except queue.Empty:
                continue
        else:
            raise AssertionError("the gateway did not come back")


def test_a_packet_over_the_brokers_bound_ends_its_senders_connection_alone(
    broker: Broker, gateway: MqttGateway, mallory: MqttClient
) -> None:
    assert int(mqtt_kit.example_settings()["max_packet_size"]) >= PACKET
    with connected(broker, "oversized") as sender, pytest.raises(Refused):
        sender.publish(
            topics.request(GATEWAY, "oversized", "i"),
            bytes(6 * limits.MIB),
            CorrelationData=bytes(16),
        )
    assert_serving(mallory)


def test_a_retained_request_is_not_relayed(
    broker: Broker, gateway: MqttGateway, server: Server
) -> None:
    """The broker's own administrator may keep one; it is not made anew with each connection."""
    with connected(broker, GATEWAY) as administrator:
        topic = topics.request(GATEWAY, "victim", "kept")
        administrator._client.publish(topic, HEALTH, qos=1, retain=True).wait_for_publish(60)
        try:
            with mqtt_kit.gateway(broker, server.url, client_id="another") as second:
                until(lambda: dropped(second, "retained") == 1, "the retained message is dropped")
        finally:
            administrator._client.publish(topic, b"", qos=1, retain=True).wait_for_publish(60)


def test_more_than_a_devices_share_is_refused_and_others_are_served(
    broker: Broker, gateway: MqttGateway, mallory: MqttClient
) -> None:
    payload = RelayRequest("GET", "/block?from=0&limit=256", "", None, limits.RELAY_BODY).encode()
    asked = 3 * IN_FLIGHT_EACH
    for _ in range(asked):
        topic = topics.request(GATEWAY, "mallory", "i")
        mallory._client.publish(
            topic, payload, qos=1, properties=_correlated(secrets.token_bytes(16))
        )
    with connected(broker, "victim") as victim:
        victim.subscribe(topics.response(GATEWAY, "victim", "i"))
        victim.publish(
            topics.request(GATEWAY, "victim", "i"), HEALTH, CorrelationData=secrets.token_bytes(16)
        )
        assert answer(victim).status == 200
    statuses = [answer(mallory).status for _ in range(asked)]
    assert set(statuses) <= {200, 503}
    assert len(statuses) == asked


def _correlated(correlation: bytes) -> Any:
    made = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # the library's one untyped class
    made.CorrelationData = correlation
    return made


def test_what_a_broker_refuses_surfaces(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PUBACK with "Not authorized", and a subscription that is granted and delivers nothing."""
    deaf = "user gateway-1\ntopic write adyton/v1/gateway-1/#\n"
    with Broker(deaf) as strict:
        files = mqtt_kit.identity(strict.certificate("charger"))
        transport = MqttTransport(mqtt_kit.url(strict), files)
        try:
            with pytest.raises(PolicyError, match="not_authorized"):
                transport.exchange("GET", "/health", max_bytes=100, timeout_s=60)
            with pytest.raises(PolicyError, match="not_authorized"):
                transport.hand_over(b"{}")
        finally:
            transport.close()
        with monkeypatch.context() as sooner:
            sooner.setattr("adyton.host.gateways.mqtt._SELF_TEST_S", 1.0)
            with (
                pytest.raises(PolicyError, match="delivers nothing"),
                mqtt_kit.gateway(strict, server.url),
            ):
                pass
    with (
        Broker("user nobody\n") as mute,
        pytest.raises(PolicyError, match="lets this gateway publish nothing"),
        mqtt_kit.gateway(mute, server.url),
    ):
        pass
