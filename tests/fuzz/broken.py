"""A parser with a defect, behind three branches that chance alone does not pass: the fuzzer must find it."""

from __future__ import annotations

from typing import Final

from adyton.core.errors import MalformedError
from fuzz.target import Target, refused_or

_TABLE: Final = {b"ok": 1}


def parse(data: bytes) -> int:
    """Raise our error for anything but one form, which raises another."""
    if data[:1] != b"\x93":
        raise MalformedError("malformed", "not an array of three")
    if data[1:2] != b"\x41":
        raise MalformedError("malformed", "not a byte string")
    if data[2:3] != b"!":
        raise MalformedError("malformed", "not the one that is meant")
    return _TABLE[data[3:]]


def run(data: bytes) -> None:
    """Only our errors are allowed."""
    refused_or(lambda: parse(data))


TARGETS: Final = (Target("broken", run, lambda: [b"seed"], 16),)
