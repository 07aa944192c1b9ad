"""Runs a function in a child in which drawing randomness, reading a clock and most system calls are fatal.

The child is forked from a process of one thread, so that a warm generator of OpenSSL must seed itself again, for which
it needs the kernel. Then it loses, in this order: the page that the vDSO's clocks read; every system call but those of
memory, of locks, of its one pipe and of its end; the processor's time-stamp counter. x86-64 Linux only.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import platform
import struct
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_TSC, _PR_TSC_SIGSEGV = 26, 2
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_AUDIT_ARCH_X86_64 = 0xC000003E
_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _KILL_PROCESS = 0x7FFF_0000, 0x8000_0000
_ANONYMOUS = 0x20
_WRITE, _MMAP, _MUNMAP, _BRK, _MREMAP, _MADVISE, _FUTEX = 1, 9, 11, 12, 25, 28, 202
_EXIT, _EXIT_GROUP = 60, 231
_DYING = (13, 14, 15, 39, 131, 186, 234)  # what faulthandler calls: signals, own ids

SUPPORTED = sys.platform == "linux" and platform.machine() == "x86_64"


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]  # as ctypes wants it


def run(function: Callable[[], bytes]) -> tuple[int, bytes]:
    """Call a function in such a child.

    Returns:
        The signal that killed the child, or 0; and what the function returned, or where the child died.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        faulthandler.enable(theirs, all_threads=False)  # says where it died
        _confine(theirs)
        _write_all(theirs, function())
        os._exit(0)
    os.close(theirs)
    with open(ours, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status), told
    if os.WEXITSTATUS(status):
        raise AssertionError(f"the child ended with {os.WEXITSTATUS(status)}")
    return 0, told


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _confine(descriptor: int) -> None:
    if len(os.listdir("/proc/self/task")) != 1:
        raise AssertionError("more than one thread: the filter would not hold for all of them")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    instructions = _filter(descriptor)
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = _Program(len(instructions) // 8, ctypes.addressof(buffer))
    for line in Path("/proc/self/maps").read_text().splitlines():
        if line.endswith(("[vvar]", "[vvar_vclock]")):
            start, end = (int(bound, 16) for bound in line.split()[0].split("-"))
            _require(libc.munmap(start, end - start), "munmap")
    _require(libc.prctl(_PR_SET_TSC, _PR_TSC_SIGSEGV, 0, 0, 0), "PR_SET_TSC")
    _require(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    _require(libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0), "PR_SET_SECCOMP")


def _require(result: int, what: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def _filter(descriptor: int) -> bytes:
    """Return the filter: allowed numbers, memory that is no file, writes to one descriptor."""

    def one(code: int, on_true: int, on_false: int, value: int) -> bytes:
        return struct.pack("HBBI", code, on_true, on_false, value)

    allow, kill = one(_RETURN, 0, 0, _ALLOW), one(_RETURN, 0, 0, _KILL_PROCESS)
    parts = [
        one(_LOAD, 0, 0, 4),
        one(_JUMP_EQUAL, 1, 0, _AUDIT_ARCH_X86_64),
        kill,
        one(_LOAD, 0, 0, 0),
    ]
    for number in (_MUNMAP, _BRK, _MREMAP, _MADVISE, _FUTEX, _EXIT, _EXIT_GROUP, *_DYING):
        parts += [one(_JUMP_EQUAL, 0, 1, number), allow]
    # write(descriptor, …): the first argument, low half
    parts += [one(_JUMP_EQUAL, 0, 4, _WRITE), one(_LOAD, 0, 0, 16)]
    parts += [one(_JUMP_EQUAL, 0, 1, descriptor), allow, kill]
    # mmap(…, MAP_ANONYMOUS, …): the fourth argument, low half
    parts += [one(_JUMP_EQUAL, 0, 4, _MMAP), one(_LOAD, 0, 0, 40)]
    parts += [one(_JUMP_SET, 0, 1, _ANONYMOUS), allow, kill, kill]
    return b"".join(parts)
