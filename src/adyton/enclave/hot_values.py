"""Values that were read or written lately, kept in enclave memory so that the host need not be asked again.

Nothing is believed of the cache: an entry counts only while the state's own index holds the digest that it was taken
in with. So it is never stale, whatever happened to the value since.
"""

from __future__ import annotations

from typing import Final

from adyton.core.recent import Recent

_BYTES: Final = 32 * 1024 * 1024
_LARGEST: Final = 17 * 1024  # a page of a status list, and its frame
_OVERHEAD: Final = 300  # bytes of bookkeeping per value, roughly


class HotValues(Recent[bytes, tuple[bytes, bytes]]):
    """Digests and values by stored name, so many bytes of them.

    Args:
        most: bytes, those of bookkeeping among them.
    """

    __slots__ = ()

    def __init__(self, most: int = _BYTES) -> None:
        super().__init__(most // _OVERHEAD, most)

    def value(self, name: bytes, digest: bytes) -> bytes | None:
        """Return the value, if it is here and of this digest.

        Args:
            name: stored name.
            digest: what the index holds for it now.
        """
        held = self._value(name)  # what `get` does, without another call: this one is the hottest
        if held is None or held[0] != digest:
            return None
        self._touch(name)
        return held[1]

    def keep(self, name: bytes, digest: bytes, value: bytes) -> None:
        """Take in a value that was verified, or is being written, under its digest."""
        if len(value) > _LARGEST:
            self.pop(name)
        else:
            self.put(name, (digest, value), len(value) + _OVERHEAD)
