"""A large ledger: restart, lookup by task hash, memory and disk, beside the same of a small one."""

from __future__ import annotations

import http.client
import random
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import SivKey
from adyton.core.encoding import decode
from adyton.core.limits import CBOR_ITEMS_PAGE
from adyton.host import store_schema as sql
from adyton.host.datadir import STORE
from adyton.host.seen import PREFIX
from adyton.host.store import Store
from bench import large, processes, server
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.summary import BenchError, Summary, cost, joined, spread

_SMALL: Final = 10_000
_GOALS_AT: Final = 1_000_000
_RUNS: Final = 3
_MS, _US, _MB = 1e3, 1e6, 1e6
_BYTES_OF_ENTRIES: Final = (
    "SELECT sum(length(public) + length(leaf_hash) + length(writes_digest)) FROM entries"
)


@dataclass
class _Ledger:
    """One of the two ledgers, and what was measured of it."""

    data: Path
    built: large.Built
    starts: list[float]
    cpu: list[tuple[float, float]]  # host, enclave, until serving
    parts: list[dict[str, tuple[float, float]]]  # seconds and CPU of each part of a start
    memory: tuple[int, int] = (0, 0)  # host, enclave
    http: Sequence[float] = ()
    store: Sequence[float] = ()
    rows: Sequence[float] = ()

    @property
    def file(self) -> Path:
        """The store's file."""
        return self.data / STORE

    def names(self, count: int) -> list[bytes]:
        """Return task hashes from all over the log, in no order, the oldest first."""
        leaves = random.Random(1).sample(range(2, self.built.entries), count - 1)
        return [large.name_of(leaf) for leaf in (large.START, *leaves)]


