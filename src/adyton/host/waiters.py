"""Long polls: who waits for the end of which task."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from adyton.core.errors import UnavailableError
from adyton.host.bounds import WAITERS


class Waiters:
    """Futures by task hash, bounded in number; all methods are called on one event loop."""

    def __init__(self, most: int = WAITERS) -> None:
        self._most = most
        self._futures: dict[bytes, set[asyncio.Future[None]]] = {}
        self._closed = False
        self.count = 0

    @contextmanager
    def waiting(self, task_hash: bytes) -> Iterator[asyncio.Future[None]]:
        """Give a future that is done when the task has another entry, or the server stops.

        Raises:
            UnavailableError: `overloaded`: too many wait.
        """
        if self.count >= self._most:
            raise UnavailableError("overloaded", "too many long polls")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_result(None)
        self._futures.setdefault(task_hash, set()).add(future)
        self.count += 1
        try:
            yield future
        finally:
            self.count -= 1
            left = self._futures[task_hash]
            left.discard(future)
            if not left:
                del self._futures[task_hash]

    def wake(self, task_hash: bytes) -> None:
        """Wake whoever waits for this task."""
        for future in self._futures.get(task_hash, ()):
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """Wake everybody, now and in future."""
        self._closed = True
        for task_hash in self._futures:
            self.wake(task_hash)
