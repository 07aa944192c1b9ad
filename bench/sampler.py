"""Samples which function runs, a few thousand times a second: cheap, and no call is slowed by it."""

from __future__ import annotations

import json
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

INTERVAL_S = 0.0005
Place = tuple[str, str]
"""File and qualified name of a function."""


class Sampler:
    """Samples the main thread between `start` and `stop`; a C function counts for its caller."""

    def __init__(self) -> None:
        self.samples: Counter[Place] = Counter()

    def start(self) -> None:
        """Begin, or go on; main thread only."""
        signal.signal(signal.SIGALRM, self._sample)
        signal.setitimer(signal.ITIMER_REAL, INTERVAL_S, INTERVAL_S)

    def stop(self) -> None:
        """Pause, or end."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        # Frozen modules are helpers of C functions, such as `isinstance` with an abstract class.
        while frame is not None and frame.f_code.co_filename.startswith("<frozen"):
            frame = frame.f_back
        if frame is not None:
            self.samples[frame.f_code.co_filename, frame.f_code.co_qualname] += 1

    def save(self, path: Path) -> None:
        """Write the samples to a file."""
        listed = [[file, name, count] for (file, name), count in self.samples.items()]
        path.write_text(json.dumps(listed))


def load(path: Path) -> Counter[Place]:
    """Return the samples that another process has written."""
    return Counter({(file, name): count for file, name, count in json.loads(path.read_text())})
