"""`gateway mqtt`: one gateway, from its lock to its last word."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from prometheus_client import start_http_server

from adyton.core.errors import UnavailableError, UsageError
from adyton.host.datadir import DataDirectory
from adyton.host.gateways.broadcaster import Broadcaster
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.ethereum_node import EthereumNode
from adyton.host.gateways.journal import Journal
from adyton.host.gateways.mqtt import GatewaySettings, MqttGateway

JOURNAL: Final = "broadcasts.sqlite"
_SESSION_S: Final = 24 * 3600
_CLIENT_ID: Final = "mqtt-client-id"
_log = logging.getLogger("adyton.gateway")


@dataclass(frozen=True)
class Ethereum:
    """The node that is broadcast by.

    Attributes:
        confirmations: blocks, its own among them, after which a transaction counts as confirmed.
    """

    url: str
    chain: int
    confirmations: int


@dataclass(frozen=True)
class RunSettings:
    """What one run has.

    Attributes:
        data: directory of its own; None where nothing outlives the run.
        ethereum: None where nothing is broadcast; else there is a `data`.
        metrics: loopback port of the counters; None for none.
    """

    gateway: GatewaySettings
    data: Path | None
    ethereum: Ethereum | None = None
    metrics: int | None = None


def run_gateway(
    settings: RunSettings,
    on_ready: Callable[[GatewaySettings], None],
    stopping: threading.Event | None = None,
) -> None:
    """Relay until SIGTERM, SIGINT or `stopping`.

    Args:
        on_ready: called once, when the broker is known to deliver.

    Raises:
        UsageError: settings that cannot be.
        UnavailableError: the broker is not there, or the data directory is in use.
        PolicyError: the broker's rules are not as they must be.
        VerificationError: the Ethereum node is of another chain.
    """
    stopping = stopping or threading.Event()
    if settings.ethereum is not None and settings.data is None:
        raise UsageError("usage", "what broadcasts needs a data directory; give --data")
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    with contextlib.ExitStack() as stack:
        chosen = settings.gateway
        if settings.data is not None:
            stack.enter_context(DataDirectory(settings.data))
            chosen = replace(chosen, client_id=_client_id(settings.data), session_s=_SESSION_S)
        counters = Counters()
        gateway = MqttGateway(chosen, counters)
        if settings.ethereum is not None and settings.data is not None:
            broadcaster = stack.enter_context(
                _broadcasting(settings.ethereum, settings.data, gateway, counters)
            )
            gateway.broadcaster = broadcaster
        stack.callback(gateway.close)
        gateway.start()
        if gateway.broadcaster is not None:
            gateway.broadcaster.start()
        if settings.metrics is not None:
            server, _ = start_http_server(
                settings.metrics, addr="127.0.0.1", registry=counters.registry
            )
            stack.callback(server.shutdown)
        on_ready(chosen)
        stopping.wait()


@contextlib.contextmanager
def _broadcasting(
    ethereum: Ethereum, data: Path, gateway: MqttGateway, counters: Counters
) -> Iterator[Broadcaster]:
    node = EthereumNode(ethereum.url, ethereum.chain)
    try:
        node.require_chain()
    except UnavailableError as problem:
        _log.warning("the Ethereum node is away: %s", problem.message)
    with contextlib.closing(Journal(data / JOURNAL)) as journal:
        broadcaster = Broadcaster(
            gateway.settings.name,
            node,
            ethereum.chain,
            journal,
            gateway.publish,
            counters,
            confirmations=ethereum.confirmations,
        )
        try:
            yield broadcaster
        finally:
            broadcaster.close()
            node.close()


def _client_id(data: Path) -> str:
    """Return the name of the gateway's session at the broker, made once.

    It is a secret: whoever connects under it takes the session over, whatever his certificate.
    """
    path = data / _CLIENT_ID
    if not path.exists():
        made = path.with_suffix(".new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"adyton-gateway-{secrets.token_hex(16)}")
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    return path.read_text()
