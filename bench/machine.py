"""What the figures were measured on: cores, Python, load, the file system of the scratch directory."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path

from bench.summary import BenchError

_IN_MEMORY = frozenset(("tmpfs", "ramfs"))


def describe(scratch: Path) -> str:
    """Return one line about the machine."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    cores = len(os.sched_getaffinity(0))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    kernel = f"{platform.system()} {platform.release()} {platform.machine()}"
    disk = file_system(scratch)
    return f"{cores} cores, {python}, {kernel}, load average {load}, data on {disk}"


def file_system(path: Path) -> str:
    """Return the type of the file system that `path` lies on, as the kernel names it."""
    place = path.resolve()
    best, kind = "", "unknown"
    for line in Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines():
        _, mount, found, *_ = line.split(" ")
        # Later lines cover earlier ones.
        if place.is_relative_to(mount) and len(mount) >= len(best):
            best, kind = mount, found
    return kind


def scratch_parent() -> Path:
    """Return a directory on disk for scratch data: in memory, a commit would cost nothing.

    Raises:
        BenchError: every candidate lies in memory.
    """
    for candidate in (Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()):
        if candidate.is_dir() and file_system(candidate) not in _IN_MEMORY:
            return candidate
    raise BenchError("no directory on disk: name one by --scratch")
