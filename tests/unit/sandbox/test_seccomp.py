"""The filter, run in a model of the kernel's BPF machine, for both architectures."""

from __future__ import annotations

import errno
import re
import stat
import struct
from pathlib import Path

import pytest

from adyton.sandbox import seccomp
from adyton.sandbox.syscalls import (
    ARCHITECTURES,
    FILTERED,
    FORBIDDEN,
    LAST_REVIEWED,
    UNCOUNTED_MEMORY,
)

ALLOW = 0x7FFF0000
KILL = 0x80000000


def verdict(
    machine: str, number: int, *arguments: int, audit: int | None = None, capped: bool = True
) -> int:
    """Run the filter over one system call as the kernel would."""
    data = struct.pack(
        "=IIQ6Q",
        number,
        ARCHITECTURES[machine].audit if audit is None else audit,
        0,
        *(arguments + (0,) * (6 - len(arguments))),
    )
    program = list(struct.iter_unpack("=HBBI", seccomp.build(machine, memory_capped=capped)))
    at = accumulator = 0
    while True:
        code, if_true, if_false, k = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, k)
        elif code == 0x54:
            accumulator &= k
        elif code == 0x05:
            at += k
        elif code == 0x06:
            return int(k)
        else:
            holds = {0x15: accumulator == k, 0x35: accumulator >= k, 0x45: bool(accumulator & k)}
            at += if_true if holds[code] else if_false


def _refusal(number: int) -> int:
    return 0x00050000 | number


EPERM = _refusal(errno.EPERM)
ENOSYS = _refusal(errno.ENOSYS)

machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def _number(machine: str, name: str) -> int:
    rows = {**FORBIDDEN, **FILTERED, **UNCOUNTED_MEMORY}
    number = rows[name][ARCHITECTURES[machine].column]
    assert number is not None
    return number


@machines
def test_every_number_has_the_verdict_of_the_tables(machine: str) -> None:
    column = ARCHITECTURES[machine].column
    forbidden = {row[column] for row in FORBIDDEN.values()}
    filtered = {row[column] for row in FILTERED.values()}
    start, end = ARCHITECTURES[machine].gap
    for number in range(600):
        if number in filtered:
            continue
        unknown = number > LAST_REVIEWED or start <= number < end
        expected = EPERM if number in forbidden else ENOSYS if unknown else ALLOW
        assert verdict(machine, number) == expected, number


@machines
def test_foreign_architectures_are_killed(machine: str) -> None:
    for audit in (0x40000003, 0x40000028, 0xC00000B7, 0xC000003E, 0):
        if audit != ARCHITECTURES[machine].audit:
            assert verdict(machine, 0, audit=audit) == KILL


def test_x32_is_killed() -> None:
    for number in (0, 39, 59, 512, 547):
        assert verdict("x86_64", 0x40000000 | number) == KILL
    assert verdict("x86_64", 0xFFFFFFFF) == KILL


@machines
def test_memory_that_nothing_counts(machine: str) -> None:
    for name in UNCOUNTED_MEMORY:
        number = _number(machine, name)
        assert verdict(machine, number, capped=True) == ALLOW
        assert verdict(machine, number, capped=False) == EPERM


@machines
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x11,), ALLOW),
        ("clone", (0x003D0F00,), ALLOW),  # a thread
        ("clone", (0x10000011,), EPERM),
        ("clone", (0x00020011,), EPERM),
        ("clone", (0x20000011,), EPERM),
        ("clone", (0x02000011,), EPERM),
        ("clone", (0x80,), EPERM),
        ("clone3", (), ENOSYS),
        ("socket", (1, 1, 0), _refusal(errno.EAFNOSUPPORT)),
        ("socket", (2, 1, 0), _refusal(errno.EAFNOSUPPORT)),
        ("socketpair", (1, 1, 0), ALLOW),
        ("socketpair", (30, 5, 0), _refusal(errno.EAFNOSUPPORT)),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 0x1_0000_5412), EPERM),  # the kernel looks at 32 bits
        ("ioctl", (0, 0x541C), EPERM),
        ("setsockopt", (3, 1, 2), ALLOW),
        ("setsockopt", (3, 1, 16), EPERM),
        ("setsockopt", (3, 1, 76), EPERM),
        ("setsockopt", (3, 6, 16), ALLOW),
        ("sendto", (3, 1, 1, 0, 0, 0), ALLOW),
        ("sendto", (3, 1, 1, 0, 0x1000, 16), EPERM),
        ("sendto", (3, 1, 1, 0, 0x1_0000_0000, 16), EPERM),
        ("mknodat", (0, 0, stat.S_IFIFO | 0o644), ALLOW),
        ("mknodat", (0, 0, 0o644), ALLOW),
        ("mknodat", (0, 0, stat.S_IFREG), ALLOW),
        ("mknodat", (0, 0, stat.S_IFCHR), EPERM),
        ("mknodat", (0, 0, stat.S_IFBLK | 0o777), EPERM),
        ("mknodat", (0, 0, stat.S_IFSOCK), EPERM),
        ("setrlimit", (7, 1), ALLOW),
        ("setrlimit", (4, 1), EPERM),
        ("prlimit64", (0, 7, 0x1000, 0), ALLOW),
        ("prlimit64", (0, 4, 0, 0x1000), ALLOW),
        ("prlimit64", (0, 4, 0x1000, 0), EPERM),
        ("prlimit64", (0, 4, 0x1_0000_0000, 0), EPERM),
        ("prlimit64", (1, 7, 0, 0x1000), EPERM),
        ("prlimit64", (1, 7, 0x1000, 0), EPERM),
    ],
)
def test_arguments(machine: str, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert verdict(machine, _number(machine, name), *arguments) == expected


def test_mknod_by_its_old_call() -> None:
    number = _number("x86_64", "mknod")
    assert verdict("x86_64", number, 0, stat.S_IFIFO) == ALLOW
    assert verdict("x86_64", number, 0, stat.S_IFCHR) == EPERM


@machines
def test_program_is_one_the_kernel_accepts(machine: str) -> None:
    program = list(struct.iter_unpack("=HBBI", seccomp.build(machine, memory_capped=False)))
    assert len(program) <= 4096
    for at, (code, if_true, if_false, k) in enumerate(program):
        if code == 0x05:
            assert at + 1 + k < len(program)
        elif code in (0x15, 0x35, 0x45):
            assert at + 1 + max(if_true, if_false) < len(program)
        elif code == 0x20:
            assert k % 4 == 0
            assert k < 64
    assert program[-1][0] == 0x06


def test_other_architectures_are_refused() -> None:
    with pytest.raises(OSError, match="no system call filter for riscv64") as caught:
        seccomp.build("riscv64", memory_capped=True)
    assert caught.value.errno == errno.ENOSYS


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        ("x86_64", "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        ("aarch64", "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_numbers_are_the_kernels(machine: str, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("no kernel headers here")
    numbers = {
        name: int(number)
        for name, number in re.findall(
            r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text()
        )
    }
    rows = {**FORBIDDEN, **FILTERED, **UNCOUNTED_MEMORY}
    ours = {name: row[ARCHITECTURES[machine].column] for name, row in rows.items()}
    # Headers older than the table lack its newest names; a name they know has their number.
    assert {n: v for n, v in ours.items() if n in numbers} == {
        n: numbers[n] for n in ours if n in numbers
    }
    assert len(set(ours) & set(numbers)) > 60
