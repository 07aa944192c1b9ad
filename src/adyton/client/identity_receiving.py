"""A relying party's receiver: takes what holders hand over, has it checked, and tells them the verdict.

It listens on loopback; whoever offers it to others puts a server with a certificate in front. It can read nothing of
what passes through.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from adyton.client.identity_answering import Reply
from adyton.client.identity_asked import keep_verdict, policy_of
from adyton.client.identity_handing import JSON, write_reply
from adyton.client.identity_verdict import present
from adyton.client.session import Session
from adyton.client.transport import CBOR
from adyton.core.errors import Error, UnavailableError, UsageError
from adyton.protocol.identity.requests import Present

LOOPBACK: Final = "127.0.0.1"
_AT_ONCE: Final = 32
_PATIENCE_S: Final = 30.0
_NO_REQUEST: Final = bytes(32)


@dataclass(frozen=True)
class Received:
    """What was answered to a holder.

    Attributes:
        request: name of the request; zeros where what came was none.
        reply: that was sent.
    """

    request: bytes
    reply: Reply


class Receiver:
    """An HTTP server on loopback.

    Args:
        session: of a client that the party lists as a sender.
        port: 0 takes a free one.
        told: called for each presentation that was answered, from several threads.

    Raises:
        UnavailableError: the port is in use.
    """

    def __init__(self, session: Session, port: int, told: Callable[[Received], None]) -> None:
        self._session = session
        self._told = told
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        try:
            self._server = _Server((LOOPBACK, port), _handler(self))
        except (OSError, OverflowError) as problem:
            raise UnavailableError("unreachable", f"cannot listen on port {port}") from problem

    @property
    def url(self) -> str:
        """Where holders hand over."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}/"

    def run(self) -> None:
        """Serve until `stop`."""
        with self._server:
            self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End `run`; may be called from another thread."""
        self._server.shutdown()

    def take(self, unverified: bytes) -> Received:
        """Have what a holder has handed over checked.

        Trust: runs at the relying party; the bytes come from anybody.
        """
        request = _NO_REQUEST
        if not self._places.acquire(blocking=False):
            busy = UnavailableError("overloaded", "too many at once; hand it over again")
            return Received(request, _refusal(busy))
        try:
            presented = Present.decode(unverified)
            request = presented.request.name()
            policy = policy_of(self._session, presented.request)
            if policy is None:
                raise UsageError("not_found", "no request of that name was made here")
            judged = present(self._session, presented, policy)
            keep_verdict(self._session, judged)
            reply = Reply("", "", judged.verdict.answer, judged.verdict.reason)
        except Error as problem:
            reply = _refusal(problem)
        finally:
            self._places.release()
        return Received(request, reply)

    def tell(self, received: Received) -> None:
        """Say that a holder was answered."""
        self._told(received)


def _refusal(problem: Error) -> Reply:
    return Reply(problem.code, problem.message, "", "")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_S
        server_version = "adyton"
        sys_version = ""

        def do_POST(self) -> None:
            """Take what is handed over."""
            size = self.headers.get("Content-Length", "")
            if self.headers.get("Content-Type", "") != CBOR:
                # A page in a browser cannot give this type without asking first.
                self._say(415, _refusal(UsageError("bad_argument", f"send it as {CBOR}")))
            elif not size.isascii() or not size.isdecimal() or len(size) > 9:
                self._say(411, _refusal(UsageError("bad_argument", "say how long it is")))
            elif int(size) > Present.MAX_BYTES:
                self._say(413, _refusal(UsageError("too_large", "no presentation is that large")))
            else:
                received = receiver.take(self.rfile.read(int(size)))
                self._say(200, received.reply, received.request)
                # Afterwards: whoever is told may end the process.
                receiver.tell(received)

        def do_GET(self) -> None:
            """Say what this is."""
            self._say(405, _refusal(UsageError("bad_argument", "holders POST a presentation here")))

        def log_message(self, *_: object) -> None:
            """Keep addresses of holders out of every log."""

        def _say(self, status: int, reply: Reply, request: bytes = _NO_REQUEST) -> None:
            body = write_reply(request, reply)
            self.send_response(status)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

    return Handler
