"""Broadcasts the signed transactions that devices hand over, and tells them what becomes of each.

Trust: runs in the untrusted host. It can delay a payment or lie about it; it can make none, and change none.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final

from adyton.core.errors import Error, InvariantError, UnavailableError, VerificationError
from adyton.host.gateways import reports
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.ethereum_node import EthereumNode, RefusedError
from adyton.host.gateways.journal import ENDED, SENT, WAITING, Journal, Kept
from adyton.host.shares import Rate
from adyton.mqtt import topics
from adyton.mqtt.link import Outgoing
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed

UNDER_WAY: Final = 4096  # transactions of all devices that have not ended
UNDER_WAY_EACH: Final = 64  # of one
PER_SECOND: Final = 200
PER_SECOND_EACH: Final = 20
POLL_S: Final = 1.0
RESEND_S: Final = 15.0
_BATCH: Final = 64
_PRUNE_S: Final = 3600.0
_log = logging.getLogger("adyton.gateway")


class Broadcaster:
    """From `start` to `close`.

    Args:
        gateway: name in the topics.
        chain: the one chain id that is broadcast to.
        confirmations: blocks, its own among them, after which a transaction counts as confirmed.
        publish: gives an event to the broker, and is told the reason of its acknowledgement.
        poll_s: between two looks at the chain.
    """

    def __init__(
        self,
        gateway: str,
        node: EthereumNode,
        chain: int,
        journal: Journal,
        publish: Callable[[Outgoing, Callable[[int], None]], None],
        counters: Counters,
        *,
        confirmations: int,
        poll_s: float = POLL_S,
    ) -> None:
        self._gateway = gateway
        self._node = node
        self._chain = chain
        self._journal = journal
        self._publish = publish
        self._counters = counters
        self._confirmations = confirmations
        self._poll_s = poll_s
        self._rate = Rate(PER_SECOND_EACH, PER_SECOND)
        self._sent_at: dict[bytes, float] = {}
        self._publishing: set[int] = set()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="broadcast", daemon=True)

    def start(self) -> None:
        """Go on with what the journal holds."""
        self._thread.start()

    def close(self) -> None:
        """End; what is under way stays in the journal."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(30)

    def take(self, sender: topics.Sender, unverified: bytes) -> None:
        """Take what a device hands over; it is in the journal when this returns. Raises nothing."""
        hash_: bytes | None = None
        try:
            transaction = decode_signed(reports.read_handed(unverified))
            hash_ = transaction.hash
            reason, detail = self._taken(sender.device, transaction)
        except UnavailableError as problem:
            reason, detail = reports.OVERLOADED, problem.message
        except sqlite3.Error:
            _log.exception("a transaction was not written down")
            reason, detail = reports.OVERLOADED, "the gateway cannot write it down"
        except Error as problem:
            reason, detail = reports.MALFORMED, problem.message
        if reason:
            self._counters.dropped(f"tx {reason}")
            body = reports.refusal(reason, detail, hash_)
            self._tell(sender.device, body)
        self._wake.set()

    def came_up(self) -> None:
        """Publish again what the broker may not have taken."""
        self._publishing.clear()
        self._wake.set()

    def _taken(self, device: str, transaction: SignedTransaction) -> tuple[str, str]:
        """Write a transaction down; return why it is refused, or empty texts."""
        if transaction.transaction.chain_id != self._chain:
            return reports.WRONG_CHAIN, f"this gateway broadcasts to chain {self._chain} alone"
        self._rate.take(device)
        kept = self._journal.find(transaction.hash)
        if kept is not None and not (kept.state == ENDED and kept.reason in reports.RETRIED):
            self._journal.join(kept.hash, device, kept.last)
            return "", ""
        of_device, of_all = self._journal.under_way(device)
        if of_device >= UNDER_WAY_EACH or of_all >= UNDER_WAY:
            raise UnavailableError("overloaded", "too many transactions are under way")
        self._journal.take(transaction.hash, transaction.raw, device)
        return "", ""

    def _run(self) -> None:
        pruned = 0.0
        while not self._closed:
            try:
                self._look()
                self._deliver()
                if time.monotonic() - pruned > _PRUNE_S:
                    self._journal.prune()
                    pruned = time.monotonic()
            except Exception:  # noqa: BLE001  # the next round looks again at what this one left
                _log.exception("a round of broadcasting broke")
            self._wake.wait(self._poll_s)
            self._wake.clear()

    def _look(self) -> None:
        """Look once at every transaction that has not ended."""
        hashes = self._journal.open_ones()
        if not hashes:
            return
        try:
            self._node.require_chain()
            head = self._node.head()
        except UnavailableError as problem:
            _log.warning("the node is away: %s", problem.message)
            return
        except (VerificationError, RefusedError) as problem:
            self._counters.node_faults.inc()
            for hash_ in hashes:
                self._fail(self._kept(hash_), reports.NODE_FAULT, str(problem))
            return
        for hash_ in hashes:
            if self._closed:
                return
            kept = self._kept(hash_)
            try:
                self._step(kept, decode_signed(kept.raw), head)
            except UnavailableError as problem:
                _log.warning("the node is away: %s", problem.message)
            except VerificationError as problem:
                self._counters.node_faults.inc()
                self._fail(kept, reports.NODE_FAULT, problem.message)
            except RefusedError as problem:
                self._fail(kept, reports.REFUSED, problem.text)

    def _kept(self, hash_: bytes) -> Kept:
        kept = self._journal.find(hash_)
        if kept is None:
            raise InvariantError("invariant", "a transaction left the journal before it ended")
        return kept

    def _step(self, kept: Kept, transaction: SignedTransaction, head: int) -> None:
        mined = self._node.mined(transaction)
        if mined is not None:
            depth = head - mined.block + 1
            if kept.state == WAITING:
                self._sent(kept, transaction)
            if depth >= self._confirmations:
                self._settle(kept, transaction, mined, depth)
            return
        deep = head - self._confirmations + 1
        if deep >= 0 and (
            self._node.next_nonce(transaction.sender, deep) > transaction.transaction.nonce
        ):
            # Asked once more: the transaction may have been mined between the two questions.
            if self._node.mined(transaction) is None:
                self._fail(kept, reports.REPLACED, "another transaction has its nonce")
            return
        if kept.state == WAITING:
            self._node.send(transaction)
            self._sent(kept, transaction)
        elif time.monotonic() - self._sent_at.get(kept.hash, 0.0) > RESEND_S:
            self._sent_at[kept.hash] = time.monotonic()
            if not self._node.knows(transaction):
                self._node.send(transaction)

    def _sent(self, kept: Kept, transaction: SignedTransaction) -> None:
        self._sent_at[kept.hash] = time.monotonic()
        self._move(kept, SENT, reports.event(reports.BROADCAST, transaction), reports.BROADCAST)

    def _settle(
        self, kept: Kept, transaction: SignedTransaction, mined: reports.Mined, depth: int
    ) -> None:
        name = reports.CONFIRMED if mined.success else reports.FAILED
        reason = "" if mined.success else reports.REVERTED
        body = reports.event(name, transaction, mined=mined, confirmations=depth, reason=reason)
        self._move(kept, ENDED, body, name, reason)

    def _fail(self, kept: Kept, reason: str, detail: str) -> None:
        body = reports.event(reports.FAILED, decode_signed(kept.raw), reason=reason, detail=detail)
        self._move(kept, ENDED, body, reports.FAILED, reason)

    def _move(self, kept: Kept, state: str, body: bytes, name: str, reason: str = "") -> None:
        # What no block has taken has cost nobody anything, and a device can make as much of it as it likes.
        mined = name != reports.FAILED or reason == reports.REVERTED
        self._journal.move(kept.hash, state, body, reason, keep=mined)
        self._counters.transaction(name)
        if state == ENDED:
            self._sent_at.pop(kept.hash, None)
        self._deliver()

    def _deliver(self) -> None:
        """Publish what the broker has not taken yet; each stays in the journal until it has."""
        after = 0
        # As it was before the journal is read: an event of an older reading may be taken meanwhile, and is not new.
        publishing = set(self._publishing)
        while batch := self._journal.undelivered(after, _BATCH):
            for seq, device, body in batch:
                after = seq
                if seq not in publishing:
                    self._publishing.add(seq)
                    self._tell(device, body, seq)

    def _tell(self, device: str, body: bytes, seq: int | None = None) -> None:
        def acknowledged(reason: int) -> None:
            if seq is not None:
                if reason < 0x80:
                    self._journal.delivered(seq)
                self._publishing.discard(seq)

        try:
            self._publish(Outgoing(topics.events(self._gateway, device), body), acknowledged)
        except Error as problem:
            _log.warning("an event was not published: %s", problem.message)
            if seq is not None:
                self._publishing.discard(seq)
