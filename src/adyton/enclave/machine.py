"""The machine: one deterministic state machine that executes blocks.

Nothing in `apply_block` reads a clock, draws randomness or depends on the order of a dictionary: two enclaves with
equal roots and equal blocks leave equal bytes, except for signatures by their own node keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adyton.core.contexts import Context
from adyton.core.errors import Error, InvariantError, MalformedError, PolicyError, UsageError
from adyton.core.schema import peek_name
from adyton.enclave.apps.account import Account
from adyton.enclave.apps.base import AfterCommit, App, Call, Outcome
from adyton.enclave.apps.tasks import Tasks
from adyton.enclave.epochs import Epochs
from adyton.enclave.intake import Intake, Opened, Repeated
from adyton.enclave.keys import Keys
from adyton.enclave.members import Members
from adyton.enclave.recorder import Recorder
from adyton.enclave.sealing import Sealer
from adyton.enclave.state import State
from adyton.protocol.boundary import BlockResult, Executed, NoBlock
from adyton.protocol.envelope import Envelope, Response
from adyton.protocol.epoch import SignedEpochProposal
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import BlockHeader, PublicPart, entry_leaf, write_set_digest
from adyton.protocol.task import SignedFinish, Usage
from adyton.protocol.words import require_ordering

Transaction = Opened | NodeEvidence | SignedFinish | SignedEpochProposal | Error
"""A transaction of a block: opened, or why it cannot be."""


class _Entry(NamedTuple):
    """What one transaction leaves."""

    part: PublicPart
    index_hash: bytes | None = None
    code: str = ""
    after_commit: AfterCommit | None = None


@dataclass(frozen=True)
class Applied:
    """An executed block, and the work that may begin once it is stored."""

    result: BlockResult
    after_commit: tuple[AfterCommit, ...]


@dataclass(frozen=True)
class Parts:
    """What the machine is made of; all of one chain."""

    keys: Keys
    epochs: Epochs
    state: State
    recorder: Recorder
    intake: Intake
    members: Members
    account: Account
    tasks: Tasks
    apps: tuple[App, ...]
    sealer: Sealer
    measurement: bytes


class Machine:
    """Executes blocks of one chain."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._apps = {app.name: app for app in parts.apps}

    def _checked(self, unverified: Sequence[bytes], time_ms: int) -> list[Transaction]:
        """Open transactions as far as it can be done without state; nothing that a stranger sent raises.

        Trust: the bytes come from the host or from anybody through it.
        """
        names = [peek_name(one) for one in unverified]
        places = [place for place, name in enumerate(names) if name == Envelope.WIRE_NAME]
        envelopes = [unverified[place] for place in places]
        opened = self._parts.intake.open_each(envelopes, "request", time_ms)
        checked: dict[int, Transaction] = dict(zip(places, opened, strict=True))
        return [
            checked[place] if place in checked else _of_a_node(unverified[place], name)
            for place, name in enumerate(names)
        ]

    def apply_block(
        self, height: int, time_ms: int, transactions: Sequence[bytes], *, drop_unopenable: bool
    ) -> Applied | NoBlock:
        """Execute the next block.

        Args:
            height: one more than the last.
            time_ms: not before the last block's.
            transactions: in order; the host's word.
            drop_unopenable: leave out what does not open, where the engine proposes and executes in one step; where
                that leaves nothing, no block is made.

        Raises:
            UsageError: another height, or time runs backwards; nothing has changed.
            InvariantError: execution cannot go on; the enclave must halt.
        """
        parts = self._parts
        parts.recorder.require_next(height, time_ms)
        parts.keys.reach(height)
        checked = self._checked(transactions, time_ms)
        if drop_unopenable:
            checked = [self._timely(transaction, time_ms) for transaction in checked]
        kept = [
            place
            for place, transaction in enumerate(checked)
            if not (drop_unopenable and isinstance(transaction, Error))
        ]
        dropped = tuple(
            (place, transaction.code)
            for place, transaction in enumerate(checked)
            if drop_unopenable and isinstance(transaction, Error)
        )
        if drop_unopenable and not kept:
            return NoBlock(dropped)
        header = parts.recorder.next_header(
            height, time_ms, [transactions[place] for place in kept]
        )
        parts.intake.forget_ended(time_ms)
        parts.state.begin_block(height)
        entries: list[Executed] = []
        after_commit: list[AfterCommit] = []
        for index, place in enumerate(kept):
            entry = self._execute(checked[place], transactions[place], header, index)
            writes = write_set_digest(parts.state.end_entry(index))
            public = entry.part.encode()
            leaf = entry_leaf(public, writes, entry.part.claims)
            parts.recorder.append(leaf)
            entries.append(Executed(place, public, writes, leaf, entry.index_hash, entry.code))
            if entry.after_commit is not None:
                after_commit.append(entry.after_commit)
        block_writes = parts.state.end_block(time_ms)
        new_root = parts.epochs.end_block(height, parts.state.stale)
        checkpoint = parts.recorder.close_block(
            header, parts.state.root(), parts.keys.epoch, parts.epochs.root_digest
        )
        result = BlockResult(
            header.encode(),
            checkpoint.encode(),
            parts.sealer.seal_head(parts.recorder.head),
            parts.sealer.seal_root(parts.epochs.root) if new_root else None,
            tuple(entries),
            tuple(block_writes.items()),
            dropped,
        )
        return Applied(result, tuple(after_commit))

    def _timely(self, transaction: Transaction, time_ms: int) -> Transaction:
        """Return the transaction, or why it is outside of its window: a proposal need not hold it."""
        if isinstance(transaction, Opened):
            return self._parts.intake.outdated(transaction, time_ms) or transaction
        return transaction

    def _execute(
        self, transaction: Transaction, raw: bytes, header: BlockHeader, index: int
    ) -> _Entry:
        mark = self._parts.state.savepoint()
        try:
            if isinstance(transaction, Opened):
                return self._request(transaction, header, index)
            if isinstance(transaction, NodeEvidence):
                return self._start(transaction, raw, header)
            if isinstance(transaction, SignedFinish):
                return self._finish(transaction, raw, header)
            if isinstance(transaction, SignedEpochProposal):
                return self._epoch(transaction, raw, header)
            return self._void(transaction.code)
        except InvariantError:
            raise
        except Error as problem:
            self._parts.state.rollback(mark)
            return self._void(problem.code)

    # --- requests -------------------------------------------------------------------------------

    def _request(self, opened: Opened, header: BlockHeader, index: int) -> _Entry:
        """Admit and carry out a request; what is admitted is always answered, under seal."""
        parts = self._parts
        exec_id = header.exec_id(parts.keys.epoch, index)
        request = opened.request
        try:
            parts.intake.admit(opened, header.time_ms)
        except Repeated as repeated:
            if repeated.identical:
                raise
            answer = Response("replayed", b"", None, repeated.original)
            return self._answered(opened, answer, exec_id, None)
        except PolicyError as problem:
            if problem.code in ("request_id_reused", "ticket_spent"):
                return self._answered(
                    opened, Response(problem.code, b"", None, None), exec_id, None
                )
            raise
        mark = parts.state.savepoint()
        ticket = parts.keys.ticket_from(request.client_key, header.time_ms, exec_id, opened.epoch)
        call = Call(
            request,
            exec_id,
            opened.task_hash,
            header.height,
            header.time_ms,
            parts.state,
            parts.keys.genesis,
        )
        try:
            require_ordering(parts.keys.genesis.configuration.ordering, request.ordering)
            outcome = self._app(request.app).execute(call)
        except InvariantError:
            raise
        except Error as problem:
            parts.state.rollback(mark)
            parts.intake.record(opened, call, problem.code)
            return self._answered(opened, Response(problem.code, b"", ticket, None), exec_id, None)
        parts.intake.record(opened, call, "")
        parts.account.append(call)
        return self._answered(opened, Response("", outcome.result, ticket, None), exec_id, outcome)

    def _app(self, name: str) -> App:
        app = self._apps.get(name)
        if app is None:
            raise UsageError("method_unknown", "no app of that name")
        return app

    def _answered(
        self, opened: Opened, response: Response, exec_id: bytes, outcome: Outcome | None
    ) -> _Entry:
        part = PublicPart(
            "request",
            opened.task_hash,
            response.code,
            self._parts.keys.epoch,
            self._parts.measurement,
            None if outcome is None else outcome.claims,
            response.seal(opened.request.response_key, exec_id),
            None if outcome is None else outcome.body,
        )
        return _Entry(part, opened.task_hash, "", None if outcome is None else outcome.after_commit)

    # --- entries of the nodes -------------------------------------------------------------------

    def _start(self, evidence: NodeEvidence, raw: bytes, header: BlockHeader) -> _Entry:
        parts = self._parts
        parts.members.announce(evidence, header.height, header.time_ms)
        parts.tasks.starts = parts.members.starts
        return _Entry(self._part("start", None, None, raw))

    def _finish(self, signed: SignedFinish, raw: bytes, header: BlockHeader) -> _Entry:
        """Close a task; the runner's signature was verified when the transaction was opened."""
        parts = self._parts
        finish = signed.finish
        if finish.chain_id != parts.keys.chain_id:
            raise PolicyError("wrong_chain", "a finish of another chain")
        parts.members.require(finish.runner_key, "runner")
        usage = Usage.decode(
            parts.keys.finish(finish.epoch).open(finish.private, Context.AD_FINISH, finish.exec_id)
        )
        parts.tasks.close(finish.exec_id, finish.task_hash)
        parts.account.append_usage(finish.exec_id, usage)
        return _Entry(self._part("finish", finish.task_hash, finish.claims, raw), finish.task_hash)

    def _epoch(self, signed: SignedEpochProposal, raw: bytes, header: BlockHeader) -> _Entry:
        """Fix the next epoch; the proposer's signature was verified when the transaction was opened."""
        self._parts.members.require(signed.proposal.proposer, "recorder")
        self._parts.epochs.accept(signed.proposal, header.height)
        return _Entry(self._part("epoch", None, None, raw))

    def _void(self, code: str) -> _Entry:
        return _Entry(self._part("void", None, None, None), None, code)

    def _part(
        self, kind: str, task_hash: bytes | None, claims: bytes | None, body: bytes | None
    ) -> PublicPart:
        parts = self._parts
        return PublicPart(
            kind, task_hash, "", parts.keys.epoch, parts.measurement, claims, None, body
        )


def _of_a_node(unverified: bytes, name: str) -> Transaction:
    """Decode a transaction that a node has made, and verify its signature."""
    try:
        if name == NodeEvidence.WIRE_NAME:
            return NodeEvidence.decode(unverified)
        if name == SignedFinish.WIRE_NAME:
            signed = SignedFinish.decode(unverified)
            signed.verify()
            return signed
        if name == SignedEpochProposal.WIRE_NAME:
            proposed = SignedEpochProposal.decode(unverified)
            proposed.verify()
            return proposed
    except InvariantError:
        raise
    except Error as problem:
        return problem
    return MalformedError("malformed", "not a transaction")
