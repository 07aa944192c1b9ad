"""Runs the load generator against a port, and takes in what it measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cbor2

from bench import processes
from bench.processes import cpu_seconds
from bench.summary import BenchError, rate

IN_FLIGHT: Final = 64
WARM_UP: Final = 200  # requests


@dataclass(frozen=True)
class Load:
    """One run of the load generator.

    Attributes:
        rate: answers a second.
        latencies: seconds of each request.
        answers: bodies, in the order of the requests.
        cpu: CPU seconds per request of each watched process, in the order they were named.
        own_cpu: CPU seconds per request of the load generator.
    """

    rate: float
    latencies: list[float]
    answers: list[bytes]
    cpu: tuple[float, ...]
    own_cpu: float


def post_all(
    port: int,
    bodies: Sequence[bytes],
    in_flight: int,
    place: Path,
    watched: Sequence[int] = (),
    path: str = "/task",
) -> Load:
    """Post each body once, so many in flight.

    Args:
        place: directory for what the processes hand each other.
        watched: process ids whose CPU time is told.
        path: route.

    Raises:
        BenchError: an answer that is not 200.
    """
    asked, answered = place / "bodies", place / "answers"
    asked.write_bytes(cbor2.dumps(list(bodies)))
    child = processes.start(
        "bench.load_child", [str(port), str(asked), str(answered), str(in_flight), path], log=None
    )
    try:
        processes.read_line(child)
        before = [cpu_seconds(pid) for pid in watched]
        processes.say(child, "go")
        told = processes.read_line(child)
        used = [cpu_seconds(pid) - begun for pid, begun in zip(watched, before, strict=True)]
    finally:
        processes.end(child)
    got = cbor2.loads(answered.read_bytes())
    wrong = [one for one in got if one is None or one[0] != 200]
    if wrong:
        first = wrong[0] and wrong[0][2][:200]
        raise BenchError(f"{len(wrong)} of {len(got)} requests were not answered by 200: {first!r}")
    return Load(
        rate(len(got), told["seconds"]),
        [one[1] / 1e9 for one in got],
        [one[2] for one in got],
        tuple(one / len(got) for one in used),
        told["cpu"] / len(got),
    )


def many_and_alone(
    post: Callable[[int, int], Load], requests: int, alone: int, runs: int
) -> dict[str, Any]:
    """Warm up, then post many in flight and one at a time, several runs of each.

    Args:
        post: posts so many requests, so many in flight, and checks every answer.

    Returns:
        rates, latencies of one in flight, and CPU seconds a request: enclave, host and `engine`, which is what else is
        watched, and the load generator's `own`.
    """
    post(WARM_UP, IN_FLIGHT)
    many = [post(requests, IN_FLIGHT) for _ in range(runs)]
    single = [post(alone, 1) for _ in range(runs)]
    return {
        "rates": [load.rate for load in many],
        "latencies": [taken for load in single for taken in load.latencies],
        "enclave": [load.cpu[0] for load in many],
        "host": [load.cpu[1] for load in many],
        "engine": [sum(load.cpu[2:]) for load in many],
        "own": [load.own_cpu for load in many],
    }
