"""Values that were read or written lately, kept in enclave memory so that the host need not be asked again.

Nothing is believed of the cache: an entry counts only while the state's own index holds the digest that it was taken
in with. So it is never stale, whatever happened to the value since.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_BYTES: Final = 32 * 1024 * 1024
_LARGEST: Final = 17 * 1024  # a page of a status list, and its frame
_OVERHEAD: Final = 300  # bytes of bookkeeping per value, roughly


class HotValues:
    """A bounded cache by stored name; the values used longest ago go first."""

    def __init__(self, most: int = _BYTES) -> None:
        self._most = most
        self._held: OrderedDict[bytes, tuple[bytes, bytes]] = OrderedDict()
        self._size = 0

    def get(self, name: bytes, digest: bytes) -> bytes | None:
        """Return the value, if it is here and of this digest.

        Args:
            name: stored name.
            digest: what the index holds for it now.
        """
        held = self._held.get(name)
        if held is None or held[0] != digest:
            return None
        self._held.move_to_end(name)
        return held[1]

    def put(self, name: bytes, digest: bytes, value: bytes) -> None:
        """Take in a value that was verified, or is being written, under its digest."""
        self.drop(name)
        if len(value) > _LARGEST:
            return
        self._held[name] = (digest, value)
        self._size += len(value) + _OVERHEAD
        while self._size > self._most:
            _, (_, oldest) = self._held.popitem(last=False)
            self._size -= len(oldest) + _OVERHEAD

    def drop(self, name: bytes) -> None:
        """Forget a value."""
        held = self._held.pop(name, None)
        if held is not None:
            self._size -= len(held[1]) + _OVERHEAD
