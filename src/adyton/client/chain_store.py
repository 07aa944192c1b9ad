"""The client's own copy of a chain: an append-only file of blocks, verified whenever it is read.

HOME/chains/<chain id>/genesis     encoded genesis
HOME/chains/<chain id>/blocks      each block behind its length in four big-endian bytes
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from adyton.client.chain import LocalBlock
from adyton.core.errors import MalformedError, UsageError, VerificationError

_LENGTH: Final = 4


class BlockFile:
    """The stored blocks of one chain.

    Trust: what lies in it is verified on every read; nothing in it is believed.

    Args:
        home: the client's directory.
        chain_id: 32 bytes.
    """

    def __init__(self, home: Path, chain_id: bytes) -> None:
        self.directory = home / "chains" / chain_id.hex()
        self._blocks = self.directory / "blocks"
        self._genesis = self.directory / "genesis"

    def create(self, genesis: bytes) -> None:
        """Make the directory, where it is not there yet."""
        for directory in (*reversed(self.directory.parents[:2]), self.directory):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._genesis.exists():
            partial = self._genesis.with_suffix(".new")
            partial.write_bytes(genesis)
            partial.replace(self._genesis)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Exclude all others that read or append, threads and processes; not to be nested, and after `create`."""
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def unverified_genesis(self) -> bytes:
        """Return the stored genesis.

        Raises:
            UsageError: nothing is stored of this chain.
        """
        try:
            return self._genesis.read_bytes()
        except FileNotFoundError:
            raise UsageError("not_found", "nothing is stored of this chain yet") from None

    def unverified_blocks(self) -> Iterator[LocalBlock]:
        """Yield the stored blocks in order.

        Raises:
            VerificationError: `chain_invalid`: the file is not a sequence of blocks.
        """
        height = 0
        try:
            file = self._blocks.open("rb")
        except FileNotFoundError:
            return
        with file:
            while prefix := file.read(_LENGTH):
                height += 1
                size = int.from_bytes(prefix, "big")
                if len(prefix) < _LENGTH or not 0 < size <= LocalBlock.MAX_BYTES:
                    raise _torn(height)
                framed = file.read(size)
                if len(framed) < size:
                    raise _torn(height)
                try:
                    yield LocalBlock.decode(framed)
                except MalformedError as problem:
                    raise VerificationError(
                        "chain_invalid", f"block {height}: {problem.message}"
                    ) from problem

    def cut_torn_tail(self) -> int:
        """Cut off what an interrupted append left behind; return the bytes cut."""
        try:
            total = self._blocks.stat().st_size
        except FileNotFoundError:
            return 0
        whole = 0
        with self._blocks.open("r+b") as file:
            while whole + _LENGTH <= total:
                file.seek(whole)
                end = whole + _LENGTH + int.from_bytes(file.read(_LENGTH), "big")
                if end > total:
                    break
                whole = end
            if whole < total:
                file.truncate(whole)
        return total - whole

    def append(self, blocks: list[LocalBlock]) -> None:
        """Append verified blocks, durably."""
        framed = []
        for block in blocks:
            encoded = block.encode()
            framed += [len(encoded).to_bytes(_LENGTH, "big"), encoded]
        with self._blocks.open("ab") as file:
            file.write(b"".join(framed))
            file.flush()
            os.fsync(file.fileno())


def _torn(height: int) -> VerificationError:
    return VerificationError("chain_invalid", f"block {height}: the file ends inside of it")
