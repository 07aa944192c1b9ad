"""Payments whose answer was lost: what the enclave has signed must reach the chain, or later nonces wait for ever."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from adyton.client.rpc.journal import Journal
from adyton.client.rpc.signer import Signer
from adyton.client.session import wall_clock_ms
from adyton.protocol.ethereum.transaction_bytes import decode_signed

_log = logging.getLogger("adyton.rpc")


class Recovery:
    """Puts into the journal what was signed without an answer; usable from several threads.

    Args:
        signer: who knows what was asked for.
        journal: from which it is broadcast.
        chain_id: of the journal.
        now_ms: milliseconds since 1970.
    """

    def __init__(
        self,
        signer: Signer,
        journal: Journal,
        chain_id: int,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._signer = signer
        self._journal = journal
        self._chain_id = chain_id
        self._now_ms = now_ms
        # An earlier run may have been killed while it waited for an answer.
        self._needed = threading.Event()
        self._needed.set()

    def need(self) -> None:
        """Say that an answer was lost."""
        self._needed.set()

    def run(self) -> None:
        """Ask for what was lost, if anything was.

        Raises:
            Error: as `Signer.recover`; it is asked for again the next time.
        """
        if not self._needed.is_set():
            return
        self._needed.clear()
        try:
            found = self._signer.recover(self._chain_id)
        except BaseException:
            self._needed.set()
            raise
        for raw in found:
            signed = decode_signed(raw)
            name, chain_id = signed.hash.hex(), signed.transaction.chain_id
            if chain_id != self._chain_id:
                _log.warning("0x%s is for chain %d, and not broadcast here", name, chain_id)
                continue
            _log.info("0x%s was signed, though its answer was lost", name)
            self._journal.put(signed, self._now_ms())
