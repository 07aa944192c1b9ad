"""What strangers may take of a real server: connections, time, memory, and calls of the enclave."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from adyton.core import limits
from adyton.core.encoding import encode
from adyton.core.errors import CODES
from adyton.host import bounds
from adyton.host.serve import ServerFacts
from adyton.protocol.task import blob_id
from tests.host_kit import Http, envelope, fake_launch, key_request, serving

_Test = TypeVar("_Test", bound=Callable[..., None])
NONCE = "/evidence?nonce=" + "ab" * 16


@pytest.fixture
def facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[ServerFacts]:
    """A server whose bounds are changed as the test is marked."""
    changed: dict[str, Any] = getattr(request.function, "bounds", {})
    for name, value in changed.items():
        monkeypatch.setattr(limits if hasattr(limits, name) else bounds, name, value)
    with serving(tmp_path / "data", fake_launch(tmp_path)) as made:
        yield made


def bounded(**changed: Any) -> Callable[[_Test], _Test]:
    """Mark a test with the bounds of its server."""

    def mark(function: _Test) -> _Test:
        function.__dict__["bounds"] = changed
        return function

    return mark


@pytest.fixture
def http(facts: ServerFacts) -> Iterator[Http]:
    made = Http(facts)
    yield made
    made.close()


def connect(facts: ServerFacts, address: str = "127.0.0.1") -> socket.socket:
    """Connect from one of the loopback addresses."""
    return socket.create_connection(
        ("127.0.0.1", facts.port), timeout=30, source_address=(address, 0)
    )


def ended(connection: socket.socket) -> bytes:
    """Return what is sent until the connection ends; a server that never ends it runs into the timeout."""
    received = b""
    try:
        while part := connection.recv(65536):
            received += part
    except ConnectionError:
        pass
    return received


def send_often(connection: socket.socket, data: bytes, times: int, pause: float) -> None:
    """Send the same again and again, as a client does that wants to stay."""
    for _ in range(times):
        connection.sendall(data)
        time.sleep(pause)


def problem(answer: bytes, status: int) -> str:
    """Return the code of problem details."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"\r\ncontent-type: application/problem+json" in head
    details = json.loads(body)
    assert details["status"] == status
    assert details["code"] in CODES
    return str(details["code"])


def metric(http: Http, name: str) -> float:
    lines = http.raw("GET", "/metrics")[2].decode().splitlines()
    return float(next(line for line in lines if line.startswith(name + " ")).split()[1])


def flood(
    facts: ServerFacts, count: int, path: str, body: bytes, answers: list[tuple[int, Any]]
) -> list[threading.Thread]:
    """Send the same request on many connections at once; the threads gather the answers."""

    def one() -> None:
        http = Http(facts)
        with closing(http):
            headers = {"content-type": "application/cbor"}
            status, _, answer = http.raw("POST", path, body, headers)
            answers.append((status, json.loads(answer)))

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


@bounded(CHANNEL_PENDING=6, STRANGERS=4)
def test_strangers_leave_the_channel_to_the_engine(facts: ServerFacts, http: Http) -> None:
    read = encode({"envelope": envelope(facts.chain_id, b"slow", "read")})
    answers: list[tuple[int, Any]] = []
    threads = flood(facts, 20, "/read", read, answers)
    try:
        deadline = time.monotonic() + 60
        while len(answers) < 14:  # refused at once, while others wait for the enclave
            assert time.monotonic() < deadline
            time.sleep(0.01)
        while any(thread.is_alive() for thread in threads):
            assert http.post(os.urandom(8))[0] == 200
    finally:
        for thread in threads:
            thread.join(60)
    refused = [value["code"] for status, value in answers if status == 503]
    assert len(answers) == 20
    assert set(refused) == {"overloaded"}
    assert sum(status == 200 for status, _ in answers) >= 4
    assert metric(http, "adyton_enclave_starts_total") == 1
    # Places are given back.
    assert http.raw("POST", "/read", read, {"content-type": "application/cbor"})[0] == 200


@pytest.mark.parametrize("whole", [True, False])
def test_a_header_has_a_bound(facts: ServerFacts, whole: bool) -> None:
    with connect(facts) as connection:
        line = b"x-a: " + b"y" * 1000 + b"\r\n"
        many = line * 70 if whole else line * 30_000
        sent = 0
        try:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
            for at in range(0, len(many), 8192):
                connection.sendall(many[at : at + 8192])
                sent = at
            connection.sendall(b"\r\n")
        except ConnectionError:
            pass  # the rest of 30 MB is not taken
        # Buffers of the two sockets take some megabytes; the server has stopped reading.
        assert whole or sent < 20_000_000
        answer = ended(connection)
        assert not answer or problem(answer, 431) == "too_large"
        assert answer or not whole


