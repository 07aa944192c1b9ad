"""The queue before a block: bounded, in order of arrival, identical bytes once."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from adyton.core import limits
from adyton.core.errors import Error, MalformedError, UnavailableError
from adyton.host.bounds import QUEUE_BYTES, QUEUE_ENTRIES
from adyton.host.records import Recorded


@dataclass(frozen=True, slots=True)
class Waiting:
    """A transaction, its name, and who waits for it."""

    name: bytes
    transaction: bytes
    future: asyncio.Future[Recorded]


class Queue:
    """Transactions that wait, and those in the block being made.

    Invariant: a name is in `_known` from its arrival until its future is resolved, so that identical bytes never
    enter two blocks.
    """

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._known: dict[bytes, asyncio.Future[Recorded]] = {}
        self._bytes = 0
        self.arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def known(self, name: bytes) -> asyncio.Future[Recorded] | None:
        """Return the future of a transaction that is not resolved yet."""
        return self._known.get(name)

    def add(self, name: bytes, transaction: bytes, *, own: bool) -> asyncio.Future[Recorded]:
        """Queue a transaction.

        Args:
            name: equal for equal bytes.
            transaction: at most `limits.ENTRY` bytes.
            own: of the enclave itself: exempt from the bound on what waits.

        Raises:
            MalformedError: `too_large`.
            UnavailableError: `overloaded`.
        """
        if len(transaction) > limits.ENTRY:
            raise MalformedError("too_large", "a transaction over its bound")
        full = len(self._waiting) >= QUEUE_ENTRIES or self._bytes + len(transaction) > QUEUE_BYTES
        if full and not own:
            raise UnavailableError("overloaded", "too many requests wait for a block")
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        self._known[name] = future
        self._waiting.append(Waiting(name, transaction, future))
        self._bytes += len(transaction)
        self.arrived.set()
        return future

    def take(self, most: int = limits.BLOCK_ENTRIES) -> list[Waiting]:
        """Return the transactions of the next block: at most `most`, and within the bounds of a block."""
        most = min(most, limits.BLOCK_ENTRIES)
        batch: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < most:
            size += len(self._waiting[0].transaction)
            if batch and size > limits.BLOCK_BYTES:
                break
            item = self._waiting.popleft()
            self._bytes -= len(item.transaction)
            batch.append(item)
        if not self._waiting:
            self.arrived.clear()
        return batch

    def add_first(self, name: bytes, transaction: bytes) -> asyncio.Future[Recorded]:
        """Queue a transaction of the enclave's own before all that waits."""
        future = self.add(name, transaction, own=True)
        self._waiting.rotate(1)
        return future

    def resolve(self, item: Waiting, outcome: Recorded | Error) -> None:
        """Tell whoever waits for a transaction."""
        self._known.pop(item.name, None)
        if item.future.done():
            return
        if isinstance(outcome, Error):
            item.future.set_exception(outcome)
            item.future.exception()  # fetched: whoever waited may have gone away, and that is no news
        else:
            item.future.set_result(outcome)

    def refuse_all(self, error: Error) -> None:
        """Tell whoever waits that nothing more is ordered."""
        while self._waiting:
            self.resolve(self._waiting.popleft(), error)
        self._bytes = 0
        self.arrived.set()
