"""Locked memory: what the kernel says of it, what a child and a core file get, and slots."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from coincurve._libsecp256k1 import ffi

from adyton.core.errors import InvariantError, UnavailableError
from adyton.enclave.wallet.locked_memory import UNIT, LockedMemory
from tests.memory_traces import Mapping, mappings

PAGE = os.sysconf("SC_PAGESIZE")


@pytest.fixture
def memory() -> Iterator[LockedMemory]:
    made = LockedMemory(PAGE)
    yield made
    made.close()


def address(slot: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(slot))


def mapping_at(place: int) -> Mapping | None:
    return next((m for m in mappings(os.getpid()) if m.start <= place < m.end), None)


def script(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_kernel_says_locked_not_dumped_not_forked(memory: LockedMemory) -> None:
    mapping = mapping_at(address(memory.take(UNIT)))
    assert mapping is not None
    assert mapping.flags >= {"lo", "dd", "dc"}
    assert mapping.rights == "rw-p"
    assert mapping.end - mapping.start == PAGE


FORKED = """
import ctypes, faulthandler, os
from adyton.enclave.wallet.locked_memory import LockedMemory
memory = LockedMemory(4096)
slot = memory.take(32)
slot[:] = b"s" * 32
place = ctypes.addressof(ctypes.c_char.from_buffer(slot))
child = os.fork()
if child == 0:
    mapped = [line.split()[0].split("-") for line in open("/proc/self/maps")]
    if any(int(a, 16) <= place < int(b, 16) for a, b in mapped):
        os._exit(1)
    ctypes.string_at(place, 32)
    os._exit(2)
_, status = os.waitpid(child, 0)
print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else -os.WEXITSTATUS(status), bytes(slot))
"""


def test_a_forked_child_has_no_such_memory() -> None:
    answer = script(FORKED)
    assert answer.stdout == f"{signal.SIGSEGV.value} {b's' * 32!r}\n", answer.stderr


REFUSED = """
import resource
from adyton.core.errors import UnavailableError
from adyton.sandbox import kernel
from tests.vault_kit import vault
resource.setrlimit(resource.RLIMIT_MEMLOCK, ({limit}, {limit}))
kernel.drop_capabilities()
try:
    print(vault())
except UnavailableError as problem:
    print(problem.code, problem.message)
"""


def test_where_memory_cannot_be_locked_there_is_no_vault() -> None:
    for limit in (0, PAGE):
        answer = script(REFUSED.format(limit=limit))
        assert re.match("memory_unlocked .* raise the limit", answer.stdout), answer.stderr
    assert script(REFUSED.format(limit=2**20)).stdout == "<Vault>\n"


def test_slots_are_zero_apart_and_wiped(memory: LockedMemory) -> None:
    one, two = memory.take(33), memory.take(UNIT)
    assert bytes(one) == bytes(33)
    assert address(two) - address(one) == 2 * UNIT
    one[:], two[:] = b"1" * 33, b"2" * UNIT
    place = address(one)
    memory.give_back(one)
    assert ctypes.string_at(place, 3 * UNIT) == bytes(2 * UNIT) + b"2" * UNIT
    with pytest.raises(ValueError, match="released"):
        one[0]
    again = memory.take(2 * UNIT)
    assert address(again) == place
    with pytest.raises(ValueError, match="memoryview assignment"):
        again[:] = b"3" * (2 * UNIT + 1)


def test_a_lent_slot_is_given_back_whatever_happens(memory: LockedMemory) -> None:
    with pytest.raises(KeyError), memory.slot(PAGE):
        raise KeyError
    with memory.slot(PAGE) as slot:
        slot[:] = b"s" * PAGE
        with pytest.raises(UnavailableError, match="no locked memory is left") as refusal:
            memory.take(1)
        assert refusal.value.code == "overloaded"
    assert bytes(memory.take(PAGE)) == bytes(PAGE)


@pytest.mark.parametrize("size", [0, PAGE + 1])
def test_sizes_that_there_are_not(memory: LockedMemory, size: int) -> None:
    with pytest.raises(UnavailableError, match="no locked memory is left"):
        memory.take(size)


def test_what_is_not_a_slot_is_not_given_back(memory: LockedMemory) -> None:
    slot = memory.take(UNIT)
    for other in (slot[:], memoryview(bytearray(UNIT))):
        with pytest.raises(InvariantError, match="not a slot"):
            memory.give_back(other)
    memory.give_back(slot)
    with pytest.raises(InvariantError, match="not a slot"):
        memory.give_back(slot)


def test_a_slot_in_use_is_wiped_and_not_lent_again(memory: LockedMemory) -> None:
    slot = memory.take(UNIT)
    slot[:] = b"s" * UNIT
    place, pointer = address(slot), ffi.from_buffer(slot)
    with pytest.raises(InvariantError, match="while it is used"):
        memory.give_back(slot)
    assert ctypes.string_at(place, UNIT) == bytes(UNIT)
    assert address(memory.take(UNIT)) != place
    del pointer


def test_closing_wipes_and_unmaps() -> None:
    memory = LockedMemory(PAGE)
    slot = memory.take(UNIT)
    slot[:] = b"s" * UNIT
    place = address(slot)
    memory.close()
    memory.close()
    assert mapping_at(place) is None
    with pytest.raises(ValueError, match="released"):
        slot[0]
    with pytest.raises(UnavailableError, match="closed"):
        memory.take(UNIT)


def test_closing_wipes_what_is_still_in_use() -> None:
    memory = LockedMemory(PAGE)
    slot = memory.take(UNIT)
    slot[:] = b"s" * UNIT
    pointer = ffi.from_buffer(slot)
    memory.close()
    assert bytes(ffi.buffer(pointer)) == bytes(UNIT)
    assert repr(memory) == f"<LockedMemory {PAGE} bytes>"
