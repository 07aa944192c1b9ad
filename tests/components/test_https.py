"""Client and gateway over TLS: requests arrive whole, and no server whose authority is unknown."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adyton.client.transport import HttpTransport, Reply
from adyton.core.errors import UnavailableError
from adyton.host.gateways.upstream import Answered, Upstream
from tests.certificates import Authority

BODY = b"12345"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/cbor\r\nContent-Length: 3\r\n\r\nabc"


class Https:
    """A server that answers everything alike, on one connection after another."""

    def __init__(self, authority: Authority) -> None:
        files = authority.server()
        self.requests: list[bytes] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(files.cert, files.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with (
                contextlib.suppress(OSError),
                self._context.wrap_socket(plain, server_side=True) as spoken,
            ):
                self._answer(spoken)

    def _answer(self, spoken: ssl.SSLSocket) -> None:
        data = b""
        while part := spoken.recv(65536):
            data += part
            if data.endswith(BODY):
                self.requests.append(data)
                spoken.sendall(ANSWER)
                data = b""

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(60)
        self._listener.close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Https]:
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    made = Https(authority)
    yield made
    made.close()


def by_client(url: str) -> list[Reply]:
    transport = HttpTransport(url)
    try:
        return [transport.exchange("POST", "/task", BODY, max_bytes=3) for _ in range(2)]
    finally:
        transport.close()


def by_gateway(url: str) -> list[Answered]:
    upstream = Upstream(url)
    try:
        return [upstream.ask("POST", "/task", BODY, {}, most=3, timeout_s=60) for _ in range(2)]
    finally:
        upstream.close()


def test_requests_arrive_whole_and_are_answered(server: Https) -> None:
    assert by_client(server.url) == [Reply(200, "application/cbor", b"abc")] * 2
    assert by_gateway(server.url) == [Answered(200, "application/cbor", b"abc")] * 2
    assert len(server.requests) == 4
    assert all(sent.startswith(b"POST /task HTTP/1.1\r\n") for sent in server.requests)
    assert all(b"\r\nContent-Length: 5\r\n" in sent for sent in server.requests)


@pytest.mark.parametrize("ask", [by_client, by_gateway])
def test_a_server_of_another_authority_is_not_asked(
    server: Https, ask: Callable[[str], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Authority(tmp_path / "other", "another authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))
    with pytest.raises(UnavailableError):
        ask(server.url)
    assert server.requests == []
