"""The committed values of a run: computed alike by the runner that claims and the client that checks."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.core.encoding import encode
from adyton.protocol.claims import content_digest, named_digests
from adyton.protocol.task import RunInfo, TaskLimits, TaskResult


def task_claim_values(
    *,
    code: bytes,
    inputs: Sequence[tuple[str, bytes]],
    arguments: Sequence[str],
    stdin: bytes,
    limits: TaskLimits,
    result: TaskResult,
    run_info: RunInfo,
) -> dict[str, bytes]:
    """Return the committed value of each field in `claims.TASK_FIELDS`.

    Args:
        code: content of the code file.
        inputs: base name and content of each input, in the order of submission.
        stdin: content of standard input, empty when none was given.
    """
    return task_claim_values_from_digests(
        code_digest=content_digest(code),
        inputs_value=named_digests(inputs),
        arguments=arguments,
        stdin_digest=content_digest(stdin),
        limits=limits,
        result=result,
        run_info=run_info,
    )


def task_claim_values_from_digests(
    *,
    code_digest: bytes,
    inputs_value: bytes,
    arguments: Sequence[str],
    stdin_digest: bytes,
    limits: TaskLimits,
    result: TaskResult,
    run_info: RunInfo,
) -> dict[str, bytes]:
    """Return the committed values where only digests of code and inputs are at hand.

    Args:
        inputs_value: encoded pairs of name and content digest, as `claims.named_digests` returns them.
    """
    return {
        "code": code_digest,
        "inputs": inputs_value,
        "arguments": encode(list(arguments)),
        "stdin": stdin_digest,
        "limits": limits.encode(),
        "exit_code": encode(result.exit_code),
        "stdout": result.stdout,
        "stderr": result.stderr,
        "outputs": named_digests([(output.path, output.content) for output in result.outputs]),
        "run_info": run_info.encode(),
    }
