"""Contracts: sealed calls a second, one call alone, the engine alone, a large state, and the price of secrecy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench import floors, processes
from bench.contract_calls import measured
from bench.contract_engine import engine_s, state_s
from bench.figure import Figure, Floor, Goal
from bench.load import IN_FLIGHT
from bench.plan import Plan
from bench.summary import BenchError, Summary, joined, spread
from tests.canary.unsealed import unsealed_source

_US = 1_000_000
_MS = 1000


def measure(plan: Plan) -> list[Figure]:
    """Measure sealed and open calls, the engine, and the state; relate them to the cryptography of one request."""
    place = plan.directory("contracts")
    crypto = [floors.crypto_s()]
    sealed = measured(plan.server(), place, plan.requests, plan.alone, plan.runs)
    crypto.append(floors.crypto_s())
    open_ = _unsealed(plan, place)
    commits = floors.commit_s(place, plan.alone)
    call, empty, apart = engine_s()
    values = plan.ledger
    small, large = state_s(plan.directory("contract-state"), values, 600)
    return [
        *_calls(sealed, open_, median(crypto), Summary.of(commits)),
        Figure(
            "engine alone, one call", _US * call, "us", Goal(60),
            Floor(_US * empty, "an empty method in a fresh instance"),
            f"two gets and two sets in one process; over the boundary of processes {_US * apart:.0f} us",
        ),
        Figure(
            f"call over {values:,} values", _US * large, "us", Goal(1.5 * _US * small),
            Floor(_US * small, "over 1,000 values"),
            "in the enclave, in blocks of 50, the host in memory; the goal is 1.5 times the floor",
        ),
    ]  # fmt: skip


def _calls(
    sealed: dict[str, Any], open_: dict[str, Any], crypto: float, disk: Summary
) -> list[Figure]:
    rate, plain = median(sealed["rates"]), median(open_["rates"])
    sides = {side: median(sealed[side]) for side in ("enclave", "engine", "host", "own")}
    open_sides = {side: median(open_[side]) for side in ("enclave", "engine", "host")}
    trusted = sides["enclave"] + sides["engine"]
    alone = Summary.of(sealed["latencies"])
    return [
        Figure(
            f"sealed calls, {IN_FLIGHT} in flight", rate, "/s", Goal(3000, at_least=True),
            Floor(1 / crypto, "HPKE open, Ed25519 verify, AES-SIV of one request, one core"),
            joined(
                "2 gets, 2 sets, receipt and commit in each, every proof and result checked",
                spread(sealed["rates"]),
                f"CPU per call: enclave {_US * sides['enclave']:.0f}, engine "
                f"{_US * sides['engine']:.0f}, host {_US * sides['host']:.0f}, load generator "
                f"{_US * sides['own']:.0f} us",
            ),
        ),
        Figure(
            "CPU per call, enclave and engine", _US * trusted, "us", None,
            Floor(_US * crypto, "cryptography of one request"),
            f"the cryptography is {100 * crypto / trusted:.0f} % of it",
        ),
        Figure(
            "sealed call, 1 in flight, p50", _MS * alone.p50, "ms", Goal(3),
            Floor(_MS * (crypto + disk.p50), "that cryptography and a commit"),
            f"{alone.count} calls, p99 {_MS * alone.p99:.2f} ms",
        ),
        Figure(
            "the same calls, sealing off", plain, "/s", None,
            Floor(rate, "sealed, as above"),
            f"the price of secrecy: {_US * (trusted - open_sides['enclave'] - open_sides['engine']):.0f} us "
            "of CPU a call inside the enclave; a copy of the sources whose sealing does nothing, "
            "signatures and hashes as ever",
        ),
    ]  # fmt: skip


def _unsealed(plan: Plan, place: Path) -> dict[str, Any]:
    """Measure the same over a copy of the sources in which sealing does nothing, in processes of its own."""
    source = unsealed_source(plan.scratch / "unsealed")
    environment = {**os.environ, "ADYTON_BENCH_SOURCE": str(source)}
    environment["PYTHONPATH"] = os.pathsep.join((str(source), str(processes.ROOT)))
    sizes = (plan.requests, plan.alone, plan.runs)
    command = [
        sys.executable, "-m", "bench.contract_calls", str(plan.scratch / "unsealed-data"), str(place),
        *map(str, sizes),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=processes.ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(f"the unsealed copy: {done.stderr[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
