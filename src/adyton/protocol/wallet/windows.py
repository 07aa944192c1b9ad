"""What a limit has counted in the time that its window covers."""

from __future__ import annotations

from typing import Self


class Window:
    """Amounts over a sliding window of time, kept in 32 slots; never less than an exact window would hold.

    An amount counts from its slot's start until a window after its slot's end.
    """

    def __init__(self, window_s: int) -> None:
        raise NotImplementedError

    @classmethod
    def decode(cls, unverified: bytes) -> Self:
        """Return the window that `encode` wrote.

        Raises:
            MalformedError: another form.
        """
        raise NotImplementedError

    def encode(self) -> bytes:
        """Return its one encoding."""
        raise NotImplementedError

    def used(self, now_s: int) -> int:
        """Return what counts at a time, in seconds since 1970."""
        raise NotImplementedError

    def add(self, now_s: int, amount: int) -> None:
        """Count an amount from now on."""
        raise NotImplementedError
