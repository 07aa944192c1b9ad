"""What a client holds to be true of one chain; it takes bytes and keeps only what it has verified.

No input or output, no clock: time is an argument. The rules:

  1. A recorder or runner key enters with evidence that was appraised under the pinned fingerprint.
  2. A checkpoint or entry is believed under a recorder key that entered so, and of this chain only.
  3. Every checkpoint that is seen is joined to the newest one held by a consistency proof, in
     either direction.
  4. Of two checkpoints the one with more leaves has the greater height, begins where the other
     ended or later, and never has an earlier time or epoch.
  5. The view moves forward only. Two signed checkpoints that cannot both be true are an error that
     carries both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.client.checkpoint_order import by_order, contradiction, order
from adyton.client.verified import KnownNode, UnjoinedError, UnknownKeyError, VerifiedEntry
from adyton.core import limits
from adyton.core.crypto import key_id
from adyton.core.encoding import decode, encode
from adyton.core.errors import ForkError, MalformedError, ReceiptError, RollbackError
from adyton.core.merkle import verify_consistency
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import Checkpoint, EntryProof

_NAME: Final = "verified-view/1"
_NODES: Final = 64  # starts whose keys are held; an older one can be shown again
_MAX_BYTES: Final = _NODES * 4 * limits.EVIDENCE + 64 * limits.KIB


class VerifiedView:
    """The verified view of one chain.

    Args:
        chain_id: 32 bytes.
        fingerprint: pinned; every node of this chain must satisfy it.
    """

    def __init__(self, chain_id: bytes, fingerprint: bytes) -> None:
        self.chain_id = chain_id
        self.fingerprint = fingerprint
        self.checkpoint: Checkpoint | None = None
        self._nodes: list[KnownNode] = []

    @property
    def size(self) -> int:
        """Leaves under the newest checkpoint held; 0 before the first."""
        return 0 if self.checkpoint is None else self.checkpoint.facts.size

    @property
    def nodes(self) -> tuple[KnownNode, ...]:
        """Attested starts, in the order in which they were learnt."""
        return tuple(self._nodes)

    def node_of_recorder(self, key_id_: bytes) -> KnownNode:
        """Return the node whose recorder key has this name.

        Raises:
            UnknownKeyError: none that was attested.
        """
        for node in reversed(self._nodes):
            if key_id(node.recorder_key) == key_id_:
                return node
        raise UnknownKeyError(key_id_)

    def node_of_runner(self, runner_key: bytes) -> KnownNode:
        """Return the node that holds this runner key.

        Raises:
            UnknownKeyError: none that was attested.
        """
        for node in reversed(self._nodes):
            if node.runner_key == runner_key:
                return node
        raise UnknownKeyError(key_id(runner_key))

    def update_node(
        self, unverified: NodeEvidence, policy: AppraisalPolicy, nonce: bytes, now_ms: int
    ) -> NodeAppraisal:
        """Appraise evidence that should answer `nonce`, and hold its keys.

        Trust: runs in the client; the evidence comes from the host, the nonce was drawn here.

        Raises:
            EvidenceError: an appraisal step does not hold. PolicyError: simulated, and not allowed.
            ReceiptError: `wrong_chain`, evidence of another chain than this view's.
        """
        return self._add(unverified, policy, nonce, now_ms)

    def add_announced_node(
        self, unverified: NodeEvidence, policy: AppraisalPolicy, now_ms: int
    ) -> NodeAppraisal:
        """Appraise evidence of an earlier start, whose nonce is its own, and hold its keys.

        It shows that the keys were made inside such an enclave once, not that it runs now: enough
        for what was recorded, not for a first contact.

        Raises:
            EvidenceError, PolicyError, ReceiptError: as `update_node`.
        """
        return self._add(unverified, replace(policy, max_age_s=None), None, now_ms)

    def _add(
        self,
        unverified: NodeEvidence,
        policy: AppraisalPolicy,
        nonce: bytes | None,
        now_ms: int,
    ) -> NodeAppraisal:
        appraisal = appraise_node(
            unverified, fingerprint=self.fingerprint, policy=policy, nonce=nonce, now_ms=now_ms
        )
        if appraisal.chain_id != self.chain_id:
            raise ReceiptError("wrong_chain", "evidence of another chain")
        node = KnownNode(
            appraisal.recorder_key,
            appraisal.runner_key,
            appraisal.measurement,
            unverified.encode(),
        )
        others = [known for known in self._nodes if known.recorder_key != node.recorder_key]
        self._nodes = [*others, node][-_NODES:]
        return appraisal

    def update_checkpoint(self, unverified: bytes, consistency: Sequence[bytes]) -> Checkpoint:
        """Verify bytes that the server calls its newest checkpoint, and move the view to it.

        Trust: runs in the client; both arguments come from the host.

        Args:
            unverified: COSE_Sign1.
            consistency: RFC 9162 proof from the held size to the shown one, 32-byte nodes.

        Raises:
            MalformedError, UnknownKeyError, ReceiptError: as `accept_checkpoint`.
            ForkError: both cannot be true. RollbackError: fewer leaves than held.
        """
        shown = self._checkpoint(unverified)
        held = self.checkpoint
        if held is not None and shown.facts.size < held.facts.size:
            # A server that went back and then on has signed the proof of it; one that only went
            # back has not.
            self._require_one_history(held, shown)
            raise RollbackError(
                "rollback",
                f"the newest checkpoint has {shown.facts.size} entries, and {self.size} were seen",
                held.encode(),
                shown.encode(),
            )
        self._join(shown, consistency)
        return shown

    def accept_checkpoint(
        self, unverified: bytes, consistency: Sequence[bytes], *, least: int
    ) -> Checkpoint:
        """Verify a checkpoint that may be older than the view, and move the view if it is newer.

        Trust: runs in the client; the first two arguments come from the host.

        Args:
            unverified: COSE_Sign1.
            consistency: RFC 9162 proof between the held size and the shown one, 32-byte nodes.
            least: entries that were seen before it was asked for.

        Raises:
            MalformedError: not the one encoding of a checkpoint.
            UnknownKeyError: signed by a key that is not attested yet.
            UnjoinedError: the proof does not hold. ReceiptError: another chain's.
            ForkError: both cannot be true. RollbackError: fewer leaves than `least`.
        """
        shown = self._checkpoint(unverified)
        self._join(shown, consistency)
        if shown.facts.size < least:
            held = self.checkpoint or shown
            raise RollbackError(
                "rollback",
                "an answer from before what was seen already",
                held.encode(),
                unverified,
            )
        return shown

    def _checkpoint(self, unverified: bytes) -> Checkpoint:
        shown = Checkpoint.decode(unverified)
        if shown.facts.chain_id != self.chain_id:
            raise ReceiptError("wrong_chain", "a checkpoint of another chain")
        shown.verify(self.node_of_recorder(shown.facts.key_id).recorder_key)
        return shown

    def accept_entry(self, unverified: bytes, consistency: Sequence[bytes]) -> VerifiedEntry:
        """Verify the proof of an entry, join its checkpoint to the view, and move the view if it is
        newer.

        Trust: runs in the client; both arguments come from the host.

        Args:
            unverified: encoded `EntryProof`.
            consistency: RFC 9162 proof between the held size and the size of the entry's
                checkpoint.

        Raises:
            MalformedError, UnknownKeyError, UnjoinedError, ReceiptError, ForkError: as
            `accept_checkpoint`.
        """
        entry = self._entry(unverified)
        self._join(entry.checkpoint, consistency)
        return entry

    def reopen_entry(self, kept: bytes) -> VerifiedEntry:
        """Return an entry that `accept_entry` accepted once; it was joined to the view then.

        Trust: the bytes are this client's own, from its keystore.

        Raises:
            MalformedError, UnknownKeyError, ReceiptError: they do not verify any more.
        """
        return self._entry(kept)

    def _entry(self, unverified: bytes) -> VerifiedEntry:
        proof = EntryProof.decode(unverified)
        facts = proof.facts()
        if facts.chain_id != self.chain_id:
            raise ReceiptError("wrong_chain", "the proof is of another chain")
        node = self.node_of_recorder(facts.key_id)
        part, checkpoint = proof.verify(node.recorder_key, self.chain_id)
        if part.measurement != node.measurement:
            raise ReceiptError("receipt_invalid", "executed by code that is not attested")
        exec_id = proof.header.exec_id(checkpoint.facts.epoch, proof.index)
        return VerifiedEntry(proof, part, checkpoint, node, exec_id)

    def _join(self, shown: Checkpoint, consistency: Sequence[bytes]) -> None:
        """Hold the verified checkpoint against the held one (rules 3 to 5)."""
        held = self.checkpoint
        if held is None:
            self.checkpoint = shown
            return
        self._require_one_history(held, shown)
        older, newer = by_order(held, shown)
        try:
            verify_consistency(
                older.facts.size, older.root, newer.facts.size, newer.root, consistency
            )
        except ReceiptError as unjoined:
            path = tuple(consistency)
            raise UnjoinedError(held.encode(), shown.encode(), path) from unjoined
        # Invariant: the held checkpoint never has fewer leaves than one held before.
        if order(shown) > order(held):
            self.checkpoint = shown

    @staticmethod
    def _require_one_history(held: Checkpoint, shown: Checkpoint) -> None:
        problem = contradiction(held, shown)
        if problem:
            raise ForkError("fork", problem, held.encode(), shown.encode())

    def repin(self, fingerprint: bytes) -> None:
        """Hold the chain to another fingerprint: keys go, the checkpoint stays."""
        self.fingerprint = fingerprint
        self._nodes.clear()

    def to_bytes(self) -> bytes:
        """Return the view as the keystore keeps it, safe from being changed."""
        checkpoint = None if self.checkpoint is None else self.checkpoint.encode()
        nodes = [[n.recorder_key, n.runner_key, n.measurement, n.evidence] for n in self._nodes]
        return encode([_NAME, self.chain_id, self.fingerprint, checkpoint, nodes])

    @classmethod
    def from_bytes(cls, kept: bytes) -> VerifiedView:
        """Return a view that was kept.

        Trust: the bytes are this client's own, from its keystore; only their form is checked again.

        Raises:
            MalformedError: not a view.
        """
        value = decode(kept, max_bytes=_MAX_BYTES, max_items=limits.CBOR_ITEMS_PAGE)
        if type(value) is not list or len(value) != 5 or value[0] != _NAME:
            raise MalformedError("malformed", "not a verified view")
        _, chain_id, fingerprint, checkpoint, nodes = value
        if not (_is_bytes(chain_id, 32) and _is_bytes(fingerprint, 32) and type(nodes) is list):
            raise MalformedError("malformed", "not a verified view")
        view = cls(chain_id, fingerprint)
        if checkpoint is not None:
            view.checkpoint = Checkpoint.decode(checkpoint)
        for node in nodes:
            if type(node) is not list or list(map(type, node)) != [bytes] * 4:
                raise MalformedError("malformed", "not a verified view")
            view._nodes.append(KnownNode(*node))
        return view


def _is_bytes(value: Any, size: int) -> bool:
    return type(value) is bytes and len(value) == size
