"""`serve`: one server on one data directory, from lock to drain."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn

from adyton.core.errors import PolicyError, UnavailableError, UsageError
from adyton.host import bounds
from adyton.host.api.app import Application
from adyton.host.config import Fixed, ServeSettings, fixed_at_genesis
from adyton.host.connection import connection_class
from adyton.host.datadir import DataDirectory
from adyton.host.descriptors import connections_within, raise_file_limit
from adyton.host.enclave import Launch
from adyton.host.image import build_image
from adyton.host.node import Node
from adyton.host.shares import Places
from adyton.host.simulated_tee import make_device, open_device
from adyton.host.supervisor import Started, Supervisor

_log = logging.getLogger("adyton.host")


@dataclass(frozen=True)
class ServerFacts:
    """What is told once the server answers.

    Attributes:
        url: where it listens.
        port: in case a free one was taken.
        fingerprint: 64 hex digits that clients pin.
        chain_id: 32 bytes.
        measurement: of the enclave, 48 bytes.
        platform: kind of platform.
        simulated: whether nothing protects the enclave from this machine: to be said loudly.
        admission: `open` or `invite`.
        sandbox: tier that confines tasks, or why there is none.
        stop: ends the server; may be called from any thread.
    """

    url: str
    port: int
    fingerprint: str
    chain_id: bytes
    measurement: bytes
    platform: str
    simulated: bool
    admission: str
    sandbox: str
    stop: Callable[[], None]


def serve(
    settings: ServeSettings,
    on_ready: Callable[[ServerFacts], None],
    launch: Launch | None = None,
) -> None:
    """Serve until SIGTERM, SIGINT or `ServerFacts.stop`.

    Args:
        settings: of this run.
        on_ready: called once, when requests are answered; nothing else is printed.
        launch: how the enclave is started; by default from the image of this program.

    Raises:
        UsageError: settings that cannot be, or other than what is fixed at genesis.
        UnavailableError: the port or the data directory is in use, or the enclave does not start.
        PolicyError: the simulated platform without the operator's consent.
    """
    with (
        DataDirectory(settings.data) as directory,
        contextlib.closing(_listen(settings.host, settings.port)) as listener,
    ):
        fixed = fixed_at_genesis(settings)
        launch = launch or _from_image(directory, fixed)
        node = Node(directory.store, directory.blobs, directory.modules)
        try:
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                runner.run(_serve(settings, on_ready, launch, fixed, node, listener))
        finally:
            node.close()


async def _serve(
    settings: ServeSettings,
    on_ready: Callable[[ServerFacts], None],
    launch: Launch,
    fixed: Fixed,
    node: Node,
    listener: socket.socket,
) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
    supervisor = Supervisor(node, launch, fixed)
    starting = asyncio.ensure_future(supervisor.start())
    asked = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((starting, asked), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    started = starting.result()
    # What is here now stays: the collector need not walk it again and again under load.
    gc.collect()
    gc.freeze()
    port: int = listener.getsockname()[1]
    facts = _facts(settings.host, port, started, lambda: loop.call_soon_threadsafe(stopping.set))
    server = _Server(_uvicorn_config(settings, node), lambda: on_ready(facts))
    answering = asyncio.ensure_future(server.serve([listener]))
    sweeping = asyncio.ensure_future(node.sweep_for_ever())
    try:
        await asyncio.wait((answering, asked), return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Whoever waits is answered first, then the block in hand is finished, then connections are closed.
        sweeping.cancel()
        asked.cancel()
        node.waiters.close()
        await supervisor.stop()
        server.should_exit = True
        await asyncio.gather(answering, sweeping, asked, return_exceptions=True)
    if not answering.cancelled() and answering.exception() is not None:
        answering.result()


class _Server(uvicorn.Server):
    """uvicorn, without its own signal handlers, and with a call when it is ready."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self._on_started()


def _uvicorn_config(settings: ServeSettings, node: Node) -> uvicorn.Config:
    most = connections_within(raise_file_limit())
    return uvicorn.Config(
        Application(node),
        http=connection_class(Places(most, bounds.CONNECTIONS_EACH, "connections at one time")),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=settings.access_log,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=bounds.KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(bounds.EXIT_S),
    )


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket.

    Raises:
        UsageError: not a port.
        UnavailableError: the port is in use, or there is no such address.
    """
    if not 0 <= port <= 65535:
        raise UsageError("bad_argument", "a port is a number from 0 to 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise UnavailableError("unreachable", f"cannot listen on {host}: {problem}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(bounds.BACKLOG)
    except OSError as problem:
        listener.close()
        reason = getattr(problem, "strerror", None) or str(problem)
        text = f"cannot listen on {host} port {port}: {reason.lower()}"
        raise UnavailableError("unreachable", text) from None
    return listener


def _from_image(directory: DataDirectory, fixed: Fixed) -> Launch:
    if fixed.configuration.platform == "simulated" and not fixed.allow_simulated:
        raise PolicyError(
            "simulated_refused", "the operator has not allowed the simulated platform"
        )
    image = build_image(directory.images, extras=fixed.extras)
    if not directory.device.exists():
        make_device(directory.device)
    return Launch(image.command, lambda: open_device(directory.device))


def _facts(host: str, port: int, started: Started, stop: Callable[[], object]) -> ServerFacts:
    configuration = started.genesis.configuration

    def stop_once() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            stop()

    return ServerFacts(
        url=f"http://{f'[{host}]' if ':' in host else host}:{port}",
        port=port,
        fingerprint=started.fingerprint.hex(),
        chain_id=started.genesis.chain_id(),
        measurement=started.measurement,
        platform=configuration.platform,
        simulated=configuration.platform == "simulated",
        admission=configuration.admission,
        sandbox=started.sandbox,
        stop=stop_once,
    )


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # it is not made for every interpreter
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
