"""The server's data directory: its layout, and the lock that lets one server at a time use it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final

from adyton.core.errors import UnavailableError, UsageError

STORE: Final = "ledger.sqlite"
BLOBS: Final = "blobs"
MODULES: Final = "modules"
IMAGES: Final = "images"
DEVICE: Final = "device"
LOCK: Final = "lock"


class DataDirectory:
    """A data directory, locked for as long as the object is entered.

    Args:
        path: made with mode 0700 when missing.

    Raises:
        UsageError: it cannot be made or is no directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as problem:
            raise UsageError("usage", f"no data directory at {path}: {problem.strerror}") from None
        self._lock = -1

    @property
    def store(self) -> Path:
        """SQLite file of ledger and state."""
        return self.path / STORE

    @property
    def blobs(self) -> Path:
        """Directory of blobs."""
        return self.path / BLOBS

    @property
    def modules(self) -> Path:
        """Directory of sealed, compiled contract modules: a cache."""
        return self.path / MODULES

    @property
    def images(self) -> Path:
        """Directory of enclave images."""
        return self.path / IMAGES

    @property
    def device(self) -> Path:
        """Device directory of the simulated platform."""
        return self.path / DEVICE

    def __enter__(self) -> DataDirectory:
        """Take the lock.

        Raises:
            UnavailableError: another server has it.
            UsageError: the directory cannot be written.
        """
        try:
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise UsageError("usage", f"the data directory: {problem.strerror}") from None
        try:
            # The kernel drops the lock with the process, however it ends.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UnavailableError("exists", "another server uses this data directory") from None
        self._lock = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._lock)
