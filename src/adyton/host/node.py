"""What the API stands on: the store, and the enclave with its engine while they run."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from adyton.core import limits
from adyton.core.errors import UnavailableError
from adyton.core.schema import Message
from adyton.host import bounds
from adyton.host.blobs import BlobStore
from adyton.host.enclave import EnclaveProcess
from adyton.host.engines.base import Engine
from adyton.host.metrics import Metrics
from adyton.host.modules import ModuleStore
from adyton.host.pages import PageReader
from adyton.host.records import is_finish
from adyton.host.shares import Places, Rate
from adyton.host.store import GENESIS, Store
from adyton.host.waiters import Waiters
from adyton.protocol.boundary import BlockResult, UntrustedMessage
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint

_log = logging.getLogger("adyton.host")
_P = ParamSpec("_P")
_T = TypeVar("_T")
_Reply = TypeVar("_Reply", bound=Message)


def clock_ms() -> int:
    """Return the host's clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Node:
    """All parts of a running server; used on one event loop.

    Attributes:
        enclave: None while it is not serving.
        engine: None while the enclave is not serving.
    """

    def __init__(self, store_path: Path, blobs_path: Path, modules_path: Path) -> None:
        self.store = Store(store_path)
        self.pages = PageReader(store_path)
        self.blob_thread = ThreadPoolExecutor(1, "blobs")
        self.blobs = BlobStore(blobs_path)
        self.modules = ModuleStore(modules_path)
        self.metrics = Metrics()
        self.waiters = Waiters()
        self.enclave: EnclaveProcess | None = None
        self.engine: Engine | None = None
        self.genesis = b""
        self.chain_id = b""
        self.evidence_rate: Final = _rate(limits.EVIDENCE_PER_SECOND)
        self.key_rate: Final = _rate(limits.KEYS_PER_SECOND)
        self.uploads: Final = Places(bounds.UPLOADS, bounds.UPLOADS_EACH, "uploads at one time")
        self.batches: Final = Places(bounds.BATCHES, bounds.BATCHES_EACH, "batches at one time")
        self._strangers = Places(
            bounds.STRANGERS, bounds.STRANGERS_EACH, "requests wait for the enclave"
        )
        stored = self.store.meta(GENESIS)
        if stored is not None:
            self.know_genesis(stored)

    def know_genesis(self, genesis: bytes) -> None:
        """Take the chain's genesis, encoded."""
        self.genesis = genesis
        self.chain_id = Genesis.decode(genesis).chain_id()

    def require_engine(self) -> Engine:
        """Return the engine.

        Raises:
            UnavailableError: `enclave_down`: the enclave is not serving now.
        """
        if self.engine is None:
            raise UnavailableError("enclave_down", "the enclave is not serving now")
        return self.engine

    def require_enclave(self) -> EnclaveProcess:
        """Return the enclave.

        Raises:
            UnavailableError: `enclave_down`: it is not serving now.
        """
        if self.enclave is None or self.engine is None:
            raise UnavailableError("enclave_down", "the enclave is not serving now")
        return self.enclave

    async def ask(self, address: str, request: UntrustedMessage, reply: type[_Reply]) -> _Reply:
        """Ask the enclave on behalf of a client; see `EnclaveProcess.call`.

        Blocks are made over the same channel, and an engine that cannot ask has to halt: so what anybody may ask is
        bounded here, far under what the channel bears.

        Args:
            address: of the client, as `Exchange.address` gives it.
            request: see `EnclaveProcess.call`.
            reply: its class.

        Raises:
            UnavailableError: `overloaded`: too many ask already.
            Error: as `EnclaveProcess.call`.
        """
        enclave = self.require_enclave()
        with self._strangers.held(address):
            return await enclave.call(request, reply)

    async def with_blobs(
        self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Call a function on the thread that blobs are used on."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.blob_thread, lambda: function(*args, **kwargs))

    def on_block(self, result: BlockResult) -> None:
        """Wake who waits for the ends that a stored block holds."""
        for entry in result.entries:
            if entry.index_hash is not None and is_finish(entry.public):
                self.waiters.wake(entry.index_hash)

    async def sweep_for_ever(self) -> None:
        """Delete old blobs from time to time."""
        while True:
            try:
                await self.with_blobs(self.blobs.sweep)
            except OSError:
                _log.exception("old blobs are not swept")
            await asyncio.sleep(bounds.SWEEP_S)

    def metrics_text(self) -> bytes:
        """Return the exposition text, with the gauges as they are now."""
        self.metrics.height.set(self.store.height)
        last = self.store.last_block()
        if last is not None:
            self.metrics.epoch.set(Checkpoint.decode(last.encoded_checkpoint).facts.epoch)
        self.metrics.log_size.set(self.store.tree.size)
        self.metrics.waiting.set(self.waiters.count)
        self.metrics.blob_bytes.set(self.blobs.used)
        return self.metrics.text()

    def close(self) -> None:
        """Close every file; the enclave has been stopped before."""
        self.waiters.close()
        self.blob_thread.shutdown()
        self.pages.close()
        self.store.close()


def _rate(each: int) -> Rate:
    return Rate(each, bounds.RATE_ALL * each)
