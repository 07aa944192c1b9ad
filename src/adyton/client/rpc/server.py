"""The facade as a whole: from its settings to an endpoint that answers, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvicorn

from adyton.client.rpc.application import Application
from adyton.client.rpc.broadcast import Broadcaster
from adyton.client.rpc.caps import Caps
from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.dispatch import Dispatcher
from adyton.client.rpc.gate import Gate, is_loopback
from adyton.client.rpc.heads import Heads
from adyton.client.rpc.journal import Journal
from adyton.client.rpc.methods import Methods
from adyton.client.rpc.node import Node
from adyton.client.rpc.nonces import sync_nonces, warn_of_nonces
from adyton.client.rpc.recovery import Recovery
from adyton.client.rpc.sending import Sending
from adyton.client.rpc.signer import Signer
from adyton.client.rpc.watch import Watch
from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError

_log = logging.getLogger("adyton.rpc")
_EXIT_S: Final = 10
_KEEP_ALIVE_S: Final = 60


@dataclass(frozen=True)
class RpcSettings:
    """How a facade runs.

    Attributes:
        node: URL of the Ethereum node.
        journal: directory for what was signed and not yet mined; below it, one for each chain.
        host: to listen on; another than loopback needs a token.
        port: 0 takes a free one.
        chain_id: that is pinned; None pins what the node says at the start.
        caps: of a transaction's cost.
        gate: who may ask.
        accounts: offered; empty for all.
        raw: whether programs may broadcast what they signed themselves.
        sync_nonce: raise the wallet's nonces to what the node counts, once, at the start.
        poll_s: seconds between two looks at the node's newest block, while somebody listens.
    """

    node: str
    journal: Path
    host: str = "127.0.0.1"
    port: int = 8545
    chain_id: int | None = None
    caps: Caps = field(default_factory=Caps)
    gate: Gate = field(default_factory=Gate)
    accounts: tuple[bytes, ...] = ()
    raw: bool = True
    sync_nonce: bool = False
    poll_s: float = 0.5


@dataclass(frozen=True)
class RpcFacts:
    """What is told once the endpoint answers.

    Attributes:
        url: of it.
        port: in case a free one was taken.
        chain_id: that is pinned.
        accounts: that it offers.
        waiting: transactions that an earlier run has signed, and that are not yet mined.
        stop: ends it; may be called from any thread.
    """

    url: str
    port: int
    chain_id: int
    accounts: tuple[bytes, ...]
    waiting: int
    stop: Callable[[], None]


def serve(signer: Signer, settings: RpcSettings, on_ready: Callable[[RpcFacts], None]) -> None:
    """Serve until SIGTERM, SIGINT or `RpcFacts.stop`.

    Args:
        signer: whose accounts are offered.
        settings: of this run.
        on_ready: called once, when requests are answered.

    Raises:
        UsageError: settings that cannot be. UnavailableError: the port is in use, or the node does not answer.
        VerificationError: the node is of another chain. Error: as `Signer.accounts`.
    """
    if not is_loopback(settings.host) and not settings.gate.token:
        raise UsageError("usage", f"listening on {settings.host} needs a token; add --token-file")
    with (
        contextlib.closing(Node(settings.node)) as node,
        contextlib.closing(_listen(settings.host, settings.port)) as listener,
    ):
        chain = PinnedChain.pin(node, settings.chain_id)
        journal = Journal(settings.journal / str(chain.id))
        waiting = len(journal.entries())
        stopping = threading.Event()
        broadcaster = Broadcaster(node, stopping.wait)
        recovery = Recovery(signer, journal, chain.id)
        sending = Sending(signer, node, chain, settings.caps, journal, broadcaster, recovery)
        methods = Methods(signer, node, chain, sending, only=settings.accounts, raw=settings.raw)
        accounts = tuple(methods.accounts())
        _require_all(settings.accounts, accounts)
        if settings.sync_nonce:
            sync_nonces(signer, node, chain, accounts)
        else:
            warn_of_nonces(signer, node, chain, accounts)
        watch = Watch(journal, broadcaster, chain, recovery)
        watch.start()
        try:

            def told(stop: Callable[[], None]) -> None:
                port: int = listener.getsockname()[1]
                host = f"[{settings.host}]" if ":" in settings.host else settings.host
                url = f"http://{host}:{port}"
                on_ready(RpcFacts(url, port, chain.id, accounts, waiting, stop))

            asyncio.run(_serve(methods, node, settings, listener, stopping, told))
        finally:
            watch.stop()


async def _serve(
    methods: Methods,
    node: Node,
    settings: RpcSettings,
    listener: socket.socket,
    stopping: threading.Event,
    told: Callable[[Callable[[], None]], None],
) -> None:
    loop = asyncio.get_running_loop()
    dispatcher = Dispatcher(methods)
    heads = Heads(node, dispatcher.run, settings.poll_s)
    config = uvicorn.Config(
        Application(dispatcher, heads, settings.gate),
        ws="websockets-sansio",
        ws_max_size=limits.RPC_BODY,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        limit_concurrency=limits.RPC_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_EXIT_S,
    )

    def stop() -> None:
        # What is signed is in the journal: nobody need wait until the node takes it.
        stopping.set()
        server.should_exit = True

    server = _Server(config, lambda: told(stop))
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
    try:
        await server.serve([listener])
    finally:
        await heads.close()
        await asyncio.to_thread(dispatcher.close)


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handlers, and with a call when it is ready."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `_serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._on_started()


def _require_all(wanted: tuple[bytes, ...], found: tuple[bytes, ...]) -> None:
    if set(wanted) - set(found):
        text = "an account named with --account is none of this client's wallets"
        raise UsageError("wallet_unknown", text)
    if not found:
        _log.warning("no accounts: make one with `adyton wallet new`")


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError:
        raise UnavailableError("unreachable", f"cannot listen on {host}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(limits.RPC_CONNECTIONS)
    except OSError as problem:
        listener.close()
        reason = (problem.strerror or str(problem)).lower()
        text = f"cannot listen on {host} port {port}: {reason}"
        raise UnavailableError("unreachable", text) from None
    return listener
