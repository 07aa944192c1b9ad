"""Looks for secrets in another process's memory: all of it that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)")
_KERNELS = ("[vvar]", "[vvar_vclock]", "[vsyscall]")


@dataclass(frozen=True)
class Mapping:
    """An entry of /proc/PID/smaps.

    Attributes:
        start: first address.
        end: address behind the last.
        rights: as in `rw-p`.
        flags: of the kernel, two letters each.
        own: whether any page is the process's own, and not the one of a file.
    """

    start: int
    end: int
    rights: str
    flags: frozenset[str]
    own: bool


def mappings(pid: int) -> Iterator[Mapping]:
    """Yield the mappings of a process, but for the kernel's own."""
    start, end, rights, name, own = 0, 0, "", "", False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = _HEAD.fullmatch(line)
        if head is not None:
            start, end, rights, name = int(head[1], 16), int(head[2], 16), head[3], head[4]
        elif line.startswith("Anonymous:"):
            own = int(line.split()[1]) > 0
        elif line.startswith("VmFlags:") and name not in _KERNELS:
            yield Mapping(start, end, rights, frozenset(line.split()[1:]), own)


def pieces(secret: bytes, size: int = 8) -> list[bytes]:
    """Return what gives a secret away: its beginning and its end, forwards and as in a little-endian number."""
    ends = (secret[:size], secret[-size:])
    return [*ends, *(end[::-1] for end in ends)]


def traces(pid: int, secrets: dict[str, list[bytes]]) -> dict[str, list[Mapping]]:
    """Return where in a process pieces of secrets lie: the mapping of each.

    Raises:
        OSError: memory that is mapped readable cannot be read; then nothing was shown.
    """
    found: dict[str, list[Mapping]] = {name: [] for name in secrets}
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for mapping in mappings(pid):
            # A file's bytes were not written by this process.
            if "r" not in mapping.rights or not mapping.own:
                continue
            memory.seek(mapping.start)
            size = mapping.end - mapping.start
            held = memory.read(size)
            if len(held) != size:
                raise OSError(f"{len(held)} of {size} bytes could be read")
            for name, parts in secrets.items():
                found[name] += [mapping] * sum(map(held.count, parts))
    return found
