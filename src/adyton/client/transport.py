"""How bytes reach a server and come back: the `Transport` port, and HTTP over the standard library.

A transport moves bytes and bounds them. It follows no redirect, keeps no cookie, obeys no proxy
variable, and believes nothing: what the bytes mean is `server_api`'s question, and whether they are
true is the session's.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from adyton.core.errors import MalformedError, UnavailableError, UsageError, VerificationError
from adyton.mqtt import address as mqtt

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DEFAULT_PORT: Final = 8384
TIMEOUT_S: Final = 30.0
CBOR: Final = "application/cbor"
OCTETS: Final = "application/octet-stream"
ANSWERS: Final = f"{CBOR}, application/problem+json, {OCTETS}"
_CHUNK: Final = 64 * 1024
_IDLE_CONNECTIONS: Final = 8


@dataclass(frozen=True)
class Reply:
    """What came back; every byte of it is the other side's."""

    status: int
    content_type: str
    body: bytes


class Transport(Protocol):
    """The port through which a client reaches one server."""

    @property
    def server(self) -> str:
        """The server's normalised URL: the name under which it is pinned."""

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        """Send one request and return the reply.

        Args:
            target: path and query.
            max_bytes: bound on the reply's body.
            timeout_s: seconds for the whole exchange.

        Raises:
            UnavailableError: `unreachable` or `timeout`; the request may have taken effect.
            MalformedError: `too_large`, a body over `max_bytes`.
            VerificationError: `answer_invalid`, not HTTP, or a redirect.
        """

    def close(self) -> None:
        """Close what is open."""


def normal_url(url: str) -> str:
    """Return scheme, host and port of a server, as pins name it; of one behind a gateway also its name.

    Raises:
        UsageError: not an http, https or mqtts address of a server.
    """
    if url.startswith(f"{mqtt.SCHEME}://"):
        return str(mqtt.read_address(url))
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError as problem:
        raise UsageError("usage", "the port of the server's address is not a number") from problem
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("usage", "the server's address is not an http or https one")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError("usage", "the server's address has more than scheme, host and port")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or (443 if parts.scheme == 'https' else DEFAULT_PORT)}"


class HttpTransport:
    """HTTP/1.1 with kept-alive connections; usable from several threads.

    Args:
        url: of the server; without a port, 8384.
        timeout_s: the most that connecting may take.
        accept: media types that answers may have.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S, accept: str = ANSWERS) -> None:
        self._server = normal_url(url)
        parts = urlsplit(self._server)
        if parts.scheme == mqtt.SCHEME:
            raise UsageError("usage", "the server's address is not an http or https one")
        self._host, self._port = parts.hostname or "", parts.port or DEFAULT_PORT
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._timeout_s = timeout_s
        self._accept = accept
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    @property
    def server(self) -> str:
        """The server's normalised URL."""
        return self._server

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        """Send one request and return the reply; see `Transport.exchange`."""
        headers = {"Accept": self._accept}
        if body is not None:
            headers["Content-Type"] = content_type
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            reused = connection is not None
            if connection is None:
                connection = self._connect(min(timeout_s, self._timeout_s))
            try:
                reply = self._once(connection, method, target, body, headers, max_bytes, deadline)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError) as gone:
                connection.close()
                # A kept connection that the server closed meanwhile says nothing about the server.
                # Every request of ours has one effect however often its bytes arrive.
                if reused:
                    continue
                raise UnavailableError("unreachable", "the server closed the connection") from gone
            except TimeoutError as late:
                connection.close()
                raise UnavailableError("timeout", "no answer in time") from late
            except OSError as problem:
                connection.close()
                raise UnavailableError("unreachable", "the connection broke") from problem
            except (http.client.HTTPException, ValueError) as problem:
                connection.close()
                if isinstance(problem, http.client.IncompleteRead):
                    raise UnavailableError("unreachable", "the answer is cut short") from problem
                raise VerificationError("answer_invalid", "the answer is not HTTP") from problem
            except BaseException:
                connection.close()
                raise
            return reply

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        connection: http.client.HTTPConnection
        if self._tls is not None:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=timeout_s, context=self._tls
            )
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        try:
            connection.connect()
        except TimeoutError as late:
            raise UnavailableError("timeout", "the server does not answer") from late
        except OSError as problem:
            raise UnavailableError("unreachable", "the server cannot be reached") from problem
        return connection

    def _once(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        max_bytes: int,
        deadline: float,
    ) -> Reply:
        sock: socket.socket = connection.sock
        sock.settimeout(_left(deadline))
        # http.client bounds each read alone: a server could drip a head, or interim answers, for ever.
        connection.response_class = partial(_response, deadline)  # type: ignore[assignment]  # called as the class would be
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        if 300 <= response.status < 400:
            raise VerificationError("answer_invalid", "the server redirects; nothing is followed")
        length = response.length
        if length is not None and length > max_bytes:
            raise MalformedError("too_large", f"the answer is over {max_bytes} bytes")
        parts: list[bytes] = []
        size = 0
        while True:
            part = response.read1(_CHUNK)
            if not part:
                break
            size += len(part)
            if size > max_bytes:
                raise MalformedError("too_large", f"the answer is over {max_bytes} bytes")
            parts.append(part)
        if length is not None and size < length:
            raise UnavailableError("unreachable", "the answer is cut short")
        # `read1` leaves a whole answer open, and the connection waiting for it.
        response.close()
        reply = Reply(
            response.status,
            response.getheader("Content-Type", "").partition(";")[0].strip().lower(),
            b"".join(parts),
        )
        self._keep(connection, response.will_close)
        return reply

    def _keep(self, connection: http.client.HTTPConnection, will_close: bool) -> None:
        with self._lock:
            if not will_close and len(self._idle) < _IDLE_CONNECTIONS:
                self._idle.append(connection)
                return
        connection.close()


class _UntilDeadline(io.RawIOBase):
    """Reads a socket, until a point in time."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        # Holds the socket open while the response is read, whoever closes it meanwhile.
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._raw.readinto(buffer) or 0

    def close(self) -> None:
        self._raw.close()
        super().close()

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand in for the socket, whose one method a response calls."""
        return io.BufferedReader(self)


def _response(
    deadline: float, sock: socket.socket, method: str | None = None
) -> http.client.HTTPResponse:
    timed = _UntilDeadline(sock, deadline)
    return http.client.HTTPResponse(timed, method=method)  # type: ignore[arg-type]  # all it takes of a socket


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
