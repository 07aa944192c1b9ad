"""A device's transport against a gateway that answers what it likes, and against a broker that is not there."""

from __future__ import annotations

import json
import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adyton.client.mqtt_transport import MqttTransport, _Waiting
from adyton.core.errors import UnavailableError, VerificationError
from adyton.mqtt import topics
from adyton.mqtt.link import Acknowledged, Incoming, Outgoing
from adyton.protocol.relay import RelayRequest, RelayResponse
from tests import mqtt_kit
from tests.broker import Broker
from tests.e2e.command import until
from tests.mqtt_client import MqttClient, tls_context

HEALTH = RelayRequest("GET", "/health", "", None, 10_000).encode()
FINE = RelayResponse(200, "a/b", b"fine").encode()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker() as started:
        yield started


@pytest.fixture
def liar(broker: Broker) -> Iterator[MqttClient]:
    """Somebody in the place of a gateway, by the broker's own rules."""
    with MqttClient(
        broker.port, tls_context(broker.ca, broker.certificate("gateway-1")), "liar"
    ) as client:
        client.subscribe(f"{topics.PREFIX}/gateway-1/+/+/req")
        yield client


@pytest.fixture
def lied_to(broker: Broker, liar: MqttClient) -> Iterator[MqttTransport]:
    made = MqttTransport(mqtt_kit.url(broker), mqtt_kit.identity(broker.certificate("trusting")))
    yield made
    made.close()


def told(
    liar: MqttClient,
    transport: MqttTransport,
    *payloads: bytes,
    timeout_s: float = 60,
    **properties: Any,
) -> Any:
    """Have the device ask, and the liar answer with the payloads, in their order."""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(transport.exchange, "GET", "/x", max_bytes=100, timeout_s=timeout_s)
        request = liar.receive()
        correlation = vars(request.properties)["CorrelationData"]
        for payload in payloads:
            given = {"CorrelationData": correlation, **properties}
            liar.publish(request.topic.removesuffix("req") + "res", payload, **given)
        return asked.result()


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        HEALTH,
        RelayResponse(0, "", b"").encode(),
        RelayResponse(100, "", b"").encode(),
        RelayResponse(302, "", b"").encode(),
        RelayResponse(200, "", b"").encode() + b"\x00",
    ],
)
def test_an_answer_of_no_form_is_refused(
    liar: MqttClient, lied_to: MqttTransport, payload: bytes
) -> None:
    with pytest.raises(VerificationError, match="answer_invalid"):
        told(liar, lied_to, payload)


def test_the_first_answer_counts_and_others_are_dropped(
    liar: MqttClient, lied_to: MqttTransport
) -> None:
    first, second = (RelayResponse(200, "a/b", body).encode() for body in (b"one", b"two"))
    assert told(liar, lied_to, first, second).body == b"one"
    assert told(liar, lied_to, second).body == b"two"


class NewLink:
    """A connection that came to stand just now, and whose thread has not yet said so."""

    up = True
    connection = 1
    problem = ""

    def __init__(self) -> None:
        self.published: queue.SimpleQueue[Outgoing] = queue.SimpleQueue()

    def start(self) -> None:
        """Stand already."""

    def publish(self, message: Outgoing, _: Acknowledged) -> None:
        """Keep what would be sent."""
        self.published.put(message)

    def close(self) -> None:
        """Do nothing."""


@pytest.fixture
def newly_linked(broker: Broker) -> tuple[MqttTransport, NewLink]:
    transport = MqttTransport(
        mqtt_kit.url(broker), mqtt_kit.identity(broker.certificate("trusting"))
    )
    link = NewLink()
    vars(transport)["_link"] = link
    return transport, link


def test_a_request_goes_once_over_a_connection_that_comes_up_meanwhile(
    newly_linked: tuple[MqttTransport, NewLink],
) -> None:
    transport, link = newly_linked
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(transport.exchange, "GET", "/x", max_bytes=100, timeout_s=60)
        first = link.published.get(timeout=60)
        transport._connected()
        assert link.published.empty()
        link.connection = 2  # the connection was lost, and the request with it
        transport._connected()
        again = link.published.get(timeout=60)
        assert (again.payload, again.correlation) == (first.payload, first.correlation)
        assert link.published.empty()
        answer = Incoming(transport._response, FINE, first.correlation, None, None, False)
        transport._received(answer)
        assert asked.result().body == b"fine"


