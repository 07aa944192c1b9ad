"""Where the time of a notary request goes: a profile of the enclave's hot path, and of the host's."""

from __future__ import annotations

import cProfile
import time
from pathlib import Path
from statistics import median

from bench import costs, floors, server
from bench.envelopes import Sealer, check
from bench.figure import Figure, Floor
from bench.in_process import InProcess
from bench.load import post_all
from bench.plan import Plan
from bench.summary import BenchError

_BLOCK = 32
_US = 1_000_000


def measure(plan: Plan) -> list[Figure]:
    """Profile both sides, and name the three largest costs of each."""
    place = plan.directory("profile")
    return [*enclave(plan, place), *host(plan, place)]


def _largest(side: str, spent: dict[str, float], requests: int) -> list[Figure]:
    whole = sum(spent.values())
    return [
        Figure(
            f"{side}, cost {number}: {what}", _US * seconds / requests, "us",
            note=f"{seconds / whole:.0%} of its profiled time",
        )
        for number, (what, seconds) in enumerate(list(spent.items())[:3], 1)
    ]  # fmt: skip


def enclave(plan: Plan, place: Path) -> list[Figure]:
    """Execute blocks of unique requests in this process: once plain, once under the profiler."""
    node = InProcess(place)
    try:
        blocks = [node.seal(_BLOCK) for _ in range(max(8, plan.requests // 4 // _BLOCK))]
        node.block(blocks.pop())
        half = len(blocks) // 2
        plain = []
        for envelopes in blocks[:half]:
            begun = time.perf_counter()
            node.block(envelopes)
            plain.append((time.perf_counter() - begun) / _BLOCK)
        profile = cProfile.Profile()
        for envelopes in blocks[half:]:
            profile.enable()
            node.block(envelopes)
            profile.disable()
    finally:
        node.close()
    path = place / "enclave.profile"
    profile.dump_stats(path)
    spent, requests = costs.by_centre(path), (len(blocks) - half) * _BLOCK
    return [
        Figure(
            "enclave in process, per request", _US * median(plain), "us", None,
            Floor(_US * floors.crypto_s(), "cryptography of one request"),
            f"blocks of {_BLOCK}, no channel; profiled (which slows Python code): "
            f"{costs.told(spent, requests)}",
        ),
        *_largest("enclave", spent, requests),
    ]  # fmt: skip


def host(plan: Plan, place: Path) -> list[Figure]:
    """Profile the event loop's thread of a real server under load.

    Raises:
        BenchError: the server left no profile.
    """
    path, count = place / "host.profile", max(500, plan.requests // 2)
    with server.running(place / "data", profile=path) as running:
        sealer = Sealer(running)
        sent = [sealer.seal() for _ in range(count)]
        load = post_all(running.port, [one.body for one in sent], 64, place)
        check(sealer, sent, load.answers)
        sealer.close()
    if not path.exists():
        raise BenchError("the server left no profile")
    spent = costs.by_centre(path)
    return [
        Figure(
            "host's event loop, profiled, per request", _US * sum(spent.values()) / count, "us",
            note=f"sockets and waiting left out: {costs.told(spent, count)}",
        ),
        *_largest("host", spent, count),
    ]  # fmt: skip
