"""What the simulated server runs: no code, yet a result, claims and a statement as real as any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adyton.protocol.claims import TASK_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request
from adyton.protocol.task import (
    Finish,
    RunInfo,
    Task,
    TaskOutput,
    TaskResult,
    seal_result,
    seal_run_info,
)
from adyton.protocol.task_claims import task_claim_values
from tests.ledger_builder import MEASUREMENT, Ledger

Contents = tuple[bytes, list[tuple[str, bytes]], bytes]


def simulated_run(
    ledger: Ledger,
    task_hash: bytes,
    request: Request,
    exec_id: bytes,
    contents: Contents,
    *,
    changed: Mapping[str, Any],
) -> tuple[Finish, bytes]:
    """Run a task: its standard output is its code, inputs and standard input, back to front.

    Args:
        contents: code, input files by name, standard input.
        changed: fields of the result that differ from what is claimed.

    Returns:
        The runner's statement, with the sealed result in it, and the sealed result.
    """
    task = Task.decode(request.arguments)
    code, inputs, stdin = contents
    outputs = (TaskOutput("sub/model.json", b"{}"),)
    stdout = (code + b"".join(content for _, content in inputs) + stdin)[::-1]
    result = TaskResult("done", "", 3, None, "", stdout, b"err", outputs, ())
    info = RunInfo(
        1234, 1000, 1 << 20, 10, len(stdout), 3, task.limits, "namespaces", "rlimit",
        MEASUREMENT, 0, 1,
    )  # fmt: skip
    values = task_claim_values(
        code=code,
        inputs=inputs,
        arguments=task.arguments,
        stdin=stdin,
        limits=task.limits,
        result=result,
        run_info=info,
    )
    claims = claims_digest(commit(TASK_FIELDS, values, request.result_key, exec_id))
    runner = ledger.node.runner.public
    run = request.result_key, exec_id, 1, runner
    sealed = seal_result(replace(result, **changed).encode(), *run)
    sealed_info = seal_run_info(info.encode(), *run)
    finish = Finish(
        ledger.chain_id,
        task_hash,
        exec_id,
        1,
        runner,
        0,
        sealed,
        None,
        len(sealed),
        sealed_info,
        claims,
        b"",
    )
    return finish, sealed
