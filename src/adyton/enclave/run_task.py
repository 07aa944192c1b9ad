"""One run of one task: contents fetched and checked, the guest confined, what it leaves gathered."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from adyton.core import limits
from adyton.core.crypto import SIV_OVERHEAD
from adyton.core.encoding import encode
from adyton.core.errors import (
    GuestError,
    MalformedError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.enclave.host_port import HostPort
from adyton.protocol.claims import content_digest
from adyton.protocol.task import Content, RunInfo, Task, TaskOutput, TaskResult
from adyton.protocol.task_claims import task_claim_values_from_digests
from adyton.sandbox.jail import Jail
from adyton.sandbox.job import GuestJob, GuestLimits, GuestOutcome

_PROCESSES = 64
_OPEN_FILES = 256
_DISK_LEAST = 64 * limits.MIB
_PATH_MAX = 1024  # of `TaskOutput.path`
_SHOWN_CHARACTERS = 200


@dataclass(frozen=True)
class RunResult:
    """What a run leaves.

    Attributes:
        task: as it was submitted.
        result: for the client.
        wall_us: microseconds.
        cpu_us: microseconds.
        peak_memory: bytes.
        bytes_in: code, inputs, arguments and standard input.
        tier: that confined it.
        memory_cap: what enforced the memory limit.
        blobs: that opened with the task's own keys, so that this task may have them dropped.
    """

    task: Task
    result: TaskResult
    wall_us: int
    cpu_us: int
    peak_memory: int
    bytes_in: int
    tier: str
    memory_cap: str
    blobs: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return "<RunResult>"

    def run_info(self, measurement: bytes, epoch: int, attempt: int) -> RunInfo:
        """Return the run information."""
        result = self.result
        bytes_out = (
            len(result.stdout)
            + len(result.stderr)
            + sum(len(output.content) for output in result.outputs)
        )
        return RunInfo(
            self.wall_us,
            self.cpu_us,
            self.peak_memory,
            self.bytes_in,
            bytes_out,
            result.exit_code,
            self.task.limits,
            self.tier,
            self.memory_cap,
            measurement,
            epoch,
            attempt,
        )

    def claim_values(self, info: RunInfo) -> dict[str, bytes]:
        """Return the values that are committed to; contents by the digests that were signed and checked."""
        task = self.task
        return task_claim_values_from_digests(
            code_digest=task.code.digest(),
            inputs_value=encode([[item.name, item.content.digest()] for item in task.inputs]),
            arguments=task.arguments,
            stdin_digest=content_digest(b"") if task.stdin is None else task.stdin.digest(),
            limits=task.limits,
            result=self.result,
            run_info=info,
        )


def failed(task: Task, code: str, jail: Jail | None) -> RunResult:
    """Return the result of a task that was not run to its own end."""
    result = TaskResult("failed", code, None, None, "", b"", b"", (), ())
    tier, cap = ("none", "none") if jail is None else (jail.tier, jail.memory_cap)
    return RunResult(task, result, 0, 0, 0, 0, tier, cap)


def run_task(task: Task, jail: Jail | None, link: HostPort, cancel: threading.Event) -> RunResult:
    """Run a task once; whatever goes wrong is a result, too.

    Args:
        task: accepted, so valid and within the policy.
        jail: confines the guest; None where the machine cannot.
        link: to fetch blobs.
        cancel: ends the guest when set.
    """
    if jail is None:
        return failed(task, "sandbox_unavailable", jail)
    try:
        job, bytes_in = _job(task, link)
    except (MalformedError, VerificationError):
        return failed(task, "input_unavailable", jail)
    try:
        outcome = jail.run(job, cancel=cancel)
    except UsageError:
        return failed(task, "bad_argument", jail)
    except (GuestError, UnavailableError):
        return failed(task, "sandbox_failed", jail)
    return RunResult(
        task,
        _result(outcome),
        max(0, round(outcome.wall_s * 1_000_000)),
        max(0, round(outcome.cpu_s * 1_000_000)),
        outcome.peak_memory_bytes,
        bytes_in,
        jail.tier,
        jail.memory_cap,
        tuple(content.blob.id for content in task.contents() if content.blob is not None),
    )


def _job(task: Task, link: HostPort) -> tuple[GuestJob, int]:
    code = _content(task.code, link)
    stdin = b"" if task.stdin is None else _content(task.stdin, link)
    files = {item.name: _content(item.content, link) for item in task.inputs}
    arguments_size = sum(len(argument.encode("utf-8", "replace")) for argument in task.arguments)
    held = len(code) + sum(map(len, files.values()))
    bytes_in = held + len(stdin) + arguments_size
    asked = task.limits
    disk = max(_DISK_LEAST, 2 * (held + asked.outputs))
    guest_limits = GuestLimits(
        wall_s=float(asked.wall_s),
        cpu_s=asked.cpu_s,
        memory_bytes=asked.memory,
        disk_bytes=disk,
        output_bytes=asked.output,
        processes=_PROCESSES,
        open_files=_OPEN_FILES,
        file_bytes=disk,
        outputs_bytes=asked.outputs,
        outputs_count=limits.TASK_OUTPUT_FILES,
    )
    return GuestJob(code, task.file_name, task.arguments, stdin, files, guest_limits), bytes_in


def _content(content: Content, link: HostPort) -> bytes:
    """Return a content; a blob is the host's word until it opens and has the digest that was signed."""
    if content.inline is not None:
        return content.inline
    if content.blob is None:
        raise MalformedError("bad_argument", "a content is inline or a blob")
    unverified = link.blob(content.blob.id, content.blob.size + SIV_OVERHEAD)
    if unverified is None:
        raise MalformedError("input_unavailable", "the host has no such blob")
    return content.blob.open(unverified)


def _result(outcome: GuestOutcome) -> TaskResult:
    # The client's decoder refuses a longer path, and the whole result with it.
    outputs = tuple(
        TaskOutput(path, content)
        for path, content in outcome.outputs.items()
        if len(path) <= _PATH_MAX
    )
    too_long = tuple(
        ascii(path[:_SHOWN_CHARACTERS])[1:-1] for path in outcome.outputs if len(path) > _PATH_MAX
    )
    return TaskResult(
        "done",
        "",
        outcome.exit_code,
        outcome.signal,
        outcome.killed or "",
        outcome.stdout,
        outcome.stderr,
        outputs,
        (*outcome.refused_outputs, *too_long)[: limits.TASK_OUTPUT_FILES],
    )
