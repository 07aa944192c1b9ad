"""The embedded engine: one writer; whatever queued during the last fsync is the next block.

Two blocks are under way at a time: while one is being stored and answered, the enclave executes the next. It answers
its own reads of what is not stored yet. It cannot undo a block: where storing fails, the engine halts, and the enclave
is started anew from what is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from adyton.core.errors import Error, InvariantError, UnavailableError
from adyton.core.schema import Message
from adyton.host.engines.queue import Queue, Waiting
from adyton.host.failures import error_of_code
from adyton.host.metrics import Metrics
from adyton.host.records import BlockRecord, Recorded
from adyton.host.store import Store
from adyton.protocol.boundary import (
    ApplyBlock,
    BlockResult,
    Committed,
    Done,
    NoBlock,
    UntrustedMessage,
)
from adyton.protocol.envelope import task_hash

_log = logging.getLogger("adyton.host")
_FEW = 8  # that many make one block: a block has a price of its own
_Reply = TypeVar("_Reply", bound=Message)


class Executor(Protocol):
    """What the engine needs of the enclave's process."""

    async def call(
        self, request: UntrustedMessage, reply: type[_Reply] | tuple[type[_Reply], ...]
    ) -> _Reply:
        """Ask the enclave; see `EnclaveProcess.call`."""