def test_a_large_header_in_one_piece_is_refused(facts: ServerFacts) -> None:
    with connect(facts) as connection:
        field = b"x-a: " + b"y" * (bounds.HEADERS + 1) + b"\r\n"
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n" + field + b"\r\n")
        assert problem(ended(connection), 431) == "too_large"
    with connect(facts) as connection:
        field = b"x-a: " + b"y" * (bounds.HEADERS - 1000) + b"\r\n"
        connection.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n" + field + b"\r\n")
        assert ended(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("name", ["trailers", "extension"])
def test_what_follows_a_body_has_a_bound(facts: ServerFacts, name: str) -> None:
    with connect(facts) as connection:
        head = b"POST /task HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
        connection.sendall(head + (b"0\r\n" if name == "trailers" else b"1"))
        junk = b"x-a: " + b"y" * 1000 + b"\r\n" if name == "trailers" else b";abcdefg" * 100
        with pytest.raises(ConnectionError):
            send_often(connection, junk, 30_000, 0)


def test_pipelined_requests_have_a_bound(facts: ServerFacts) -> None:
    with connect(facts) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n" * 8)
        received = b""
        while received.count(b"HTTP/1.1 200 ") < 8:
            received += connection.recv(65536)
    with connect(facts) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n" * 1000)
        assert ended(connection).count(b"HTTP/1.1 200 ") < 100


@bounded(HEADER_S=0.3)
def test_silent_connections_are_ended(facts: ServerFacts, http: Http) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        starts = (b"", b"\r\n", b"GET /health HTTP/1.1\r\n", b"POST /task HTTP/1.1\r\nHost: ")
        made = [stack.enter_context(connect(facts)) for _ in starts]
        for connection, start in zip(made, starts, strict=True):
            connection.sendall(start)
        assert [ended(connection) for connection in made] == [b""] * len(made)
        assert 0.2 < time.monotonic() - began < 20


@bounded(HEADER_S=0.5)
def test_a_dribbled_second_header_is_ended_too(facts: ServerFacts) -> None:
    with connect(facts) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /health HTTP/1.1\r\nx: ")
        with pytest.raises(ConnectionError):
            send_often(connection, b"y", 200, 0.05)


@bounded(HEADER_S=0.9)
def test_idle_and_waiting_connections_are_left_alone(facts: ServerFacts, http: Http) -> None:
    _, answer = http.post(b"never ends")
    path = f"/block?task_hash={answer['task_hash'].hex()}&wait=1"
    assert http.call("GET", path)[0] == 200
    local = http.connection.sock.getsockname()
    assert http.call("GET", path)[0] == 200
    deadline = time.monotonic() + 1.2
    while time.monotonic() < deadline:  # idle for longer than a header may take
        time.sleep(0.1)
    assert http.call("GET", "/health")[0] == 200
    assert http.connection.sock.getsockname() == local


@bounded(BODY_S=0.3)
def test_a_body_that_does_not_come_is_ended(facts: ServerFacts, http: Http) -> None:
    for start in (b"", b"x"):
        for path in (f"PUT /blob/{'00' * 32}", "POST /task", "POST /read"):
            with connect(facts) as connection:
                head = f"{path} HTTP/1.1\r\nContent-Length: 100\r\n\r\n".encode()
                connection.sendall(head + start)
                assert problem(ended(connection), 503) == "timeout"
    assert http.raw("PUT", f"/blob/{blob_id(b'x').hex()}", b"x")[0] == 201


@bounded(HEADER_S=0.3)
def test_a_body_that_nobody_reads_is_ended(facts: ServerFacts) -> None:
    with connect(facts) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ConnectionError):
            send_often(connection, b"1\r\nx\r\n", 200, 0.05)


def test_uploads_that_send_nothing_keep_no_place(facts: ServerFacts, http: Http) -> None:
    data = os.urandom(1000)
    with ExitStack() as stack:
        for _ in range(2 * bounds.UPLOADS):
            connection = stack.enter_context(connect(facts))
            head = f"PUT /blob/{os.urandom(32).hex()} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode())
        assert http.raw("PUT", f"/blob/{blob_id(data).hex()}", data)[0] == 201


def test_one_address_does_not_hold_all_uploads(facts: ServerFacts, http: Http) -> None:
    data = os.urandom(1000)
    path = f"/blob/{blob_id(data).hex()}"
    with ExitStack() as stack:
        for _ in range(bounds.UPLOADS):
            connection = stack.enter_context(connect(facts, "127.0.0.2"))
            head = f"PUT /blob/{os.urandom(32).hex()} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall(head.encode() + b"x")
        assert http.raw("PUT", path, data)[0] == 201


