"""Reverse calls: answered from the store, from writes not stored yet, and never with an exception."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.encoding import encode
from adyton.core.errors import Error, UnavailableError
from adyton.core.schema import Message, decode_one_of
from adyton.host.blobs import BlobStore
from adyton.host.modules import ModuleStore
from adyton.host.reverse import ReverseCalls
from adyton.host.store import Store
from adyton.protocol import boundary as b
from adyton.protocol import reverse
from adyton.protocol.task import blob_id
from tests.host_kit import Chain

NAME = b"\x07" * 32
REPLIES: dict[str, type[Message]] = {
    cls.WIRE_NAME: cls
    for cls in (reverse.StateValue, reverse.StatePage, reverse.BlobChunk, b.Done, b.Failure)
}


class Kit:
    def __init__(self, path: Path) -> None:
        self.store = Store(path / "x.sqlite")
        self.chain = Chain()
        self.store.commit_block(
            self.chain.block(self.chain.start_entry(), writes=((NAME, b"stored"),))
        )
        self.submitted: list[bytes] = []
        self.thread = ThreadPoolExecutor(1)
        blobs = BlobStore(path / "blobs")
        self.refusal: Error | None = None
        self.reverse = ReverseCalls(
            self.store, blobs, ModuleStore(path / "modules"), self.thread, self.submit
        )

    async def submit(self, transaction: bytes) -> None:
        """Store a transaction, later."""
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        self.submitted.append(transaction)

    def ask(self, body: bytes) -> Message:
        """Ask, on a loop where one is needed."""

        async def answer() -> bytes:
            reply = self.reverse(body)
            return reply if isinstance(reply, bytes) else await reply

        return decode_one_of(asyncio.run(answer()), REPLIES)

    def value(self) -> bytes | None:
        reply = self.ask(reverse.StateGet(NAME).encode())
        assert isinstance(reply, reverse.StateValue)
        return reply.value


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    made = Kit(tmp_path_factory.mktemp("reverse"))
    yield made
    made.thread.shutdown()
    made.chain.close()
    made.store.close()


def test_a_value_comes_at_once(kit: Kit) -> None:
    assert isinstance(kit.reverse(reverse.StateGet(NAME).encode()), bytes)
    assert kit.value() == b"stored"
    assert kit.ask(reverse.StateGet(bytes(32)).encode()) == reverse.StateValue(None)


def test_a_scan_ends_with_an_empty_page(kit: Kit) -> None:
    assert kit.ask(reverse.StateScan(None, 5).encode()) == reverse.StatePage(((NAME, b"stored"),))
    assert kit.ask(reverse.StateScan(NAME, 5).encode()) == reverse.StatePage(())


def test_a_submission_is_handed_on(kit: Kit) -> None:
    assert kit.ask(reverse.Submit(b"transaction").encode()) == b.Done()
    assert kit.submitted[-1] == b"transaction"


def test_a_submission_that_is_not_stored_is_refused(kit: Kit) -> None:
    kit.refusal = UnavailableError("commit_failed", "the disk is full")
    reply = kit.ask(reverse.Submit(b"transaction").encode())
    assert isinstance(reply, b.Failure)
    assert reply.code == "commit_failed"


def test_blobs_are_put_got_and_dropped(kit: Kit) -> None:
    data = b"abcdef"
    id_ = blob_id(data)
    assert kit.ask(reverse.BlobGet(id_, 0).encode()) == reverse.BlobChunk(None)
    assert kit.ask(reverse.BlobPut(id_, 0, data[:3], False).encode()) == b.Done()
    assert kit.ask(reverse.BlobPut(id_, 3, data[3:], True).encode()) == b.Done()
    assert kit.ask(reverse.BlobGet(id_, 2).encode()) == reverse.BlobChunk(b"cdef")
    assert kit.ask(reverse.BlobDrop((id_,)).encode()) == b.Done()
    assert kit.ask(reverse.BlobGet(id_, 2).encode()) == reverse.BlobChunk(b"cdef")  # results stay
    reply = kit.ask(reverse.BlobPut(id_, 0, b"other", True).encode())
    assert isinstance(reply, b.Failure)
    assert (reply.kind, reply.code) == ("MalformedError", "malformed")


@given(st.binary(max_size=200) | st.sampled_from(sorted(reverse.ENCLAVE_REQUESTS)).map(
    lambda name: encode([name, bytes(32), 2**62, bytes(32), True])
))  # fmt: skip
def test_whatever_is_asked_is_answered(kit: Kit, body: bytes) -> None:
    reply = kit.ask(body)
    assert isinstance(reply, b.Failure)


def test_a_fault_of_ours_is_a_failure_too(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(after: bytes | None, most: int) -> list[tuple[bytes, bytes]]:
        raise OSError("the disk is gone")

    monkeypatch.setattr(kit.store, "scan", broken)
    reply = kit.ask(reverse.StateScan(None, 5).encode())
    assert isinstance(reply, b.Failure)
    assert (reply.kind, "disk" in reply.text) == ("InvariantError", False)


def test_the_bounds_of_messages_hold_for_pages(kit: Kit) -> None:
    assert limits.STATE_PAGE_BYTES + limits.STATE_VALUE < limits.FRAME
