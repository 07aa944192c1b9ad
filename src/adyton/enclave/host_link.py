"""Reverse calls: what the enclave asks the host for, while it executes or while a task runs.

One thread owns the reading end: the main one. While it waits for its own answer it goes on reading, keeps the host's
requests for later, and hands other threads their answers. So an answer costs no switch of threads on the hot path.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from typing import Final, TypeVar

from adyton.channel.framing import REPLY, REQUEST, Channel, Frame
from adyton.core import limits
from adyton.core.errors import CODES, InvariantError, UnavailableError, VerificationError
from adyton.core.schema import Message, decode_one_of
from adyton.protocol.boundary import Done, EnclaveMessage, Failure
from adyton.protocol.reverse import (
    BlobChunk,
    BlobDrop,
    BlobGet,
    BlobPut,
    ModuleData,
    ModuleGet,
    ModulePut,
    StateGet,
    StatePage,
    StateScan,
    StateValue,
    Submit,
)

_M = TypeVar("_M", bound=Message)
_ANSWER_S: Final = 600.0


class _Waiter:
    __slots__ = ("body", "event")

    def __init__(self) -> None:
        self.event = threading.Event()
        self.body: bytes | None = None


class HostLink:
    """The enclave's view of its host.

    Args:
        channel: to the host; this object owns its reading end.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._numbers = itertools.count(1)
        self._owner = threading.get_ident()
        self._waiting: dict[int, _Waiter] = {}
        self._requests: deque[Frame] = deque()
        self._abandoned: set[int] = set()
        self._closed = False

    # --- the main thread ------------------------------------------------------------------------

    def next_request(self) -> Frame:
        """Wait for the host's next request; main thread only.

        Raises:
            UnavailableError: the channel is closed.
            VerificationError: the host broke the channel's rules.
        """
        while not self._requests:
            self._read_one()
        return self._requests.popleft()

    def reply(self, request: Frame, message: Message) -> None:
        """Answer a request of the host."""
        self._channel.send(Frame(REPLY, request.id, message.encode()))

    def close(self) -> None:
        """Wake whoever waits; nothing will be answered any more."""
        self._closed = True
        for waiter in list(self._waiting.values()):
            waiter.event.set()

    def _read_one(self) -> None:
        frame = self._channel.receive()
        if frame.kind == REQUEST:
            if len(self._requests) >= limits.CHANNEL_PENDING:
                raise VerificationError("channel_violation", "too many requests at once")
            self._requests.append(frame)
            return
        waiter = self._waiting.pop(frame.id, None)
        if waiter is None and frame.id in self._abandoned:
            self._abandoned.discard(frame.id)
            return
        if waiter is None:
            raise VerificationError("channel_violation", "an answer that nobody asked for")
        waiter.body = frame.body
        waiter.event.set()

    # --- any thread -----------------------------------------------------------------------------

    def call(self, message: EnclaveMessage, reply_class: type[_M]) -> _M:
        """Ask the host and wait for its answer, whose form is checked and nothing else.

        Raises:
            UnavailableError: the host refuses, or the channel is closed.
            VerificationError: the answer is not of the form that was asked for.
        """
        number = next(self._numbers)
        waiter = _Waiter()
        self._waiting[number] = waiter
        self._channel.send(Frame(REQUEST, number, message.encode()))
        if threading.get_ident() == self._owner:
            while not waiter.event.is_set():
                self._read_one()
        elif not self._closed:
            waiter.event.wait(_ANSWER_S)
        if waiter.body is None:
            # Its answer may come yet, and breaks no rule then.
            self._abandoned.add(number)
            self._waiting.pop(number, None)
            raise UnavailableError("enclave_down", "the host does not answer")
        expected: dict[str, type[Message]] = {
            reply_class.WIRE_NAME: reply_class,
            Failure.WIRE_NAME: Failure,
        }
        answer = decode_one_of(waiter.body, expected)
        if isinstance(answer, Failure):
            code = answer.code if answer.code in CODES else "enclave_down"
            raise UnavailableError(code, "the host refuses")
        if not isinstance(answer, reply_class):
            raise InvariantError("invariant", "an answer of an impossible class")
        return answer

    def state_get(self, name: bytes) -> bytes | None:
        """Return what the host says is stored under `name`: unverified."""
        return self.call(StateGet(name), StateValue).value

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        """Return the host's next page of stored values: unverified."""
        return self.call(StateScan(after, limits.STATE_PAGE), StatePage).values

    def blob(self, blob_id: bytes, size: int) -> bytes | None:
        """Return at most `size` bytes that the host says are the blob: unverified; None when it has none."""
        parts: list[bytes] = []
        offset = 0
        while offset < size:
            data = self.call(BlobGet(blob_id, offset), BlobChunk).data
            if data is None:
                return None
            if not data:
                break
            parts.append(data)
            offset += len(data)
        return b"".join(parts)[:size]

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        """Have the host store a blob."""
        for offset in range(0, len(ciphertext), limits.BLOB_CHUNK):
            data = ciphertext[offset : offset + limits.BLOB_CHUNK]
            last = offset + len(data) == len(ciphertext)
            self.call(BlobPut(blob_id, offset, data, last), Done)

    def drop_blobs(self, ids: tuple[bytes, ...]) -> None:
        """Tell the host that blobs are no longer needed."""
        if ids:
            self.call(BlobDrop(ids), Done)

    def module(self, name: bytes) -> bytes | None:
        """Return what the host says it has kept as a compiled module: unverified; None when it has none."""
        return self.call(ModuleGet(name), ModuleData).data

    def keep_module(self, name: bytes, sealed: bytes) -> None:
        """Have the host keep a compiled module for the next start."""
        self.call(ModulePut(name, sealed), Done)

    def submit(self, transaction: bytes) -> None:
        """Have a transaction ordered and stored; returns when the host says that it is."""
        self.call(Submit(transaction), Done)
