"""Tasks for tests of the enclave: made, submitted, ended, opened and checked as a client would."""

from __future__ import annotations

import time
from dataclasses import dataclass

from adyton.core import limits
from adyton.core.schema import peek_name
from adyton.protocol import task as messages
from adyton.protocol.boundary import BlockResult
from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request, Response, task_hash
from adyton.protocol.ledger import BlockHeader
from adyton.protocol.task import (
    Content,
    Finish,
    RunInfo,
    SignedFinish,
    Task,
    TaskLimits,
    TaskResult,
)
from adyton.protocol.task_claims import task_claim_values
from tests.host_simulator import HostSimulator, SimulatedClient, public

_PATIENCE_S = 60.0
LIMITS = TaskLimits(20, 20, 256 * limits.MIB, 64 * limits.KIB, limits.MIB)


def inline(content: bytes) -> Content:
    return Content(content, None)


def python(source: str, **changes: object) -> Task:
    """A Python task; `changes` replace its fields."""
    fields: dict[str, object] = {
        "name": "a task",
        "created_ms": 1,
        "file_name": "code.py",
        "code": inline(source.encode()),
        "arguments": (),
        "stdin": None,
        "inputs": (),
        "limits": LIMITS,
    }
    return Task(**{**fields, **changes})  # type: ignore[arg-type]  # fields by name, checked at decode


@dataclass(frozen=True)
class Accepted:
    """A task as its client knows it once it is accepted."""

    task: Task
    request: Request
    envelope: bytes
    response: Response
    exec_id: bytes

    @property
    def task_hash(self) -> bytes:
        return task_hash(self.envelope)


@dataclass(frozen=True)
class Ended:
    """A finish, opened by its client."""

    finish: Finish
    result: TaskResult
    info: RunInfo
    block: BlockResult


def submit(client: SimulatedClient, task: Task, *, commit_: bool = True) -> Accepted:
    """Have a task accepted; without `commit_` the enclave does not yet hear that it is stored."""
    request = client.request(messages.APP, messages.SUBMIT, task.encode())
    envelope = client.envelope(request)
    result = (client.host.block if commit_ else client.host.execute)(envelope)
    exec_id = BlockHeader.decode(result.header).exec_id(0, 0)
    return Accepted(task, request, envelope, client.open(result, 0, request), exec_id)


def finish_of(host: HostSimulator, exec_id: bytes) -> bytes:
    """Wait for the runner to hand in the end of a task, and return the transaction."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        for transaction in list(host.submitted):
            if peek_name(transaction) != SignedFinish.WIRE_NAME:
                continue  # a proposal of an epoch
            if SignedFinish.decode(transaction).finish.exec_id == exec_id:
                return transaction
        time.sleep(0.002)
    raise TimeoutError("the runner has not handed in the end of the task")


def end(client: SimulatedClient, accepted: Accepted) -> Ended:
    """Wait for the end, have it recorded, and return what the client makes of it."""
    transaction = finish_of(client.host, accepted.exec_id)
    block = client.host.block(transaction)
    entry = block.entries[0]
    part = public(entry)
    assert (part.kind, entry.code, entry.index_hash) == ("finish", "", accepted.task_hash)
    assert part.body == transaction
    signed = SignedFinish.decode(transaction)
    finish = signed.verify()
    assert finish.runner_key == client.host.evidence().runner.attested.signing_key
    assert part.claims == finish.claims
    about = (accepted.request.result_key, finish.exec_id, finish.attempt, finish.runner_key)
    sealed = finish.result
    if sealed is None:
        assert finish.result_blob is not None
        sealed = client.host.blobs[finish.result_blob]
        assert messages.blob_id(sealed) == finish.result_blob
    assert len(sealed) == finish.result_size
    result = TaskResult.decode(messages.open_result(sealed, *about))
    info = RunInfo.decode(messages.open_run_info(finish.run_info, *about))
    return Ended(finish, result, info, block)


def run(client: SimulatedClient, task: Task) -> Ended:
    """Have a task accepted and carried out."""
    return end(client, submit(client, task))


def claims(
    accepted: Accepted,
    ended: Ended,
    *,
    code: bytes,
    inputs: tuple[tuple[str, bytes], ...] = (),
    stdin: bytes = b"",
) -> bytes:
    """The claims digest, as a client computes it from what it holds."""
    values = task_claim_values(
        code=code,
        inputs=inputs,
        arguments=accepted.task.arguments,
        stdin=stdin,
        limits=accepted.task.limits,
        result=ended.result,
        run_info=ended.info,
    )
    made = commit(TASK_FIELDS, values, accepted.request.result_key, accepted.exec_id)
    return claims_digest(made)
