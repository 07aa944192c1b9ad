"""Waiting for a server that is not available, in bounded steps, with the bytes unchanged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from adyton.core.errors import UnavailableError

BACKOFF_S: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
MOST_S: Final = 90.0
_T = TypeVar("_T")


class Patience:
    """Calls again, with growing pauses, what found the server unavailable.

    Args:
        sleep: waits, seconds.
        pauses_s: between the attempts; one attempt more than pauses.
        most_s: after which no new attempt is made.
    """

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        pauses_s: tuple[float, ...] = BACKOFF_S,
        most_s: float = MOST_S,
    ) -> None:
        self._sleep = sleep
        self._pauses_s = pauses_s
        self._most_s = most_s

    def __call__(self, call: Callable[[], _T]) -> _T:
        """Return what the call returns.

        Raises:
            UnavailableError: the server stays away. Error: whatever else the call raises, at once.
        """
        deadline = time.monotonic() + self._most_s
        for pause in self._pauses_s:
            try:
                return call()
            except UnavailableError:
                if time.monotonic() + pause >= deadline:
                    raise
                self._sleep(pause)
        return call()
