"""Which wallets a client knows, in the order in which they are listed.

Anybody can name a client in a policy, so a client's list has any length: what a page costs depends on the page alone.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator

from adyton.protocol.wallet.answers import Wallet
from adyton.protocol.wallet.requests import Place


class KnownWallets:
    """Places of wallets in the list of each client that may know them."""

    def __init__(self) -> None:
        self._places: defaultdict[bytes, list[Place]] = defaultdict(list)
        self._unsorted: set[bytes] = set()

    def load(self, wallet: Wallet) -> None:
        """Take up a wallet met while the state is loaded, in any order."""
        for client in _clients(wallet):
            self._places[client].append(wallet.place_for(client))
            self._unsorted.add(client)

    def put(self, wallet: Wallet, before: Wallet | None) -> None:
        """Take up a new wallet, or one that was changed.

        Args:
            wallet: as it is.
            before: as it was; None of a new one.
        """
        now, was = _clients(wallet), set() if before is None else _clients(before)
        for client in now - was:
            insort(self._sorted(client), wallet.place_for(client))
        for client in was - now:
            places = self._sorted(client)
            del places[bisect_left(places, wallet.place_for(client))]
            if not places:
                del self._places[client]

    def after(self, client: bytes, place: Place) -> Iterator[bytes]:
        """Yield the names of the wallets behind a place in a client's list."""
        if client not in self._places:
            return
        places = self._sorted(client)
        for at in range(bisect_right(places, place), len(places)):
            yield places[at][2]

    def _sorted(self, client: bytes) -> list[Place]:
        places = self._places[client]
        if client in self._unsorted:
            self._unsorted.discard(client)
            places.sort()
        return places


def _clients(wallet: Wallet) -> set[bytes]:
    return {wallet.owner, *wallet.clients}
