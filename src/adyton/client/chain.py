"""The whole chain, verified block by block: what any reader can check without a key of its own.

`ChainVerifier` takes blocks in order and holds only what was verified: the log's right edge, the
last block, the keys that start entries announced, the executions that ends must name. No I/O, no
clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, NoReturn

from adyton.attestation.node import appraise_node
from adyton.client.certificate import (
    CertificatePolicy,
    require_accepted,
    require_pinned,
)
from adyton.client.chain_epochs import ChainEpochs
from adyton.client.evidence_of_record import historic_policy
from adyton.core import limits
from adyton.core.crypto import key_id
from adyton.core.errors import Error, VerificationError
from adyton.core.fields import AtMost
from adyton.core.merkle import Frontier
from adyton.core.schema import Bytes32, Message, decode_one_of, message
from adyton.protocol.contract import ContractEntry
from adyton.protocol.epoch import SignedEpochProposal
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.identity.answers import IdentityEntry
from adyton.protocol.identity.registries import RECORDS
from adyton.protocol.ledger import BlockHeader, Checkpoint, PublicPart, app_hash, entry_leaf
from adyton.protocol.task import SignedFinish

# An envelope that is refused before anything is done leaves no trace in the state: whoever puts it
# in order again gets a second entry. Every other outcome is recorded, and its envelope never has
# another entry under its hash.
UNRECORDED: Final = frozenset(("replayed", "request_id_reused", "ticket_spent"))
_BODIES: Final = {cls.WIRE_NAME: cls for cls in (ContractEntry, IdentityEntry)}


@message("local-block/1", max_bytes=4 * limits.BLOCK_BYTES)
class LocalBlock(Message):
    """A block as a client stores it: what `GET /block` serves.

    Attributes:
        header: encoded `BlockHeader`.
        checkpoint: COSE_Sign1.
        entries: encoded public part and digest of the encrypted writes, of each.
    """

    header: Annotated[bytes, AtMost(1024)]
    checkpoint: Annotated[bytes, AtMost(limits.CHECKPOINT)]
    entries: Annotated[
        tuple[tuple[Annotated[bytes, AtMost(limits.PUBLIC_PART)], Bytes32], ...],
        AtMost(2 * limits.BLOCK_ENTRIES),
    ]


@dataclass(frozen=True)
class VerifiedBlock:
    """A block of the verified chain.

    Attributes:
        header: height, time, previous hash.
        hash: of the block, 32 bytes.
        checkpoint: signed by an attested recorder key.
        parts: public parts of its entries, in order.
        first_index: place of its first entry in the log.
    """

    header: BlockHeader
    hash: bytes
    checkpoint: Checkpoint
    parts: tuple[PublicPart, ...]
    first_index: int


class ChainVerifier:
    """A chain from its genesis on, as far as it was verified.

    Trust: runs in the client; every block comes from the host or from a file.

    Args:
        unverified_genesis: encoded genesis; its fingerprint must be pinned.
        policy: what the reader demands of the node.
        now_ms: verification time.

    Raises:
        MalformedError: not a genesis.
        VerificationError: not the pinned node. PolicyError: a platform or ordering that is not
        accepted.
    """

    def __init__(
        self, unverified_genesis: bytes, *, policy: CertificatePolicy, now_ms: int
    ) -> None:
        self.genesis, self.fingerprint = require_pinned(unverified_genesis, policy)
        require_accepted(self.genesis, policy)
        self.chain_id = self.genesis.chain_id()
        self.last: VerifiedBlock | None = None
        self._policy = policy
        self._now_ms = now_ms
        # Invariant: everything below follows from verified blocks alone.
        self._log = Frontier()
        self._epochs = ChainEpochs(self.genesis)
        self._incarnations: dict[bytes, int] = {}
        self._recorders: dict[bytes, bytes] = {}
        self._runners: dict[bytes, bytes] = {}
        # Task hash -> exec id; none where there is no end to come: finished, or refused.
        self._running: dict[bytes, bytes | None] = {}
        self._evidence: dict[bytes, EvidenceBundle] = {}

    @property
    def height(self) -> int:
        """Height of the last verified block; 0 before the first."""
        return self.last.header.height if self.last else 0

    @property
    def size(self) -> int:
        """Entries in the verified log."""
        return self._log.size

    @property
    def evidence(self) -> tuple[EvidenceBundle, ...]:
        """Evidence of the recorder keys that the verified blocks announce."""
        return tuple(self._evidence.values())

    def recorder_key(self, key_id_: bytes) -> bytes:
        """Return the recorder key of this name.

        Raises:
            VerificationError: `chain_invalid`, no start entry so far announced it.
        """
        recorder = self._recorders.get(key_id_)
        if recorder is None:
            _refuse("it is signed by a key that no start entry announced")
        return recorder

    def append(self, unverified: LocalBlock) -> VerifiedBlock:
        """Verify `unverified` as the next block and make it the last.

        Steps, as in `docs/spec/ledger.md`:
          1. header, checkpoint and public parts have their one form;
          2. the header is of this chain, the next height, links to the last block and to what it
             left behind, and its time has not decreased;
          3. the checkpoint names this header, the log's size, the epoch in use, and what genesis
             fixes;
          4. its root is the root over all leaves, recomputed from what is shown;
          5. it is signed by a recorder key that was announced with evidence in this block or
             before;
          6. every entry has the form of its kind; a start announces new keys; an envelope that
             was carried out or refused by its app has no other entry; an end is signed by an
             announced runner and names an execution that was carried out, once; a proposal fixes the
             next epoch, signed by an announced recorder, no earlier than genesis allows.

        Raises:
            VerificationError: `chain_invalid`, with the height and what does not hold. The verifier
            is of no
                more use then.
        """
        try:
            return self._append(unverified)
        except Error as problem:
            raise VerificationError(
                "chain_invalid", f"block {self.height + 1}: {problem.message}"
            ) from problem

    def _append(self, unverified: LocalBlock) -> VerifiedBlock:
        # 1
        header = BlockHeader.decode(unverified.header)
        checkpoint = Checkpoint.decode(unverified.checkpoint)
        parts = tuple(PublicPart.decode(public) for public, _ in unverified.entries)
        # 2
        self._require_link(header)
        # 3
        self._require_facts(header, checkpoint, len(parts))
        # 4
        log = self._log.copy()
        for (public, writes), part in zip(unverified.entries, parts, strict=True):
            log.append(entry_leaf(public, writes, part.claims))
        if log.root() != checkpoint.root:
            _refuse("the entries are not those that the checkpoint signs")
        # 5: a block may announce its own signer, so announcements come first
        for part in parts:
            if part.kind == "start":
                self._announce(part, header)
        checkpoint.verify(self.recorder_key(checkpoint.facts.key_id))
        # 6
        for index, part in enumerate(parts):
            self._require_entry(part, header.exec_id(checkpoint.facts.epoch, index), checkpoint)
        block = VerifiedBlock(header, header.hash(), checkpoint, parts, self._log.size)
        self._log, self.last = log, block
        return block

    def _require_link(self, header: BlockHeader) -> None:
        if header.chain_id != self.chain_id:
            _refuse("it is of another chain")
        if header.height != self.height + 1:
            _refuse(f"it says that its height is {header.height}")
        if header.time_ms > self._now_ms + limits.CLOCK_SKEW_MS:
            _refuse("it is from the future")
        if self.last is None:
            if header.previous != self.chain_id:
                _refuse("the first block does not link to the chain id")
            return
        if header.previous != self.last.hash:
            _refuse("it does not link to the block before it")
        if header.time_ms < self.last.header.time_ms:
            _refuse("its time is before that of the block before it")
        left = self.last.checkpoint
        if header.previous_app_hash != app_hash(left.facts.state_root, left.root):
            _refuse("it does not continue the state that the block before it left")

    def _require_facts(self, header: BlockHeader, checkpoint: Checkpoint, entries: int) -> None:
        facts, fixed = checkpoint.facts, self.genesis.configuration
        if facts.chain_id != self.chain_id:
            _refuse("its checkpoint is of another chain")
        if (facts.block_hash, facts.height, facts.time_ms) != (
            header.hash(),
            header.height,
            header.time_ms,
        ):
            _refuse("its checkpoint is of another block")
        if (facts.first, facts.size) != (self._log.size, self._log.size + entries):
            _refuse("its checkpoint is of a log of another size")
        if (facts.ordering, facts.time_source) != (fixed.ordering, fixed.time_source):
            _refuse("its checkpoint names another ordering or time source than genesis")
        self._epochs.require_epoch(facts.epoch, facts.height)

    def _announce(self, part: PublicPart, header: BlockHeader) -> None:
        """Appraise a start entry's evidence, and hold its keys."""
        if part.body is None:
            _refuse("a start entry without evidence")
        evidence = NodeEvidence.decode(part.body)
        node = appraise_node(
            evidence,
            fingerprint=self.fingerprint,
            policy=historic_policy(self.genesis, allow_simulated=self._policy.allow_simulated),
            nonce=None,
            now_ms=self._now_ms,
        )
        for result, held in ((node.recorder, self._recorders), (node.runner, self._runners)):
            if header.time_ms - result.issued_ms > self._policy.max_evidence_age_ms:
                _refuse("a start entry whose evidence was too old when it was recorded")
            public = result.attested.signing_key
            name = key_id(public)
            # The name is eight bytes, and what an older entry announced must not be replaced.
            if name in self._recorders or name in self._runners:
                _refuse("a start entry announces a key that was announced before")
            held[name] = public
        self._evidence[key_id(node.recorder_key)] = evidence.recorder
        self._incarnations[node.recorder_key] = evidence.recorder.attested.incarnation

    def _require_entry(self, part: PublicPart, exec_id: bytes, checkpoint: Checkpoint) -> None:
        if part.measurement != self.genesis.measurement:
            _refuse("an entry was executed by other code than the pinned one")
        if part.epoch > checkpoint.facts.epoch:
            _refuse("an entry of an epoch that has not begun")
        has = (part.task_hash is not None, part.sealed is not None, part.body is not None)
        wanted = {
            "start": (False, False, True),
            "request": (True, True, False),
            "finish": (True, False, True),
            "epoch": (False, False, True),
            "void": (False, False, False),
        }[part.kind]
        if part.kind == "request" and part.body is not None and not part.code:
            _require_body(part.body)
            has = (*has[:2], False)
        named = f"a{'n' if part.kind == 'epoch' else ''} {part.kind} entry"
        if has != wanted:
            _refuse(f"{named} has not the form of its kind")
        if part.kind in ("start", "epoch", "void") and part.claims is not None:
            _refuse(f"{named} with claims")
        if part.kind in ("start", "epoch", "finish") and part.code:
            _refuse(f"{named} with a refusal")
        if part.kind == "request" and part.task_hash is not None:
            self._require_request(part, part.task_hash, exec_id)
        if part.kind == "finish":
            self._require_finish(part)
        if part.kind == "epoch":
            self._require_proposal(part, checkpoint)

    def _require_request(self, part: PublicPart, task_hash: bytes, exec_id: bytes) -> None:
        if part.code and part.claims is not None:
            _refuse("a refused request with claims")
        if task_hash in self._running:
            _refuse("a task hash occurs twice")
        if part.code not in UNRECORDED:
            self._running[task_hash] = None if part.code else exec_id

    def _require_proposal(self, part: PublicPart, checkpoint: Checkpoint) -> None:
        proposal = SignedEpochProposal.decode(part.body or b"").verify()
        if self._recorders.get(key_id(proposal.proposer)) != proposal.proposer:
            _refuse("a proposal is signed by a key that no start entry announced")
        incarnation = self._incarnations[proposal.proposer]
        self._epochs.fix(proposal, incarnation, checkpoint.facts.height)

    def _require_finish(self, part: PublicPart) -> None:
        if part.body is None or part.task_hash is None:
            _refuse("an end without a statement")
        finish = SignedFinish.decode(part.body).verify()
        runner = self._runners.get(key_id(finish.runner_key))
        if runner != finish.runner_key:
            _refuse("an end is signed by a key that no start entry announced")
        if finish.chain_id != self.chain_id or finish.task_hash != part.task_hash:
            _refuse("an end whose statement is of another task or chain")
        if self._running.get(part.task_hash) != finish.exec_id:
            _refuse("an end of no accepted execution, or a second end")
        if part.claims != finish.claims:
            _refuse("an end whose claims are not the runner's")
        self._running[part.task_hash] = None


def _require_body(unverified: bytes) -> None:
    """Refuse a request's body that no app leaves."""
    body = decode_one_of(unverified, _BODIES)
    if isinstance(body, IdentityEntry):
        if bool(body.record) == bool(body.sealed_uses):
            _refuse("an identity entry is of a record, or of a presentation")
        if body.record:
            decode_one_of(body.record, RECORDS)


def _refuse(reason: str) -> NoReturn:
    raise VerificationError("chain_invalid", reason)
