"""Searches files, a process's memory and captured traffic for values, in every form that they may have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.canary.capture import Capture
from tests.canary.forms import forms_of
from tests.canary.memory import regions

_CHUNK = 1 << 18  # stays in the processor's cache while each form is looked for in it


@dataclass(frozen=True)
class Hit:
    """Where a value was found, and in what form."""

    place: str
    offset: int
    form: str


class Search:
    """A search for secret values, all of them in one pass.

    Args:
        values: raw; see `forms_of`.
    """

    def __init__(self, *values: bytes) -> None:
        self._names = {form: name for value in values for name, form in forms_of(value).items()}
        self._overlap = max(map(len, self._names)) - 1

    def in_bytes(self, place: str, parts: Iterable[bytes]) -> list[Hit]:
        """Search what the parts are together, occurrences over their borders included."""
        hits: list[Hit] = []
        held, offset = b"", 0
        for part in parts:
            # Of nothing but zeros no more than this can belong to a form that began before.
            empty = len(part) > self._overlap and part == bytes(len(part))
            held += part[: self._overlap] if empty else part
            # One quick search per form: an expression of all of them tries each at every byte.
            hits += [
                Hit(place, offset + at, name)
                for form, name in self._names.items()
                for at in _occurrences(held, form)
            ]
            keep = held[-self._overlap :]
            offset += len(held) - len(keep) + (len(part) - self._overlap if empty else 0)
            held = keep
        # What lies in the overlap is met twice.
        return list(dict.fromkeys(hits))

    def in_file(self, path: Path) -> list[Hit]:
        """Search a file, and its name."""
        with path.open("rb") as file:
            found = self.in_bytes(str(path), iter(lambda: file.read(_CHUNK), b""))
        return found + self.in_bytes(f"name of {path}", [str(path).encode()])

    def in_directory(self, path: Path) -> list[Hit]:
        """Search every file below a directory."""
        return [
            hit for file in sorted(path.rglob("*")) if file.is_file() for hit in self.in_file(file)
        ]

    def in_process(self, pid: int) -> list[Hit]:
        """Search the memory of a process, its arguments and its environment."""
        hits: list[Hit] = []
        for name, parts in regions(pid):
            hits += self.in_bytes(f"memory of {pid}: {name}", parts)
        for name in ("cmdline", "environ"):
            hits += self.in_bytes(f"{name} of {pid}", [Path(f"/proc/{pid}/{name}").read_bytes()])
        return hits

    def in_capture(self, capture: Capture) -> list[Hit]:
        """Search each direction of each captured connection."""
        return [
            hit
            for name, stream in capture.streams().items()
            for hit in self.in_bytes(f"traffic {name}", [stream])
        ]


def _occurrences(content: bytes, form: bytes) -> Iterator[int]:
    at = content.find(form)
    while at >= 0:
        yield at
        at = content.find(form, at + 1)


def holds(pid: int, known: bytes) -> bool:
    """Say whether a process's memory holds bytes that are no secret: whether a search of it can find."""
    return any(known in part for part in _whole(pid))


def _whole(pid: int) -> Iterator[bytes]:
    for _, parts in regions(pid):
        yield b"".join(parts)
