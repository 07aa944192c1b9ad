"""Memory cap per guest by cgroup, version 1 or 2, where this process may make one.

Without one the guest is held by address space limits only; `find` then returns None.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_V1: Final = Path("/sys/fs/cgroup/memory")
_V2: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "adyton-"
_REMOVE_PATIENCE_S: Final = 2.0


class MemoryGroup:
    """The memory cgroup of one cell, for one guest after another.

    Trust: runs in the enclave; guests see no cgroup file.
    """

    def __init__(self, path: Path, *, unified: bool) -> None:
        self._path = path
        self._unified = unified
        self._kills_before = 0
        path.mkdir()

    def attach(self, pid: int) -> None:
        """Move process `pid` in; its memory from here on counts."""
        _write(self._path / "cgroup.procs", pid)

    def limit(self, size: int) -> None:
        """Cap the group at `size` bytes, swap included where the kernel counts it."""
        if self._unified:
            _write(self._path / "memory.max", size)
            with suppress(FileNotFoundError):
                _write(self._path / "memory.swap.max", 0)
        else:
            _write(self._path / "memory.limit_in_bytes", size)
            with suppress(FileNotFoundError):
                _write(self._path / "memory.memsw.limit_in_bytes", size)

    def reset(self) -> None:
        """Lift the cap and begin to count anew, for the next guest."""
        self._kills_before += self.out_of_memory_kills()
        if self._unified:
            _write(self._path / "memory.max", "max")
        else:
            # The cap on memory and swap together may not be below that on memory.
            with suppress(FileNotFoundError):
                _write(self._path / "memory.memsw.limit_in_bytes", -1)
            _write(self._path / "memory.limit_in_bytes", -1)
            _write(self._path / "memory.max_usage_in_bytes", 0)

    def peak(self) -> int | None:
        """Return the most bytes held since `reset`, None where the kernel does not tell."""
        if self._unified:
            return None
        return int((self._path / "memory.max_usage_in_bytes").read_bytes())

    def out_of_memory_kills(self) -> int:
        """Return how many processes were killed because the cap was reached since `reset`."""
        return self._all_kills() - self._kills_before

    def _all_kills(self) -> int:
        name = "memory.events" if self._unified else "memory.oom_control"
        for line in (self._path / name).read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return 0

    def remove(self) -> None:
        """Remove the group; every process in it is dead."""
        _remove(self._path, _REMOVE_PATIENCE_S)


class MemoryGroups:
    """The parent of the groups of one jail."""

    def __init__(self, path: Path, *, unified: bool) -> None:
        self._path = path
        self._unified = unified
        self._made = 0
        path.mkdir()
        if unified:
            _write(path / "cgroup.subtree_control", "+memory")

    def make(self) -> MemoryGroup:
        """Make a group without a limit yet."""
        self._made += 1
        return MemoryGroup(self._path / f"cell-{self._made}", unified=self._unified)

    def close(self) -> None:
        """Remove the parent; its guests' groups are removed by now."""
        with suppress(OSError):
            for left in self._path.glob("cell-*"):
                _remove(left, 0)
        _remove(self._path, _REMOVE_PATIENCE_S)


def find() -> MemoryGroups | None:
    """Make a parent below the cgroup this process is in, else below the hierarchy's root."""
    for mount, own, unified in ((_V1, _own("memory"), False), (_V2, _own(""), True)):
        if own is None:
            continue
        for above in dict.fromkeys((mount / own, mount)):
            found = _try(above, unified=unified)
            if found is not None:
                return found
    return None


def _try(above: Path, *, unified: bool) -> MemoryGroups | None:
    _sweep(above)
    path = above / f"{_PREFIX}{os.getpid()}-{time.monotonic_ns()}"
    try:
        groups = MemoryGroups(path, unified=unified)
    except OSError:
        with suppress(OSError):
            path.rmdir()
        return None
    try:
        probe = groups.make()
        probe.limit(1 << 30)
        probe.remove()
    except OSError:
        groups.close()
        return None
    return groups


def _sweep(above: Path) -> None:
    # What a jail that was killed left behind; a group with processes in it does not go away.
    with suppress(OSError):
        for left in above.glob(f"{_PREFIX}*"):
            pid = left.name.removeprefix(_PREFIX).partition("-")[0]
            if not Path(f"/proc/{pid}").exists():
                for path in (*left.glob("cell-*"), left):
                    path.rmdir()


def _own(controller: str) -> str | None:
    # /proc/self/cgroup: "4:memory:/path" per hierarchy; version 2 has no controller there.
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path.lstrip("/")
    return None


def _write(path: Path, value: int | str) -> None:
    # Never O_CREAT: a missing file is a controller that is not there.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)


def _remove(path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                return
            time.sleep(0.002)
        else:
            return
