"""The server's life: provision, load, serve; start the enclave again when it ends; drain."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable
from dataclasses import dataclass

from adyton.core.errors import Error, UnavailableError
from adyton.host import bounds
from adyton.host.config import Fixed
from adyton.host.enclave import EnclaveProcess, Launch
from adyton.host.engines.embedded import EmbeddedEngine
from adyton.host.node import Node, clock_ms
from adyton.host.reverse import ReverseCalls
from adyton.host.store import SEALED_HEAD, SEALED_ROOT
from adyton.protocol.boundary import (
    Loaded,
    LoadState,
    Provision,
    Provisioned,
    Serve,
    Serving,
)
from adyton.protocol.genesis import Genesis, fingerprint

_log = logging.getLogger("adyton.host")


@dataclass(frozen=True)
class Started:
    """What the first start has shown.

    Attributes:
        genesis: of the chain.
        measurement: of the running enclave, 48 bytes.
        sandbox: tier that confines tasks, or why there is none.
        fingerprint: 32 bytes; what clients pin.
    """

    genesis: Genesis
    measurement: bytes
    sandbox: str
    fingerprint: bytes


class Supervisor:
    """Keeps one enclave serving.

    Args:
        node: given the enclave and engine while they serve, and neither otherwise.
        launch: how the enclave is started.
        fixed: its configuration.
    """

    def __init__(self, node: Node, launch: Launch, fixed: Fixed) -> None:
        self._node = node
        self._launch = launch
        self._fixed = fixed
        self._enclave: EnclaveProcess | None = None
        self._engine: EmbeddedEngine | None = None
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> Started:
        """Start the enclave and serve; return when the start entry is committed.

        Raises:
            Error: why it could not; nothing is left running.
        """
        try:
            started = await self._start_once()
        except BaseException:
            await self._stop_once()
            raise
        self._watch = asyncio.get_running_loop().create_task(self._keep())
        return started

    async def stop(self) -> None:
        """Drain: no new block, the enclave ended."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._stop_once()

    async def _start_once(self) -> Started:
        node = self._node
        node.metrics.enclave_starts.inc()
        engine: EmbeddedEngine | None = None

        def submit(transaction: bytes) -> Awaitable[object]:
            # The enclave takes up tasks when its start entry is stored, so there is an engine by then.
            if engine is None:
                raise UnavailableError("enclave_down", "nothing is ordered yet")
            return engine.submit_own(transaction)

        reverse = ReverseCalls(node.store, node.blobs, node.modules, node.blob_thread, submit)
        enclave = self._enclave = await EnclaveProcess.start(self._launch, reverse)
        provisioned = await enclave.call(
            Provision(
                self._fixed.configuration.encode(),
                self._fixed.allow_simulated,
                clock_ms(),
                node.store.meta(SEALED_ROOT),
            ),
            Provisioned,
            bounds.START_S,
        )
        node.store.keep_root(provisioned.genesis, provisioned.sealed_root)
        node.know_genesis(provisioned.genesis)
        await enclave.call(LoadState(node.store.meta(SEALED_HEAD)), Loaded, bounds.LOAD_S)
        serving = await enclave.call(Serve(), Serving, bounds.START_S)
        engine = EmbeddedEngine(enclave, node.store, clock_ms, node.on_block, node.metrics)
        self._engine = engine
        await engine.start(serving.start)
        node.enclave, node.engine = enclave, engine
        genesis = Genesis.decode(provisioned.genesis)
        pinned = fingerprint(
            genesis.chain_id(),
            provisioned.measurement,
            genesis.configuration.digest(),
            genesis.simulated_root,
        )
        return Started(genesis, provisioned.measurement, serving.sandbox, pinned)

    async def _stop_once(self) -> None:
        self._node.engine = self._node.enclave = None
        # Forgotten only when they have ended: a stop that is cancelled in the middle is done again as a whole.
        engine, enclave = self._engine, self._enclave
        ending = None if engine is None else asyncio.ensure_future(engine.stop())
        if ending is not None:
            # The engine is never cancelled, for it may be storing a block; an enclave that hangs is ended below, and
            # the engine with it.
            await asyncio.wait((ending,), timeout=bounds.DRAIN_S)
        if enclave is not None:
            await enclave.stop()
        if ending is not None:
            await ending
        self._engine = self._enclave = None

    async def _keep(self) -> None:
        """Start the enclave again, later and later, whenever it or the engine ends."""
        failures = 0
        while True:
            began = time.monotonic()
            if self._enclave is not None and self._engine is not None:
                await asyncio.wait(
                    (self._enclave.ended, self._engine.ended), return_when=asyncio.FIRST_COMPLETED
                )
            if time.monotonic() - began > bounds.STEADY_S:
                failures = 0
            _log.warning("the enclave has ended and is started again")
            await self._stop_once()
            await asyncio.sleep(bounds.BACKOFF_S[min(failures, len(bounds.BACKOFF_S) - 1)])
            failures += 1
            try:
                await self._start_once()
            except Error as problem:
                # It may be alive, with a start entry that was void: nothing of it would ever end by itself.
                _log.error("the enclave does not start: %s", problem)
                await self._stop_once()
            except Exception:  # noqa: BLE001  # the next attempt may succeed
                _log.exception("the enclave does not start")
                await self._stop_once()
