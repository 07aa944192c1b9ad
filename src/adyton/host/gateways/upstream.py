"""HTTP to one server that this host relays to or asks: kept-alive connections, bounded answers."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from adyton.core import limits
from adyton.core.errors import MalformedError, UnavailableError, UsageError

_IDLE: Final = 32
_CHUNK: Final = 256 * limits.KIB
_CONNECT_S: Final = 5.0


@dataclass(frozen=True)
class Answered:
    """What came back, unverified."""

    status: int
    content_type: str
    body: bytes


class Upstream:
    """A server, usable from several threads.

    Args:
        url: http or https, host and port; a path only where `with_path` says so.

    Raises:
        UsageError: not such an address.
    """

    def __init__(self, url: str, *, with_path: bool = False) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError as problem:
            raise UsageError("usage", "the port of the address is not a number") from problem
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise UsageError("usage", "the address is not an http or https one")
        if not with_path and (parts.path not in ("", "/") or parts.query or parts.fragment):
            raise UsageError("usage", "the address has more than scheme, host and port")
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host, self._port = parts.hostname, port
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._closed = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every connection; whoever waits for an answer is told that there is none."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for connection in idle:
            connection.close()
        for connection in busy:
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        *,
        most: int,
        timeout_s: float,
    ) -> Answered:
        """Send one request and return the answer.

        Args:
            most: bytes of the answer's body.
            timeout_s: for the whole exchange, about.

        Raises:
            UnavailableError: `unreachable` or `timeout`. MalformedError: `too_large`.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            with self._lock:
                if self._closed:
                    raise UnavailableError("unreachable", "the gateway is ending")
                connection = self._idle.pop() if self._idle else None
            reused = connection is not None
            try:
                if connection is None:
                    connection = self._connect()
                self._take(connection)
                return self._once(connection, method, target, body, headers, most, deadline)
            except TimeoutError as late:
                self._drop(connection)
                raise UnavailableError("timeout", "the server does not answer in time") from late
            except (OSError, http.client.HTTPException, ValueError) as problem:
                self._drop(connection)
                # A kept connection that the server closed meanwhile says nothing about the server.
                if reused and isinstance(
                    problem, http.client.RemoteDisconnected | BrokenPipeError | ConnectionResetError
                ):
                    continue
                raise UnavailableError("unreachable", "the server cannot be reached") from problem
            except BaseException:
                self._drop(connection)
                raise

    def _take(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if self._closed:
                raise ConnectionAbortedError
            self._busy.add(connection)

    def _connect(self) -> http.client.HTTPConnection:
        made: http.client.HTTPConnection
        if self._tls is not None:
            made = http.client.HTTPSConnection(
                self._host, self._port, timeout=_CONNECT_S, context=self._tls
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=_CONNECT_S)
        made.connect()
        return made

    def _once(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        target: str,
        body: bytes | None,
        headers: dict[str, str],
        most: int,
        deadline: float,
    ) -> Answered:
        sock: socket.socket = connection.sock
        sock.settimeout(_left(deadline))
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        parts: list[bytes] = []
        size = 0
        while part := response.read1(_CHUNK):
            size += len(part)
            if size > most:
                raise MalformedError("too_large", f"the answer is over {most} bytes")
            parts.append(part)
            sock.settimeout(_left(deadline))
        response.close()
        kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        with self._lock:
            # Invariant: never in both at a time, for whoever takes an idle one has it at once.
            self._busy.discard(connection)
            keep = not self._closed and not response.will_close and len(self._idle) < _IDLE
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()
        return Answered(response.status, kind[:64], b"".join(parts))

    def _drop(self, connection: http.client.HTTPConnection | None) -> None:
        if connection is not None:
            with self._lock:
                self._busy.discard(connection)
            connection.close()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
