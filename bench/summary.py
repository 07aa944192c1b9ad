"""Statistics of samples: medians, percentiles by the nearest rank, rates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

_BATCH: Final = 50


class BenchError(Exception):
    """A figure that cannot be told: an answer was wrong, or nothing was measured."""


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the smallest sample that at least `share` (0 to 1) of the samples do not exceed.

    Raises:
        BenchError: no samples, or a share outside of 0 to 1.
    """
    if not samples:
        raise BenchError("no samples")
    if not 0 <= share <= 1:
        raise BenchError("a share is from 0 to 1")
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True)
class Summary:
    """What is told of samples: how many, their median, and the 99th percentile."""

    count: int
    p50: float
    p99: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Summary:
        """Summarise samples.

        Raises:
            BenchError: there are none.
        """
        return cls(len(samples), percentile(samples, 0.5), percentile(samples, 0.99))


def spread(runs: Sequence[float]) -> str:
    """Return how far several runs lie apart, for a note; empty for a single one."""
    return f"{len(runs)} runs {min(runs):,.4g} to {max(runs):,.4g}" if len(runs) > 1 else ""


def joined(*parts: str) -> str:
    """Return the parts of a note that say something."""
    return "; ".join(part for part in parts if part)


def rate(count: int, seconds: float) -> float:
    """Return how many a second.

    Raises:
        BenchError: no time has passed.
    """
    if seconds <= 0:
        raise BenchError("no time has passed")
    return count / seconds


def times(
    call: Callable[[], object], count: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Return the seconds of each of `count` calls."""
    taken = []
    for _ in range(count):
        begun = clock()
        call()
        taken.append(clock() - begun)
    return taken


def cost(
    call: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter, runs: int = 9
) -> float:
    """Return the seconds of one call of something short: the median over batches of calls.

    Args:
        clock: `time.process_time` where CPU time is meant, which a busy machine does not stretch.
    """

    def batch() -> None:
        for _ in range(_BATCH):
            call()

    batch()
    return median(times(batch, runs, clock)) / _BATCH
