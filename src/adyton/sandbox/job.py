"""What the enclave asks of a jail, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Literal

from adyton.core.errors import UsageError

# MAX_ARG_STRLEN of Linux, terminating zero included.
_ARGUMENT_MAX: Final = 128 * 1024 - 1
_NAME_MAX: Final = 255
_PAGE: Final = 4096
_OUTPUT_DIRECTORY: Final = "out"
# Less does not even hold the cell's own processes.
MEMORY_MIN: Final = 32 << 20

Killed = Literal["wall-time", "cpu-time", "memory", "output", "cancelled"]


@dataclass(frozen=True)
class GuestLimits:
    """Bounds on one guest; counts and bytes are whole numbers >= 1 (those on output may be 0).

    Attributes:
        wall_s: seconds from the start to the kill.
        cpu_s: seconds of CPU time for each process.
        memory_bytes: at least MEMORY_MIN; all processes and the disk together where a cgroup caps memory, else the
            address space of each process.
        disk_bytes: /task and /tmp together, input files included.
        output_bytes: stdout and stderr, each.
        processes: processes and threads at one time.
        open_files: descriptors of each process.
        file_bytes: the largest file that the guest may write.
        outputs_bytes: all files taken from `out/` together.
        outputs_count: files taken from `out/`.
    """

    wall_s: float
    cpu_s: int
    memory_bytes: int
    disk_bytes: int
    output_bytes: int
    processes: int
    open_files: int
    file_bytes: int
    outputs_bytes: int
    outputs_count: int

    def check(self) -> None:
        """Refuse what no kernel limit can express.

        Raises:
            UsageError: a bound is out of range.
        """
        if not 0 < self.wall_s < 1e6:
            raise UsageError("bad_argument", "wall time limit is out of range")
        for name, value in self.for_cell().items():
            if not 1 <= value < 1 << 62:
                raise UsageError("bad_argument", f"limit {name} is out of range")
        if self.memory_bytes < MEMORY_MIN:
            raise UsageError("bad_argument", "memory limit is below 32 MiB")
        if min(self.output_bytes, self.outputs_bytes, self.outputs_count) < 0:
            raise UsageError("bad_argument", "limit on output is out of range")

    def for_cell(self) -> dict[str, int]:
        """Return the bounds that the cell itself puts in force."""
        theirs = {"wall_s", "outputs_bytes", "outputs_count", "output_bytes"}
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in theirs}


@dataclass(frozen=True)
class GuestJob:
    """One file to run, with everything it may read.

    Attributes:
        code: the file's content: Python source, or anything with a shebang or an ELF header.
        name: its base name in the working directory, also argv[0].
        arguments: argv from 1 on.
        stdin: what the guest reads from descriptor 0.
        files: base name to content; they lie in the working directory before the start.
        limits: bounds in force.
    """

    code: bytes
    name: str
    arguments: tuple[str, ...]
    stdin: bytes
    files: Mapping[str, bytes]
    limits: GuestLimits

    def check(self) -> None:
        """Refuse names and arguments that would not arrive as they are.

        Trust: runs in the enclave; every field may be an attacker's.

        Raises:
            UsageError: a name, an argument or a limit is not usable.
        """
        self.limits.check()
        for name in (self.name, *self.files):
            _check_name(name)
        if self.name in self.files:
            raise UsageError("bad_argument", "an input file has the name of the code file")
        sizes = (len(self.code), *map(len, self.files.values()))
        if sum(-(-size // _PAGE) * _PAGE for size in sizes) > self.limits.disk_bytes:
            raise UsageError("bad_argument", "the files are larger than the disk limit")
        for argument in self.arguments:
            if "\0" in argument or len(_utf8(argument)) > _ARGUMENT_MAX:
                raise UsageError("bad_argument", "an argument has a zero byte or is too long")


@dataclass(frozen=True)
class GuestOutcome:
    """How a guest ended. Exactly one of `exit_code` and `signal` is not None.

    Attributes:
        exit_code: 0-255.
        signal: number of the signal that ended the guest's first process.
        killed: the limit that ended it, if one did.
        stdout: at most `output_bytes`.
        stderr: at most `output_bytes`.
        outputs: regular files left under `out/`, by their path below it, sorted.
        refused_outputs: what else lay there, sorted, in printable ASCII; at most 64 names.
        wall_s: seconds from the guest's start to its end.
        cpu_s: CPU seconds of all processes of the cell.
        peak_memory_bytes: of all processes and the disk together where a cgroup counts, else of
            the largest process; a Python guest includes the shared interpreter in the latter.
    """

    exit_code: int | None
    signal: int | None
    killed: Killed | None
    stdout: bytes
    stderr: bytes
    outputs: Mapping[str, bytes]
    refused_outputs: tuple[str, ...]
    wall_s: float
    cpu_s: float
    peak_memory_bytes: int


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UsageError("bad_argument", "a name or argument is not valid unicode") from None


def _check_name(name: str) -> None:
    if name in ("", ".", "..", _OUTPUT_DIRECTORY) or "/" in name or "\0" in name:
        raise UsageError("bad_argument", f"file name {name[:80]!a} cannot be used")
    if len(_utf8(name)) > _NAME_MAX:
        raise UsageError("bad_argument", "a file name is longer than 255 bytes")
