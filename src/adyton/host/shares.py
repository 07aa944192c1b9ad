"""How much of the server one client address may have: places that are held, and calls in each second.

Behind a reverse proxy every client has the proxy's address, and is bounded as one.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from contextlib import contextmanager

from adyton.core.errors import UnavailableError


def network_of(address: str) -> str:
    """Return what is counted as one client: an IPv4 address, or the 64 bits that one IPv6 host has to itself."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or parsed.packed[:8].hex())


class Places:
    """A number of places, of which one address has some at most; used on one event loop.

    Args:
        most: places in all.
        each: of one address.
        what: said when there is none, "too many …".
    """

    def __init__(self, most: int, each: int, what: str) -> None:
        self._most = most
        self._each = each
        self._what = what
        self._held: dict[str, int] = {}
        self.count = 0

    def take(self, address: str) -> None:
        """Take a place, which `free` gives back.

        Raises:
            UnavailableError: `overloaded`: all are taken, or that address has its share.
        """
        held = self._held.get(address, 0)
        if self.count >= self._most or held >= self._each:
            raise UnavailableError("overloaded", f"too many {self._what}")
        self._held[address] = held + 1
        self.count += 1

    def free(self, address: str) -> None:
        """Give a place back."""
        self.count -= 1
        held = self._held[address] - 1
        if held:
            self._held[address] = held
        else:
            del self._held[address]

    @contextmanager
    def held(self, address: str) -> Iterator[None]:
        """Hold a place; raises as `take` does."""
        self.take(address)
        try:
            yield
        finally:
            self.free(address)


class Rate:
    """A bound on calls in each second: for each address, and a larger one for all together.

    Args:
        each: calls of one address.
        most: of all.
    """

    def __init__(self, each: int, most: int) -> None:
        self._each = each
        self._most = most
        self._second = 0
        self._count = 0
        # Invariant: it holds no more than `most` addresses, for it is emptied with each second.
        self._by_address: dict[str, int] = {}

    def take(self, address: str) -> None:
        """Count one call; what is refused does not count.

        Raises:
            UnavailableError: `overloaded`: there were too many in this second.
        """
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._count = second, 0
            self._by_address.clear()
        taken = self._by_address.get(address, 0)
        if taken >= self._each or self._count >= self._most:
            raise UnavailableError("overloaded", "too many such requests in this second")
        self._by_address[address] = taken + 1
        self._count += 1
