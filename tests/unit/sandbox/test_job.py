"""What a job may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core.errors import UsageError
from adyton.sandbox.job import GuestJob, GuestLimits

LIMITS = GuestLimits(1.0, 1, 1 << 25, 1 << 20, 10, 2, 8, 100, 0, 0)
JOB = GuestJob(b"", "task.py", (), b"", {}, LIMITS)


def test_plain_job_passes() -> None:
    replace(JOB, arguments=("", "ä", "-x"), files={"ü b": b"", ".hidden": b"x"}).check()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "/", "a/b", "../a", "a\0", "out", "x" * 256, "ä" * 128, "\udc80"]
)
def test_names(name: str) -> None:
    for job in (replace(JOB, name=name), replace(JOB, files={name: b""})):
        with pytest.raises(UsageError) as caught:
            job.check()
        assert caught.value.code == "bad_argument"


def test_file_with_the_codes_name() -> None:
    with pytest.raises(UsageError, match="name of the code file"):
        replace(JOB, files={"task.py": b""}).check()


def test_files_larger_than_the_disk() -> None:
    limits = replace(LIMITS, disk_bytes=8192)
    replace(JOB, code=b"x", files={"a": bytes(4096)}, limits=limits).check()
    # Each file takes whole pages.
    with pytest.raises(UsageError, match="larger than the disk"):
        replace(JOB, code=b"x", files={"a": b"x", "b": b"x"}, limits=limits).check()


@pytest.mark.parametrize("argument", ["a\0b", "\ud800", "x" * (1 << 17)])
def test_arguments(argument: str) -> None:
    with pytest.raises(UsageError):
        replace(JOB, arguments=(argument,)).check()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("wall_s", 0.0),
        ("wall_s", float("nan")),
        ("wall_s", float("inf")),
        ("cpu_s", 0),
        ("memory_bytes", -1),
        ("memory_bytes", (1 << 25) - 1),
        ("memory_bytes", 1 << 62),
        ("disk_bytes", 0),
        ("output_bytes", -1),
        ("processes", 0),
        ("open_files", 0),
        ("file_bytes", 0),
        ("outputs_bytes", -1),
        ("outputs_count", -1),
    ],
)
def test_limits(field: str, value: float) -> None:
    limits = replace(LIMITS, **{field: value})  # type: ignore[arg-type]  # one field by name
    with pytest.raises(UsageError, match="limit"):
        replace(JOB, limits=limits).check()


def test_the_cell_learns_its_own_limits_only() -> None:
    assert set(LIMITS.for_cell()) == {
        "cpu_s",
        "memory_bytes",
        "disk_bytes",
        "processes",
        "open_files",
        "file_bytes",
    }
