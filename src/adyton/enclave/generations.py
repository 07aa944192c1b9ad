"""Which epoch's key seals each transient value, and which of them are still to be sealed anew."""

from __future__ import annotations


class Generations:
    """Epochs of the stored transient values, by stored name.

    Args:
        epoch: the current one.
    """

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch
        self._of: dict[bytes, int] = {}
        self._stale: list[bytes] | None = None  # descending; may hold what is none any more

    @property
    def stale(self) -> int:
        """Values to be sealed anew, at most, as of the last `reach`, `take` or `settle`; 0 only where there is none."""
        return len(self._stale or ())

    def set(self, name: bytes, epoch: int | None) -> None:
        """Note a written value; None: it is gone, or no transient one."""
        if epoch is not None:
            self._of[name] = epoch
        elif name in self._of:
            del self._of[name]

    def reach(self, epoch: int) -> None:
        """Note the current epoch."""
        if epoch != self._epoch:
            self._epoch, self._stale = epoch, None
        if self._stale is None:
            self._stale = sorted(filter(self._is_stale, self._of), reverse=True)

    def take(self) -> bytes | None:
        """Return the first stale value's name, in their order, and leave it out; None: there is none."""
        self.settle()
        return self._stale.pop() if self._stale else None

    def settle(self) -> None:
        """Leave out what is not stale any more at the front.

        Invariant: nothing is left as soon as nothing is stale, in every enclave that has executed the same blocks,
        with or without a restart between them: an epoch's secret is dropped by it.
        """
        while self._stale and not self._is_stale(self._stale[-1]):
            self._stale.pop()

    def _is_stale(self, name: bytes) -> bool:
        return self._of.get(name, self._epoch) != self._epoch
