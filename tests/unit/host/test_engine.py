"""The embedded engine: order, one effect for identical bytes, answers after the commit, and how it halts."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, MalformedError, PolicyError, UnavailableError
from adyton.core.schema import Message
from adyton.host.engines.embedded import EmbeddedEngine
from adyton.host.engines.queue import Queue
from adyton.host.metrics import Metrics
from adyton.host.records import Recorded, is_finish
from adyton.host.store import Store
from adyton.protocol.boundary import ApplyBlock, BlockResult, Committed, UntrustedMessage
from adyton.protocol.envelope import task_hash
from adyton.protocol.ledger import PublicPart
from tests.host_kit import Chain, verify_whole


class Bench:
    """An engine over the fake enclave in this process, with a hook before each call."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.chain = Chain()
        self.clock = 1_000
        self.calls: list[Message] = []
        self.heights: list[int] = []
        self.hook: Callable[[UntrustedMessage], Awaitable[None]] | None = None
        self.engine = EmbeddedEngine(self, store, lambda: self.clock, self.on_block, Metrics())

    async def call(self, request: UntrustedMessage, reply: Any) -> Any:
        self.calls.append(request)
        if self.hook is not None:
            await self.hook(request)
        if isinstance(request, Committed):
            return None
        return self.chain.enclave.answer(request)

    def on_block(self, result: BlockResult) -> None:
        self.heights.append(self.store.height)

    async def start(self) -> None:
        await self.engine.start(self.chain.start_entry())

    def submit(self, item: bytes) -> asyncio.Future[Recorded]:
        return self.engine.submit(task_hash(item), item)

    def blocks(self) -> list[ApplyBlock]:
        return [call for call in self.calls if isinstance(call, ApplyBlock)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "x.sqlite")
    yield made
    made.close()


def run(store: Store, scenario: Callable[[Bench], Awaitable[None]]) -> Bench:
    async def main() -> Bench:
        bench = Bench(store)
        try:
            async with asyncio.timeout(30):
                await scenario(bench)
                await bench.engine.stop()
        finally:
            bench.chain.close()
        return bench

    return asyncio.run(main())


