"""Locks the engine's process down before it meets a contract: memory, one socket, nothing else.

A contract that breaks out of Wasm finds no file, no other process, no network and no key here. The filter is a list of
what is allowed, unlike the one of native guests (`sandbox/seccomp.py`): this process runs one program, ours.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import struct
from typing import Final

from adyton.sandbox import kernel, landlock
from adyton.sandbox.syscalls import ARCHITECTURES

# Eight contracts inside each other with four memories each reserve less than a third of it: no run may depend on it.
_ADDRESS_SPACE: Final = 8 * 1024 * 1024 * 1024
_SECCOMP_MODE_FILTER: Final = 2
_LOAD: Final = 0x20
_JUMP_EQUAL: Final = 0x15
_JUMP_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF_0000
_KILL_PROCESS: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000
# CLONE_VM | CLONE_THREAD: a thread, not a process.
_CLONE_THREAD: Final = 0x0001_0000

# name: (x86_64, aarch64). What the interpreter, the library and a thread of them need.
_ALLOWED: Final[dict[str, tuple[int, int]]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "poll": (7, -1),
    "ppoll": (271, 73),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "futex": (202, 98),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "gettid": (186, 178),
    "getpid": (39, 172),
    "tgkill": (234, 131),  # abort(3), of this process alone: its id is in the filter
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_CLONE: Final = (56, 220)
_CLONE3: Final = (435, 435)

REHEARSAL: Final = bytes.fromhex(
    # (module (memory (export "memory") 1) (func (export "init")))
    "0061736d010000000104016000000302010005030100010711020"
    "66d656d6f7279020004696e697400000a040102000b"
)


def lock_down() -> tuple[str, ...]:
    """Give up every right that an engine does not need; return the layers in force.

    Trust: runs in the engine's process, before the first byte of a contract.

    Raises:
        OSError: the kernel refuses a step that is not optional.
    """
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.drop_bounding_set()
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    layers = ["no-privileges"]
    version = landlock.abi()
    if version:
        landlock.restrict_self(landlock.ruleset(version, files=False))
        layers.append(f"landlock-{version}")
    for kind, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, _ADDRESS_SPACE),
        (resource.RLIMIT_NOFILE, 4),
    ):
        resource.setrlimit(kind, (most, most))
    _install(_program())
    return (*layers, "seccomp")


def _program() -> bytes:
    machine = os.uname().machine
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call filter for {machine}")
    arch = ARCHITECTURES[machine]
    column = arch.column
    tgkill = _ALLOWED["tgkill"][column]
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 1, 0, arch.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, 0),
        # glibc falls back from clone3, whose flags lie in memory, to clone.
        (_JUMP_EQUAL, 0, 1, _CLONE3[column]),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
        (_JUMP_EQUAL, 0, 4, _CLONE[column]),
        (_LOAD, 0, 0, 16),
        (_JUMP_ANY_BIT, 0, 1, _CLONE_THREAD),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_JUMP_EQUAL, 0, 4, tgkill),
        (_LOAD, 0, 0, 16),
        (_JUMP_EQUAL, 0, 1, os.getpid()),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    for name, numbers in _ALLOWED.items():
        if name != "tgkill" and numbers[column] >= 0:
            lines += [(_JUMP_EQUAL, 0, 1, numbers[column]), (_RETURN, 0, 0, _ALLOW)]
    lines.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _install(program: bytes) -> None:
    held = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    )
    pointer = ctypes.c_void_p(ctypes.addressof(header))
    kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, pointer)
