"""How much is measured: the sizes of a full run and of a quick one, and where scratch data lies."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import server


@dataclass
class Plan:
    """One run of the bench; used in a `with`, it ends the server that groups share.

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
        ledger: entries of the large ledger; a tenth as many state values.
        lookups: of tasks by hash, in each ledger.
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
    ledger: int = 100_000
    lookups: int = 2000

    _stack: ExitStack = field(default_factory=ExitStack)
    _server: server.Server | None = None

    @classmethod
    def quick(cls, scratch: Path) -> Plan:
        """Return the plan of a run that takes seconds; its figures are rough."""
        return cls(
            scratch,
            tasks=20,
            tasks_each=5,
            runs=1,
            requests=500,
            alone=100,
            entries=200_000,
            floors=12,
            ledger=20_000,
            lookups=300,
        )

    def __enter__(self) -> Plan:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def server(self) -> server.Server:
        """Return the running server that groups share; it is started at the first call."""
        if self._server is None:
            data = self.directory("served") / "data"
            self._server = self._stack.enter_context(server.running(data))
        return self._server

    def directory(self, name: str) -> Path:
        """Return a new directory below the scratch directory."""
        made = self.scratch / name
        made.mkdir(mode=0o700)
        return made
