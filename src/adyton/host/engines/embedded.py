"""The embedded engine: one writer; whatever queued while the last block was executed and stored is the next block.

Execution and commit are serial. Executing block N+1 while N is being stored would hide the time of one `fsync`, but
the enclave would have to be asked to undo a block that was not stored; it cannot, by design.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
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
    EnclaveMessage,
    NoBlock,
    UntrustedMessage,
)
from adyton.protocol.envelope import task_hash

_log = logging.getLogger("adyton.host")
_Reply = TypeVar("_Reply", bound=Message)


class Executor(Protocol):
    """What the engine needs of the enclave's process."""

    async def call(
        self, request: UntrustedMessage, reply: type[_Reply] | tuple[type[_Reply], ...]
    ) -> _Reply:
        """Ask the enclave; see `EnclaveProcess.call`."""


class Reads(Protocol):
    """What the engine tells whoever answers the enclave's reads; see `ReverseCalls`."""

    def executing(self) -> None:
        """A block is being executed."""

    def executed(self, writes: Mapping[bytes, bytes | None]) -> None:
        """It has left these writes, which are not stored yet."""

    def committed(self) -> None:
        """They are stored."""


class EmbeddedEngine:
    """See `Engine`. One instance serves one run of the enclave.

    Args:
        enclave: executes blocks.
        store: stores them.
        reverse: answers the enclave's reads; told which writes are not stored yet.
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
        reverse: Reads,
        clock_ms: Callable[[], int],
        on_block: Callable[[BlockResult], None],
        metrics: Metrics,
    ) -> None:
        self._enclave = enclave
        self._store = store
        self._reverse = reverse
        self._clock_ms = clock_ms
        self._on_block = on_block
        self._metrics = metrics
        self._queue = Queue()
        self._stopping = False
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
        while True:
            await self._queue.arrived.wait()
            if self._stopping:
                return
            batch = self._queue.take()
            if not batch:
                continue
            try:
                await self._make_block(batch)
            except Error as problem:
                self._end_with(problem, batch)
                return
            except Exception as problem:  # noqa: BLE001  # whoever waits must hear of any fault
                _log.exception("a block was not made")
                self._end_with(InvariantError("invariant", type(problem).__name__), batch)
                return

    async def _make_block(self, batch: list[Waiting]) -> None:
        """Execute, store, answer: in this order.

        Raises:
            Error: nothing of the batch was answered, and the enclave may be ahead of the store.
        """
        last = self._store.last_block()
        height = self._store.height + 1
        time_ms = max(last.time_ms if last else 0, self._clock_ms())
        transactions = tuple(item.transaction for item in batch)
        self._reverse.executing()
        result = await self._enclave.call(
            ApplyBlock(height, time_ms, transactions, True), (BlockResult, NoBlock)
        )
        if not isinstance(result, BlockResult):
            self._reverse.committed()
            self._drop(batch, result)
            return
        # No await between the reply and this: the enclave's next read must see these writes.
        self._reverse.executed(dict(result.writes))
        with self._metrics.commit_seconds.time():
            record = await self._store.commit(result)
        self._reverse.committed()
        # The enclave is told before the callers are, in the order of the channel; its answer is awaited after.
        told = asyncio.get_running_loop().create_task(
            self._enclave.call(Committed(record.height), Done)
        )
        self._metrics.block_entries.observe(record.count)
        self._on_block(result)
        self._answer(batch, result, record)
        await told

    def _drop(self, batch: list[Waiting], result: EnclaveMessage) -> None:
        """Nothing was left to execute: no block was made."""
        codes = dict(result.dropped) if isinstance(result, NoBlock) else {}
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

    def _end_with(self, problem: Error, batch: list[Waiting]) -> None:
        """Halt: the enclave's memory may be ahead of what is stored, so it must be started anew."""
        _log.error("ordering halts: %s", problem)
        if problem.code not in ("commit_failed", "enclave_down"):
            problem = UnavailableError("enclave_down", "the block was not made")
        for item in batch:
            self._queue.resolve(item, problem)
        self._halt(problem)

    def _halt(self, error: Error) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        self._queue.refuse_all(error)