class EmbeddedEngine:
    """See `Engine`. One instance serves one run of the enclave.

    Args:
        enclave: executes blocks.
        store: stores them.
        clock_ms: milliseconds since 1970.
        on_block: called after each block is stored, with its result.
        metrics: counts.
    """

    ordering = "single-host"
    time_source = "host"

    def __init__(
        self,
        enclave: Executor,
        store: Store,
        clock_ms: Callable[[], int],
        on_block: Callable[[BlockResult], None],
        metrics: Metrics,
    ) -> None:
        self._enclave = enclave
        self._store = store
        self._clock_ms = clock_ms
        self._on_block = on_block
        self._metrics = metrics
        self._queue = Queue()
        self._stopping = False
        self._height = store.height
        last = store.last_block()
        self._time_ms = 0 if last is None else last.time_ms
        self._last_size = 1
        self._task: asyncio.Task[None] | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the engine has halted."""
        return self._ended

    async def start(self, first: bytes) -> None:
        """Begin to order; see `Engine.start`."""
        # Invariant: what the enclave submitted before (tasks that it took up again) comes after the start entry.
        future = self._queue.add_first(task_hash(first), first)
        self._task = asyncio.get_running_loop().create_task(self._run())
        await future

    def submit(self, name: bytes, transaction: bytes) -> asyncio.Future[Recorded]:
        """Have a client's transaction ordered; see `Engine.submit`."""
        if self._stopping or self._ended.done():
            raise UnavailableError("enclave_down", "nothing is ordered now")
        waiting = self._queue.known(name)
        if waiting is not None:
            return waiting
        stored = self._store.find(name)
        if stored:
            future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
            future.set_result(stored[0])
            return future
        return self._queue.add(name, transaction, own=False)

    def submit_own(self, transaction: bytes) -> asyncio.Future[Recorded]:
        """Have a transaction of the enclave's own ordered; see `Engine.submit_own`."""
        if self._ended.done():
            raise UnavailableError("enclave_down", "nothing is ordered now")
        name = task_hash(transaction)
        return self._queue.known(name) or self._queue.add(name, transaction, own=True)

    async def stop(self) -> None:
        """Finish the block in hand and end."""
        self._stopping = True
        self._queue.arrived.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        self._halt(UnavailableError("enclave_down", "the server is stopping"))

    async def _run(self) -> None:
        storing: asyncio.Task[None] | None = None
        batches: list[
            list[Waiting]
        ] = []  # under way: at most one being stored, then one in execution

        async def stored() -> None:
            nonlocal storing
            if storing is not None:
                await storing
                storing = None
                batches.pop(0)

        try:
            while not self._stopping:
                await self._queue.arrived.wait()
                if storing is not None and storing.done():
                    await stored()
                batch = self._next_batch()
                if not batch:
                    continue
                batches.append(batch)
                result = await self._execute(batch)
                await stored()
                if isinstance(result, BlockResult):
                    storing = asyncio.get_running_loop().create_task(
                        self._store_and_answer(batch, result)
                    )
                    # Its end wakes this loop: a block that could not be stored must not wait for the next request.
                    storing.add_done_callback(lambda _: self._queue.arrived.set())
                else:
                    self._drop(batches.pop(), result)
            await stored()
        except Error as problem:
            await self._abandon(storing, problem, batches)
        except Exception as problem:  # noqa: BLE001  # whoever waits must hear of any fault
            _log.exception("a block was not made")
            fault = InvariantError("invariant", type(problem).__name__)
            await self._abandon(storing, fault, batches)

    async def _abandon(
        self, storing: asyncio.Task[None] | None, problem: Error, batches: list[list[Waiting]]
    ) -> None:
        """Let a block that is being stored come to its end, then halt."""
        if storing is not None:
            await asyncio.gather(storing, return_exceptions=True)
        self._end_with(problem, batches)

    def _next_batch(self) -> list[Waiting]:
        """Take what is to be the next block: half of what is under way, so that two blocks of a kind alternate.

        Clients that wait for their answers send the next request after it: were all taken at once, every second block
        would hold next to nothing.
        """
        if self._stopping:
            return []
        waiting = len(self._queue)
        most = waiting if waiting <= _FEW else max(_FEW, (waiting + self._last_size) // 2)
        batch = self._queue.take(max(1, most))
        self._last_size = max(1, len(batch))
        return batch

    async def _execute(self, batch: list[Waiting]) -> BlockResult | NoBlock:
        """Have the enclave execute the next block.

        Raises:
            Error: it was not executed; the enclave may be ahead of the store.
        """
        time_ms = max(self._time_ms, self._clock_ms())
        transactions = tuple(item.transaction for item in batch)
        result = await self._enclave.call(
            ApplyBlock(self._height + 1, time_ms, transactions, True), (BlockResult, NoBlock)
        )
        if isinstance(result, BlockResult):
            self._height, self._time_ms = self._height + 1, time_ms
            return result
        if isinstance(result, NoBlock):
            return result
        raise InvariantError("invariant", "the enclave's reply is of another kind")

    async def _store_and_answer(self, batch: list[Waiting], result: BlockResult) -> None:
        """Store a block, then tell the enclave, then whoever waits: in this order.

        Raises:
            Error: nothing of the batch was answered.
        """
        with self._metrics.commit_seconds.time():
            record = await self._store.commit(result)
        told = asyncio.get_running_loop().create_task(
            self._enclave.call(Committed(record.height), Done)
        )
        self._metrics.block_entries.observe(record.count)
        self._on_block(result)
        self._answer(batch, result, record)
        await told

    def _drop(self, batch: list[Waiting], result: NoBlock) -> None:
        """Nothing was left to execute: no block was made."""
        codes = dict(result.dropped)
        for place, item in enumerate(batch):
            self._queue.resolve(item, error_of_code(codes.get(place, "invariant")))

    def _answer(self, batch: list[Waiting], result: BlockResult, record: BlockRecord) -> None:
        outcomes: dict[int, Recorded | Error] = {
            place: error_of_code(code) for place, code in result.dropped
        }
        for position, entry in enumerate(result.entries):
            if entry.code:
                outcomes[entry.transaction] = error_of_code(entry.code)
            else:
                outcomes[entry.transaction] = Recorded(record, position, entry.public, entry.writes)
        forgotten = InvariantError("invariant", "the enclave said nothing of a transaction")
        for place, item in enumerate(batch):
            self._queue.resolve(item, outcomes.get(place, forgotten))

    def _end_with(self, problem: Error, batches: list[list[Waiting]]) -> None:
        """Halt: the enclave's memory may be ahead of what is stored, so it must be started anew."""
        _log.error("ordering halts: %s", problem)
        if problem.code not in ("commit_failed", "enclave_down"):
            problem = UnavailableError("enclave_down", "the block was not made")
        for item in (item for batch in batches for item in batch):
            self._queue.resolve(item, problem)
        self._halt(problem)

    def _halt(self, error: Error) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        self._queue.refuse_all(error)
