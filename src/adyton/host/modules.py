"""Compiled contract modules, as the enclave has sealed them: a cache that may be lost at any time.

Trust: runs in the untrusted host, which can read nothing in them; the enclave opens what it gets back, or makes it
again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Final

from adyton.core import limits

_KEPT: Final = 256


class ModuleStore:
    """Files named after what the enclave calls a module; the ones used longest ago go first.

    Args:
        root: directory, made when it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def get(self, name: bytes) -> bytes | None:
        """Return what is kept under a name of 32 bytes; None where there is nothing."""
        path = self._root / name.hex()
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data if len(data) <= limits.MODULE else None

    def put(self, name: bytes, data: bytes) -> None:
        """Keep `data`; a disk that is full keeps less."""
        temporary = self._root / f".{secrets.token_hex(8)}"
        try:
            temporary.write_bytes(data)
            temporary.rename(self._root / name.hex())
            self._forget_oldest()
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def _forget_oldest(self) -> None:
        files = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(self._root)]
        for _, path in sorted(files)[:-_KEPT]:
            os.unlink(path)
