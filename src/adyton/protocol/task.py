"""Tasks: what is uploaded, what comes back, what is recorded of the run."""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, SivKey, digest, verify
from adyton.core.errors import MalformedError, PolicyError
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import (
    Bytes32,
    Code,
    Measurement,
    Message,
    Name,
    Signature,
    Uint,
    Uint32,
    message,
)
from adyton.protocol.claims import content_digest
from adyton.protocol.genesis import TaskPolicy
from adyton.protocol.padding import pad, unpad
from adyton.protocol.words import SandboxTier

APP: Final = "tasks"
SUBMIT: Final = "submit"
FileName = Annotated[str, AtMost(255)]
Argument = Annotated[str, AtMost(limits.TASK_ARGUMENT_BYTES)]
Output = Annotated[bytes, AtMost(limits.TASK_OUTPUT)]


@message("blob/1")
class BlobRef(Message):
    """Where a large content lies, and what it must be.

    Attributes:
        id: hash of the ciphertext: the blob's public name.
        key: random key of this blob alone.
        digest: content digest of the plaintext.
        size: bytes of plaintext.
    """

    id: Bytes32
    key: Bytes32
    digest: Bytes32
    size: Annotated[int, AtMost(limits.BLOB)]

    def open(self, unverified: bytes) -> bytes:
        """Return the content.

        Raises:
            VerificationError: not the ciphertext of this content.
            MalformedError: the content is not the one that was signed.
        """
        content = SivKey(self.key, Context.KDF_BLOB).open(unverified, Context.AD_BLOB)
        if len(content) != self.size or content_digest(content) != self.digest:
            raise MalformedError("input_unavailable", "a blob's content is not what was signed")
        return content


def blob_id(ciphertext: bytes) -> bytes:
    """Return the public name of a blob, 32 bytes."""
    return digest(Context.BLOB, ciphertext)


def seal_blob(content: bytes, key: bytes) -> tuple[BlobRef, bytes]:
    """Return reference and ciphertext of `content`; `key` is 32 fresh random bytes."""
    ciphertext = SivKey(key, Context.KDF_BLOB).seal(content, Context.AD_BLOB)
    return BlobRef(blob_id(ciphertext), key, content_digest(content), len(content)), ciphertext


@message("content/1", max_bytes=limits.ENVELOPE)
class Content(Message):
    """Code or data: in the envelope, or in a blob; exactly one of the two."""

    inline: Annotated[bytes, AtMost(limits.INLINE)] | None
    blob: BlobRef | None

    def digest(self) -> bytes:
        """Return the content digest.

        Raises:
            MalformedError: both or neither are given.
        """
        if self.inline is not None and self.blob is None:
            return content_digest(self.inline)
        if self.blob is not None and self.inline is None:
            return self.blob.digest
        raise MalformedError("bad_argument", "a content is inline or a blob")

    def size(self) -> int:
        """Return the content's size in bytes."""
        if self.inline is not None:
            return len(self.inline)
        return self.blob.size if self.blob is not None else 0


@message("task-limits/1")
class TaskLimits(Message):
    """What the client allows its task.

    Attributes:
        wall_s: seconds of wall time.
        cpu_s: seconds of processor time, of each process.
        memory: bytes.
        output: bytes of standard output and of standard error, each.
        outputs: bytes of all files in `out/`.
    """

    wall_s: Annotated[int, AtMost(limits.TASK_WALL_S)]
    cpu_s: Annotated[int, AtMost(64 * limits.TASK_WALL_S)]
    memory: Annotated[int, AtMost(limits.TASK_MEMORY)]
    output: Annotated[int, AtMost(limits.TASK_OUTPUT)]
    outputs: Annotated[int, AtMost(limits.TASK_OUTPUTS)]

    def require_within(self, policy: TaskPolicy) -> None:
        """Refuse limits that the chain does not grant.

        Raises:
            PolicyError: one is zero or over the policy's.
        """
        granted = (
            ("wall_s", self.wall_s, policy.wall_s),
            ("memory", self.memory, policy.memory),
            ("output", self.output, policy.output),
            ("outputs", self.outputs, policy.outputs),
        )
        for name, asked, most in granted:
            if not 1 <= asked <= most:
                raise PolicyError("bad_argument", f"{name} must be from 1 to {most}")
        if self.cpu_s < 1:
            raise PolicyError("bad_argument", "cpu_s must be at least 1")


