"""The guest's system call filter, built as classic BPF without libseccomp.

Standard library only. Other architectures than those of syscalls.py are refused.
"""

import ctypes
import errno
import os
import stat
import struct
from typing import Final

from adyton.sandbox import kernel
from adyton.sandbox.syscalls import (
    ARCHITECTURES,
    FILTERED,
    FORBIDDEN,
    LAST_REVIEWED,
    UNCOUNTED_MEMORY,
)

_LOAD: Final = 0x20
_AND: Final = 0x54
_JUMP_EQUAL: Final = 0x15
_JUMP_AT_LEAST: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_JUMP: Final = 0x05
_RETURN: Final = 0x06

_ALLOW: Final = 0x7FFF_0000
_KILL_PROCESS: Final = 0x8000_0000
_ERRNO: Final = 0x0005_0000

# struct seccomp_data: nr, arch, instruction pointer (8), args (8 each, little-endian).
_OFFSET_NUMBER: Final = 0
_OFFSET_ARCH: Final = 4
_X32_BIT: Final = 0x4000_0000

_NAMESPACE_FLAGS: Final = (
    0x80  # CLONE_NEWTIME
    | kernel.CLONE_NEWNS
    | kernel.CLONE_NEWCGROUP
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWUSER
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
)
_TIOCSTI: Final = 0x5412
_TIOCLINUX: Final = 0x541C
_AF_UNIX: Final = 1
_SOL_SOCKET: Final = 1
_SO_PASSCRED: Final = 16
_SO_PASSPIDFD: Final = 76
_RLIMIT_CORE: Final = 4
_SECCOMP_MODE_FILTER: Final = 2

Instruction = tuple[int, int, int, int]


def _argument(index: int, *, high: bool = False) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * index + (4 if high else 0))


def _refuse(number: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)


_ALLOWED: Final[Instruction] = (_RETURN, 0, 0, _ALLOW)


def _search(leaves: list[tuple[int, list[Instruction]]]) -> list[Instruction]:
    """Return a binary search for the last leaf whose first number is not above the accumulator.

    The kernel tries a filter on every system call when it is installed: a linear list would
    cost each guest a third of a millisecond.
    """
    if len(leaves) == 1:
        return leaves[0][1]
    middle = len(leaves) // 2
    below, above = _search(leaves[:middle]), _search(leaves[middle:])
    # Two instructions, since a conditional jump reaches 255 instructions only.
    test = [(_JUMP_AT_LEAST, 0, 1, leaves[middle][0]), (_JUMP, 0, 0, len(below))]
    return [*test, *below, *above]


def _refuse_if(index: int, values: tuple[int, ...], error: int = errno.EPERM) -> list[Instruction]:
    tests = [(_JUMP_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values)]
    return [_argument(index), *tests, _ALLOWED, _refuse(error)]


def _allow_only(index: int, values: tuple[int, ...], error: int, mask: int) -> list[Instruction]:
    tests = [(_JUMP_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values)]
    return [_argument(index), (_AND, 0, 0, mask), *tests, _refuse(error), _ALLOWED]


