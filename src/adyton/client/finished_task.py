"""Opens the end of a task and verifies every word of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from adyton.client.records import KnownClaims, RequestRecord
from adyton.client.steps import END_STEPS, Steps
from adyton.client.verified import KnownNode, VerifiedEntry
from adyton.core.errors import VerificationError
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import EntryProof
from adyton.protocol.task import (
    Finish,
    RunInfo,
    SignedFinish,
    TaskResult,
    blob_id,
    open_result,
    open_run_info,
)
from adyton.protocol.task_claims import task_claim_values_from_digests
from adyton.protocol.words import require_ordering


@dataclass(frozen=True)
class FinishedTask:
    """A task that was run, with its result; all of it verified.

    Attributes:
        record: as the keystore holds it.
        result: what the program left.
        run_info: how the run went.
        finish: the runner's statement.
        accepted: proof of the accepted request.
        finished: proof of its end.
        genesis: encoded genesis of the chain.
        evidence: bundles of every key that signed.
        result_key: secret; salts the claims.
        values: committed value of each of `claims.TASK_FIELDS`; empty in a list that was rebuilt,
            whose client no longer knows what it submitted: then result and run are verified, and
            the claims are not.
    """

    record: RequestRecord
    result: TaskResult
    run_info: RunInfo
    finish: Finish
    accepted: EntryProof
    finished: EntryProof
    genesis: bytes
    evidence: tuple[EvidenceBundle, ...]
    result_key: bytes
    values: dict[str, bytes]

    def __repr__(self) -> str:
        return f"<FinishedTask {self.record.task_hash.hex()[:16]}>"

    @property
    def exit_code(self) -> int | None:
        """Where the program exited; None when it did not."""
        return self.result.exit_code


@dataclass(frozen=True)
class VerifiedEnd:
    """The end of a task, all of it verified.

    Attributes:
        finish: the runner's statement.
        runner: the attested node that holds its key.
        result: what the program left.
        run_info: how the run went.
        values: committed value of each of `claims.TASK_FIELDS`; empty where it is not known what
            was submitted.
    """

    finish: Finish
    runner: KnownNode
    result: TaskResult
    run_info: RunInfo
    values: dict[str, bytes]

    def __repr__(self) -> str:
        return f"<VerifiedEnd {self.finish.task_hash.hex()[:16]}>"


def _invalid(reason: str) -> VerificationError:
    return VerificationError("answer_invalid", reason)


def verify_end(
    accepted: VerifiedEntry,
    finished: VerifiedEntry,
    *,
    task_hash: bytes,
    ordering: str,
    result_key: bytes,
    known: KnownClaims | None,
    runner: Callable[[bytes], KnownNode],
    blob: Callable[[bytes], bytes],
    steps: Steps | None = None,
) -> VerifiedEnd:
    """Verify the end of a task, open its result, and return all that it says.

    Trust: runs in the client; the entries are verified, and lie in one chain. What `blob` returns
        comes from the host.

    Steps, as in `docs/spec/task.md`:
      1. the entry is a finish of this task, recorded after its acceptance;
      2. the runner key that the statement names has signed it;
      3. it names chain, task and execution of the acceptance;
      4. its claims are those that the ledger shows;
      5. the runner key is an attested one of this chain;
      6. the end is recorded under the ordering that the request asks for or a stronger one;
      7. the sealed result, inline or the blob that is named, has the size that is said; result and
         run information open under this client's result key, for this run, attempt and runner;
      8. they agree with the statement and with each other;
      9. the claims are those of what was submitted and what came back.

    Args:
        accepted: the task's acceptance.
        finished: what is shown as its end.
        task_hash: of the accepted envelope.
        ordering: that the request asks for.
        result_key: of the request.
        known: what was submitted; None in a list that was rebuilt, which skips step 9.
        runner: returns the attested node that holds a runner key.
        blob: fetches a sealed result by its name.
        steps: told how far the verification comes.

    Raises:
        PolicyError: step 6. MalformedError, VerificationError: any other step.
        Error: whatever else the callables raise.
    """
    steps = steps or Steps(END_STEPS)
    finish = _statement(accepted, finished, task_hash, steps)
    steps.reach(5)
    node = runner(finish.runner_key)
    steps.reach(6)
    require_ordering(finished.checkpoint.facts.ordering, ordering)
    steps.reach(7)
    sealed = _sealed_result(finish, blob)
    run = finish.exec_id, finish.attempt, finish.runner_key
    result = TaskResult.decode(open_result(sealed, result_key, *run))
    run_info = RunInfo.decode(open_run_info(finish.run_info, result_key, *run))
    steps.reach(8)
    if (run_info.exit_code, run_info.attempt) != (result.exit_code, finish.attempt):
        raise _invalid("run information and result are of different runs")
    if run_info.measurement != node.measurement or run_info.epoch != finish.epoch:
        raise _invalid("run information names other code or another epoch")
    steps.reach(9)
    values = {} if known is None else _claimed(finish, known, result_key, result, run_info)
    steps.end()
    return VerifiedEnd(finish, node, result, run_info, values)


def _statement(
    accepted: VerifiedEntry, finished: VerifiedEntry, task_hash: bytes, steps: Steps
) -> Finish:
    part = finished.part
    steps.reach(1)
    if part.kind != "finish" or part.task_hash != task_hash or part.body is None:
        raise _invalid("the entry is not the end of this task")
    first, last = accepted.checkpoint.facts, finished.checkpoint.facts
    if last.size <= first.size or last.height <= first.height:
        raise _invalid("the task ends before it was accepted")
    steps.reach(2)
    finish = SignedFinish.decode(part.body).verify()
    steps.reach(3)
    if finish.chain_id != first.chain_id or finish.task_hash != task_hash:
        raise _invalid("the runner speaks of another task")
    if finish.exec_id != accepted.exec_id:
        raise _invalid("the runner speaks of another run")
    steps.reach(4)
    if finish.claims != part.claims:
        raise _invalid("the runner's claims are not those of the ledger")
    return finish


def _sealed_result(finish: Finish, blob: Callable[[bytes], bytes]) -> bytes:
    if finish.result is not None and finish.result_blob is None:
        sealed = finish.result
    elif finish.result is None and finish.result_blob is not None:
        sealed = blob(finish.result_blob)
        if blob_id(sealed) != finish.result_blob:
            raise _invalid("the result is not the blob that the runner names")
    else:
        raise _invalid("a finish with two results, or none")
    if len(sealed) != finish.result_size:
        raise _invalid("the result has another size than the runner says")
    return sealed


def _claimed(
    finish: Finish, known: KnownClaims, result_key: bytes, result: TaskResult, run_info: RunInfo
) -> dict[str, bytes]:
    """Return the committed values, which are those of what was submitted and what came back."""
    if run_info.limits != known.limits:
        raise _invalid("the task ran under other limits than were signed")
    values = task_claim_values_from_digests(
        code_digest=known.code,
        inputs_value=known.inputs,
        arguments=known.arguments,
        stdin_digest=known.stdin,
        limits=known.limits,
        result=result,
        run_info=run_info,
    )
    if claims_digest(commit(TASK_FIELDS, values, result_key, finish.exec_id)) != finish.claims:
        raise _invalid("the claims are not those of this task and result")
    return values


def evidence_of(nodes: tuple[KnownNode, ...]) -> tuple[EvidenceBundle, ...]:
    """Return the bundles of some nodes, each once."""
    shown = {node.evidence: NodeEvidence.decode(node.evidence) for node in nodes}
    return tuple(bundle for node in shown.values() for bundle in (node.recorder, node.runner))
