"""Opens the end of a task and verifies every word of it."""

from __future__ import annotations

from dataclasses import dataclass

from adyton.client.records import KnownClaims, RequestRecord
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


def _invalid(reason: str) -> VerificationError:
    return VerificationError("answer_invalid", reason)


def verified_finish(
    accepted: VerifiedEntry, finished: VerifiedEntry, task_hash: bytes, chain_id: bytes
) -> Finish:
    """Return the runner's statement that a finish entry holds, of this very task.

    Steps, as in `docs/spec/task.md`:
      1. the entry is a finish of this task, recorded after its acceptance, by code that executed
         both;
      2. the runner key that the statement names has signed it;
      3. it names chain, task and execution of the acceptance;
      4. its claims are those that the ledger shows.

    Trust: the entries are verified; whether the runner key is attested is the caller's next
        question.

    Raises:
        VerificationError: a step does not hold.
    """
    part = finished.part
    # 1
    if part.kind != "finish" or part.task_hash != task_hash or part.body is None:
        raise _invalid("the entry is not the end of this task")
    first, last = accepted.checkpoint.facts, finished.checkpoint.facts
    if last.size <= first.size or last.height <= first.height:
        raise _invalid("the task ends before it was accepted")
    # 2
    finish = SignedFinish.decode(part.body).verify()
    # 3
    if finish.chain_id != chain_id or finish.task_hash != task_hash:
        raise _invalid("the runner speaks of another task")
    if finish.exec_id != accepted.exec_id:
        raise _invalid("the runner speaks of another run")
    # 4
    if finish.claims != part.claims:
        raise _invalid("the runner's claims are not those of the ledger")
    return finish


def require_result_blob(finish: Finish, unverified: bytes) -> bytes:
    """Return a fetched sealed result.

    Raises:
        VerificationError: not the blob that the statement names.
    """
    if finish.result_blob is None or blob_id(unverified) != finish.result_blob:
        raise _invalid("the result is not the blob that the runner names")
    return unverified


def open_finish(
    finish: Finish,
    sealed: bytes,
    result_key: bytes,
    runner: KnownNode,
    known: KnownClaims | None,
) -> tuple[TaskResult, RunInfo, dict[str, bytes]]:
    """Open result and run information, and compare them with each other and with the claims.

    Steps, as in `docs/spec/task.md`:
      5. both open under this client's result key, for this run, attempt and runner;
      6. they agree with the statement and with each other;
      7. the claims are those of what was submitted and what came back.

    Args:
        finish: verified, its runner key attested.
        sealed: the sealed result, inline or fetched.
        result_key: of the request.
        runner: the attested node that holds the runner key.
        known: what was submitted; None in a list that was rebuilt, which skips step 7.

    Raises:
        VerificationError: a step does not hold.
    """
    run = finish.exec_id, finish.attempt, finish.runner_key
    # 5
    if len(sealed) != finish.result_size:
        raise _invalid("the result has another size than the runner says")
    result = TaskResult.decode(open_result(sealed, result_key, *run))
    run_info = RunInfo.decode(open_run_info(finish.run_info, result_key, *run))
    # 6
    if (run_info.exit_code, run_info.attempt) != (result.exit_code, finish.attempt):
        raise _invalid("run information and result are of different runs")
    if run_info.measurement != runner.measurement or run_info.epoch != finish.epoch:
        raise _invalid("run information names other code or another epoch")
    # 7
    if known is None:
        return result, run_info, {}
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
    return result, run_info, values


def evidence_of(nodes: tuple[KnownNode, ...]) -> tuple[EvidenceBundle, ...]:
    """Return the bundles of some nodes, each once."""
    shown = {node.evidence: NodeEvidence.decode(node.evidence) for node in nodes}
    return tuple(bundle for node in shown.values() for bundle in (node.recorder, node.runner))
