"""Reverse calls: what the enclave asks of the host while it executes.

Trust: runs in the untrusted host; the enclave verifies every value, and a wrong answer makes it halt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final

from adyton.core.encoding import encode
from adyton.core.errors import Error, InvariantError
from adyton.core.schema import Message, decode_one_of
from adyton.host.blobs import BlobStore
from adyton.host.failures import failure_of
from adyton.host.modules import ModuleStore
from adyton.host.store import Store
from adyton.protocol.boundary import Done, EnclaveMessage
from adyton.protocol.reverse import (
    ENCLAVE_REQUESTS,
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

_log = logging.getLogger("adyton.host")
_DONE: Final = Done().encode()
# StateGet is asked several times for each request: its one form is told by its prefix.
_GET_HEAD: Final = StateGet(bytes(32)).encode()[:-32]
_GET_SIZE: Final = len(_GET_HEAD) + 32


class ReverseCalls:
    """Answers the enclave's requests; an instance is an `AsyncChannel` handler and never raises.

    Args:
        store: state values.
        blobs: used on `blob_thread` alone.
        modules: used on `blob_thread` alone.
        blob_thread: executor of one thread, so that parts of a blob stay in order.
        submit: has a transaction ordered; done when it is stored.
    """

    def __init__(
        self,
        store: Store,
        blobs: BlobStore,
        modules: ModuleStore,
        blob_thread: Executor,
        submit: Callable[[bytes], Awaitable[object]],
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._modules = modules
        self._blob_thread = blob_thread
        self._submit = submit

    def __call__(self, body: bytes) -> bytes | Awaitable[bytes]:
        """Return the reply to one request, at once for state values."""
        try:
            if len(body) == _GET_SIZE and body.startswith(_GET_HEAD):
                # What is not stored yet the enclave knows itself, until it is told that it is.
                return encode([StateValue.WIRE_NAME, self._store.state(body[-32:])])
            return self._other(decode_one_of(body, ENCLAVE_REQUESTS))
        except Error as problem:
            return failure_of(problem).encode()
        except Exception:  # noqa: BLE001  # a channel handler must not raise
            _log.exception("a reverse call was not answered")
            return failure_of(InvariantError("invariant", "internal error of the host")).encode()

    def _other(self, request: EnclaveMessage) -> bytes | Awaitable[bytes]:
        if isinstance(request, StateScan):
            values = self._store.scan(request.after, request.most)
            return encode([StatePage.WIRE_NAME, [list(pair) for pair in values]])
        if isinstance(request, Submit):
            return self._submitted(self._submit(request.transaction))
        return self._blob_call(request)

    async def _submitted(self, stored: Awaitable[object]) -> bytes:
        """Reply when the transaction is stored: until then the enclave keeps what would make it again."""
        try:
            await stored
        except Error as problem:
            return failure_of(problem).encode()
        return _DONE

    async def _blob_call(self, request: EnclaveMessage) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            reply = await loop.run_in_executor(self._blob_thread, self._blob_reply, request)
        except Error as problem:
            reply = failure_of(problem)
        except Exception:  # noqa: BLE001  # a channel handler must not raise
            _log.exception("a blob was not answered")
            reply = failure_of(InvariantError("invariant", "internal error of the host"))
        return reply.encode()

    def _blob_reply(self, request: EnclaveMessage) -> Message:
        if isinstance(request, BlobGet):
            return BlobChunk(self._blobs.chunk(request.id, request.offset))
        if isinstance(request, BlobPut):
            self._blobs.put(request.id, request.offset, request.data, last=request.last)
            return Done()
        if isinstance(request, BlobDrop):
            for id_ in request.ids:
                self._blobs.drop(id_)
            return Done()
        if isinstance(request, ModuleGet):
            return ModuleData(self._modules.get(request.name))
        if isinstance(request, ModulePut):
            self._modules.put(request.name, request.data)
            return Done()
        raise InvariantError("invariant", "a reverse call without an answer")