def _argument_rules(numbers: dict[str, int]) -> dict[int, list[Instruction]]:
    all_bits = 0xFFFF_FFFF
    files = (0, stat.S_IFREG, stat.S_IFIFO)
    rules: dict[str, list[Instruction]] = {
        # glibc falls back from clone3, whose flags lie in memory, to clone.
        "clone3": [_refuse(errno.ENOSYS)],
        "clone": [
            _argument(0),
            (_JUMP_ANY_BIT, 0, 1, _NAMESPACE_FLAGS),
            _refuse(errno.EPERM),
            _ALLOWED,
        ],
        "socket": [_refuse(errno.EAFNOSUPPORT)],
        "socketpair": _allow_only(0, (_AF_UNIX,), errno.EAFNOSUPPORT, all_bits),
        # Typing into a terminal, pasting on a console.
        "ioctl": _refuse_if(1, (_TIOCSTI, _TIOCLINUX)),
        # SO_PASSCRED makes the kernel give an unbound socket an abstract address when it sends.
        "setsockopt": [
            _argument(1),
            (_JUMP_EQUAL, 1, 0, _SOL_SOCKET),
            _ALLOWED,
            *_refuse_if(2, (_SO_PASSCRED, _SO_PASSPIDFD)),
        ],
        # send() passes no address; an address would reach for someone else's socket.
        "sendto": [
            _argument(4),
            (_JUMP_EQUAL, 0, 2, 0),
            _argument(4, high=True),
            (_JUMP_EQUAL, 1, 0, 0),
            _refuse(errno.EPERM),
            _ALLOWED,
        ],
        "mknod": _allow_only(1, files, errno.EPERM, stat.S_IFMT(all_bits)),
        "mknodat": _allow_only(2, files, errno.EPERM, stat.S_IFMT(all_bits)),
        # A core limit of 1 is what keeps a crash out of a piped core handler; 0 would not.
        "setrlimit": _refuse_if(0, (_RLIMIT_CORE,)),
        # Limits of other processes, and writing the core limit.
        "prlimit64": [
            _argument(0),
            (_JUMP_EQUAL, 1, 0, 0),
            _refuse(errno.EPERM),
            _argument(2),
            (_JUMP_EQUAL, 0, 2, 0),
            _argument(2, high=True),
            (_JUMP_EQUAL, 2, 0, 0),
            _argument(1),
            (_JUMP_EQUAL, 1, 0, _RLIMIT_CORE),
            _ALLOWED,
            _refuse(errno.EPERM),
        ],
    }
    # Every body ends in a return on each path, so nothing relies on the accumulator after it.
    return {numbers[name]: body for name, body in rules.items() if name in numbers}


def build(machine: str, *, memory_capped: bool) -> bytes:
    """Return the filter for `machine` as packed `struct sock_filter`s, 8 bytes each.

    Trust: runs in the zygote, before guest code; every path ends in a return.

    Args:
        machine: as `os.uname().machine` names it.
        memory_capped: a cgroup counts the guest's memory; without one, memory that no process
            limit counts is refused too.

    Raises:
        OSError: ENOSYS, the architecture is not in the table.
    """
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call filter for {machine}")
    arch = ARCHITECTURES[machine]

    def column(table: dict[str, tuple[int | None, int | None]]) -> dict[str, int]:
        return {k: n for k, row in table.items() if (n := row[arch.column]) is not None}

    # 1. Foreign architectures (int 0x80, x32) use other numbers: no answer but death.
    program: list[Instruction] = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, arch.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    if arch.x32:
        program += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    # 2. Refused whatever the arguments, or for some of them.
    verdicts = _argument_rules(column(FILTERED))
    forbidden = column(FORBIDDEN) | ({} if memory_capped else column(UNCOUNTED_MEMORY))
    verdicts |= {number: [_refuse(errno.EPERM)] for number in forbidden.values()}
    # 3. Numbers that nobody has judged.
    unknown = [_refuse(errno.ENOSYS)]
    starts = {0: [_ALLOWED], arch.gap[0]: unknown, arch.gap[1]: [_ALLOWED]}
    for number in sorted(verdicts):
        starts[number] = verdicts[number]
        starts.setdefault(number + 1, [_ALLOWED])
    starts[LAST_REVIEWED + 1] = unknown
    program += _search(sorted(starts.items()))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


class Filter:
    """A filter made ready in memory, to be installed with one call after the fork."""

    def __init__(self, *, memory_capped: bool) -> None:
        program = build(os.uname().machine, memory_capped=memory_capped)
        self._program = ctypes.create_string_buffer(program, len(program))
        address = ctypes.addressof(self._program)
        # struct sock_fprog: a 16-bit count, padding, a pointer.
        self._header = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, address))

    def install(self) -> None:
        """Bind this process and all its descendants; needs no_new_privs."""
        pointer = ctypes.c_void_p(ctypes.addressof(self._header))
        kernel.prctl(kernel.PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, pointer)