def until(condition: Callable[[], bool]) -> None:
    """Poll until `condition()` holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def batch(http: Http, count: int) -> bytes:
    """Return the body of a batch that is larger than one envelope may be."""
    items = [envelope(http.chain_id, os.urandom(32) + bytes(200_000)) for _ in range(count)]
    return encode({"envelopes": items})


def begun(facts: ServerFacts, stack: ExitStack, count: int, sent: bytes, address: str) -> None:
    """Leave `count` batches of one address half way."""
    for _ in range(count):
        connection = stack.enter_context(connect(facts, address))
        fields = f"Content-Type: application/cbor\r\nContent-Length: {limits.BATCH_BYTES}"
        connection.sendall(f"POST /tasks HTTP/1.1\r\n{fields}\r\n\r\n".encode() + sent)


@bounded(BATCHES=3, BATCHES_EACH=2)
def test_large_batches_under_way_are_few(facts: ServerFacts, http: Http) -> None:
    form = {"Content-Type": "application/cbor"}
    large, small = batch(http, 3), batch(http, 1)

    def post(body: bytes) -> int:
        return http.raw("POST", "/tasks", body, form)[0]

    with ExitStack() as stack:
        begun(facts, stack, 2, b"x", "127.0.0.1")
        begun(facts, stack, 1, b"x", "127.0.0.2")
        until(lambda: post(large) == 503)
        assert post(small) == 200
    until(lambda: post(large) == 200)


@bounded(BATCHES=2, BATCHES_EACH=1)
def test_one_address_does_not_hold_all_batches(facts: ServerFacts, http: Http) -> None:
    large = batch(http, 3)
    with ExitStack() as stack:
        begun(facts, stack, 4, b"x", "127.0.0.2")
        begun(facts, stack, 4, b"", "127.0.0.1")
        assert http.raw("POST", "/tasks", large, {"Content-Type": "application/cbor"})[0] == 200


@bounded(SEND_S=0.3)
def test_an_answer_that_nobody_takes_is_ended(facts: ServerFacts, http: Http) -> None:
    data = os.urandom(30_000_000)
    path = f"/blob/{blob_id(data).hex()}"
    assert http.raw("PUT", path, data)[0] == 201
    with connect(facts) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        assert connection.recv(10).startswith(b"HTTP/1.1 2")
        until(lambda: f":{connection.getsockname()[1]:04X}" not in established())
        # What was under way is less than the whole.
        assert len(ended(connection)) < len(data)


def established() -> str:
    """Return the table's lines of established connections, as the kernel has them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()
    return "\n".join(line.split()[2] for line in lines[1:] if line.split()[3] == "01")


@bounded(CONNECTIONS_EACH=5)
def test_an_address_has_so_many_connections(facts: ServerFacts) -> None:
    with ExitStack() as stack:
        for _ in range(5):
            held = stack.enter_context(connect(facts, "127.0.0.2"))
            held.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            assert held.recv(65536).startswith(b"HTTP/1.1 200 ")
        with connect(facts, "127.0.0.2") as refused:
            assert problem(ended(refused), 503) == "overloaded"
        with connect(facts, "127.0.0.3") as other:
            other.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert ended(other).startswith(b"HTTP/1.1 200 ")
    deadline = time.monotonic() + 60
    while True:  # the places are given back
        with connect(facts, "127.0.0.2") as again:
            again.sendall(b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n")
            if ended(again).startswith(b"HTTP/1.1 200 "):
                return
        assert time.monotonic() < deadline


@bounded(EVIDENCE_PER_SECOND=3)
def test_a_rate_is_of_one_address(facts: ServerFacts, http: Http) -> None:
    with closing(Http(facts, "127.0.0.2")) as greedy:
        for _ in range(3):
            status, answer = greedy.call("GET", NONCE)
            while status == 200:
                status, answer = greedy.call("GET", NONCE)
            assert (status, answer["code"]) == (503, "overloaded")
            assert http.call("GET", NONCE)[0] == 200


@bounded(KEYS_PER_SECOND=2)
def test_junk_takes_nothing_of_the_rate(facts: ServerFacts, http: Http) -> None:
    good = {"request": key_request(facts.chain_id, b"abc")}
    junk = (b"junk", key_request(bytes(32), b"abc"), key_request(facts.chain_id, b"")[:-1])
    for _ in range(10):
        for request in junk:
            status, answer = http.call("POST", "/key", {"request": request})
            assert (status, answer["code"]) in ((400, "malformed"), (403, "wrong_chain"))
        assert http.call("GET", "/evidence?nonce=ab")[0] == 400
    answers = [http.call("POST", "/key", good)[0] for _ in range(6)]
    assert answers[:2] == [200, 200]
    assert 503 in answers


def test_what_is_no_http_is_refused_as_problem_details(facts: ServerFacts) -> None:
    for noise in (
        b"\x00\x01\r\n\r\n",
        b"GET /\xff HTTP/9.9\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
    ):
        with connect(facts) as connection:
            connection.sendall(noise)
            assert problem(ended(connection), 400) == "malformed"


def test_too_many_requests_at_one_time_are_problem_details(
    facts: ServerFacts, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "CONNECTIONS", 0)
    status, answer = http.call("GET", "/health")
    assert (status, answer["code"]) == (503, "overloaded")
