"""What methods have read is remembered within a bound in memory, whatever contracts' authors choose to read."""

from __future__ import annotations

import tracemalloc

import pytest

from adyton.core import limits
from adyton.enclave.contracts import execution
from adyton.enclave.contracts.execution import Habits
from adyton.sandbox.wasm import abi
from adyton.sandbox.wasm.run import KEYS_TOLD


def test_a_method_reads_what_it_read_last() -> None:
    habits = Habits()
    habits.learn((b"a", "call:x"), (b"k", b"l"))
    habits.learn((b"b", "call:x"), (b"m",))
    assert habits.of((b"a", "call:x")) == (b"k", b"l")
    habits.learn((b"a", "call:x"), ())
    assert habits.of((b"a", "call:x")) == ()
    assert habits.of((b"b", "call:x")) == (b"m",)
    assert habits.of((b"b", "call:y")) == ()


def test_methods_that_read_all_they_can_of_the_longest_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = 200 * limits.KIB
    monkeypatch.setattr(execution, "_LEARNED_BYTES", room)
    methods = [(bytes([at]) * 32, f"call:{at}") for at in range(200)]
    habits = Habits()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for method in methods:
            rest = [bytes([at]) * (abi.KEY - 32) for at in range(KEYS_TOLD)]
            habits.learn(method, tuple(method[0] + one for one in rest))
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert room // 2 < taken <= room
    assert len(habits.of(methods[-1])) == KEYS_TOLD
    assert habits.of(methods[0]) == ()
