"""A data directory as a server has it after many entries, made in minutes: `adyton serve` opens it as its own.

The enclave's machine executes every block in this process, under the measurement of the image that will be started and
over the device of the same directory: leaves, state values, checkpoints, sealed root and sealed head are what a server
would have left. Spared is what leaves no trace in a ledger: nobody seals envelopes, so nothing is opened. A transaction
is a number, and the intake is handed the request that it stands for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar
from unittest import mock

from adyton.core import limits
from adyton.core.encoding import decode, encode
from adyton.core.errors import Error
from adyton.core.schema import Message
from adyton.enclave.dispatcher import Dispatcher
from adyton.enclave.intake import Intake, Opened
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.config import Fixed, ServeSettings, fixed_at_genesis, load_fixed
from adyton.host.datadir import DataDirectory
from adyton.host.image import build_image
from adyton.host.node import clock_ms
from adyton.host.simulated_tee import make_device, open_device
from adyton.host.store import SEALED_HEAD, SEALED_ROOT, Store
from adyton.protocol import boundary, notary
from adyton.protocol.boundary import BlockResult, UntrustedMessage
from adyton.protocol.envelope import Envelope, Request, task_hash
from bench.summary import BenchError

_M = TypeVar("_M", bound=Message)
_CLIENTS: Final = 1000
_WINDOW_MS: Final = 600_000
# What the machine itself keeps: the key of the names, two announced keys, the count of starts.
OWN_VALUES: Final = 4
START: Final = 1  # entries that each start adds


@dataclass(frozen=True)
class Built:
    """What lies in a directory.

    Attributes:
        entries: leaves of the log; the first is of the start, each other is a request's.
        values: in the state.
        blocks: up to `limits.BLOCK_ENTRIES` entries each.
        seconds: that it took.
    """

    entries: int
    values: int
    blocks: int
    seconds: float


def name_of(leaf: int) -> bytes:
    """Return the task hash of the entry at a place of the log, from 1 on."""
    return task_hash(_transaction(leaf))


def build(data: Path, entries: int, values: int) -> Built:
    """Make a data directory where there is none.

    Requests that were carried out leave a value each and alternate with requests whose ticket was spent: they are
    refused under seal, and leave an entry and no value.

    Args:
        entries: leaves of the log.
        values: in the state; at most as many as carried-out requests leave.

    Raises:
        BenchError: not so many values of so few entries, or the machine did not do what was meant.
    """
    if not OWN_VALUES < values < entries + OWN_VALUES:
        raise BenchError(f"{entries} entries do not leave {values} values")
    begun = time.perf_counter()
    settings = ServeSettings(data, allow_simulated=True)
    with DataDirectory(data) as directory:
        fixed = fixed_at_genesis(settings)
        image = build_image(directory.images)
        make_device(directory.device)
        platform = open_simulated(open_device(directory.device), image.measurement)
        store = Store(directory.store)
        try:
            dispatcher = Dispatcher(platform, _Link(store))
            ledger = _Ledger(store, dispatcher)
            provisioned = ledger.provision(fixed)
            store.keep_root(provisioned.genesis, provisioned.sealed_root)
            ledger.ask(boundary.LoadState(store.meta(SEALED_HEAD)), boundary.Loaded)
            # No task is run here: a sandbox would only take time to start.
            with mock.patch("adyton.enclave.chain._jail", return_value=(None, "none")):
                start = ledger.ask(boundary.Serve(), boundary.Serving).start
            ledger.block([start])
            with _numbers_open(
                _Requests(dispatcher.chain.keys.chain_id, entries - START, values - OWN_VALUES)
            ):
                for first in range(START, entries, limits.BLOCK_ENTRIES):
                    last = min(first + limits.BLOCK_ENTRIES, entries)
                    ledger.block([_transaction(leaf) for leaf in range(first, last)])
            held = dispatcher.chain.state.size
            if (store.tree.size, held) != (entries, values):
                raise BenchError(f"there are {store.tree.size} entries and {held} values")
            return Built(entries, values, store.height, time.perf_counter() - begun)
        finally:
            store.close()


def taken_up(data: Path) -> dict[str, tuple[float, float]]:
    """Take up a directory in this process; return seconds and CPU seconds of the host's part and the enclave's.

    Raises:
        BenchError: the machine refuses the state.
    """
    with DataDirectory(data) as directory:
        fixed = load_fixed(data)
        platform = open_simulated(
            open_device(directory.device), build_image(directory.images).measurement
        )
        begun = _now()
        store = Store(directory.store)
        log = _since(begun)
        try:
            ledger = _Ledger(store, Dispatcher(platform, _Link(store)))
            ledger.provision(fixed)
            asked = boundary.LoadState(store.meta(SEALED_HEAD))
            begun = _now()
            ledger.ask(asked, boundary.Loaded)
            return {"log": log, "state": _since(begun)}
        finally:
            store.close()


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(begun: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def _transaction(leaf: int) -> bytes:
    return encode([Envelope.WIRE_NAME, leaf])


class _Link:
    """The machine's host: its state is the store's, and no task asks it for anything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def state_get(self, name: bytes) -> bytes | None:
        return self._store.state(name)

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        return tuple(self._store.scan(after, limits.STATE_PAGE))

    def blob(self, blob_id: bytes, size: int) -> bytes | None:
        raise BenchError("no task runs here")

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        raise BenchError("no task runs here")

    def drop_blobs(self, ids: tuple[bytes, ...]) -> None:
        raise BenchError("no task runs here")

    def module(self, name: bytes) -> bytes | None:
        return None

    def keep_module(self, name: bytes, sealed: bytes) -> None:
        raise BenchError("no contract runs here")

    def submit(self, transaction: bytes) -> None:
        raise BenchError("no task runs here")


