"""Memory for private keys: it is neither swapped nor dumped nor forked, and wiped when it is given back.

What that is for: where memory is not encrypted by the platform, a swap device or a core file would outlive the
process, and a child would carry the keys along. What it is not for: whoever reads the running process reads the
keys, here as anywhere; registers and the stacks of the libraries that use a key hold it for as long as they do.
"""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from adyton.core.errors import InvariantError, UnavailableError

UNIT: Final = 32
_libc = ctypes.CDLL(None, use_errno=True)


class LockedMemory:
    """One anonymous private mapping, handed out in slots.

    The mapping is locked (mlock), left out of core files (MADV_DONTDUMP) and of children (MADV_DONTFORK): in a forked
    child its addresses are not mapped.

    Args:
        size: bytes; rounded up to whole pages.

    Raises:
        UnavailableError: `memory_unlocked`, the system does not lock that much.
    """

    def __init__(self, size: int) -> None:
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        self._map = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        # Dumps and forks are shut out before anything secret can lie here; an OSError would be a kernel without them.
        try:
            self._map.madvise(mmap.MADV_DONTDUMP)
            self._map.madvise(mmap.MADV_DONTFORK)
            _lock(self._map, size)
        except OSError as problem:
            self._map.close()
            raise UnavailableError(
                "memory_unlocked",
                f"{size} bytes of memory cannot be locked; raise the limit of locked memory",
            ) from problem
        self._whole = memoryview(self._map)
        self._used = bytearray(size // UNIT)
        # By identity, since a writable view has no hash; the view kept here keeps the identity.
        self._taken: dict[int, tuple[memoryview, int]] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<LockedMemory {len(self._used) * UNIT} bytes>"

    def take(self, size: int) -> memoryview:
        """Return a slot of `size` bytes, all zero, until it is given back.

        Raises:
            UnavailableError: `overloaded`, no room is left; `wrong_state`, it is closed.
        """
        if self._closed:
            raise UnavailableError("wrong_state", "the locked memory is closed")
        units = -(-size // UNIT)
        at = self._used.find(bytes(units)) if units else -1
        if at < 0:
            raise UnavailableError("overloaded", "no locked memory is left; use fewer accounts")
        self._used[at : at + units] = b"\1" * units
        slot = self._whole[at * UNIT : at * UNIT + size]
        self._taken[id(slot)] = (slot, at)
        return slot

    def give_back(self, slot: memoryview) -> None:
        """Wipe a slot; it cannot be used any more.

        Raises:
            InvariantError: not a slot of this memory, or a pointer into it is still held.
        """
        held, at = self._taken.pop(id(slot), (None, 0))
        if held is not slot:
            raise InvariantError("invariant", "not a slot that was taken")
        units = -(-len(slot) // UNIT)
        slot[:] = bytes(len(slot))
        try:
            slot.release()
        except BufferError as problem:
            raise InvariantError("invariant", "a slot is given back while it is used") from problem
        self._used[at : at + units] = bytes(units)

    @contextmanager
    def slot(self, size: int) -> Iterator[memoryview]:
        """Lend a slot for the length of a `with`."""
        slot = self.take(size)
        try:
            yield slot
        finally:
            self.give_back(slot)

    def close(self) -> None:
        """Wipe everything; no slot may be used any more. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        for slot, _ in self._taken.values():
            slot[:] = bytes(len(slot))
            try:
                slot.release()
            except BufferError:
                pass  # a pointer is held, to zeros
        self._taken.clear()
        try:
            self._whole.release()
            self._map.close()
        except BufferError:
            pass  # the same: the mapping stays until the pointer goes


def _lock(mapping: mmap.mmap, size: int) -> None:
    # Nothing of ours may point into the mapping when this fails, or it could not be closed.
    place = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
    if _libc.mlock(ctypes.c_void_p(place), ctypes.c_size_t(size)):
        raise OSError(ctypes.get_errno(), "mlock")
