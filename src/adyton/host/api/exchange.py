"""One HTTP exchange over raw ASGI: what was asked, bounded, and the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from adyton.core.errors import MalformedError
from adyton.host.api.forms import parse_query, render
from adyton.host.shares import network_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Answer:
    """What is answered: a body, or a stream.

    Attributes:
        size: bytes of the stream, or of what a HEAD request is told of.
    """

    content_type: bytes
    body: bytes
    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    stream: AsyncIterator[bytes] | None = None
    size: int = 0


class Exchange:
    """A request that is being answered."""

    __slots__ = ("_receive", "accept", "content_length", "content_type", "method", "path", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.accept = b""
        self.content_type = b""
        self.content_length: int | None = None
        for name, value in scope["headers"]:
            if name == b"accept":
                self.accept = value.lower()
            elif name == b"content-type":
                self.content_type = value
            elif name == b"content-length" and value.isdigit() and len(value) < 20:
                self.content_length = int(value)

    @property
    def address(self) -> str:
        """What the client is counted as; see `shares.network_of`."""
        client = self.scope.get("client")
        return network_of(client[0]) if client else ""

    def query(self, allowed: frozenset[str]) -> dict[str, str]:
        """Return the query's parameters; see `forms.parse_query`."""
        return parse_query(self.scope["query_string"], allowed)

    async def body(self, most: int) -> bytes:
        """Return the whole body; the connection ends a body that does not arrive in time.

        Raises:
            MalformedError: `too_large`, told before more than `most` bytes are read; or cut off.
        """
        if self.content_length is not None and self.content_length > most:
            raise MalformedError("too_large", f"a body over {most} bytes")
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            whole: bytes = message["body"]
            if len(whole) > most:
                raise MalformedError("too_large", f"a body over {most} bytes")
            return whole
        return b"".join([part async for part in self._parts(most, message)])

    async def parts(self, most: int) -> AsyncIterator[bytes]:
        """Give the body in parts, with the bounds of `body`."""
        if self.content_length is not None and self.content_length > most:
            raise MalformedError("too_large", f"a body over {most} bytes")
        async for part in self._parts(most, await self._receive()):
            yield part

    async def _parts(self, most: int, message: MutableMapping[str, Any]) -> AsyncIterator[bytes]:
        size = 0
        while True:
            if message["type"] != "http.request":
                raise MalformedError("malformed", "the body was cut off")
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > most:
                raise MalformedError("too_large", f"a body over {most} bytes")
            if part:
                yield part
            if not message.get("more_body", False):
                return
            message = await self._receive()

    async def disconnected(self) -> None:
        """Return when the client has gone; for requests whose body is read or empty."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def answer(self, value: dict[str, Any], status: int = 200) -> Answer:
        """Return an answer in the form that the client accepts."""
        content_type, body = render(value, self.accept)
        return Answer(content_type, body, status)


async def send_answer(send: Send, answer: Answer) -> None:
    """Send an answer."""
    size = answer.size or len(answer.body)
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % size),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is not None:
        async for part in answer.stream:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": answer.body})
