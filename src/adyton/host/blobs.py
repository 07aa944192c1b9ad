"""Blobs: ciphertext too large for an envelope, in files named by their hash.

Uploads of clients and sealed results of the enclave lie in folders apart: an upload is dropped when its task is
finished or nobody asks for it, and all uploads together are bounded; a result is part of the record, and stays.
A blob appears under its name only when it is whole, its hash is that name, and it is on disk.

Trust: runs in the untrusted host; enclave and clients check what they are given against the hash that they know.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from pathlib import Path
from typing import BinaryIO, Final

from adyton.core import limits
from adyton.core.errors import MalformedError, UnavailableError, UsageError
from adyton.host.bounds import UPLOADS
from adyton.protocol.task import blob_id

UPLOAD: Final = "in"
RESULT: Final = "out"
_MOST: Final = {UPLOAD: limits.BLOB + 4096, RESULT: 2 * limits.BLOB}


class BlobWriter:
    """One blob being written; either `finish` or `abandon` ends it."""

    def __init__(self, store: BlobStore, id_: bytes, folder: str) -> None:
        self._store = store
        self._id = id_
        self._folder = folder
        self._temporary = store.root / folder / f".{secrets.token_hex(16)}"
        self._file: BinaryIO = self._temporary.open("xb")
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append `data`.

        Raises:
            MalformedError: `too_large` for one blob.
            UnavailableError: `overloaded` when the store is full.
        """
        if self.size + len(data) > _MOST[self._folder]:
            raise MalformedError("too_large", "a blob over its bound")
        self._store.reserve(self._folder, len(data))
        self.size += len(data)
        try:
            self._file.write(data)
        except OSError as problem:
            raise UnavailableError("overloaded", "a blob cannot be written") from problem

    def finish(self) -> None:
        """Verify the hash, make the blob durable and let it appear under its name.

        Raises:
            MalformedError: the content is not what its name says.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            # Read back rather than hashed on the way: the hash covers the length before the content.
            if blob_id(self._temporary.read_bytes()) != self._id:
                raise MalformedError("malformed", "the blob's id is not the hash of its content")
            final = self._store.root / self._folder / self._id.hex()
            if final.exists():
                self.abandon()
                return
            self._temporary.rename(final)
            _sync_directory(final.parent)
        except OSError as problem:
            self.abandon()
            raise UnavailableError("overloaded", "a blob cannot be stored") from problem
        except MalformedError:
            self.abandon()
            raise
        self._store.writers -= 1

    def abandon(self) -> None:
        """Remove what was written."""
        self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._temporary.unlink()
        self._store.reserve(self._folder, -self.size)
        self._store.writers -= 1


class BlobStore:
    """The blobs below one directory. Its methods block; all are called from one thread.

    Args:
        root: directory, made when missing.
        quota: bytes of all uploads.
    """

    def __init__(self, root: Path, quota: int = limits.BLOB_STORE) -> None:
        self.root = root
        self.used = 0
        self.writers = 0
        self._quota = quota
        self._putting: dict[bytes, BlobWriter] = {}
        for folder in (UPLOAD, RESULT):
            (root / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            for path in (root / folder).iterdir():
                if path.name.startswith("."):
                    path.unlink()  # cut off in the middle by an earlier end of this process
                elif folder == UPLOAD:
                    self.used += path.stat().st_size

    def reserve(self, folder: str, size: int) -> None:
        """Count `size` bytes of uploads in, or out when negative; results are not bounded.

        Raises:
            UnavailableError: `overloaded`: they do not fit.
        """
        if folder != UPLOAD:
            return
        if size > 0 and self.used + size > self._quota:
            raise UnavailableError("overloaded", "there is no room for more blobs")
        self.used += size

    def writer(self, id_: bytes, folder: str = UPLOAD) -> BlobWriter:
        """Begin to write a blob.

        Raises:
            UnavailableError: `overloaded`: too many are being written.
        """
        if self.writers >= UPLOADS and folder == UPLOAD:
            raise UnavailableError("overloaded", "too many blobs are being written")
        made = BlobWriter(self, id_, folder)
        self.writers += 1
        return made

    def put(self, id_: bytes, offset: int, data: bytes, *, last: bool) -> None:
        """Take the next part of a sealed result; `last` completes it.

        Raises:
            UsageError: not the part that follows.
            MalformedError: too large, or the whole is not what its id says.
            UnavailableError: there is no room.
        """
        writer = self._putting.pop(id_, None)
        if offset == 0:
            if writer is not None:
                writer.abandon()
            writer = self.writer(id_, RESULT)
        if writer is None or writer.size != offset:
            if writer is not None:
                writer.abandon()
            raise UsageError("bad_argument", "not the part of the blob that follows")
        try:
            writer.write(data)
        except Exception:
            writer.abandon()
            raise
        if last:
            writer.finish()
        else:
            self._putting[id_] = writer

    def path(self, id_: bytes) -> Path | None:
        """Return the file of a blob, and count this as someone asking for it; None when there is none."""
        # The name is hexadecimal digits alone: nothing that was asked for can lead out of the folder.
        for folder in (UPLOAD, RESULT):
            path = self.root / folder / id_.hex()
            with contextlib.suppress(OSError):
                os.utime(path)
                return path
        return None

    def chunk(self, id_: bytes, offset: int) -> bytes | None:
        """Return at most `limits.BLOB_CHUNK` bytes from `offset` on; empty at the end; None where there is no blob."""
        path = self.path(id_)
        if path is None:
            return None
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limits.BLOB_CHUNK)

    def drop(self, id_: bytes) -> None:
        """Delete an upload, if it is there; results stay."""
        self._remove(UPLOAD, self.root / UPLOAD / id_.hex())

    def sweep(self, now: float | None = None) -> int:
        """Delete uploads that nobody has asked for in their lifetime; return how many. `now` is seconds since 1970."""
        now = time.time() if now is None else now
        removed = 0
        for path in (self.root / UPLOAD).iterdir():
            if path.name.startswith("."):
                continue
            with contextlib.suppress(FileNotFoundError):
                if now - path.stat().st_mtime > limits.BLOB_LIFETIME_S:
                    self._remove(UPLOAD, path)
                    removed += 1
        return removed

    def _remove(self, folder: str, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self.reserve(folder, -size)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
