"""One HTTP connection: uvicorn's protocol, with the bounds that it lacks.

uvicorn bounds neither the size of a request's header nor the time in which one arrives, nor that in which an answer
is taken. Here each connection has a place among those of its address, at most `bounds.HEADERS` bytes before its
request makes sense, and deadlines for header, body and answer. A request that arrives whole starts no timer.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from adyton.core.errors import Error, MalformedError, UnavailableError
from adyton.host import bounds
from adyton.host.api.app import problem_answer
from adyton.host.api.exchange import Receive, Scope, Send, send_answer
from adyton.host.api.problems import CONTENT_TYPE, RETRY_AFTER_S, problem_body
from adyton.host.shares import Places, network_of

_STATUS = {
    400: b"HTTP/1.1 400 Bad Request\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nretry-after: %d\r\n" % RETRY_AFTER_S,
}


class Connection(HttpToolsProtocol):
    """A connection; `connection_class` gives the class that uvicorn is told of."""

    places: Places

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._place: str | None = None
        # Bytes since the parser last gave a whole header or a part of a body: of a header, of trailers, or of padding.
        self._fed = 0
        self._deadline: asyncio.TimerHandle | None = None  # for what the client sends
        self._sending: asyncio.TimerHandle | None = None  # for what it takes
        self._left = 0

    # --- begin and end --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the base
        """Take a place for the connection, or refuse it."""
        super().connection_made(transport)
        address = network_of(self.client[0] if self.client else "")
        try:
            self.places.take(address)
        except UnavailableError as problem:
            self._refuse(problem, 503)
            return
        self._place = address
        self._expect(bounds.HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the place."""
        if self._place is not None:
            self.places.free(self._place)
            self._place = None
        self._expect_nothing()
        self._stop_watching_answer()
        super().connection_lost(exc)

    # --- what the client sends ------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Feed the parser, within bounds."""
        self._fed += len(data)
        HttpToolsProtocol.data_received(self, data)
        if self._fed or self._deadline is not None or self.cycle.more_body:
            self._after_part()

    def on_headers_complete(self) -> None:
        """Begin the request."""
        if self._fed > bounds.HEADERS and self._header_size() > bounds.HEADERS:
            # An error ends the parser's run: what follows in the same bytes is not looked at.
            raise self._refuse_header()
        if self.pipeline and len(self.pipeline) >= bounds.PIPELINED:
            self.transport.abort()
            raise MalformedError("too_large", "too many requests at once")
        if len(self.tasks) >= bounds.CONNECTIONS:
            self.app = _overloaded
        HttpToolsProtocol.on_headers_complete(self)
        self._fed = 0
        if self._deadline is not None:
            self._expect_nothing()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._fed = 0
        HttpToolsProtocol.on_body(self, body)

    def on_response_complete(self) -> None:
        """Bound what may follow an answer: the rest of a body that nobody reads, or the answer's own arrival."""
        unread = self.cycle.more_body and not self.pipeline
        HttpToolsProtocol.on_response_complete(self)
        # The base starts no timer for a connection that it has closed.
        if self.timeout_keep_alive_task is None and self.transport.is_closing():
            self._watch_answer()
        elif unread:
            self._expect_nothing()
            self._expect(bounds.HEADER_S)

    def _after_part(self) -> None:
        """Bound the rest of a request of which only a part is there."""
        cycle = self._newest()
        if self.transport.is_closing():
            return
        if self._fed > bounds.HEADERS:
            self._refuse_header()
        elif cycle is not None and cycle.more_body:
            # After an early answer the deadline is there already.
            if not cycle.response_complete:
                self._expect(bounds.BODY_S)
        elif self._fed:
            self._expect(bounds.HEADER_S)
        else:
            self._expect_nothing()

    def _newest(self) -> RequestResponseCycle | None:
        """Return the newest request; the base has none before the first, whatever its annotation says."""
        return self.cycle

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _expect(self, within: float) -> None:
        """Give the client so many seconds, unless it has a deadline already."""
        if self._deadline is None:
            self._deadline = self.loop.call_later(within, self._late)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _late(self) -> None:
        self._deadline = None
        cycle = self._newest()
        if cycle is not None and cycle.more_body and not cycle.response_complete:
            self._refuse(UnavailableError("timeout", "the body did not arrive in time"), 503)
        else:
            self.transport.abort()

    # --- what it takes --------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """Wait for the client, but not for ever."""
        super().pause_writing()
        self._watch_answer()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_watching_answer()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection."""
        super().timeout_keep_alive_handler()
        self._watch_answer()

    def _watch_answer(self) -> None:
        if self._sending is None:
            self._left = self.transport.get_write_buffer_size()
            self._sending = self.loop.call_later(bounds.SEND_S, self._slow)

    def _stop_watching_answer(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _slow(self) -> None:
        """End a connection whose client has taken next to nothing; a closed one would stay until all is taken."""
        self._sending = None
        if self.transport.get_write_buffer_size() > self._left - bounds.SENT_LEAST:
            self.transport.abort()
        else:
            self._watch_answer()

    # --- refusals -------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._refuse(MalformedError("malformed", "not an HTTP request"), 400)

    def _refuse_header(self) -> Error:
        error = MalformedError("too_large", f"a header over {bounds.HEADERS} bytes")
        self._refuse(error, 431)
        return error

    def _refuse(self, error: Error, status: int) -> None:
        """Answer with problem details, where an answer can be to this request, and close."""
        if self.transport.is_closing():
            return
        cycle = self._newest()
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started or self.pipeline or not cycle.more_body:
                self.transport.abort()
                return
            # The application finds that its client has gone.
            cycle.disconnected = True
            cycle.message_event.set()
        body = problem_body(error, status)
        fields = b"content-type: %b\r\ncontent-length: %d\r\n" % (CONTENT_TYPE, len(body))
        ending = b"cache-control: no-store\r\nconnection: close\r\n\r\n"
        self.transport.write(_STATUS[status] + fields + ending + body)
        self.transport.close()
        self._watch_answer()


def connection_class(places: Places) -> type[Connection]:
    """Return the class of connections that share these places."""
    return type("PlacedConnection", (Connection,), {"places": places})


async def _overloaded(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem_answer(UnavailableError("overloaded", "too many requests at one time"))
    answer.headers.append((b"connection", b"close"))
    await send_answer(send, answer)
