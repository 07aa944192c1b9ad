"""The channel over a stream socket, on an asyncio loop: the host's end."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable

from adyton.channel.framing import HEADER, REPLY, REQUEST, Frame, body_size, closed, pack
from adyton.core import limits
from adyton.core.errors import Error, UnavailableError

Handler = Callable[[bytes], Awaitable[bytes] | bytes]
"""Takes the body of the peer's request and returns the body of the reply, at once or later."""


class AsyncChannel:
    """Requests both ways over one stream socket.

    Args:
        reader: of the connection.
        writer: of the connection.
        handler: answers the peer's requests; it must not raise.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._task = asyncio.get_running_loop().create_task(self._read_all())

    @classmethod
    async def connect(cls, connection: socket.socket, handler: Handler) -> AsyncChannel:
        """Take over a connected stream socket."""
        connection.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connection, limit=1 << 20)
        return cls(reader, writer, handler)

    async def request(self, body: bytes) -> bytes:
        """Send a request and wait for its reply's body.

        Raises:
            UnavailableError: the channel is closed, or too many requests are waiting.
        """
        if self._task.done():
            raise closed()
        if len(self._waiting) >= limits.CHANNEL_PENDING:
            raise UnavailableError("overloaded", "too many requests are waiting for the enclave")
        number = next(self._numbers)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(pack(Frame(REQUEST, number, body)))
            return await future
        finally:
            self._waiting.pop(number, None)

    @property
    def ended(self) -> asyncio.Task[None]:
        """Done when the peer has closed the channel or broken its rules."""
        return self._task

    async def close(self) -> None:
        """Close the connection and end whoever waits."""
        self._writer.close()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read_all(self) -> None:
        try:
            while True:
                header = await self._reader.readexactly(HEADER.size)
                size, kind, number = body_size(header)
                body = await self._reader.readexactly(size)
                if kind == REPLY:
                    waiting = self._waiting.get(number)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(body)
                else:
                    self._answer(number, body)
        except (asyncio.IncompleteReadError, OSError, Error):
            pass  # whoever waits is told below; the supervisor watches `ended`
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(closed())

    def _answer(self, number: int, body: bytes) -> None:
        reply = self._handler(body)
        if isinstance(reply, bytes):
            self._writer.write(pack(Frame(REPLY, number, reply)))
            return
        task = asyncio.ensure_future(self._answer_later(number, reply))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer_later(self, number: int, reply: Awaitable[bytes]) -> None:
        self._writer.write(pack(Frame(REPLY, number, await reply)))
