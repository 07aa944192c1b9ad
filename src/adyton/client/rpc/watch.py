"""Looks after signed transactions until they are mined: sends them again where the node has lost them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from adyton.client.rpc.broadcast import Broadcaster, is_too_low
from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.journal import Entry, Journal
from adyton.client.rpc.recovery import Recovery
from adyton.client.session import wall_clock_ms
from adyton.core.errors import Error

_log = logging.getLogger("adyton.rpc")
_EVERY_S: Final = 4.0
_LONGEST_S: Final = 300.0
# So long after it was signed, a transaction is given up whose nonce the node says is used by another one.
_GIVEN_UP_MS: Final = 24 * 3600 * 1000


class Watch:
    """A thread that goes through the journal.

    Args:
        journal: of what was signed.
        broadcaster: to the node.
        chain: that the node must be of.
        recovery: of answers that were lost.
        every_s: between two looks at one transaction, at first; it doubles up to five minutes.
        clock: seconds.
        now_ms: milliseconds since 1970.
    """

    def __init__(
        self,
        journal: Journal,
        broadcaster: Broadcaster,
        chain: PinnedChain,
        recovery: Recovery,
        *,
        every_s: float = _EVERY_S,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._journal = journal
        self._now_ms = now_ms
        self._broadcaster = broadcaster
        self._chain = chain
        self._recovery = recovery
        self._every_s = every_s
        self._clock = clock
        self._due: dict[bytes, tuple[float, float]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rpc-watch", daemon=True)

    def start(self) -> None:
        """Begin: whatever an earlier run left is looked at now."""
        for entry in self._journal.entries():
            self._due[entry.signed.hash] = (self._clock(), self._every_s)
        self._thread.start()

    def stop(self) -> None:
        """End, after the call at hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> None:
        """Look once at every transaction that is due."""
        self._recover()
        entries = self._journal.entries()
        due = [entry for entry in entries if self._is_due(entry.signed.hash)]
        if not due:
            return
        self._chain.require()
        mined: set[tuple[bytes, int]] = set()
        for entry in due:
            if self._stopping.is_set():
                return
            if self._see_to(entry):
                mined.add((entry.signed.sender, entry.signed.transaction.nonce))
        # Invariant: a nonce is mined once. Whatever else has it can never be.
        for entry in entries:
            if (entry.signed.sender, entry.signed.transaction.nonce) in mined:
                self._journal.drop(entry)
                self._due.pop(entry.signed.hash, None)

    def _recover(self) -> None:
        try:
            self._recovery.run()
        except Error as problem:
            # It is no reason to leave the others alone.
            _log.warning("a lost answer is not found yet: %s", problem.message)

    def _see_to(self, entry: Entry) -> bool:
        """Return whether its nonce is over with; send it again where the node does not know it."""
        signed = entry.signed
        if self._broadcaster.is_mined(signed):
            return True
        if not self._broadcaster.is_known(signed):
            try:
                self._broadcaster.send_once(signed)
                _log.info("sent again: 0x%s", signed.hash.hex())
            except Error as problem:
                _log.warning("0x%s is not broadcast: %s", signed.hash.hex(), problem.message)
                return is_too_low(problem) and self._now_ms() - entry.signed_ms > _GIVEN_UP_MS
        return False

    def _is_due(self, name: bytes) -> bool:
        now = self._clock()
        at, pause = self._due.setdefault(name, (now + self._every_s, self._every_s))
        if now < at:
            return False
        pause = min(2 * pause, _LONGEST_S)
        self._due[name] = (now + pause, pause)
        return True

    def _run(self) -> None:
        while True:
            try:
                self.sweep()
            except Error as problem:
                _log.warning("signed transactions wait: %s", problem.message)
            except OSError as problem:
                _log.warning("the journal cannot be written: %s", problem.strerror)
            except Exception:  # noqa: BLE001  # a defect of ours must not end the watch
                _log.exception("a defect")
            if self._stopping.wait(self._every_s / 4):
                return
