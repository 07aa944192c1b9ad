"""The jail: runs native guests in namespaces, one fresh cell each (tier 1).

The enclave calls `Jail.run` from any number of threads. Behind it stand a zygote (nursery.py,
zygote.py), its pool of cells (cell.py), and one watch per running guest (watch.py).
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Final, Literal

from adyton.core.errors import GuestError, UnavailableError
from adyton.sandbox import cgroup
from adyton.sandbox.job import GuestJob, GuestLimits, GuestOutcome, Killed
from adyton.sandbox.nursery import Nursery, ZygoteGone
from adyton.sandbox.watch import NeverStarted, Watch

__all__ = ["GuestJob", "GuestLimits", "GuestOutcome", "Jail", "Killed"]

# Children of one zygote share its address layout and hash seed.
_GUESTS_PER_ZYGOTE: Final = 1000
_SPARE_ATTEMPTS: Final = 3
_MIB: Final = 1 << 20

_PROBE: Final = GuestJob(
    code=b"print('confined')",
    name="probe.py",
    arguments=(),
    stdin=b"",
    files={},
    limits=GuestLimits(30.0, 10, 512 * _MIB, _MIB, 4096, 16, 64, _MIB, 0, 0),
)


class Jail:
    """Confines native guests.

    Trust: runs in the enclave, which forks nothing itself: guests descend from an exec'ed zygote.

    Args:
        pool: cells that wait in advance for a job; more are forked when more are asked for.
        guests_per_zygote: after so many the zygote is replaced.
        python: the interpreter that guests share; this process's own by default.
        memory_groups: False leaves memory to address space limits even where cgroups can be had.

    Raises:
        UnavailableError: `sandbox_unavailable`, naming what the machine lacks.

    Attributes:
        tier: "namespaces".
        memory_cap: "cgroup", all of a guest together; "rlimit", each process by itself.
        layers: what confines a guest here, e.g. "seccomp", "landlock-7".
    """

    tier: Final = "namespaces"
    memory_cap: Literal["cgroup", "rlimit"]
    layers: tuple[str, ...]

    def __init__(
        self,
        *,
        pool: int = 2,
        guests_per_zygote: int = _GUESTS_PER_ZYGOTE,
        python: str | None = None,
        memory_groups: bool = True,
    ) -> None:
        self._pool = pool
        self._guests_per_zygote = guests_per_zygote
        self._python = python or os.path.realpath(sys.executable)
        self._lock = threading.Lock()
        self._closed = False
        self._replacing: threading.Thread | None = None
        # Replaced, while guests still run in them.
        self._retired: list[Nursery] = []
        self._groups = cgroup.find() if memory_groups else None
        self.memory_cap = "cgroup" if self._groups is not None else "rlimit"
        try:
            self._nursery = self._start()
        except BaseException:
            if self._groups is not None:
                self._groups.close()
            raise
        self.layers = (*self._nursery.layers, f"memory-{self.memory_cap}")
        try:
            self._prove()
        except BaseException:
            self.close()
            raise

    def run(self, job: GuestJob, *, cancel: threading.Event | None = None) -> GuestOutcome:
        """Run `job` in a fresh cell and wait for its end.

        However the guest ends is an outcome, not an error. A job is tried again only if none of
        its code has run.

        Args:
            job: what to run.
            cancel: kills the guest when set, within a twentieth of a second.

        Raises:
            UsageError: the job cannot be put as it is.
            GuestError: `sandbox_failed`, the cell was lost while the guest ran.
            UnavailableError: no cell could be had, or none could hold the job's files.
        """
        job.check()
        reason = "no cell stayed alive long enough to start"
        # Every cell of the pool may have died with its zygote.
        for _ in range(self._pool + _SPARE_ATTEMPTS):
            nursery = self._current()
            try:
                cell = nursery.take()
            except ZygoteGone as gone:
                reason = str(gone)
                continue
            try:
                return Watch(cell, job, cancel).run()
            except NeverStarted:
                continue
            finally:
                nursery.give_back(cell)
                self._rotate(nursery)
        raise UnavailableError("sandbox_failed", f"no cell could be had: {reason}")

    def close(self) -> None:
        """Kill every guest and the zygote; runs in progress raise GuestError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            replacing = self._replacing
        if replacing is not None:
            replacing.join()
        for nursery in (*self._retired, self._nursery):
            nursery.close()
        if self._groups is not None:
            self._groups.close()

    def _start(self) -> Nursery:
        return Nursery(self._python, self._pool, self._groups)

    def _prove(self) -> None:
        # A kernel may refuse a step that only a cell takes; better known now than by a client.
        try:
            outcome = self.run(_PROBE)
        except (GuestError, UnavailableError) as error:
            raise UnavailableError("sandbox_unavailable", error.message) from error
        if outcome.exit_code != 0 or outcome.stdout != b"confined\n":
            raise UnavailableError("sandbox_unavailable", "a trial guest did not run to its end")

    def _current(self) -> Nursery:
        with self._lock:
            if self._closed:
                raise UnavailableError("sandbox_unavailable", "the jail is closed")
            if self._nursery.gone:
                self._nursery.close()
                self._nursery = self._start()
            return self._nursery

    def _rotate(self, nursery: Nursery) -> None:
        with self._lock:
            due = nursery is self._nursery and nursery.taken >= self._guests_per_zygote
            if not due or self._closed or self._replacing is not None:
                return
            self._replacing = threading.Thread(
                target=self._replace, name="adyton-zygote-change", daemon=True
            )
            self._replacing.start()

    def _replace(self) -> None:
        # Aside, so that no guest waits for the new zygote's imports.
        try:
            fresh = self._start()
        except UnavailableError:
            fresh = None
        with self._lock:
            self._replacing = None
            if fresh is None:
                return
            old, self._nursery = self._nursery, fresh
            self._retired = [*(one for one in self._retired if not one.closed), old]
        old.retire()
