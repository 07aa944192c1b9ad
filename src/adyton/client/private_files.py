"""Files that nobody else may read: made 0600 below 0700, replaced whole, refused otherwise."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from adyton.core import limits
from adyton.core.errors import Error, UsageError

_FILE: Final = limits.MIB
_T = TypeVar("_T")


def make_directory(path: Path) -> None:
    """Make a directory for this user alone, unless it is there.

    Raises:
        UsageError: `keystore`, it cannot be made, or others may use it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as problem:
        raise UsageError("keystore", f"no directory at {path}") from problem
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError("keystore", f"not a directory: {path}")
    _require_private(found, path)


def make_file(path: Path) -> None:
    """Make an empty file for this user alone, unless it is there.

    Raises:
        UsageError: `keystore`, it cannot be made, or others may use it.
    """
    flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as problem:
        raise UsageError("keystore", f"{path} cannot be opened") from problem
    try:
        _require_private(os.fstat(descriptor), path)
    finally:
        os.close(descriptor)


def load(path: Path, parse: Callable[[bytes], _T]) -> _T | None:
    """Return what a file holds, or None when it is absent.

    Raises:
        UsageError: `keystore`, others may use it, or it is damaged.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UsageError("keystore", f"{path} cannot be read") from problem
    with open(descriptor, "rb") as file:
        _require_private(os.fstat(descriptor), path)
        encoded = file.read(_FILE + 1)
    try:
        return parse(encoded)
    except Error as problem:
        raise UsageError("keystore", f"{path} is damaged") from problem


def write(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Put a file in its place whole and durably.

    Args:
        replace: whether it may take an older one's place; else the older one stays, without error.

    Raises:
        UsageError: `keystore`, it cannot be written.
    """
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        try:
            with open(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                temporary.replace(path)
            else:
                _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as problem:
        raise UsageError("keystore", f"{path} cannot be written") from problem


def _link(temporary: Path, path: Path) -> None:
    # A link, unlike a rename, never replaces: of two first starts both keep the one that was first.
    try:
        os.link(temporary, path)
    except FileExistsError:
        return


def _require_private(found: os.stat_result, path: Path) -> None:
    if found.st_mode & 0o077:
        raise UsageError("keystore", f"others may use {path}; chmod go-rwx it, and think who did")
    if found.st_uid != os.geteuid():
        raise UsageError("keystore", f"{path} belongs to another user")
