"""The broker that tests of gateways use keeps out whom it should, and keeps what it should."""

from __future__ import annotations

import queue
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.certificates import Authority, Credentials
from tests.mqtt_client import MqttClient, Refused, tls_context

ACL = """\
user asker
topic write wallet/req
topic read wallet/res

user gateway
topic read wallet/req
topic write wallet/res
topic read private/#
topic write private/#
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker(ACL) as started:
        yield started


def connected(broker: Broker, name: str, *, persistent: bool = False) -> MqttClient:
    context = tls_context(broker.ca, broker.certificate(name))
    return MqttClient(broker.port, context, name, persistent=persistent)


def assert_kept_out(broker: Broker, credentials: Credentials | None) -> None:
    with pytest.raises((Refused, ssl.SSLError, ConnectionError)):
        MqttClient(broker.port, tls_context(broker.ca, credentials), "stranger")
    assert "as stranger" not in broker.log


def test_a_request_and_its_answer(broker: Broker) -> None:
    with connected(broker, "asker") as asker, connected(broker, "gateway") as gateway:
        gateway.subscribe("wallet/req")
        asker.subscribe("wallet/res")
        asker.publish("wallet/req", b"sign", CorrelationData=b"\x00\x01")
        request = gateway.receive()
        assert (request.topic, request.payload) == ("wallet/req", b"sign")
        assert vars(request.properties)["CorrelationData"] == b"\x00\x01"
        gateway.publish("wallet/res", b"signed")
        assert asker.receive().payload == b"signed"


def test_the_certificates_name_is_the_user(broker: Broker) -> None:
    with connected(broker, "asker"):
        assert "as asker (p5, c1, k30, u'asker')" in broker.log


def test_a_client_without_a_certificate_is_kept_out(broker: Broker) -> None:
    assert_kept_out(broker, None)


def test_a_certificate_of_another_authority_is_kept_out(broker: Broker, tmp_path: Path) -> None:
    assert_kept_out(broker, Authority(tmp_path).client("gateway"))


def test_a_certificate_that_has_ended_is_kept_out(broker: Broker) -> None:
    assert_kept_out(broker, broker.certificate("late", timedelta(hours=-1)))


def test_a_servers_certificate_is_none_for_a_client(broker: Broker) -> None:
    assert_kept_out(broker, broker.server)


def test_an_older_tls_is_kept_out(broker: Broker) -> None:
    context = tls_context(broker.ca, broker.certificate("asker"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match=r"(?i)version"):
        MqttClient(broker.port, context, "old")


def test_a_client_believes_no_other_broker(broker: Broker, tmp_path: Path) -> None:
    context = tls_context(Authority(tmp_path).certificate, broker.certificate("asker"))
    with pytest.raises(ssl.SSLCertVerificationError):
        MqttClient(broker.port, context, "asker")


def test_publishing_outside_of_the_acl_is_refused(broker: Broker) -> None:
    with connected(broker, "asker") as asker:
        for topic in ("wallet/res", "private/a", "elsewhere"):
            with pytest.raises(Refused, match="Not authorized"):
                asker.publish(topic, b"x")
        asker.publish("wallet/req", b"still there")


def test_nothing_outside_of_the_acl_is_delivered(broker: Broker) -> None:
    with connected(broker, "asker") as asker, connected(broker, "gateway") as gateway:
        # The broker grants this, and delivers only what the ACL allows.
        asker.subscribe("#")
        gateway.publish("private/a", b"secret")
        gateway.publish("wallet/res", b"public")
        assert asker.receive().payload == b"public"


def test_small_packets_do_not_wait(broker: Broker) -> None:
    with connected(broker, "asker") as asker, connected(broker, "gateway") as gateway:
        gateway.subscribe("wallet/req")
        asker.subscribe("wallet/res")
        times: list[float] = []
        # More often on a machine that is busy: one of them is enough.
        while len(times) < 20 or (min(times) >= 0.03 and len(times) < 300):
            began = time.monotonic()
            asker.publish("wallet/req", b"ping")
            gateway.receive()
            gateway.publish("wallet/res", b"pong")
            asker.receive()
            times.append(time.monotonic() - began)
        # With Nagle's algorithm on either side each of them takes 40 ms or more.
        assert min(times) < 0.03


def test_a_queued_message_survives_a_restart() -> None:
    with Broker(ACL, persistence=True) as broker:
        port = broker.port
        with connected(broker, "gateway", persistent=True) as gateway:
            assert not gateway.session_present
            gateway.subscribe("wallet/req")
        with connected(broker, "asker") as asker:
            asker.publish("wallet/req", b"while you were away")
        broker.restart()
        assert broker.port == port
        with connected(broker, "gateway", persistent=True) as gateway:
            assert gateway.session_present
            assert gateway.receive().payload == b"while you were away"


def test_without_persistence_a_restart_forgets() -> None:
    with Broker(ACL) as broker:
        with connected(broker, "gateway", persistent=True) as gateway:
            gateway.subscribe("wallet/req")
        broker.restart()
        with connected(broker, "gateway", persistent=True) as gateway:
            assert not gateway.session_present
            with pytest.raises(queue.Empty):
                gateway.receive(timeout=0.05)


def test_a_stopped_broker_is_not_there(broker: Broker) -> None:
    with Broker(ACL) as other:
        other.stop()
        with pytest.raises(ConnectionRefusedError):
            connected(other, "asker")
        other.start()
        connected(other, "asker").close()


def test_a_broker_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="no_such_setting"),
        Broker(ACL, settings="no_such_setting 1\n"),
    ):
        pass