@message("input/1")
class Input(Message):
    """An input file: its base name in the task's working directory, and its content."""

    name: FileName
    content: Content


@message("task/1", max_bytes=limits.ARGUMENTS_BYTES)
class Task(Message):
    """A task as its client submits it.

    Attributes:
        name: for people.
        created_ms: client's clock.
        file_name: base name of the code file.
        code: Python source, or an executable with a shebang or ELF header.
        arguments: for the program.
        stdin: its standard input.
        inputs: files in its working directory.
    """

    name: Name
    created_ms: Uint
    file_name: FileName
    code: Content
    arguments: Annotated[tuple[Argument, ...], AtMost(limits.TASK_ARGUMENTS)]
    stdin: Content | None
    inputs: Annotated[tuple[Input, ...], AtMost(limits.TASK_INPUTS)]
    limits: TaskLimits

    def require_valid(self) -> None:
        """Refuse file names and contents that cannot lie in a working directory together.

        Raises:
            MalformedError: a name is empty, has a slash or NUL, is reserved or occurs twice; or all contents
                together are too large.
        """
        names = [self.file_name, *[item.name for item in self.inputs]]
        for name in names:
            if not name or name in (".", "..", "out") or "/" in name or "\x00" in name:
                raise MalformedError("bad_argument", "not a base name of a file")
            if len(name.encode("utf-8", "replace")) > 255:
                raise MalformedError("bad_argument", "a file name over 255 bytes")
        if len(set(names)) != len(names):
            raise MalformedError("bad_argument", "two files of the same name")
        if any("\x00" in argument for argument in self.arguments):
            raise MalformedError("bad_argument", "an argument with a NUL character")
        total = 0
        for content in self.contents():
            content.digest()
            total += content.size()
        if total > limits.BLOB_BYTES_PER_TASK:
            raise MalformedError("too_large", "code and data are too large in all")

    def contents(self) -> tuple[Content, ...]:
        """Return code, standard input and inputs, where given."""
        stdin = () if self.stdin is None else (self.stdin,)
        return (self.code, *stdin, *[item.content for item in self.inputs])


@message("task-output/1")
class TaskOutput(Message):
    """A file that the task left: its path below `out/`, and its content."""

    path: Annotated[str, AtMost(1024)]
    content: Annotated[bytes, AtMost(limits.TASK_OUTPUTS)]


@message("task-result/1", max_bytes=limits.BLOB)
class TaskResult(Message):
    """What the task's client gets back, and nobody else.

    Attributes:
        state: `done`, or `failed` when the platform could not run it to its own end.
        code: why it failed, else empty.
        exit_code: where the program exited.
        signal: that ended it, where one did.
        killed: the limit that it passed: `wall-time`, `cpu-time`, `memory`, `output`, …; else empty.
        outputs: files of `out/`, by path.
        refused_outputs: what lay there and was no regular file, or too large.
    """

    state: Annotated[str, OneOf.of("done", "failed")]
    code: Code
    exit_code: Annotated[int, AtMost(255)] | None
    signal: Annotated[int, AtMost(255)] | None
    killed: Annotated[str, AtMost(32)]
    stdout: Output
    stderr: Output
    outputs: Annotated[tuple[TaskOutput, ...], AtMost(limits.TASK_OUTPUT_FILES)]
    refused_outputs: Annotated[
        tuple[Annotated[str, AtMost(2048)], ...], AtMost(limits.TASK_OUTPUT_FILES)
    ]


@message("run-info/1", max_bytes=4096)
class RunInfo(Message):
    """How the run went; sealed apart from the result.

    Attributes:
        wall_us: microseconds of wall time.
        cpu_us: microseconds of processor time.
        peak_memory: bytes.
        bytes_in: code, inputs, arguments and standard input.
        bytes_out: standard output, standard error and outputs.
        exit_code: as in the result.
        limits: that were in force.
        tier: that confined it.
        memory_cap: what enforced the memory limit: `cgroup` or `rlimit`.
        measurement: of the code around it.
        epoch: whose keys sealed it.
        attempt: 1, or more after interruptions.
    """

    wall_us: Uint
    cpu_us: Uint
    peak_memory: Uint
    bytes_in: Uint
    bytes_out: Uint
    exit_code: Annotated[int, AtMost(255)] | None
    limits: TaskLimits
    tier: SandboxTier
    memory_cap: Annotated[str, AtMost(16)]
    measurement: Measurement
    epoch: Uint32
    attempt: Uint32


