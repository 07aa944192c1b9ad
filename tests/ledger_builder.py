"""An honest little ledger, made from the protocol's own parts and real keys: what tests then corrupt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adyton.client.certificate import CertificatePolicy
from adyton.core import cose
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, digest, hpke_public, key_id
from adyton.core.encoding import encode
from adyton.core.merkle import EMPTY_ROOT, Tree
from adyton.enclave.platform.base import Platform
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.simulated_tee import make_device, open_device
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit, content_digest, named_digests
from adyton.protocol.envelope import Response
from adyton.protocol.evidence import (
    Attested,
    EpochRecord,
    EvidenceBundle,
    NodeEvidence,
    SignedEpochRecord,
)
from adyton.protocol.genesis import Configuration, EpochPolicy, Genesis, TaskPolicy, fingerprint
from adyton.protocol.ledger import (
    BlockHeader,
    Checkpoint,
    CheckpointFacts,
    EntryProof,
    PublicPart,
    app_hash,
    data_hash,
    entry_leaf,
)
from adyton.protocol.task import (
    Finish,
    RunInfo,
    SignedFinish,
    TaskLimits,
    TaskResult,
    seal_result,
    seal_run_info,
)

MEASUREMENT = bytes(range(48))
TASK_LIMITS = TaskLimits(10, 10, 64 << 20, 1 << 20, 1 << 20)
STATE_ROOT = bytes(32)


@dataclass
class Node:
    """The keys of one start, and the evidence over them."""

    recorder: SigningKey
    runner: SigningKey
    evidence: NodeEvidence


@dataclass(frozen=True)
class Block:
    """A block as the host would serve it."""

    header: BlockHeader
    checkpoint: Checkpoint
    entries: tuple[tuple[bytes, bytes], ...]
    first_index: int

    def page_entry(self) -> dict[str, object]:
        """Return the block as a page of `GET /block` holds it."""
        return {
            "header": self.header.encode(),
            "checkpoint": self.checkpoint.encode(),
            "entries": [[public, writes] for public, writes in self.entries],
        }


@dataclass(frozen=True)
class FinishedTask:
    """A task with all that its client holds."""

    task_hash: bytes
    accepted: EntryProof
    finished: EntryProof
    result_key: bytes
    values: dict[str, bytes]
    result: TaskResult
    run_info: RunInfo


@dataclass
class Ledger:
    """A chain of one simulated node; `start` is to be called before anything else.

    Args:
        directory: where the simulated device is made.
        now_ms: time of genesis; the platform's own clock says when evidence is issued.
    """

    directory: Path
    now_ms: int
    ordering: str = "single-host"
    blocks: list[Block] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    tree: Tree = field(default_factory=Tree)

    def __post_init__(self) -> None:
        make_device(self.directory / "device", now_ms=self.now_ms)
        device = open_device(self.directory / "device")
        try:
            self.platform: Platform = open_simulated(device, MEASUREMENT)
        finally:
            os.close(device)
        configuration = Configuration(
            "simulated",
            "open",
            None,
            self.ordering,
            "host",
            TaskPolicy(600, 1 << 30, 1 << 20, 1 << 24, 2),
            EpochPolicy(100, 10),
        )
        self.genesis = Genesis(
            configuration,
            MEASUREMENT,
            self.platform.simulated_root,
            True,
            os.urandom(32),
            self.now_ms,
        )
        self.chain_id = self.genesis.chain_id()

    @property
    def fingerprint(self) -> bytes:
        """What a client pins."""
        return fingerprint(
            self.chain_id,
            MEASUREMENT,
            self.genesis.configuration.digest(),
            self.genesis.simulated_root,
        )

    @property
    def node(self) -> Node:
        """The newest start's keys."""
        return self.nodes[-1]

    def bundle(self, role: str, key: SigningKey, nonce: bytes) -> EvidenceBundle:
        """Return evidence over `key`."""
        attested = Attested(
            "simulated",
            role,
            key.public,
            hpke_public(os.urandom(32)) if role == "recorder" else None,
            self.chain_id,
            self.genesis.configuration.digest(),
            0,
            "namespaces",
        )
        evidence, endorsements = self.platform.evidence(attested.report_data(nonce), nonce)
        return EvidenceBundle(attested, nonce, evidence, endorsements)

    def start(self, time_ms: int | None = None) -> Node:
        """Start a node with fresh keys: one block with its start entry."""
        recorder, runner = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))
        nonce = os.urandom(32)
        record = EpochRecord(self.chain_id, 0, 0, hpke_public(os.urandom(32)), 0, None)
        evidence = NodeEvidence(
            self.genesis.encode(),
            self.bundle("recorder", recorder, nonce),
            self.bundle("runner", runner, nonce),
            SignedEpochRecord.sign(record, recorder),
        )
        self.nodes.append(Node(recorder, runner, evidence))
        self.add([self.part("start", body=evidence.encode())], time_ms=time_ms)
        return self.node

    def part(
        self,
        kind: str,
        *,
        task_hash: bytes | None = None,
        code: str = "",
        claims: bytes | None = None,
        sealed: bytes | None = None,
        body: bytes | None = None,
    ) -> PublicPart:
        """Return a public part under this ledger's measurement and epoch 0."""
        return PublicPart(kind, task_hash, code, 0, MEASUREMENT, claims, sealed, body)

    def next_header(self, transactions: Sequence[bytes], time_ms: int | None = None) -> BlockHeader:
        """Return the header that the next block has."""
        last = self.blocks[-1] if self.blocks else None
        left = app_hash(STATE_ROOT, last.checkpoint.root if last else EMPTY_ROOT)
        if time_ms is None:
            time_ms = last.header.time_ms + 1000 if last else self.now_ms
        return BlockHeader(
            self.chain_id,
            len(self.blocks) + 1,
            time_ms,
            last.header.hash() if last else self.chain_id,
            data_hash(transactions),
            left,
        )

    def add(
        self,
        parts: Sequence[PublicPart],
        *,
        header: BlockHeader | None = None,
        time_ms: int | None = None,
        key: SigningKey | None = None,
        epoch: int = 0,
    ) -> Block:
        """Append a block with these entries, signed by the newest recorder."""
        publics = [part.encode() for part in parts]
        header = header or self.next_header(publics, time_ms)
        entries = []
        first = self.tree.size
        for public, part in zip(publics, parts, strict=True):
            writes = digest(Context.WRITE_SET, public)
            self.tree.append(entry_leaf(public, writes, part.claims))
            entries.append((public, writes))
        key = key or self.node.recorder
        facts = CheckpointFacts(
            key_id(key.public),
            self.chain_id,
            header.height,
            self.tree.size,
            first,
            header.time_ms,
            STATE_ROOT,
            header.hash(),
            epoch,
            self.genesis.configuration.ordering,
            "host",
        )
        checkpoint = Checkpoint.sign(facts, self.tree.root(), key)
        block = Block(header, checkpoint, tuple(entries), first)
        self.blocks.append(block)
        return block

    def page(self, start: int, most: int) -> dict[str, object]:
        """Return blocks from a height on, as `GET /block` answers."""
        at = max(1, start) - 1
        return {
            "genesis": self.genesis.encode(),
            "height": len(self.blocks),
            "blocks": [block.page_entry() for block in self.blocks[at : at + most]],
        }

    def proof(self, height: int, index: int) -> EntryProof:
        """Return the proof of an entry."""
        block = self.blocks[height - 1]
        at = block.first_index + index
        path = tuple(self.tree.inclusion(at, block.checkpoint.facts.size))
        receipt = cose.make_receipt(
            block.checkpoint.message,
            cose.InclusionProof(block.checkpoint.facts.size, at, path),
        )
        public, writes = block.entries[index]
        return EntryProof(block.header, index, public, writes, receipt)

    def request(self, *, claims: bytes | None = None, before: int = 0) -> EntryProof:
        """Record a request, behind `before` void entries in its block; return its proof."""
        header = self.next_header([os.urandom(32)])
        sealed = Response("", b"", None, None).seal(os.urandom(32), header.exec_id(0, before))
        void = self.part("void", code="ticket_spent")
        part = self.part("request", task_hash=os.urandom(32), claims=claims, sealed=sealed)
        self.add([void] * before + [part], header=header)
        return self.proof(len(self.blocks), before)

    def task(self, *, stdout: bytes = b"42\n", before: int = 1, **changed: object) -> FinishedTask:
        """Record a task and its end; `changed` replaces fields of the runner's statement."""
        accepted = self.request(before=before)
        task_hash = accepted.part().task_hash or b""
        exec_id, result_key, runner = accepted.exec_id(), os.urandom(32), self.node.runner
        run_info = RunInfo(
            1234, 1000, 1 << 20, 10, len(stdout), 0, TASK_LIMITS, "namespaces", "rlimit",
            MEASUREMENT, 0, 1,
        )  # fmt: skip
        values = {
            "code": content_digest(b"print(42)\n"),
            "inputs": named_digests([("data.csv", b"1,2\n")]),
            "arguments": encode(["--fast"]),
            "stdin": content_digest(b""),
            "limits": TASK_LIMITS.encode(),
            "exit_code": encode(0),
            "stdout": stdout,
            "stderr": b"",
            "outputs": named_digests([("model.json", b"{}")]),
            "run_info": run_info.encode(),
        }
        claims = claims_digest(commit(TASK_FIELDS, values, result_key, exec_id))
        result = TaskResult("done", "", 0, None, "", stdout, b"", (), ())
        finish = Finish(
            self.chain_id,
            task_hash,
            exec_id,
            1,
            runner.public,
            0,
            seal_result(result.encode(), result_key, exec_id, 1, runner.public),
            None,
            256,
            seal_run_info(run_info.encode(), result_key, exec_id, 1, runner.public),
            claims,
            b"",
        )
        finish = replace(finish, **changed)  # type: ignore[arg-type]  # a test's own fields
        body = SignedFinish.sign(finish, runner).encode()
        void = self.part("void", code="ticket_spent")
        part = self.part("finish", task_hash=task_hash, claims=claims, body=body)
        self.add([void] * before + [part])
        finished = self.proof(len(self.blocks), before)
        return FinishedTask(task_hash, accepted, finished, result_key, values, result, run_info)

    def bundles(self) -> list[EvidenceBundle]:
        """Return the evidence of record of every key."""
        return [b for node in self.nodes for b in (node.evidence.recorder, node.evidence.runner)]


def policy_for(ledger: Ledger, **changed: Any) -> CertificatePolicy:
    """Return an ordinary reader's policy, which pins the ledger's node."""
    policy = CertificatePolicy(
        fingerprints=frozenset({ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=24 * 3600 * 1000,
        allow_stale=False,
    )
    return replace(policy, **changed)


def fork(ledger: Ledger, keep: int, more: int, *, restart: bool = False) -> list[Block]:
    """Have the ledger forget all after `keep` blocks and tell `more` others; return what it told."""
    told = ledger.blocks
    ledger.blocks, ledger.tree = told[:keep], Tree()
    for block in ledger.blocks:
        for public, writes in block.entries:
            ledger.tree.append(entry_leaf(public, writes, PublicPart.decode(public).claims))
    for at in range(more):
        if restart and not at:
            ledger.start()
        else:
            ledger.request(before=1)
    return told
