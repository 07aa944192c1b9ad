"""A link comes back from everything that a broker may do to it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError
from adyton.mqtt import link, topics
from adyton.mqtt.address import Address, read_address
from adyton.mqtt.identity import Identity
from adyton.mqtt.link import NOBODY_LISTENS, NOT_AUTHORIZED, Incoming, Link, Outgoing
from tests import mqtt_kit
from tests.broker import Broker
from tests.certificates import Authority
from tests.e2e.command import until

ACL = "user me\ntopic readwrite mine/#\n"


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with Broker(ACL) as started:
        yield started


@pytest.fixture(autouse=True)
def _soon_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests need not wait as long as a broker is spared by it."""
    monkeypatch.setattr(link, "_RETRY_S", (0.05, 1))


class Heard:
    """A link, and what it was told."""

    def __init__(self, identity: Identity, port: int, **changes: object) -> None:
        self.messages: list[Incoming] = []
        self.ups = 0
        self.breaks = False
        given = {
            "client_id": "me-and-nobody-else",
            "session_s": 60,
            "topics": ("mine/in",),
            "on_message": self.take,
            "on_up": self.up,
            **changes,
        }
        self.link = Link(("127.0.0.1", port), identity, **given)  # type: ignore[arg-type]  # each is what it takes

    def take(self, message: Incoming) -> None:
        self.messages.append(message)
        if self.breaks:
            raise ZeroDivisionError

    def up(self) -> None:
        self.ups += 1


@contextmanager
def linked(broker: Broker, port: int = 0, **changes: object) -> Iterator[Heard]:
    heard = Heard(mqtt_kit.identity(broker.certificate("me")), port or broker.port, **changes)
    heard.link.start()
    try:
        yield heard
    finally:
        heard.link.close()


def test_what_is_published_comes_back_with_its_properties(broker: Broker) -> None:
    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        heard.link.publish(Outgoing("mine/in", b"hello", bytes(16), 30))
        until(lambda: bool(heard.messages), "it comes back")
        (message,) = heard.messages
        assert (message.topic, message.payload, message.correlation) == (
            "mine/in",
            b"hello",
            bytes(16),
        )
        assert message.response_topic is None
        assert message.expiry_s is not None
        assert not message.retained


def test_each_publication_is_told_its_reason(broker: Broker) -> None:
    told: list[int] = []
    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        for topic in ("mine/in", "mine/elsewhere", "not/mine"):
            heard.link.publish(Outgoing(topic, b""), told.append)
        until(lambda: len(told) == 3, "all are told")
    assert told == [0, NOBODY_LISTENS, NOT_AUTHORIZED]