class _Ledger:
    """Has blocks executed and stored."""

    def __init__(self, store: Store, dispatcher: Dispatcher) -> None:
        self._store = store
        self._dispatcher = dispatcher

    def ask(self, message: UntrustedMessage, reply: type[_M]) -> _M:
        """Ask the enclave through its only entry."""
        answer = self._dispatcher.dispatch(message.encode())
        if not isinstance(answer, reply):
            told = f"{answer.code}: {answer.text}" if isinstance(answer, boundary.Failure) else ""
            raise BenchError(f"the enclave refuses: {told or answer}")
        return answer

    def provision(self, fixed: Fixed) -> boundary.Provisioned:
        """Open the store's chain, or make the first."""
        asked = boundary.Provision(
            fixed.configuration.encode(),
            fixed.allow_simulated,
            clock_ms(),
            self._store.meta(SEALED_ROOT),
        )
        return self.ask(asked, boundary.Provisioned)

    def block(self, transactions: list[bytes]) -> None:
        """Execute a block and store it; every transaction has to leave an entry that is not void."""
        height = self._store.height + 1
        asked = boundary.ApplyBlock(height, clock_ms(), tuple(transactions), False)
        result = self.ask(asked, BlockResult)
        if len(result.entries) != len(transactions) or any(one.code for one in result.entries):
            raise BenchError(f"block {height} has void entries")
        self._store.commit_block(result)
        self.ask(boundary.Committed(height), boundary.Done)


class _Requests:
    """The requests that transactions stand for, in order.

    Args:
        count: of all requests.
        carried: of those that are carried out, spread evenly.
    """

    def __init__(self, chain_id: bytes, count: int, carried: int) -> None:
        self._chain_id = chain_id
        self._count = count
        self._carried = carried
        self._clients = [secrets.token_bytes(32) for _ in range(_CLIENTS)]
        self._spent = secrets.token_bytes(32)  # the ticket that the first request is named by

    def opened(self, unverified: bytes, purpose: str, now_ms: int) -> Opened:
        """Return the request of a transaction, as the intake would give it."""
        leaf = decode(unverified, max_bytes=64)[1]
        place = leaf - START
        # Exactly so many of all places, evenly spread; the first is among them, and spends the ticket.
        carried = place * self._carried % self._count < self._carried
        unique = sha256(unverified + self._spent).digest()
        request = Request(
            self._clients[place % _CLIENTS],
            unique,
            now_ms - 1000,
            now_ms + _WINDOW_MS,
            self._chain_id,
            0,
            notary.APP,
            notary.NOTARIZE,
            notary.Notarize(unique).encode(),
            sha256(b"response" + unique).digest(),
            sha256(b"result" + unique).digest(),
            "single-host",
        )
        ticket = unique if carried and place else self._spent
        return Opened(
            request,
            sha256(b"signed" + unique).digest(),
            ticket,
            now_ms + limits.TICKET_LIFETIME_S * 1000,
            task_hash(unverified),
            0,
        )


@contextmanager
def _numbers_open(requests: _Requests) -> Iterator[None]:
    """Have the intake take numbers for requests, in this process."""

    def open_each(
        _: Intake, unverified: Sequence[bytes], purpose: str, now_ms: int
    ) -> list[Opened | Error]:
        return [requests.opened(one, purpose, now_ms) for one in unverified]

    with mock.patch.object(Intake, "open_each", open_each):
        yield
