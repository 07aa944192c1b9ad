"""How much is measured: the sizes of a full run and of a quick one, and where scratch data lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One run of the bench.

    Attributes:
        scratch: directory on disk, removed afterwards.
        tasks: hello-world tasks, one after another.
        clients: at one time.
        tasks_each: tasks of each client.
        runs: of what is told as the median of several.
        requests: notary requests of one run with many in flight.
        alone: notary requests of one run with one in flight.
        entries: leaves of the synthetic log.
        floors: samples of a floor that starts a process.
    """

    scratch: Path
    tasks: int = 80
    clients: int = 8
    tasks_each: int = 40
    runs: int = 5
    requests: int = 3000
    alone: int = 300
    entries: int = 1_000_000
    floors: int = 40

    @classmethod
    def quick(cls, scratch: Path) -> Plan:
        """Return the plan of a run that takes seconds; its figures are rough."""
        return cls(
            scratch, tasks=20, tasks_each=6, runs=1, requests=1000, alone=150, entries=200_000,
            floors=12,
        )  # fmt: skip

    def directory(self, name: str) -> Path:
        """Return a new directory below the scratch directory."""
        made = self.scratch / name
        made.mkdir(mode=0o700)
        return made
