"""Where the time of a notary request goes: samples of the enclave's hot path, and of the host's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from bench import costs, floors, sampler, server
from bench.envelopes import Sealer, check
from bench.figure import Figure, Floor
from bench.in_process import InProcess
from bench.load import post_all
from bench.plan import Plan
from bench.sampler import Sampler
from bench.summary import BenchError

_BLOCK = 32
_US = 1_000_000


def measure(plan: Plan) -> list[Figure]:
    """Sample both sides, and name the three largest costs of each."""
    place = plan.directory("profile")
    return [*enclave(plan, place), *host(plan, place)]


def _largest(side: str, shares: Mapping[str, float], whole_us: float) -> list[Figure]:
    return [
        Figure(f"{side}, cost {number}: {what}", share * whole_us, "us")
        for number, (what, share) in enumerate(list(shares.items())[:3], 1)
    ]


def enclave(plan: Plan, place: Path) -> list[Figure]:
    """Execute blocks of unique requests in this process: plain ones are timed, others sampled."""
    node = InProcess(place)
    samples, plain = Sampler(), []
    try:
        node.require(node.execute(node.seal(_BLOCK)), _BLOCK)
        for number in range(max(30, plan.requests // _BLOCK)):
            envelopes = node.seal(_BLOCK)
            if number % 3:
                samples.start()
                result = node.execute(envelopes)
                samples.stop()
            else:
                begun = time.process_time()
                result = node.execute(envelopes)
                plain.append((time.process_time() - begun) / _BLOCK)
            node.require(result, _BLOCK)
    finally:
        samples.stop()
        node.close()
    shares, whole = costs.shares(samples.samples), _US * median(plain)
    return [
        Figure(
            "enclave in process, CPU per request", whole, "us", None,
            Floor(_US * floors.crypto_s(), "cryptography of one request"),
            f"blocks of {_BLOCK}, no channel; least {_US * min(plain):.0f} us; "
            f"{samples.samples.total()} samples: {costs.told(shares)}",
        ),
        *_largest("enclave", shares, whole),
    ]  # fmt: skip


def host(plan: Plan, place: Path) -> list[Figure]:
    """Sample the event loop's thread of a real server under load.

    Raises:
        BenchError: the server left no samples.
    """
    path, count = place / "host.samples", max(1000, plan.requests)
    with server.running(place / "data", samples=path) as running:
        sealer = Sealer(running)
        sent = [sealer.seal() for _ in range(count)]
        load = post_all(running.port, [one.body for one in sent], 64, place, (running.pid,))
        check(sealer, sent, load.answers)
        sealer.close()
    if not path.exists():
        raise BenchError("the server left no samples")
    samples = sampler.load(path)
    shares, whole = costs.shares(samples), _US * load.cpu[0]
    return [
        Figure(
            "host under the sampler, CPU per request", whole, "us",
            note=f"event loop's thread, {samples.total()} samples: {costs.told(shares)}",
        ),
        *_largest("host", shares, whole),
    ]  # fmt: skip
