"""Keeps the verified view of one chain on disk and up to date: the view itself does no I/O, this
does it for it.

It appraises nodes, fetches what a proof lacks, and stores every step forward before anybody relies
on it. Nothing is fetched under the lock: a view that moved meanwhile, in another thread or process,
is met by asking again.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol, TypeVar

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.client.accusation import accuse, kept_checkpoints, stored_chain
from adyton.client.chain_keeping import ChainStore
from adyton.client.held_view import HeldView
from adyton.client.records import AppraisedNode, Pin
from adyton.client.server_api import ServerApi
from adyton.client.signers import Signers
from adyton.client.verified import KnownNode, UnjoinedError, UnknownKeyError, VerifiedEntry
from adyton.client.verified_view import VerifiedView
from adyton.core import limits
from adyton.core.crypto import key_id
from adyton.core.errors import (
    ConflictError,
    EvidenceError,
    ForkError,
    ReceiptError,
    UnavailableError,
    VerificationError,
)
from adyton.core.recent import Recent
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint, EntryProof

_RECENT: Final = 32  # entries that need not be verified a second time
_RECENT_BYTES: Final = 4 * limits.MIB  # of all of them as they came
_ROUNDS: Final = 16  # of meeting a view that others move meanwhile
_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)


class _Use(Protocol[_T_co]):
    """A method of the view that joins something to it."""

    def __call__(self, view: VerifiedView, /, *, consistency: Sequence[bytes]) -> _T_co: ...


class ViewKeeper:
    """The verified view of the chain that one pin names.

    Args:
        store: where it is kept.
        api: the server; all that it answers is verified here.
        pin: what the server is held to.
        policy: what is demanded of evidence.
        now_ms: client's clock.
    """

    def __init__(
        self,
        store: ChainStore,
        api: ServerApi,
        pin: Pin,
        policy: AppraisalPolicy,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._api = api
        self._pin = pin
        self._policy = policy
        self._now_ms = now_ms
        self._held = HeldView(store, pin)
        self._recent = Recent[bytes, VerifiedEntry](_RECENT, _RECENT_BYTES)
        self._recent_lock = threading.Lock()
        self._appraisal: tuple[NodeAppraisal, bytes, int] | None = None

    @property
    def size(self) -> int:
        """Leaves of the view as last seen here; another process may have moved it."""
        return self._held.size

    def snapshot(self) -> VerifiedView:
        """Return a copy of the view, to look at."""
        with self._held.lend() as view:
            return VerifiedView.from_bytes(view.to_bytes())

    # --- nodes ----------------------------------------------------------------------------------

    def appraise(self, *, fresh: bool = False) -> tuple[NodeAppraisal, bytes]:
        """Return the appraisal of the node, and the digest of its evidence.

        An appraisal younger than `limits.APPRAISAL_REUSE_S` is used again, after a second look
        under this session's own policy.

        Raises:
            EvidenceError: a step does not hold. UnavailableError: no answer.
        """
        now = self._now_ms()
        if not fresh:
            held = self._appraisal or self._stored_appraisal(now)
            if held is not None and 0 <= now - held[2] < limits.APPRAISAL_REUSE_S * 1000:
                self._appraisal = held
                return held[0], held[1]
        nonce = secrets.token_bytes(limits.NONCE)
        unverified = NodeEvidence.decode(self._api.get_evidence(nonce))
        with self._held.lend() as view:
            appraisal = view.update_node(unverified, self._policy, nonce, self._now_ms())
            self._store.put_node(AppraisedNode(unverified.encode(), nonce, now))
        self._appraisal = (appraisal, unverified.digest(), now)
        return appraisal, unverified.digest()

    def _stored_appraisal(self, now: int) -> tuple[NodeAppraisal, bytes, int] | None:
        node = self._store.node()
        if node is None:
            return None
        evidence = NodeEvidence.decode(node.evidence)
        try:
            appraisal = appraise_node(
                evidence,
                fingerprint=self._pin.fingerprint,
                policy=self._policy,
                nonce=node.nonce,
                now_ms=now,
            )
        except EvidenceError:
            return None
        return appraisal, evidence.digest(), node.appraised_ms

    def learn(self, key_id_: bytes) -> None:
        """Have a key attested that the view does not know: of this start of the node, or of an
        earlier one.

        Raises:
            EvidenceError: what is shown does not pass.
            ReceiptError: what is shown does not hold the key.
        """
        appraisal, _ = self.appraise(fresh=True)
        if key_id_ in (key_id(appraisal.recorder_key), key_id(appraisal.runner_key)):
            return
        unverified = NodeEvidence.decode(self._api.get_announced(key_id_))
        shown = (unverified.recorder.attested.signing_key, unverified.runner.attested.signing_key)
        if key_id_ not in map(key_id, shown):
            raise ReceiptError("receipt_invalid", "the server shows no evidence for a key it uses")
        with self._held.lend() as view:
            view.add_announced_node(unverified, self._policy, self._now_ms())

    def runner(self, runner_key: bytes) -> KnownNode:
        """Return the node that holds a runner key, appraised now if it was not known.

        Raises:
            EvidenceError, ReceiptError: it is no attested runner's key of this chain.
        """
        return self._learning(lambda view: view.node_of_runner(runner_key))

    def _learning(self, use: Callable[[VerifiedView], _T]) -> _T:
        learnt: set[bytes] = set()
        while True:
            try:
                with self._held.lend() as view:
                    return use(view)
            except UnknownKeyError as unknown:
                if unknown.key_id in learnt:
                    raise
                learnt.add(unknown.key_id)
                self.learn(unknown.key_id)

    # --- the ledger -----------------------------------------------------------------------------

    def accept_entry(
        self, unverified: bytes, consistency: Sequence[bytes] | None = None, joined_at: int = 0
    ) -> VerifiedEntry:
        """Verify an entry's proof and join it to the view.

        Args:
            unverified: encoded `EntryProof`.
            consistency: proof between `joined_at` and the size of the entry's checkpoint; None to
                fetch one.
            joined_at: size of the view for which the proof was asked.

        Raises:
            MalformedError, ReceiptError, EvidenceError: it does not hold.
            ForkError: the ledger tells two stories; with portable evidence.
        """
        use = partial(VerifiedView.accept_entry, unverified=unverified)
        with self._evident():
            entry = self._joined(lambda: _size_of(unverified), use, consistency, joined_at)
        with self._recent_lock:
            self._recent.put(unverified, entry, len(unverified))
        return entry

    def reopen_entry(self, kept: bytes) -> VerifiedEntry:
        """Return an entry of this client's own keystore, which was accepted once."""
        with self._recent_lock:
            recent = self._recent.get(kept)
        if recent is not None:
            return recent
        return self._learning(lambda view: view.reopen_entry(kept))

    def accept_checkpoint(self, unverified: bytes, *, least: int) -> Checkpoint:
        """Verify a checkpoint that an answer names and join it to the view.

        Args:
            unverified: COSE_Sign1.
            least: size of the view when the answer was asked for.

        Raises:
            RollbackError: the answer is of an older ledger. Else as `accept_entry`.
        """
        size = Checkpoint.decode(unverified).facts.size
        use = partial(VerifiedView.accept_checkpoint, unverified=unverified, least=least)
        with self._evident():
            return self._joined(lambda: size, use, None, 0)

    def update(self) -> Checkpoint:
        """Fetch the newest checkpoint and move the view to it.

        Raises:
            RollbackError: it is older than what was seen; with portable evidence. Else as
                `accept_entry`.
        """
        with self._evident():
            return self._update()

    def signers(self) -> Signers:
        """Return the recorder keys of this chain, as far as they are known here; the server is asked
        for others.
        """
        made = Signers(
            Genesis.decode(self._pin.genesis),
            allow_simulated=self._policy.allow_simulated,
            now_ms=self._now_ms(),
            ask=self._api.get_announced,
        )
        nodes = self.snapshot().nodes
        made.add([NodeEvidence.decode(node.evidence).recorder for node in reversed(nodes)])
        return made

    @contextmanager
    def _evident(self) -> Iterator[None]:
        """Give a conflict that is noticed inside all the evidence that can be had."""
        try:
            yield
        except ConflictError as found:
            signers = self.signers()
            stored = stored_chain(self._store.directory, self._pin.chain_id)
            kept = kept_checkpoints(self._store.requests, stored, signers)
            raise accuse(found, signers, kept=kept, api=self._api) from found

    def _update(self) -> Checkpoint:
        doubted = False
        for _ in range(_ROUNDS):
            held = self._held_size()
            try:
                answer = self._api.get_checkpoint(held)
            except ConflictError:
                # The server says so itself; its own signature over the smaller log says it better.
                answer = self._api.get_checkpoint(0)
                if Checkpoint.decode(answer.checkpoint).facts.size > held:
                    raise VerificationError(
                        "answer_invalid", "the server says rollback, and shows a newer checkpoint"
                    ) from None
            use = partial(VerifiedView.update_checkpoint, unverified=answer.checkpoint)
            try:
                found = self._learning(partial(_when_at, held, use, answer.consistency))
            except UnjoinedError as unjoined:
                if doubted:
                    raise _fork(unjoined) from unjoined
                doubted = True
                continue
            if found is not None:
                return found
        raise UnavailableError("overloaded", "the view moves faster than it can be followed")

    def _joined(
        self,
        size: Callable[[], int],
        use: _Use[_T],
        consistency: Sequence[bytes] | None,
        joined_at: int,
    ) -> _T:
        """Have the view take up a checkpoint of this size, with a proof from where it stands."""
        path, at, doubted = consistency, joined_at, False
        for _ in range(_ROUNDS):
            if path is None:
                at = self._held_size()
                path = self._consistency(at, size())
            try:
                found = self._learning(partial(_when_at, at, use, path))
                if found is not None:
                    return found
            except UnjoinedError as unjoined:
                # One bad proof may be an accident of the way; a server that has no good one is
                # caught.
                if doubted:
                    raise _fork(unjoined) from unjoined
                doubted = True
            path = None
        raise UnavailableError("overloaded", "the view moves faster than it can be followed")

    def _held_size(self) -> int:
        with self._held.lend() as view:
            return view.size

    def _consistency(self, one: int, other: int) -> Sequence[bytes]:
        if one in (0, other):
            return ()
        return self._api.get_checkpoint(min(one, other), max(one, other)).consistency


def _when_at(
    size: int, use: _Use[_T], consistency: Sequence[bytes], view: VerifiedView
) -> _T | None:
    """Use the view if it stands where the proof begins, else return None."""
    return use(view, consistency=consistency) if view.size == size else None


def _size_of(unverified: bytes) -> int:
    return EntryProof.decode(unverified).facts().size


def _fork(unjoined: UnjoinedError) -> ForkError:
    return ForkError(
        "fork",
        "the server cannot show that the ledger it shows and the one seen before are one",
        unjoined.held,
        unjoined.shown,
        unjoined.path,
    )
