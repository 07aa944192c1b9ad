"""Looks for secrets in another process's memory: all of it that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+\s*(.*)")
_STRETCH = 16 * 1024
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


class Look:
    """Looks for secrets in a process, as often as asked; what has not changed meanwhile is searched once.

    Args:
        secrets: the pieces of each.
    """

    def __init__(self, secrets: dict[str, list[bytes]]) -> None:
        self._secrets = secrets
        self._over = max((len(part) for parts in secrets.values() for part in parts), default=1) - 1
        self._searched: dict[bytes, list[str]] = {}

    def traces(self, pid: int) -> dict[str, list[Mapping]]:
        """Return where pieces of the secrets lie: the mapping of each.

        Raises:
            OSError: memory that is mapped readable cannot be read; then nothing was shown.
        """
        found: dict[str, list[Mapping]] = {name: [] for name in self._secrets}
        searched = {}
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
                for at in range(0, size, _STRETCH):
                    stretch = held[at : at + _STRETCH + self._over]
                    names = self._searched.get(stretch)
                    if names is None:
                        names = self._names_in(stretch)
                    searched[stretch] = names
                    for name in names:
                        found[name].append(mapping)
        self._searched = searched
        return found

    def _names_in(self, stretch: bytes) -> list[str]:
        """Return the name of each piece that begins in a stretch; what is behind it is the next one's beginning."""
        return [
            name
            for name, parts in self._secrets.items()
            for part in parts
            for _ in range(stretch.count(part, 0, _STRETCH + len(part) - 1))
        ]


def traces(pid: int, secrets: dict[str, list[bytes]]) -> dict[str, list[Mapping]]:
    """Look once, as `Look` does.

    Raises:
        OSError: as there.
    """
    return Look(secrets).traces(pid)