def _attempt_ad(exec_id: bytes, attempt: int, runner_key: bytes) -> tuple[bytes, bytes, bytes]:
    return exec_id, attempt.to_bytes(8, "big"), runner_key


def seal_result(
    encoded: bytes, result_key: bytes, exec_id: bytes, attempt: int, runner_key: bytes
) -> bytes:
    """Seal an encoded `TaskResult`; associated data are exec id of acceptance, attempt and runner key."""
    key = SivKey(result_key, Context.KDF_RESULT)
    padded = pad(encoded, least=limits.RESULT_MIN)
    return key.seal(padded, Context.AD_RESULT, *_attempt_ad(exec_id, attempt, runner_key))


def open_result(
    unverified: bytes, result_key: bytes, exec_id: bytes, attempt: int, runner_key: bytes
) -> bytes:
    """Return the encoded `TaskResult`.

    Raises:
        VerificationError: sealed under another key, for another run, or by another runner.
    """
    key = SivKey(result_key, Context.KDF_RESULT)
    padded = key.open(unverified, Context.AD_RESULT, *_attempt_ad(exec_id, attempt, runner_key))
    return unpad(padded, least=limits.RESULT_MIN)


def seal_run_info(
    encoded: bytes, result_key: bytes, exec_id: bytes, attempt: int, runner_key: bytes
) -> bytes:
    """Seal an encoded `RunInfo`, as `seal_result` does a result."""
    key = SivKey(result_key, Context.KDF_RUN_INFO)
    padded = pad(encoded, least=limits.RESULT_MIN)
    return key.seal(padded, Context.AD_RUN_INFO, *_attempt_ad(exec_id, attempt, runner_key))


def open_run_info(
    unverified: bytes, result_key: bytes, exec_id: bytes, attempt: int, runner_key: bytes
) -> bytes:
    """Return the encoded `RunInfo`.

    Raises:
        VerificationError: sealed under another key, for another run, or by another runner.
    """
    key = SivKey(result_key, Context.KDF_RUN_INFO)
    padded = key.open(unverified, Context.AD_RUN_INFO, *_attempt_ad(exec_id, attempt, runner_key))
    return unpad(padded, least=limits.RESULT_MIN)


@message("finish/1", max_bytes=limits.ENTRY)
class Finish(Message):
    """The end of a task, as the runner states it.

    Attributes:
        task_hash: of the accepted request.
        exec_id: of its acceptance.
        attempt: 1, or more after interruptions; the first finish that is ordered wins.
        runner_key: Ed25519 key that signs, announced by a start entry.
        epoch: whose transient key seals `private`.
        result: sealed result, where it is small enough.
        result_blob: id of the blob that holds it, where it is not.
        result_size: bytes of the sealed result, a size class.
        run_info: sealed run information.
        claims: digest of the commitments.
        private: usage, sealed to the machine.
    """

    chain_id: Bytes32
    task_hash: Bytes32
    exec_id: Bytes32
    attempt: Uint32
    runner_key: Bytes32
    epoch: Uint32
    result: Annotated[bytes, AtMost(2 * limits.RESULT_INLINE)] | None
    result_blob: Bytes32 | None
    result_size: Uint
    run_info: Annotated[bytes, AtMost(8192)]
    claims: Bytes32
    private: Annotated[bytes, AtMost(1024)]


@message("signed-finish/1", max_bytes=limits.ENTRY)
class SignedFinish(Message):
    """A finish under its runner's signature."""

    finish: Finish
    signature: Signature

    @classmethod
    def sign(cls, finish: Finish, key: SigningKey) -> SignedFinish:
        """Sign `finish` with the runner's key."""
        return cls(finish, key.sign(Context.SIGN_FINISH, finish.encode()))

    def verify(self) -> Finish:
        """Return the finish, signed by the runner key that it names.

        Trust: whether that key is a runner's is the caller's question.

        Raises:
            VerificationError: the signature does not verify.
        """
        verify(self.finish.runner_key, self.signature, Context.SIGN_FINISH, self.finish.encode())
        return self.finish


@message("usage/1", max_bytes=1024)
class Usage(Message):
    """What a run cost, for the client's own account."""

    wall_us: Uint
    cpu_us: Uint
    peak_memory: Uint
    bytes_in: Uint
    bytes_out: Uint