def test_who_asks_just_when_it_is_closed_does_not_wait(
    newly_linked: tuple[MqttTransport, NewLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    transport, _ = newly_linked
    start = transport._start

    def closed_meanwhile() -> None:
        start()
        transport.close()

    monkeypatch.setattr(transport, "_start", closed_meanwhile)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(transport.exchange, "GET", "/x", max_bytes=100, timeout_s=60)
        with pytest.raises(UnavailableError, match="closed"):
            asked.result(30)


def test_an_answer_that_came_before_the_close_counts(
    newly_linked: tuple[MqttTransport, NewLink],
) -> None:
    transport, _ = newly_linked
    waiting = transport._waiting[bytes(16)] = _Waiting(b"", 0.0)
    transport._received(Incoming(transport._response, FINE, bytes(16), None, None, False))
    transport.close()
    assert transport._reply(waiting, 100).body == b"fine"


def test_an_answer_to_nothing_is_dropped(liar: MqttClient, lied_to: MqttTransport) -> None:
    wrong, right = (RelayResponse(200, "a/b", body).encode() for body in (b"one", b"two"))
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lied_to.exchange, "GET", "/x", max_bytes=100, timeout_s=60)
        request = liar.receive()
        answers = request.topic.removesuffix("req") + "res"
        for correlation in (bytes(16), b"", bytes(40)):
            liar.publish(answers, wrong, CorrelationData=correlation)
        liar.publish(answers, right, CorrelationData=vars(request.properties)["CorrelationData"])
        assert asked.result().body == b"two"


def say_online(liar: MqttClient, boot: str) -> None:
    said = json.dumps({"v": 1, "status": "online", "boot": boot, "chainId": None}).encode()
    liar.publish(topics.status("gateway-1"), said)


def test_what_is_unanswered_is_sent_again_to_a_gateway_that_began_anew(
    liar: MqttClient, lied_to: MqttTransport
) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lied_to.exchange, "GET", "/x", max_bytes=100, timeout_s=60)
        first = liar.receive()
        say_online(liar, "one")
        say_online(liar, "one")
        say_online(liar, "two")
        again = liar.receive()
        assert (again.topic, again.payload) == (first.topic, first.payload)
        correlation = vars(first.properties)["CorrelationData"]
        assert vars(again.properties)["CorrelationData"] == correlation
        liar.publish(first.topic.removesuffix("req") + "res", FINE, CorrelationData=correlation)
        assert asked.result().body == b"fine"
    # Neither the same word again nor nonsense makes it send more.
    for nonsense in (b"", b"[]", b'{"status": 5}', b"[" * 3000, b'"' * 9000):
        liar.publish(topics.status("gateway-1"), nonsense)
    assert told(liar, lied_to, FINE).body == b"fine"


def test_the_time_that_is_left_goes_with_the_request(
    liar: MqttClient, lied_to: MqttTransport
) -> None:
    assert told(liar, lied_to, FINE).body == b"fine"  # so that the connection stands
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lied_to.exchange, "GET", "/x", max_bytes=100, timeout_s=3)
        assert 1 <= vars(liar.receive().properties)["MessageExpiryInterval"] <= 3
        with pytest.raises(UnavailableError, match="does the broker let this device read"):
            asked.result(30)


def test_closing_ends_what_waits(liar: MqttClient, lied_to: MqttTransport) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lied_to.exchange, "GET", "/x", max_bytes=100, timeout_s=60)
        liar.receive()
        lied_to.close()
        with pytest.raises(UnavailableError, match="closed"):
            asked.result(30)


def test_events_are_passed_on(broker: Broker, liar: MqttClient) -> None:
    heard: list[bytes] = []
    identity = mqtt_kit.identity(broker.certificate("trusting"))
    device = MqttTransport(mqtt_kit.url(broker), identity, on_event=heard.append)
    liar.subscribe(topics.transactions("gateway-1", "+"))
    try:
        device.hand_over(b"a transaction")
        assert liar.receive().payload == b"a transaction"
        liar.publish(topics.events("gateway-1", "trusting"), b"an event")
        until(lambda: heard == [b"an event"], "it is heard")
    finally:
        device.close()


def test_a_transaction_that_nobody_takes_is_said(broker: Broker) -> None:
    identity = mqtt_kit.identity(broker.certificate("alone"))
    device = MqttTransport(mqtt_kit.url(broker, "gateway-5"), identity)
    try:
        with pytest.raises(UnavailableError, match="no gateway of that name"):
            device.hand_over(b"a transaction", timeout_s=60)
    finally:
        device.close()
    with pytest.raises(UnavailableError, match="closed"):
        device.hand_over(b"a transaction")
