"""Writes a task's output files below one directory, and nowhere else.

Their paths are the guest's choice: a guest may be hostile to the very client that runs it. Every
step is taken relative to an open directory, and follows no link.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.task import TaskOutput

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def checked_parts(unverified: str) -> tuple[str, ...]:
    """Return the components of an output's path.

    Raises:
        MalformedError: absolute, with `.`, `..`, an empty component, NUL, or what no file system
            takes.
    """
    parts = tuple(unverified.split("/"))
    for part in parts:
        if part in ("", ".", "..") or "\x00" in part or not _encodable(part):
            raise MalformedError("malformed", "an output's path leads out of its directory")
    return parts


def _encodable(part: str) -> bool:
    try:
        return len(part.encode()) <= 255
    except UnicodeEncodeError:
        return False


def save_outputs(outputs: tuple[TaskOutput, ...], directory: str | os.PathLike[str]) -> list[Path]:
    """Write every output below `directory`, replacing files of the same name there; return their
    paths.

    Nothing is written unless every path is acceptable.

    Raises:
        MalformedError: a path leads elsewhere, or two of them collide.
        UsageError: the directory cannot be written, or holds a link or another thing in the way.
    """
    listed = [(checked_parts(output.path), output.content) for output in outputs]
    files = {parts for parts, _ in listed}
    parents = {parts[:length] for parts in files for length in range(1, len(parts))}
    if len(files) != len(listed) or files & parents:
        raise MalformedError("malformed", "two outputs of the same path")
    root = Path(directory)
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as problem:
        raise UsageError("usage", f"{root} is no directory that can be written") from problem
    try:
        for parts, content in listed:
            _save(descriptor, parts, content)
    except OSError as problem:
        raise UsageError("usage", f"an output cannot be written below {root}") from problem
    finally:
        os.close(descriptor)
    return [root.joinpath(*parts) for parts, _ in listed]


def _save(root: int, parts: tuple[str, ...], content: bytes) -> None:
    at = os.dup(root)
    try:
        for part in parts[:-1]:
            try:
                os.mkdir(part, 0o777, dir_fd=at)
            except FileExistsError:
                pass
            below = os.open(part, _DIRECTORY, dir_fd=at)
            os.close(at)
            at = below
        # A rename puts the new file in a link's place; writing through the name would follow it.
        temporary = f".adyton-{secrets.token_hex(8)}"
        try:
            with open(os.open(temporary, _NEW_FILE, 0o666, dir_fd=at), "wb") as file:
                file.write(content)
            os.rename(temporary, parts[-1], src_dir_fd=at, dst_dir_fd=at)
        except OSError:
            _remove(temporary, at)
            raise
    finally:
        os.close(at)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass
