"""The values used last, by key: so many of them, and so heavy together, whoever decides on their size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from adyton.core import limits

_K = TypeVar("_K")
_V = TypeVar("_V")


class Recent(Generic[_K, _V]):
    """A cache from which goes what was used longest ago. For one thread at a time.

    No outcome of a block may hang on what is held: after a restart it is empty.

    Args:
        most: values that are held.
        room: weight of all of them together, in bytes as a rule; unless it is given, none is weighed.
        dropped: called with key and value where a value goes for want of room; not where it is replaced or taken out.

    Attributes:
        weight: of what is held.
    """

    __slots__ = ("_dropped", "_held", "_most", "_room", "_touch", "_value", "_weights", "weight")

    def __init__(
        self, most: int, room: int | None = None, *, dropped: Callable[[_K, _V], None] | None = None
    ) -> None:
        self._most = most
        self._room = limits.UINT_MAX if room is None else room
        self._dropped = dropped
        self._held: OrderedDict[_K, _V] = OrderedDict()
        self._weights: dict[_K, int] | None = None if room is None else {}
        # Looked up once: `get` is called for every value that a request reads.
        self._value, self._touch = self._held.get, self._held.move_to_end
        self.weight = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: _K) -> bool:
        """Say whether there is a value; saying so does not use it."""
        return key in self._held

    def __iter__(self) -> Iterator[_K]:
        """Yield the keys, the one used longest ago first; yielding them does not use them."""
        return iter(self._held)

    def get(self, key: _K) -> _V | None:
        """Use a value, and return it; None where there is none."""
        value = self._value(key)
        if value is not None:
            self._touch(key)
        return value

    def put(self, key: _K, value: _V, weight: int = 0) -> None:
        """Take a value in, in place of the one that the key had; one heavier than the whole room is dropped at once."""
        held, weights = self._held, self._weights
        if weights is not None:
            if weight > self._room:
                self.pop(key)
                if self._dropped is not None:
                    self._dropped(key, value)
                return
            self.weight += weight - weights.get(key, 0)
            weights[key] = weight
        held[key] = value
        self._touch(key)
        while self.weight > self._room or len(held) > self._most:
            oldest, gone = held.popitem(last=False)
            if weights is not None:
                self.weight -= weights.pop(oldest)
            if self._dropped is not None:
                self._dropped(oldest, gone)

    def pop(self, key: _K) -> _V | None:
        """Take a value out, and return it; None where there is none."""
        if self._weights is not None:
            self.weight -= self._weights.pop(key, 0)
        return self._held.pop(key, None)