def test_every_one_of_many_is_told_once(broker: Broker) -> None:
    told: list[int] = []
    with linked(broker) as heard:
        assert heard.link.wait_up(60)

        def many() -> None:
            for _ in range(100):
                heard.link.publish(Outgoing("mine/in", b"x"), told.append)

        threads = [threading.Thread(target=many) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        until(lambda: len(told) == 400, "all are told")
        until(lambda: len(heard.messages) == 400, "all come back")
    assert set(told) == {0}
    assert not heard.link._waiting


def test_a_callback_that_breaks_breaks_nothing_else(broker: Broker) -> None:
    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        heard.breaks = True
        heard.link.publish(Outgoing("mine/in", b"one"))
        until(lambda: len(heard.messages) == 1, "the first comes")
        heard.breaks = False
        heard.link.publish(Outgoing("mine/in", b"two"))
        until(lambda: len(heard.messages) == 2, "the second comes")


def test_what_is_published_while_the_broker_is_away_is_delivered_later(broker: Broker) -> None:
    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        broker.stop()
        until(lambda: not heard.link.up, "it is noticed")
        heard.link.publish(Outgoing("mine/in", b"later"))
        broker.start()
        until(lambda: [one.payload for one in heard.messages] == [b"later"], "it comes")
        assert heard.ups == 2


def test_it_ends_also_where_its_last_word_finds_no_room(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UnavailableError("overloaded", "too much waits for the broker")

    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        monkeypatch.setattr(heard.link, "publish", full)
        heard.link.close(Outgoing("mine/in", b"goodbye"))
        assert not heard.link._thread.is_alive()


def test_a_message_over_the_bound_is_refused_here(broker: Broker) -> None:
    with linked(broker) as heard, pytest.raises(UsageError, match="too_large"):
        heard.link.publish(Outgoing("mine/in", bytes(limits.RELAY + 1)))


@contextmanager
def madhouse(broker: Broker, said: list[bytes]) -> Iterator[int]:
    """Give the port of a broker that says each of these at the next connection, then is the real one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(broker.server.cert, broker.server.key)
    context.load_verify_locations(broker.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                if said:
                    with suppress(OSError), context.wrap_socket(client, server_side=True) as spoken:
                        spoken.recv(4096)
                        spoken.sendall(said.pop(0))
                        spoken.settimeout(0.5)
                        spoken.recv(4096)
                else:
                    real = socket.create_connection(("127.0.0.1", broker.port))
                    for one, other in ((client, real), (real, client)):
                        threading.Thread(target=_pump, args=(one, other), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _pump(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while part := one.recv(65_536):
            other.sendall(part)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00" * 20,
        b"\x20\x05\x00\x00\x02\xff\xff",  # a CONNACK with properties that there are not
        b"\x20\x03\x00\x87\x00",  # a CONNACK: not authorized
        b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x87",  # a SUBACK that refuses
        b"\x20\x03\x00\x00\x00\x90\x03\x00\x01\x00",  # a SUBACK of nothing
        b"\x20\x03\x00\x00\x00\x32\x07\x00\x02\xff\xff\x00\x01\x00",  # a topic that is not UTF-8
        b"\x20\x03\x00\x00\x00\x32\xff\xff\xff\xff\x7f",  # a length of five bytes
        b"\x20\x03\x00\x00\x00\xe0\x02\x8e\x00",  # taken over by another
        b"\x20\x05\x00\x00\x02\x7f\x00",  # a property that there is not
        b"\x20\x03\x00\x00\x00\x32\x08\x00\x01a\x00\x01\x02\x7f\x00",  # likewise in a PUBLISH
        b"\x20\x03\x00\x00\x00\x32\x01\x00",  # a PUBLISH that ends too soon
        b"\x20\x03\x00\x00\x00\x90\x04\x00\x01\x00\x7f",  # a reason that there is not
        b"\x20\x01\x00",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_a_broker_that_talks_nonsense_is_tried_again(broker: Broker, said: bytes) -> None:
    with madhouse(broker, [said]) as port, linked(broker, port) as heard:
        assert heard.link.wait_up(60)
        heard.link.publish(Outgoing("mine/in", b"after all"))
        until(lambda: [one.payload for one in heard.messages] == [b"after all"], "it comes back")


def test_the_published_settings_start_a_broker(tmp_path: Path) -> None:
    """The file as it is published, but for port and directory."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("missing installable: mosquitto, for the tools of Ethereum")
    authority = Authority(tmp_path)
    server = authority.server()
    server.cert.rename(tmp_path / "server.pem")
    server.key.rename(tmp_path / "server.key")
    (tmp_path / "acl").write_text((mqtt_kit.EXAMPLE / "acl").read_text())
    (tmp_path / "acl").chmod(0o600)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = (mqtt_kit.EXAMPLE / "mosquitto.conf").read_text()
    text = text.replace("listener 8883", f"listener {port} 127.0.0.1\nuser root")
    text = text.replace("/var/lib/mosquitto/", f"{tmp_path}/")
    (tmp_path / "mosquitto.conf").write_text(text)
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "-c", "mosquitto.conf"], cwd=tmp_path, stdout=output, stderr=output
        )
    try:
        until(lambda: " running" in log.read_text(), "it runs")
        credentials = authority.client("charger-1")
        own = topics.response("gateway-1", "charger-1", "i")
        heard = Heard(mqtt_kit.identity(credentials), port, topics=(own,))
        heard.link.start()
        told: list[int] = []
        try:
            assert heard.link.wait_up(60), log.read_text()
            for name in ("charger-1", "charger-2"):
                topic = topics.request("gateway-1", name, "i")
                heard.link.publish(Outgoing(topic, b""), told.append)
            until(lambda: len(told) == 2, "both are told")
        finally:
            heard.link.close()
        assert told == [NOBODY_LISTENS, NOT_AUTHORIZED]
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("mqtts://broker/g", "mqtts://broker:8883/g"),
        ("mqtts://BROKER:1/gate.way-1_x", "mqtts://broker:1/gate.way-1_x"),
        ("mqtts://[::1]:7/g", "mqtts://[::1]:7/g"),
    ],
)
def test_an_address_has_one_form(url: str, normal: str) -> None:
    assert str(read_address(url)) == normal
    assert read_address(normal) == Address(*read_address(url))