def test_what_queues_is_the_next_block_and_is_answered_after_its_commit(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        items = [bench.chain.envelope(b"%d" % i) for i in range(50)]
        futures = [bench.submit(item) for item in items]
        entries = await asyncio.gather(*futures)
        assert [entry.position for entry in entries] == [*range(25), *range(25)]
        assert [entry.block.height for entry in entries] == [2] * 25 + [3] * 25
        for item, entry in zip(items, entries, strict=True):
            assert PublicPart.decode(entry.public).task_hash == task_hash(item)
            assert store.find(task_hash(item)) == [entry]

    bench = run(store, scenario)
    # Half of what waits, so that one block is executed while the other is stored and answered.
    assert [len(block.transactions) for block in bench.blocks()] == [1, 25, 25]
    told = [call.height for call in bench.calls if isinstance(call, Committed)]
    assert told == [1, 2, 3]
    assert bench.calls.index(bench.blocks()[2]) < bench.calls.index(Committed(2))
    assert verify_whole(store, bench.chain.chain_id) == 51


def test_nothing_is_answered_before_the_commit(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        reached, go = asyncio.Event(), asyncio.Event()
        commit = store.commit

        async def held(result: BlockResult) -> Any:
            reached.set()
            await go.wait()
            return await commit(result)

        store.commit = held  # type: ignore[method-assign]  # the moment before the commit, held
        future = bench.submit(bench.chain.envelope(b"x"))
        await reached.wait()
        await asyncio.sleep(0)
        assert not future.done()
        assert not any(isinstance(call, Committed) and call.height == 2 for call in bench.calls)
        go.set()
        assert (await future).block.height == 2

    run(store, scenario)


def test_what_was_executed_behind_a_failed_commit_is_not_answered_either(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()

        async def failed(result: BlockResult) -> Any:
            await asyncio.sleep(0)
            raise UnavailableError("commit_failed", "the disk is full")

        store.commit = failed  # type: ignore[method-assign]  # a disk that is full
        futures = [bench.submit(bench.chain.envelope(b"%d" % i)) for i in range(4)]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [getattr(result, "code", None) for result in results] == ["commit_failed"] * 4
        assert bench.engine.ended.done()

    bench = run(store, scenario)
    assert store.height == 1
    assert [call.height for call in bench.calls if isinstance(call, Committed)] == [1]


def test_identical_bytes_have_one_effect(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        item = bench.chain.envelope(b"x")
        one, two = bench.submit(item), bench.submit(item)
        assert one is two
        entry = await one
        assert await bench.submit(item) == entry  # stored: no new block

    bench = run(store, scenario)
    assert [len(block.transactions) for block in bench.blocks()] == [1, 1]


def test_the_start_entry_is_first_even_when_a_task_ended_before(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        end = bench.chain.enclave.finish(bytes(32), bytes(32))
        bench.engine.submit_own(end)
        bench.engine.submit_own(end)
        await bench.start()

    bench = run(store, scenario)
    first = bench.blocks()[0].transactions
    assert first[0] == bench.chain.start_entry() or len(first) == 2
    kinds = [PublicPart.decode(store.entry(i).public).kind for i in range(2)]
    assert kinds == ["start", "finish"]
    assert is_finish(store.entry(1).public)


def test_a_batch_of_junk_makes_no_block(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        with pytest.raises(Error, match="unopenable"):
            await bench.submit(bench.chain.envelope(b"drop:unopenable"))
        await bench.submit(bench.chain.envelope(b"good"))

    bench = run(store, scenario)
    assert store.height == 2
    assert verify_whole(store, bench.chain.chain_id) == 2


def test_dropped_and_void_transactions_get_their_code(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        sealed = (b"drop:unopenable", b"good", b"void:replayed", b"drop:wrong_epoch")
        futures = [bench.submit(bench.chain.envelope(item)) for item in sealed]
        results = await asyncio.gather(*futures, return_exceptions=True)
        assert [getattr(result, "code", None) for result in results] == [
            "unopenable", None, "replayed", "wrong_epoch",
        ]  # fmt: skip
        assert isinstance(results[2], PolicyError)
        assert store.tree.size == 3

    run(store, scenario)


def test_block_time_never_decreases(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        for clock in (5_000, 4_000, 4_500, 6_000):
            bench.clock = clock
            await bench.submit(bench.chain.envelope(b"%d" % clock))

    bench = run(store, scenario)
    assert [block.time_ms for block in bench.blocks()] == [1_000, 5_000, 5_000, 5_000, 6_000]


def test_a_failed_commit_halts(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()

        reached, go = asyncio.Event(), asyncio.Event()

        async def fails(result: BlockResult) -> Any:
            reached.set()
            await go.wait()
            raise UnavailableError("commit_failed", "the disk is full")

        store.commit = fails  # type: ignore[method-assign]  # a full disk
        first = bench.submit(bench.chain.envelope(b"1"))
        await reached.wait()
        second = bench.submit(bench.chain.envelope(b"2"))
        go.set()
        for future in (first, second):
            with pytest.raises(UnavailableError) as caught:
                await future
            assert caught.value.code == "commit_failed"
        await bench.engine.ended
        with pytest.raises(UnavailableError):
            bench.submit(bench.chain.envelope(b"3"))

    bench = run(store, scenario)
    assert store.height == 1
    assert not any(isinstance(call, Committed) and call.height == 2 for call in bench.calls)


@pytest.mark.parametrize(
    "error", [InvariantError("invariant", "x"), UnavailableError("enclave_down", "x"), OSError()]
)
def test_an_enclave_that_refuses_a_block_halts_the_engine(store: Store, error: Exception) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()

        async def hook(request: UntrustedMessage) -> None:
            raise error

        bench.hook = hook
        with pytest.raises(UnavailableError) as caught:
            await bench.submit(bench.chain.envelope(b"1"))
        assert caught.value.code == "enclave_down"
        await bench.engine.ended

    run(store, scenario)


def test_stopping_finishes_the_block_in_hand_and_refuses_the_rest(store: Store) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.start()
        reached, go = asyncio.Event(), asyncio.Event()

        async def hook(request: UntrustedMessage) -> None:
            if isinstance(request, ApplyBlock):
                reached.set()
                await go.wait()

        bench.hook = hook
        first = bench.submit(bench.chain.envelope(b"1"))
        await reached.wait()
        second = bench.submit(bench.chain.envelope(b"2"))
        stopping = asyncio.ensure_future(bench.engine.stop())
        await asyncio.sleep(0)
        go.set()
        await stopping
        assert (await first).block.height == 2
        with pytest.raises(UnavailableError):
            await second

    run(store, scenario)


def test_a_block_is_bounded_in_entries_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr(limits, "BLOCK_ENTRIES", 3)
        monkeypatch.setattr(limits, "BLOCK_BYTES", 100)
        queue = Queue()
        for i, size in enumerate((10, 10, 10, 60, 50, 200, 1)):
            queue.add(bytes([i]), bytes(size), own=False)
        taken = []
        while queue.arrived.is_set():
            taken.append([len(item.transaction) for item in queue.take()])
        assert taken == [[10, 10, 10], [60], [50], [200], [1]]
        assert queue.take() == []

    asyncio.run(scenario())


def test_the_queue_is_bounded_but_not_for_the_enclave(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr("adyton.host.engines.queue.QUEUE_ENTRIES", 2)
        queue = Queue()
        queue.add(b"1", b"x", own=False)
        queue.add(b"2", b"x", own=False)
        with pytest.raises(UnavailableError) as caught:
            queue.add(b"3", b"x", own=False)
        assert caught.value.code == "overloaded"
        queue.add(b"4", b"x", own=True)
        with pytest.raises(MalformedError):
            queue.add(b"5", bytes(limits.ENTRY + 1), own=True)
        queue.take()
        monkeypatch.setattr("adyton.host.engines.queue.QUEUE_BYTES", 10)
        with pytest.raises(UnavailableError):
            queue.add(b"6", bytes(11), own=False)

    asyncio.run(scenario())


def test_a_name_is_free_again_once_it_is_resolved() -> None:
    async def scenario() -> None:
        queue = Queue()
        future = queue.add(b"1", b"x", own=False)
        (item,) = queue.take()
        assert queue.known(b"1") is future
        queue.resolve(item, Error("malformed", "x"))
        assert queue.known(b"1") is None
        with pytest.raises(Error):
            await future

    asyncio.run(scenario())
