"""Notary requests through every layer, over HTTP: rate, latency, CPU time of either side."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from adyton.core.encoding import encode
from bench import floors, server
from bench.envelopes import Sealer, check, check_batches
from bench.figure import Figure, Floor, Goal
from bench.load import Load, post_all
from bench.plan import Plan
from bench.summary import Summary, joined, spread

_IN_FLIGHT = 64
_BATCH = 16
_WARM_UP = 200
_US = 1_000_000
_MS = 1000
_ENCLAVE_US, _HOST_US = 200, 80


@dataclass
class _Runs:
    many: list[Load]
    batched: list[Load]
    alone: list[Load]
    crypto: list[float]
    commits: list[float]
    body: bytes = b""


def measure(plan: Plan) -> list[Figure]:
    """Measure the path, then its floors, and relate them."""
    place = plan.directory("notary")
    runs = _measured(plan, plan.server(), place)
    http, http_alone = floors.empty_http(
        place, runs.body, len(runs.many[0].answers[0]), plan.requests, plan.alone
    )
    return _figures(plan, runs, http, http_alone)


def _measured(plan: Plan, running: server.Server, place: Path) -> _Runs:
    """Seal, post and check, run by run; sealing and checking are outside of the clock."""
    sealer = Sealer(running)
    watched = running.enclave_pid, running.pid

    def once(count: int, in_flight: int) -> Load:
        sent = [sealer.seal() for _ in range(count)]
        load = post_all(running.port, [one.body for one in sent], in_flight, place, watched)
        check(sealer, sent, load.answers)
        return load

    def together(count: int) -> Load:
        """Post the same kind of requests, `_BATCH` in one HTTP request, as many in flight."""
        sent = [sealer.seal() for _ in range(count - count % _BATCH)]
        bodies = [
            encode({"envelopes": [one.envelope for one in sent[at : at + _BATCH]]})
            for at in range(0, len(sent), _BATCH)
        ]
        load = post_all(running.port, bodies, _IN_FLIGHT // _BATCH, place, watched, path="/tasks")
        check_batches(sealer, sent, load.answers)
        return load

    try:
        once(_WARM_UP, _IN_FLIGHT)
        runs = _Runs([], [], [], [], [])
        # Floors and figures take turns: on a shared machine, the next minute is another machine.
        for _ in range(plan.runs):
            runs.many.append(once(plan.requests, _IN_FLIGHT))
            runs.crypto.append(floors.crypto_s())
            runs.batched.append(together(plan.requests))
            runs.alone.append(once(plan.alone, 1))
            runs.commits.extend(floors.commit_s(place, plan.alone))
            runs.crypto.append(floors.crypto_s())
        runs.body = sealer.seal().body
    finally:
        sealer.close()
    return runs


def _figures(plan: Plan, runs: _Runs, http: Load, http_alone: Load) -> list[Figure]:
    rates = [load.rate for load in runs.many]
    crypto = median(runs.crypto)
    busy = Summary.of([one for load in runs.many for one in load.latencies])
    alone = Summary.of([one for load in runs.alone for one in load.latencies])
    disk = Summary.of(runs.commits)
    idle = Summary.of(http_alone.latencies)
    enclave, host = (median(load.cpu[side] for load in runs.many) for side in (0, 1))
    apart = [median(load.cpu[side] for load in runs.alone) for side in (0, 1)]
    own = median(load.own_cpu for load in runs.many)
    batched = [load.rate for load in runs.batched]
    batch_cpu = [median(load.cpu[side] for load in runs.batched) / _BATCH for side in (0, 1)]
    batch_own = median(load.own_cpu for load in runs.batched) / _BATCH
    # The enclave has one thread for requests; the rest shares what cores there are.
    allowed = min(1 / enclave, len(os.sched_getaffinity(0)) / (enclave + host + own))
    note = joined(
        f"{len(rates)} x {plan.requests} unique requests, every proof verified and every response "
        "opened afterwards",
        spread(rates),
        f"latency p50 {_MS * busy.p50:.1f} ms, p99 {_MS * busy.p99:.1f} ms",
        f"load generator {_US * own:.0f} us CPU per request",
        f"by CPU time alone {allowed:,.0f}/s, had the machine nothing else to do",
    )
    return [
        Figure(
            f"notary requests, {_IN_FLIGHT} in flight", median(rates), "/s",
            Goal(5000, at_least=True),
            Floor(1 / crypto, "HPKE open, Ed25519 verify, AES-SIV of one request, one core"),
            note,
        ),
        Figure(
            f"the same, {_BATCH} in one HTTP request", _BATCH * median(batched), "/s",
            Goal(5000, at_least=True),
            Floor(1 / crypto, "the same"),
            f"CPU per request: enclave {_US * batch_cpu[0]:.0f}, host {_US * batch_cpu[1]:.0f}, "
            f"load generator {_US * batch_own:.0f} us; {spread([_BATCH * one for one in batched])}",
        ),
        Figure(
            "notary request, 1 in flight, p50", _MS * alone.p50, "ms", Goal(1.5),
            Floor(_MS * (crypto + idle.p50 + disk.p50), "that cryptography + empty HTTP + a commit"),
            f"{alone.count} requests, CPU of enclave and host {_US * apart[0]:.0f} and "
            f"{_US * apart[1]:.0f} us, p99 {_MS * alone.p99:.2f} ms; floor: cryptography "
            f"{_MS * crypto:.2f}, empty HTTP {_MS * idle.p50:.2f}, commit {_MS * disk.p50:.2f} ms",
        ),
        Figure(
            "enclave CPU per notary request", _US * enclave, "us", Goal(_ENCLAVE_US),
            Floor(_US * crypto, "cryptography of one request"),
        ),
        Figure(
            "host CPU per notary request", _US * host, "us", Goal(_HOST_US),
            Floor(_US * http.cpu[0], "uvicorn with an empty raw ASGI app"),
        ),
        Figure(
            f"empty uvicorn, {_IN_FLIGHT} in flight", http.rate, "/s",
            note=f"same bytes each way, same load generator ({_US * http.own_cpu:.0f} us CPU)",
        ),
        Figure(
            "SQLite commit, WAL, FULL, p50", _MS * disk.p50, "ms",
            note=f"one 2 kB row, p99 {_MS * disk.p99:.2f} ms; one such commit a block",
        ),
    ]  # fmt: skip
