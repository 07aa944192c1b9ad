"""Jobs for the jail's tests."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from adyton.sandbox.jail import GuestJob, GuestLimits, GuestOutcome, Jail

MIB: Final = 1 << 20
LIMITS: Final = GuestLimits(
    wall_s=20.0,
    cpu_s=10,
    memory_bytes=256 * MIB,
    disk_bytes=16 * MIB,
    output_bytes=64 * 1024,
    processes=32,
    open_files=64,
    file_bytes=16 * MIB,
    outputs_bytes=MIB,
    outputs_count=16,
)

# What a hostile guest needs: raw system calls, their errors by name.
PRELUDE: Final = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    return errno.errorcode[ctypes.get_errno()] if result < 0 else 'allowed'
def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'allowed'
"""


def job(
    code: str | bytes,
    *arguments: str,
    name: str = "task.py",
    stdin: bytes = b"",
    files: Mapping[str, bytes] | None = None,
    **limits: float,
) -> GuestJob:
    """A job with the usual limits, but for those given."""
    content = textwrap.dedent(code).encode() if isinstance(code, str) else code
    bounds = replace(LIMITS, **limits)  # type: ignore[arg-type]  # wall_s alone is a float
    return GuestJob(content, name, arguments, stdin, files or {}, bounds)


def hostile(jail: Jail, code: str) -> GuestOutcome:
    """Run Python source behind the prelude."""
    return jail.run(job(PRELUDE + textwrap.dedent(code)))