@pytest.mark.parametrize(
    "url",
    [
        "mqtts://broker",
        "mqtts://broker/",
        "mqtts://broker/a/b",
        "mqtts://broker/+",
        "mqtts://broker/#",
        "mqtts://broker/g?x",
        "mqtts://u:p@broker/g",
        "mqtts://broker:x/g",
        "mqtts:///g",
        "mqtt://broker/g",
        "mqtts://broker/" + "g" * 65,
        "mqtts://broker/-g",
    ],
)
def test_an_address_of_no_gateway_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        read_address(url)


@pytest.mark.parametrize(
    ("topic", "sender"),
    [
        ("adyton/v1/g/d/i/req", ("d", "i")),
        ("adyton/v1/g/d/i/res", None),
        ("adyton/v1/h/d/i/req", None),
        ("adyton/v1/g/d/req", None),
        ("adyton/v1/g//i/req", None),
        ("adyton/v1/g/d/i/j/req", None),
        ("adyton/v1/g/d /i/req", None),
        ("x/adyton/v1/g/d/i/req", None),
        ("d/i/req", None),
    ],
)
def test_who_has_sent_a_request(topic: str, sender: tuple[str, str] | None) -> None:
    assert topics.sender_of_request("g", topic) == sender


def test_who_has_handed_a_transaction_over() -> None:
    assert topics.sender_of_transaction("g", "adyton/v1/g/d/tx") == ("d", "")
    for topic in (
        "adyton/v1/g/d/i/tx",
        "adyton/v1/h/d/tx",
        "adyton/v1/g/tx",
        "adyton/v1/g/+/tx",
        "d/tx",
    ):
        assert topics.sender_of_transaction("g", topic) is None


def test_a_key_under_a_password_is_refused_and_not_asked_for(
    broker: Broker, tmp_path: Path
) -> None:
    files = broker.certificate("locked")
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    locked = tmp_path / "key.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(UsageError, match="not a certificate and its key"):
        Identity(files.ca, files.cert, locked).context()


def test_a_certificate_that_is_not_there_is_told_from_one_that_is_none(tmp_path: Path) -> None:
    wrong, absent = tmp_path / "wrong.pem", tmp_path / "absent.pem"
    wrong.write_text("nothing")
    for path, said in ((wrong, "not a certificate in PEM"), (absent, "No such file")):
        with pytest.raises(UsageError, match=f"{path}: {said}"):
            Identity(path, path, path).common_name()


def test_a_library_that_gives_up_is_begun_again(broker: Broker) -> None:
    with linked(broker) as heard:
        assert heard.link.wait_up(60)
        library: Any = heard.link._client
        whole = library.loop_misc

        def broken() -> None:
            library.loop_misc = whole
            raise ZeroDivisionError

        library.loop_misc = broken
        until(lambda: heard.ups == 2, "it is connected again")
        heard.link.publish(Outgoing("mine/in", b"after all"))
        until(lambda: [one.payload for one in heard.messages] == [b"after all"], "it comes back")
