"""From files to a task: what fits travels in the envelope, the rest as sealed blobs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.client.records import KnownClaims
from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.claims import content_digest, named_digests
from adyton.protocol.genesis import TaskPolicy
from adyton.protocol.task import Content, Input, Task, TaskLimits, seal_blob

# Room in an envelope beside code and data: names, limits, keys of blobs, the request around them.
_OVERHEAD: Final = 24 * limits.KIB


@dataclass(frozen=True)
class PreparedTask:
    """A task, ready to be submitted.

    Attributes:
        task: as it will be signed.
        blobs: id and ciphertext of each content too large for the envelope.
        claimed: what the enclave will have to claim of it.
    """

    task: Task
    blobs: tuple[tuple[bytes, bytes], ...]
    claimed: KnownClaims

    def __repr__(self) -> str:
        return f"<PreparedTask with {len(self.blobs)} blobs>"


def task_limits(
    granted: TaskPolicy,
    *,
    wall_s: int | None = None,
    cpu_s: int | None = None,
    memory: int | None = None,
    output: int | None = None,
    outputs: int | None = None,
) -> TaskLimits:
    """Return limits for a task: what is asked for, else what the chain grants at most.

    Raises:
        PolicyError: more than the chain grants, or nothing.
    """
    wall = granted.wall_s if wall_s is None else wall_s
    made = TaskLimits(
        wall_s=wall,
        cpu_s=wall if cpu_s is None else cpu_s,
        memory=granted.memory if memory is None else memory,
        output=granted.output if output is None else output,
        outputs=granted.outputs if outputs is None else outputs,
    )
    made.require_within(granted)
    return made


def prepare_task(
    file_name: str,
    code: bytes,
    *,
    task_limits: TaskLimits,
    created_ms: int,
    arguments: Sequence[str] = (),
    stdin: bytes | None = None,
    inputs: Sequence[tuple[str, bytes]] = (),
    name: str = "",
    entropy: Callable[[int], bytes] = secrets.token_bytes,
) -> PreparedTask:
    """Make a task of contents.

    Args:
        file_name: base name of the code file.
        code: Python source, or an executable with a shebang or ELF header.
        task_limits: what the task may use.
        created_ms: client's clock.
        stdin: standard input; None gives none.
        inputs: base name and content of each file in the working directory.
        name: for the client's own list; the file's name when it is empty.
        entropy: of the blobs' keys.

    Raises:
        MalformedError: names that cannot lie in one directory, or too much of anything.
    """
    if any(len(content) > limits.BLOB for content in (code, stdin or b"", *[c for _, c in inputs])):
        raise MalformedError("too_large", f"a file over {limits.BLOB} bytes")
    room = limits.INLINE - _OVERHEAD - sum(len(one.encode()) + 5 for one in arguments)
    blobs: list[tuple[bytes, bytes]] = []

    def content_of(content: bytes) -> Content:
        nonlocal room
        if len(content) <= room:
            room -= len(content)
            return Content(content, None)
        reference, ciphertext = seal_blob(content, entropy(32))
        blobs.append((reference.id, ciphertext))
        return Content(None, reference)

    task = Task(
        name=name or file_name,
        created_ms=created_ms,
        file_name=file_name,
        code=content_of(code),
        arguments=tuple(arguments),
        stdin=None if stdin is None else content_of(stdin),
        inputs=tuple(Input(input_name, content_of(content)) for input_name, content in inputs),
        limits=task_limits,
    )
    task.require_valid()
    # The decoder on the other side has the bounds: what it would refuse is refused here.
    Task.decode(task.encode())
    claimed = KnownClaims(
        content_digest(code),
        named_digests(inputs),
        tuple(arguments),
        content_digest(stdin or b""),
        task_limits,
    )
    return PreparedTask(task, tuple(blobs), claimed)


def read_file(path: Path) -> bytes:
    """Return a file's content, at most `limits.BLOB` bytes.

    Raises:
        UsageError: it cannot be read. MalformedError: `too_large`.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.BLOB + 1)
    except OSError as problem:
        raise UsageError("usage", f"{path} cannot be read") from problem
    if len(content) > limits.BLOB:
        raise MalformedError("too_large", f"{path} is over {limits.BLOB} bytes")
    return content


def read_inputs(paths: Sequence[Path]) -> list[tuple[str, bytes]]:
    """Return base name and content of each input file, in order.

    Raises:
        UsageError: one cannot be read. MalformedError: one is too large.
    """
    return [(path.name, read_file(path)) for path in paths]
