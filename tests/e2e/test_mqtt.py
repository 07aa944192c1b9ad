"""A device is a client like any other, through a broker and a gateway that can neither read nor alter."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adyton.client import notarize
from adyton.client.mqtt_transport import MqttTransport
from adyton.client.notary import NotaryReceipt
from adyton.client.session import Session
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import MalformedError, UnavailableError, UsageError
from adyton.protocol.claims import content_digest
from tests import mqtt_kit
from tests.broker import Broker
from tests.canary.search import Search, holds
from tests.certificates import Authority
from tests.e2e.command import Client, Server, until
from tests.mqtt_kit import GatewayProcess


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with mqtt_kit.example_broker(persistence=True) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(
    broker: Broker, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayProcess]:
    with GatewayProcess(broker, server.url, tmp_path_factory.mktemp("gateway")) as started:
        yield started


@pytest.fixture
def transport(broker: Broker, gateway: GatewayProcess) -> Iterator[MqttTransport]:
    identity = mqtt_kit.identity(broker.certificate("charger-7"))
    made = MqttTransport(mqtt_kit.url(broker), identity)
    yield made
    made.close()


@pytest.fixture
def session(server: Server, transport: MqttTransport, tmp_path: Path) -> Iterator[Session]:
    with mqtt_kit.session(tmp_path / "home", transport, server.fingerprint) as made:
        yield made


def height(transport: MqttTransport, timeout_s: float = 60) -> bytes:
    return transport.exchange("GET", "/health", max_bytes=10_000, timeout_s=timeout_s).body


def assert_recorded(receipt: NotaryReceipt, content: bytes) -> None:
    assert receipt.digest == content_digest(content)


def test_a_gateway_says_what_it_is(broker: Broker, server: Server, gateway: GatewayProcess) -> None:
    assert gateway.facts == {
        "url": mqtt_kit.url(broker),
        "name": mqtt_kit.GATEWAY,
        "server": server.url,
        "chain": None,
    }


def test_a_device_has_the_ledger_record_something(session: Session) -> None:
    assert_recorded(notarize(session, b"a meter's reading"), b"a meter's reading")


def test_many_at_once_over_one_connection(session: Session) -> None:
    contents = [b"reading %d" % number for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda content: notarize(session, content), contents))
    for receipt, content in zip(receipts, contents, strict=True):
        assert_recorded(receipt, content)


def test_a_large_body_passes_and_a_larger_one_is_refused_here(transport: MqttTransport) -> None:
    blob = secrets.token_bytes(4 * limits.MIB)
    target = f"/blob/{digest(Context.BLOB, blob).hex()}"
    put = transport.exchange(
        "PUT", target, blob, content_type="application/octet-stream", max_bytes=10_000
    )
    assert put.status == 201
    assert transport.exchange("GET", target, max_bytes=len(blob)).body == blob
    problem = transport.exchange("GET", target, max_bytes=len(blob) - 1)
    assert (problem.status, b"too_large" in problem.body) == (413, True)
    with pytest.raises(UsageError, match="needs HTTP"):
        transport.exchange("PUT", target, bytes(limits.RELAY_BODY + 1), max_bytes=10)


def test_what_clients_do_not_need_is_not_relayed(transport: MqttTransport) -> None:
    for method, target in (
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("DELETE", "/block"),
        ("GET", "/block/../metrics"),
        ("GET", "/block?from=1 HTTP/1.1\r\nX: y"),
        ("GET", "//elsewhere/block"),
        ("GET", "http://elsewhere/block"),
        ("GET", "/health#x"),
        ("POST", "/block"),
    ):
        answer = transport.exchange(method, target, max_bytes=10_000)
        assert (answer.status, b"not_found" in answer.body) == (404, True), target


def test_commands_work_over_mqtt(
    broker: Broker, gateway: GatewayProcess, server: Server, tmp_path: Path
) -> None:
    home, files = tmp_path / "home", broker.certificate("laptop")
    home.mkdir(mode=0o700)
    (home / "mqtt").mkdir()
    for path, name in ((files.ca, "ca.pem"), (files.cert, "cert.pem"), (files.key, "key.pem")):
        shutil.copy(path, home / "mqtt" / name)
    client = Client(home, server)
    address = mqtt_kit.url(broker)
    trusted = client.json("trust", address, "--fingerprint", server.fingerprint)
    assert trusted["server"] == address
    (tmp_path / "note").write_text("noted over MQTT")
    made = client.run("notarize", str(tmp_path / "note"), "--server", address)
    assert made.returncode == 0, made.stderr
    assert client.run("chain", "sync", "--server", address).returncode == 0


def test_a_command_without_the_brokers_files_says_which(
    broker: Broker, server: Server, tmp_path: Path
) -> None:
    client = Client(tmp_path / "home", server)
    done = client.run("trust", mqtt_kit.url(broker), "--fingerprint", server.fingerprint)
    assert done.returncode == 2
    assert "mqtt/ca.pem is missing" in done.stderr
    assert "ca.pem, cert.pem and key.pem" in done.stderr


def test_the_broker_restarts_in_the_middle(
    broker: Broker, transport: MqttTransport, session: Session
) -> None:
    notarize(session, b"before")
    stop = threading.Event()
    recorded: list[bytes] = []

    def work() -> None:
        while not stop.is_set():
            content = secrets.token_bytes(16)
            assert_recorded(notarize(session, content), content)
            recorded.append(content)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work) for _ in range(4)]
        until(lambda: len(recorded) > 8, "some before the restart")
        broker.restart()
        before = len(recorded)
        until(lambda: len(recorded) > before + 8, "some after the restart", 120)
        stop.set()
        for one in working:
            one.result()


def test_a_request_made_while_the_broker_is_away_is_answered_when_it_is_back(
    broker: Broker, transport: MqttTransport
) -> None:
    assert height(transport)
    broker.stop()
    try:
        until(lambda: not transport._link.up, "it is noticed")
        with pytest.raises(UnavailableError, match="unreachable"):
            height(transport, timeout_s=0.5)
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(height, transport)
            broker.start()
            assert waiting.result(120)
    finally:
        broker.restart()


def test_the_gateway_is_killed_and_comes_back(
    gateway: GatewayProcess, transport: MqttTransport, session: Session
) -> None:
    notarize(session, b"before")
    gateway.stop(signal.SIGKILL)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(notarize, session, b"in between")
        time.sleep(0.3)  # so that the request goes where nobody is
        assert not waiting.done()
        gateway.start()
        assert_recorded(waiting.result(120), b"in between")


def test_the_node_is_killed_and_comes_back(server: Server, session: Session) -> None:
    notarize(session, b"before")
    server.stop(signal.SIGKILL)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(notarize, session, b"while it was away")
        time.sleep(0.3)
        assert not waiting.done()
        server.start()
        assert_recorded(waiting.result(120), b"while it was away")


def test_a_gateway_ends_though_its_node_never_answers(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        mqtt_kit.example_broker() as broker,
    ):
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with GatewayProcess(broker, url, tmp_path) as gateway:
            identity = mqtt_kit.identity(broker.certificate("charger-8"))
            transport = MqttTransport(mqtt_kit.url(broker), identity)
            try:
                with ThreadPoolExecutor(1) as pool:
                    asked = pool.submit(height, transport)
                    mute.accept()
                    began = time.monotonic()
                    assert gateway.stop() == 0
                    # Much less than the device waits, and the gateway with it.
                    assert time.monotonic() - began < 30
                    # Told, not left alone: the device asks again, of whoever comes.
                    assert b"unreachable" in asked.result()
            finally:
                transport.close()


def test_without_a_gateway_the_reason_is_said(broker: Broker) -> None:
    identity = mqtt_kit.identity(broker.certificate("charger-8"))
    nobody = MqttTransport(mqtt_kit.url(broker, "gateway-9"), identity)
    try:
        with pytest.raises(UnavailableError, match="no gateway of that name listens"):
            nobody.hand_over(b"{}")  # the connection stands when this ends
        with pytest.raises(UnavailableError, match="no gateway of that name listens"):
            height(nobody, timeout_s=2)
    finally:
        nobody.close()


def test_a_broker_of_another_authority_is_not_spoken_to(broker: Broker, tmp_path: Path) -> None:
    files = broker.certificate("charger-9")._replace(ca=Authority(tmp_path).certificate)
    stranger = MqttTransport(mqtt_kit.url(broker), mqtt_kit.identity(files))
    try:
        with pytest.raises(UnavailableError):
            height(stranger, timeout_s=0.1)
        until(lambda: "does not answer" not in stranger._link.problem, "it has been tried")
        with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
            height(stranger, timeout_s=0.1)
    finally:
        stranger.close()


def test_a_closed_transport_is_of_no_more_use(
    broker: Broker, gateway: GatewayProcess, transport: MqttTransport
) -> None:
    assert height(transport)
    transport.close()
    with pytest.raises(UnavailableError, match="closed"):
        height(transport)


def test_an_answer_over_what_was_asked_for_is_refused(transport: MqttTransport) -> None:
    with pytest.raises(MalformedError, match="over 3 bytes"):
        transport.exchange("GET", "/health", max_bytes=3)


def test_broker_and_gateway_hold_nothing_readable(
    broker: Broker, gateway: GatewayProcess, session: Session
) -> None:
    """The digest and the name of what is notarized are sealed in the device, and opened in the enclave."""
    content = secrets.token_bytes(32)
    name = secrets.token_hex(16)
    receipt = notarize(session, content, name=name)
    broker_pid = int(next(line for line in _processes("mosquitto", str(broker.port)) if line))
    for secret in (content_digest(content), content, name.encode()):
        search = Search(secret)
        assert search.in_process(gateway.pid) == []
        assert search.in_process(broker_pid) == []
        assert search.in_file(gateway.log) == []
        assert search.in_bytes("broker's log", [broker.log.encode()]) == []
        assert search.in_directory(gateway.log.parent) == []
    # That the search can find: the device's name is no secret, and in both.
    assert holds(gateway.pid, b"charger-7")
    assert holds(broker_pid, b"charger-7")
    assert receipt.salt


def _processes(name: str, port: str) -> Iterator[str]:
    """Give the ids of this test's processes of a name whose settings name the port."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words and words[0].endswith(name.encode()) and len(words) > 2:
            settings = Path(words[2].decode())
            if settings.exists() and f"listener {port} " in settings.read_text():
                yield path.parent.name
