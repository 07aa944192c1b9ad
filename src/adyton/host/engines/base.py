"""The `Engine` port: puts transactions in order, has the enclave execute them, and stores what they leave."""

from __future__ import annotations

import asyncio
from typing import Protocol

from adyton.host.records import Recorded


class Engine(Protocol):
    """What orders transactions; all methods are called on one event loop.

    Attributes:
        ordering: level it offers, one of `words.ORDERING_LEVELS`.
        time_source: who says what time it is, one of `words.TIME_SOURCES`.
    """

    ordering: str
    time_source: str

    async def start(self, first: bytes) -> None:
        """Begin to order, with `first` (the enclave's start entry) as the first entry; return when it is committed.

        Raises:
            Error: it was not carried out.
        """

    def submit(self, name: bytes, transaction: bytes) -> asyncio.Future[Recorded]:
        """Have a client's transaction ordered, executed and committed; the result is its entry.

        Identical bytes are one transaction, whether they wait still or are stored already.

        Args:
            name: task hash of these very bytes.
            transaction: encoded envelope.

        Raises (here or by the future):
            UnavailableError: `overloaded`, `commit_failed` or `enclave_down`; the same bytes may be sent again.
            Error: with the code for which the enclave did not carry it out.
        """

    def submit_own(self, transaction: bytes) -> asyncio.Future[Recorded]:
        """Have a transaction of the enclave's own ordered; it is never refused for want of room.

        Raises (here or by the future): as `submit`.
        """

    @property
    def ended(self) -> asyncio.Future[None]:
        """Done when the engine has halted and the enclave must be started anew."""

    async def stop(self) -> None:
        """Finish the block in hand and end; whoever still waits gets `enclave_down`."""
