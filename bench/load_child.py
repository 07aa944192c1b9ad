"""Load generator in a process of its own: HTTP/1.1 over raw sockets, many requests in flight.

    python -m bench.load_child PORT BODIES ANSWERS IN_FLIGHT PATH

Reads encoded bodies, prints `"ready"` when every connection is open, begins at a line on standard
input, posts each body once, writes `[status, nanoseconds, body]` of each, in the order of the
bodies, and prints `{"seconds", "cpu"}`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import cbor2
import uvloop

_HEAD = (
    b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cbor\r\n"
    b"Accept: application/cbor\r\nContent-Length: %d\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """Posts one body after another, each as soon as the last one is answered."""

    def __init__(
        self,
        posts: list[bytes],
        order: Iterator[int],
        answers: list[Any],
        done: asyncio.Future[None],
    ) -> None:
        self._posts = posts
        self._order = order
        self._answers = answers
        self._done = done
        self._transport: asyncio.WriteTransport | None = None
        self._received = bytearray()
        self._at = 0
        self._begun = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; nothing is sent before `post`."""
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, problem: Exception | None) -> None:
        """Tell whoever waits that the server has gone."""
        if not self._done.done():
            self._done.set_exception(problem or ConnectionResetError("the server closed"))

    def post(self) -> None:
        """Send the next body, if there is one."""
        at = next(self._order, None)
        if at is None or self._transport is None:
            if not self._done.done():
                self._done.set_result(None)
            return
        self._at, self._begun = at, time.perf_counter_ns()
        self._transport.write(self._posts[at])

    def data_received(self, data: bytes) -> None:
        """Take in a part of an answer; a whole one makes room for the next request."""
        received = self._received
        received += data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(received[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(received) < end + 4 + length:
            return
        taken = time.perf_counter_ns() - self._begun
        self._answers[self._at] = [int(head[9:12]), taken, bytes(received[end + 4 :])]
        received.clear()
        self.post()


async def run(
    port: int, bodies: list[bytes], in_flight: int, path: str
) -> tuple[list[Any], float, float]:
    """Post all bodies; return answers, seconds, and CPU seconds of this process."""
    loop = asyncio.get_running_loop()
    posts = [_HEAD % (path.encode(), len(body)) + body for body in bodies]
    answers: list[Any] = [None] * len(posts)
    order = iter(range(len(posts)))
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(in_flight)]

    def connection(end: asyncio.Future[None]) -> Connection:
        return Connection(posts, order, answers, end)

    made = [
        await loop.create_connection(lambda end=end: connection(end), "127.0.0.1", port)  # type: ignore[misc]  # mypy infers no default of a lambda
        for end in ends
    ]
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    cpu, begun = time.process_time(), time.perf_counter()
    for _, protocol in made:
        protocol.post()
    await asyncio.gather(*ends)
    taken, cpu = time.perf_counter() - begun, time.process_time() - cpu
    for transport, _ in made:
        transport.close()
    return answers, taken, cpu


def main(port: str, bodies: str, answers: str, in_flight: str, path: str) -> None:
    """Run once."""
    encoded = cbor2.loads(Path(bodies).read_bytes())
    got, seconds, cpu = uvloop.run(run(int(port), encoded, int(in_flight), path))
    Path(answers).write_bytes(cbor2.dumps(got))
    print(json.dumps({"seconds": seconds, "cpu": cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
