"""The readable memory of another process, through `/proc`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 18
# Memory of devices and of the kernel, which no program of ours writes to.
_SKIPPED = ("[vvar]", "[vvar_vclock]", "[vsyscall]", "/dev/")


def regions(pid: int) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Give each readable mapping of a process: its name, and its bytes in parts.

    Needs root, or the process's own user while the process is dumpable.
    """
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, flags, *rest = line.split(maxsplit=5)
        name = rest[3] if len(rest) > 3 else "anonymous"
        if not flags.startswith("r") or name.startswith(_SKIPPED):
            continue
        start, end = (int(bound, 16) for bound in span.split("-"))
        yield f"{span} {name}", _read(pid, start, end)


def _read(pid: int, start: int, end: int) -> Iterator[bytes]:
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        while start < end:
            memory.seek(start)
            try:
                part = memory.read(min(_CHUNK, end - start))
            except OSError:  # unmapped meanwhile, or a page that cannot be read
                return
            if not part:
                return
            yield part
            start += len(part)
