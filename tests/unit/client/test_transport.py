"""HTTP to real sockets that misbehave."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from adyton.client.server_api import ServerApi
from adyton.client.transport import HttpTransport, normal_url
from adyton.core.encoding import encode
from adyton.core.errors import (
    Error,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)

Handler = Callable[[socket.socket], None]


@contextmanager
def listening(*handlers: Handler) -> Iterator[str]:
    """Serve one connection by each handler, in order, and yield the server's URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)

        def serve() -> None:
            for handler in handlers:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(60)
                    handler(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    return data


def saying(*answers: bytes) -> Handler:
    def handler(connection: socket.socket) -> None:
        for answer in answers:
            if not read_request(connection):
                return
            connection.sendall(answer)

    return handler


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def http(body: bytes, *, kind: str = "application/cbor", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


HEALTH = http(encode({"status": "serving"}))


def health(url: str) -> dict[str, object]:
    transport = HttpTransport(url)
    try:
        return ServerApi(transport).health()
    finally:
        transport.close()


def failure(*handlers: Handler) -> Error:
    with listening(*handlers) as url, pytest.raises(Error) as caught:
        health(url)
    return caught.value


def test_a_connection_is_kept() -> None:
    with listening(saying(HEALTH, HEALTH)) as url:
        transport = HttpTransport(url)
        api = ServerApi(transport)
        assert api.health() == api.health() == {"status": "serving"}
        transport.close()


def test_a_kept_connection_that_was_closed_is_opened_anew() -> None:
    with listening(saying(HEALTH), saying(HEALTH)) as url:
        transport = HttpTransport(url)
        api = ServerApi(transport)
        assert api.health() == api.health()
        transport.close()


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(UnavailableError) as caught:
        health(url)
    assert caught.value.code == "unreachable"


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    done = threading.Event()

    def wait(connection: socket.socket) -> None:
        done.wait(60)

    with listening(wait) as url:
        with pytest.raises(UnavailableError) as caught:
            HttpTransport(url).exchange("GET", "/health", max_bytes=10, timeout_s=0.2)
        done.set()
    assert caught.value.code == "timeout"


@pytest.mark.parametrize(
    ("begins", "drips"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"A"),
    ],
    ids=["body", "interim answers", "headers", "one header"],
)
def test_a_server_that_drips_is_a_timeout(begins: bytes, drips: bytes) -> None:
    done = threading.Event()

    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(begins)
        with contextlib.suppress(OSError):
            while not done.wait(0.05):
                connection.sendall(drips)

    with listening(drip) as url:
        with pytest.raises(UnavailableError) as caught:
            HttpTransport(url).exchange("GET", "/health", max_bytes=2000, timeout_s=0.4)
        done.set()
    assert caught.value.code == "timeout"


def test_a_hang_up_is_unreachable() -> None:
    assert failure(hang_up).code == "unreachable"


def test_a_body_cut_short_is_unreachable() -> None:
    assert failure(saying(HEALTH[:-3])).code == "unreachable"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * 100_000,
    ],
)
def test_an_oversized_body_is_refused(answer: bytes) -> None:
    error = failure(saying(answer))
    assert type(error) is MalformedError
    assert error.code == "too_large"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
        http(b"{}", kind="application/json"),
        http(encode([1, 2])),
        http(b"nope", kind="text/plain", status="404 Not Found"),
        http(b"[[[[", kind="application/problem+json", status="403 Forbidden"),
        http(b'{"code": "made_up"}', kind="application/problem+json", status="403 Forbidden"),
    ],
)
def test_what_is_no_answer_of_ours_is_invalid(answer: bytes) -> None:
    error = failure(saying(answer))
    assert type(error) is VerificationError
    assert error.code == "answer_invalid"


@pytest.mark.parametrize("body", [b"", b"\xa1", b"\xff\xff", encode({"a": 1}) + b"\x00"])
def test_malformed_cbor_is_malformed(body: bytes) -> None:
    error = failure(saying(http(body)))
    assert type(error) is MalformedError


def test_problem_details_become_their_error() -> None:
    body = b'{"type": "urn:adyton:error:expired", "code": "expired", "detail": "too late"}'
    error = failure(saying(http(body, kind="application/problem+json", status="403 Forbidden")))
    assert type(error) is PolicyError
    assert error.code == "expired"


def test_a_proxy_s_own_error_page_means_not_now() -> None:
    error = failure(saying(http(b"<html>", kind="text/html", status="502 Bad Gateway")))
    assert type(error) is UnavailableError


def test_no_proxy_variable_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with listening(saying(HEALTH)) as url:
        assert health(url) == {"status": "serving"}


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("localhost", "http://localhost:8384"),
        ("http://LOCALHOST:1/", "http://localhost:1"),
        ("https://example.org", "https://example.org:443"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("mqtts://Broker/gateway", "mqtts://broker:8883/gateway"),
    ],
)
def test_urls_have_one_form(given: str, normal: str) -> None:
    assert normal_url(given) == normal


@pytest.mark.parametrize(
    "given",
    [
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a/path",
        "http://u@a",
        "http://a:99999",
        "mqtts://a",
    ],
)
def test_urls_of_no_server_are_refused(given: str) -> None:
    with pytest.raises(UsageError, match="usage"):
        normal_url(given)
