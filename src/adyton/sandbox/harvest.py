"""Takes the files that a guest left in `out/` out of its disk.

The disk never has a path in the enclave: it is reached through one directory descriptor.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import Final

from adyton.sandbox import kernel

_DEPTH_MAX: Final = 16
_ENTRIES_MAX: Final = 20_000
_REFUSED_MAX: Final = 64
_SHOWN_CHARACTERS: Final = 200
_CHUNK: Final = 1 << 20
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY
# A fifo or a device must not block or act when it takes a file's place.
_FILE: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW


@dataclass
class Harvest:
    """Files taken so far, within bounds.

    Trust: runs in the enclave over a directory that a guest wrote; everything in it is hostile.
    """

    bytes_left: int
    count_left: int
    outputs: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    _entries_left: int = _ENTRIES_MAX

    def take(self, work: int, name: str) -> None:
        """Take every regular file under directory `name` of the directory descriptor `work`."""
        try:
            directory = kernel.open_beneath(work, name.encode(), _DIRECTORY)
        except FileNotFoundError:
            return
        except OSError:
            self._refuse(name)
            return
        try:
            self._walk(directory, "", 1)
        finally:
            os.close(directory)

    def _walk(self, directory: int, above: str, depth: int) -> None:
        with os.scandir(directory) as entries:
            names: list[str] = []
            for entry in entries:
                if self._entries_left <= 0:
                    self._refuse(f"{above}…")
                    break
                self._entries_left -= 1
                names.append(entry.name)
        # Sorted as the finished paths are: which files fit the bounds is then no accident.
        for name in sorted(names):
            try:
                self._take_entry(directory, name, above, depth)
            except OSError:
                self._refuse(above + name)

    def _take_entry(self, directory: int, name: str, above: str, depth: int) -> None:
        path = above + name
        mode = os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode
        if not _is_unicode(name):
            self._refuse(path)
        elif stat.S_ISDIR(mode) and depth < _DEPTH_MAX:
            below = kernel.open_beneath(directory, name.encode(), _DIRECTORY)
            try:
                self._walk(below, f"{path}/", depth + 1)
            finally:
                os.close(below)
        elif stat.S_ISREG(mode) and self.count_left > 0:
            self._take_file(directory, name, path)
        else:
            self._refuse(path)

    def _take_file(self, directory: int, name: str, path: str) -> None:
        descriptor = kernel.open_beneath(directory, name.encode(), _FILE)
        try:
            status = os.fstat(descriptor)
            content: bytes | None = None
            if stat.S_ISREG(status.st_mode) and status.st_size <= self.bytes_left:
                content = _read(descriptor, self.bytes_left)
        finally:
            os.close(descriptor)
        if content is None:
            self._refuse(path)
            return
        self.outputs[path] = content
        self.bytes_left -= len(content)
        self.count_left -= 1

    def _refuse(self, path: str) -> None:
        if len(self.refused) < _REFUSED_MAX:
            self.refused.append(ascii(path)[1:-1][:_SHOWN_CHARACTERS])


def _is_unicode(name: str) -> bool:
    # scandir turns bytes that are not UTF-8 into lone surrogates.
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(descriptor: int, most: int) -> bytes | None:
    # The size that fstat told may be out of date: what counts is what is read.
    parts: list[bytes] = []
    while part := os.read(descriptor, min(_CHUNK, most + 1)):
        parts.append(part)
        most -= len(part)
        if most < 0:
            return None
    return b"".join(parts)