def measure(plan: Plan) -> list[Figure]:
    """Build both ledgers, then measure them by turns."""
    place = plan.directory("size")
    sizes = (("small", min(_SMALL, plan.ledger // 2)), ("large", plan.ledger))
    small, big = (
        _Ledger(place / name, large.build(place / name, size, size // 10), [], [], [])
        for name, size in sizes
    )
    for _ in range(min(plan.runs, _RUNS)):
        for ledger in (small, big):
            _restart(ledger)
        big.parts.append(_taken_up(big.data))
    bare = _over_http(small, big, plan.lookups)
    _in_store(small, big, plan.lookups)
    return [*_restarts(small, big), *_lookups(small, big, bare), *_sizes(small, big)]


# --- restart ------------------------------------------------------------------------------------


def _restart(ledger: _Ledger) -> None:
    with server.running(ledger.data) as running:
        used = processes.cpu_seconds(running.pid), processes.cpu_seconds(running.enclave_pid)
        ledger.starts.append(running.started_s)
        ledger.cpu.append(used)


def _taken_up(data: Path) -> dict[str, tuple[float, float]]:
    child = processes.start("bench.size_child", [str(data)], log=None)
    try:
        found: dict[str, tuple[float, float]] = processes.read_line(child)
        return found
    finally:
        processes.end(child)


def _restarts(small: _Ledger, big: _Ledger) -> list[Figure]:
    entries, values = big.built.entries, big.built.values
    log_s, log_cpu = (median(one["log"][kind] for one in big.parts) for kind in (0, 1))
    state_s, state_cpu = (median(one["state"][kind] for one in big.parts) for kind in (0, 1))
    with closing(sqlite3.connect(big.file)) as reader:
        log = _seconds(lambda: [reader.execute(sql.SELECT_LEAVES).fetchall()])
        log += _seconds(lambda: reader.execute(sql.SELECT_HASHES, (PREFIX,)).fetchall())
        state = _seconds(lambda: reader.execute("SELECT name, value FROM state").fetchall())
        size = reader.execute("SELECT avg(length(value)) FROM state").fetchone()[0]
    log += entries * cost(lambda: sha256(bytes(65)).digest())
    key = SivKey(secrets.token_bytes(32), Context.KDF_STATE_DURABLE)
    sealed = key.seal(bytes(int(size)), Context.AD_STATE, bytes(32))
    state += values * cost(lambda: key.open(sealed, Context.AD_STATE, bytes(32)))
    host, enclave = (median(cpu[side] for cpu in big.cpu) for side in (0, 1))
    return [
        Figure(
            f"restart at {entries:,} entries, {values:,} values", median(big.starts), "s",
            Goal(10) if entries >= _GOALS_AT else None,
            Floor(log + state, "both floors below, one after the other"),
            joined(
                f"command to serving; CPU of host {host:.1f}, of enclave {enclave:.1f} s",
                f"at {small.built.entries:,} entries {median(small.starts):.2f} s",
                spread(big.starts),
            ),
        ),
        Figure(
            "of it the log, by the host", log_s, "s", None,
            Floor(log, "SQLite reading leaves and task hashes, one SHA-256 a leaf"),
            f"leaves read, tree and filter built; CPU {log_cpu:.2f} s",
        ),
        Figure(
            "of it the state, by the enclave", state_s, "s", None,
            Floor(state, "SQLite reading the values, AES-SIV opening each"),
            f"scanned, opened, indexed, root compared; CPU {state_cpu:.2f} s; both parts in a "
            "process of their own, without the channel",
        ),
    ]  # fmt: skip


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


# --- lookup -------------------------------------------------------------------------------------


def _over_http(small: _Ledger, big: _Ledger, count: int) -> Summary:
    """Look tasks up by hash, by turns in either server and in one that does nothing."""
    with ExitStack() as stack:
        asked = []
        for ledger in (small, big):
            running = stack.enter_context(server.running(ledger.data))
            asked.append((_Asker(running.port), ledger.names(count)))
            ledger.memory = (
                processes.resident(running.pid),
                processes.resident(running.enclave_pid),
            )
        answer = asked[1][0].lookup(asked[1][1][-1])[1]
        empty = processes.start("bench.empty_child", [str(len(answer))], log=None)
        stack.callback(processes.end, empty)
        bare = _Asker(processes.read_line(empty)["port"])
        taken: list[list[float]] = [[], [], []]
        for names in zip(*(names for _, names in asked), strict=True):
            for place, name in enumerate(names):
                seconds, body = asked[place][0].lookup(name)
                _require(body, name)
                taken[place].append(seconds)
            taken[2].append(bare.lookup(names[1])[0])
        for asker in (*(one for one, _ in asked), bare):
            asker.close()
    small.http, big.http = taken[0], taken[1]
    return Summary.of(taken[2])


class _Asker:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)

    def lookup(self, name: bytes) -> tuple[float, bytes]:
        """Return the seconds until the whole answer was there, and the answer."""
        begun = time.perf_counter()
        self._connection.request(
            "GET", f"/block?task_hash={name.hex()}", headers={"Accept": "application/cbor"}
        )
        reply = self._connection.getresponse()
        body = reply.read()
        taken = time.perf_counter() - begun
        if reply.status != 200:
            raise BenchError(f"a lookup was answered by status {reply.status}")
        return taken, body

    def close(self) -> None:
        """Close it."""
        self._connection.close()


def _require(body: bytes, name: bytes) -> None:
    answer = decode(body, max_bytes=len(body), max_items=CBOR_ITEMS_PAGE)
    if answer["task_hash"] != name or len(answer["proofs"]) != 1:
        raise BenchError("a lookup was answered with another task")


def _in_store(small: _Ledger, big: _Ledger, count: int) -> None:
    """Look tasks up in the stores themselves, proof and all."""
    with ExitStack() as stack:
        opened = []
        for ledger in (small, big):
            store = Store(ledger.file)
            opened.append((store, ledger.names(count)))
            stack.callback(store.close)
        readers = [stack.enter_context(closing(sqlite3.connect(one.file))) for one in (small, big)]
        figures: list[list[float]] = [[], []]
        rows: list[list[float]] = [[], []]
        for at in range(count):
            for place, (store, names) in enumerate(opened):
                figures[place].append(_seconds(partial(_proofs, store, names[at])))
            for place, (_, names) in enumerate(opened):
                rows[place].append(_seconds(partial(_rows, readers[place], names[at])))
    for place, ledger in enumerate((small, big)):
        ledger.store, ledger.rows = figures[place], rows[place]


def _proofs(store: Store, name: bytes) -> None:
    if len([entry.proof(store.tree) for entry in store.find(name)]) != 1:
        raise BenchError("a task is not in the store")


def _rows(reader: sqlite3.Connection, name: bytes) -> None:
    (row,) = reader.execute(sql.SELECT_TASK, (name, 2**62)).fetchall()
    reader.execute(sql.SELECT_BLOCK, (row[1],)).fetchone()


def _lookups(small: _Ledger, big: _Ledger, bare: Summary) -> list[Figure]:
    entries, few = big.built.entries, small.built.entries
    goal = Goal(3) if entries >= _GOALS_AT else None
    http = [Summary.of(one.http) for one in (small, big)]
    store = [Summary.of(one.store) for one in (small, big)]
    rows = [Summary.of(one.rows) for one in (small, big)]
    of_rows = Floor(rows[1].p50 / rows[0].p50, "SQLite's own, reading the rows")
    return [
        Figure(
            f"lookup by task hash, HTTP, {entries:,} entries, p50", _MS * http[1].p50, "ms", None,
            Floor(_MS * bare.p50, "an empty uvicorn answering as many bytes"),
            f"{http[1].count} tasks from all over the log, one after another, proof and all; "
            f"p99 {_MS * http[1].p99:.2f} ms; at {few:,} entries p50 {_MS * http[0].p50:.2f} ms",
        ),
        Figure(f"HTTP lookup against {few:,} entries", http[1].p50 / http[0].p50, "x", goal, of_rows),
        Figure(
            f"lookup in the store, {entries:,} entries, p50", _US * store[1].p50, "us", None,
            Floor(_US * rows[1].p50, "SQLite reading index, entry and block by key"),
            f"proof and all; p99 {_US * store[1].p99:.0f} us; at {few:,} entries p50 "
            f"{_US * store[0].p50:.0f}, the rows alone {_US * rows[0].p50:.0f} us",
        ),
        Figure(
            f"store lookup against {few:,} entries", store[1].p50 / store[0].p50, "x", goal, of_rows
        ),
    ]  # fmt: skip


# --- memory and disk ----------------------------------------------------------------------------


def _sizes(small: _Ledger, big: _Ledger) -> list[Figure]:
    entries = big.built.entries - small.built.entries
    values = big.built.values - small.built.values
    host, enclave = (big.memory[side] - small.memory[side] for side in (0, 1))
    with closing(sqlite3.connect(big.file)) as reader:
        least = reader.execute(_BYTES_OF_ENTRIES).fetchone()[0] / big.built.entries
    disk = big.file.stat().st_size
    return [
        Figure(
            f"host's memory at {big.built.entries:,} entries", big.memory[0] / _MB, "MB", None,
            Floor(small.memory[0] / _MB, f"the same at {small.built.entries:,} entries"),
            f"resident, when serving; {host / entries:.0f} B for each entry more",
        ),
        Figure(
            f"enclave's memory at {big.built.values:,} values", big.memory[1] / _MB, "MB", None,
            Floor(small.memory[1] / _MB, f"the same at {small.built.values:,} values"),
            f"resident, when serving; {enclave / values:.0f} B for each value more",
        ),
        Figure(
            "disk for an entry", disk / big.built.entries, "B", None,
            Floor(least, "public part, leaf and write-set digest"),
            f"{disk / _MB:.0f} MB in all, with index, blocks and state; "
            f"built in {big.built.seconds:.0f} s",
        ),
    ]  # fmt: skip
