"""The verified view where it is kept: lent to one at a time, stored before anybody relies on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adyton.client.chain_keeping import ChainStore
from adyton.client.records import Pin
from adyton.client.verified_view import VerifiedView


class HeldView:
    """One chain's view, shared by threads and processes.

    Args:
        store: where it is kept.
        pin: what the chain is held to; keys that were attested under another pin are forgotten.

    Attributes:
        size: leaves of the view as last seen here.
    """

    def __init__(self, store: ChainStore, pin: Pin) -> None:
        self._store = store
        self._pin = pin
        self._cached: tuple[bytes | None, VerifiedView] | None = None
        self.size = 0
        with self.lend():
            pass

    @contextmanager
    def lend(self) -> Iterator[VerifiedView]:
        """Lend the view under the lock, and store it when it has changed."""
        with self._store.locked():
            kept = self._store.view()
            cached = self._cached
            self._cached = None
            if cached is not None and cached[0] == kept:
                view = cached[1]
            elif kept is None:
                view = VerifiedView(self._pin.chain_id, self._pin.fingerprint)
            else:
                view = VerifiedView.from_bytes(kept)
                if view.fingerprint != self._pin.fingerprint:
                    view.repin(self._pin.fingerprint)
            before = (view.checkpoint, view.nodes, view.fingerprint)
            yield view
            if (view.checkpoint, view.nodes, view.fingerprint) != before or kept is None:
                kept = view.to_bytes()
                self._store.put_view(kept)
            self._cached = (kept, view)
            self.size = view.size
