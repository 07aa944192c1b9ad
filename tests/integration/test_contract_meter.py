"""What a module may cost the engine beyond what the library counts: dear instructions, and the compiler's time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

from adyton.core.errors import MalformedError
from adyton.sandbox.wasm import meter
from adyton.sandbox.wasm.engine import Engine
from adyton.sandbox.wasm.run import CLIENT, Run
from tests.contract_kit import BUILT
from tests.engine_kit import EVERY_FORM, compiled

TIMES = 50
NAME = b"m" * 32


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def module(fields: str) -> bytes:
    return bytes(wasmtime.wat2wasm(f'(module (memory (export "memory") 1) {fields})'))


def fuel_of(engine: Engine, fields: str) -> int:
    """Return what `call:x` uses."""
    engine.load(NAME, compiled(engine, module(fields)))
    run = Run(NAME, "call:x", b"", 10_000_000, False, bytes(32), (CLIENT, bytes(32)), 1, 1)
    end = engine.run(run, lambda _tag, _fields: [])
    assert (end.status, end.reason) == ("done", "")
    return end.fuel


@pytest.mark.parametrize(
    ("instruction", "price"),
    [
        ("(drop (ref.func $f))", meter.DEAR),
        ("(drop (memory.grow (i32.const 0)))", meter.DEAR),
        ("(memory.fill (i32.const 0) (i32.const 0) (i32.const 0))", meter.DEAR_FILL),
        ("(memory.copy (i32.const 0) (i32.const 0) (i32.const 0))", meter.DEAR),
        ("(memory.init $d (i32.const 0) (i32.const 0) (i32.const 0))", meter.DEAR),
        ("(data.drop $d)", meter.DEAR),
        ("(elem.drop $e)", meter.DEAR),
        ("(table.init $e (i32.const 0) (i32.const 0) (i32.const 0))", meter.DEAR),
        ("(table.copy (i32.const 0) (i32.const 0) (i32.const 0))", meter.DEAR),
        ("(table.fill 0 (i32.const 0) (ref.null func) (i32.const 0))", meter.DEAR),
        ("(drop (table.grow 0 (ref.null func) (i32.const 0)))", meter.DEAR),
    ],
)
def test_what_leaves_compiled_code_costs_more_than_an_instruction(
    engine: Engine, instruction: str, price: int
) -> None:
    around = '(table 1 funcref) (elem $e func $f) (data $d "x") (func $f) (func (export "call:x") '
    once = fuel_of(engine, f"{around} {instruction})")
    often = fuel_of(engine, f"{around} {instruction * (TIMES + 1)})")
    assert often - once >= TIMES * (price + 1)


def test_every_form_of_instruction_is_read_to_its_end(engine: Engine) -> None:
    """Behind each stands a dear one: were a form read wrongly, another number of prices would be found, or none."""
    dear = EVERY_FORM.count("DEAR") + EVERY_FORM.count("ref.func")
    for name in (
        "memory.grow",
        "memory.copy",
        "memory.fill",
        "memory.init",
        "table.copy",
        "table.init",
    ):
        dear += EVERY_FORM.count(name)
    fills = EVERY_FORM.count("memory.fill")
    plain = module(EVERY_FORM.replace("DEAR", "(drop (ref.func $f))"))
    grown = len(meter.metered(plain)[0]) - len(plain)
    prices = dear * (meter.DEAR + 2) + fills * (meter.DEAR_FILL - meter.DEAR)
    # Two functions that grow the memories, their type and kinds; sizes of sections may take a byte more each.
    growing = sum(len(meter._growing(memory)) + 3 for memory in range(2)) + 5 + 2
    assert prices + growing - 2 <= grown <= prices + growing + 4
    engine.load(NAME, compiled(engine, plain))
    run = Run(NAME, "call:x", b"", 10_000_000, False, bytes(32), (CLIENT, bytes(32)), 1, 1)
    assert engine.run(run, lambda _tag, _fields: []).status == "done"


@pytest.mark.parametrize(
    ("fields", "fuel"),
    [
        ("(memory 10) (memory 20)", 30 * meter.PAGE),
        ("(global i32 (i32.const 0))" * 1000, 1000 * 5 * meter.GLOBAL_BYTE),
        ("(table 1 funcref)" + "(elem (i32.const 0) func $f)" * 1000, 6000 * meter.ELEMENT_BYTE),
        ('(data (i32.const 0) "a")' * 1000, 1000 * meter.DATA_SEGMENT),
    ],
    ids=["memories", "globals", "elements", "data"],
)
def test_an_instance_costs_what_making_it_takes(engine: Engine, fields: str, fuel: int) -> None:
    rest = '(func $f) (func (export "call:x"))'
    assert fuel_of(engine, fields + rest) - fuel_of(engine, rest) >= fuel


@pytest.mark.parametrize(
    ("memory", "asked", "paid", "size"),
    [("", 5, 5, 6), ("$two", 7, 7, 9), ("", 0, 0, 1), ("", 255, 255, 256), ("$two", 1000, 256, 2)],
)
def test_memory_is_paid_by_the_page(
    engine: Engine, memory: str, asked: int, paid: int, size: int
) -> None:
    """And grows as it did: what is asked for beyond the bound fails, paid as far as it can go."""
    given = f"""(memory $two 2) (func (export "call:x")
        {{}}
        (if (i32.ne (memory.size {memory}) (i32.const {{}})) (then unreachable)))"""
    before = 2 if memory else 1
    grow = f"(drop (memory.grow {memory} (i32.const {asked})))"
    cost = fuel_of(engine, given.format(grow, size)) - fuel_of(engine, given.format("", before))
    assert paid * meter.PAGE <= cost <= paid * (meter.PAGE + 20) + meter.DEAR + 40


def test_a_module_without_dear_instructions_stays_as_it_is() -> None:
    code = module('(func (export "call:x") (drop (i32.const 1)))')
    assert meter.metered(code) == (code, meter.PAGE)


@pytest.mark.parametrize("path", sorted(BUILT.glob("*.wasm")), ids=lambda path: path.stem)
def test_contracts_are_far_from_the_bounds(engine: Engine, path: Path) -> None:
    code = path.read_bytes()
    assert len(meter.metered(code)[0]) < len(code) + 40_000
    assert compiled(engine, code)


def loops(locals_: int, count: int) -> str:
    body = "".join(
        f"(loop (local.set {at * 7 % locals_} (i64.add (local.get {at * 13 % locals_}) (i64.const 1)))"
        f" (br_if 0 (i64.eqz (local.get {at % locals_}))))"
        for at in range(count)
    )
    return f"(func (local {'i64 ' * locals_}) {body})"


CARRIED = f"(param {'i32 ' * 500}) (result {'i32 ' * 500})"

TAKEN = "".join(f"(local.get {at})" for at in range(500))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (loops(4000, 1500), "branches and locals"),
        (loops(1000, 400) * 5, "branches and locals"),
        (
            f"(func {CARRIED} {TAKEN} {f'loop {CARRIED}' * 2000} {'end ' * 2000})",
            "branches and locals",
        ),
        (
            f"(func $f {CARRIED} {TAKEN} {'call $f ' * 5000})",
            "branches and locals",
        ),
        (
            f"(func $f {'(drop (ref.func $f))' * (meter.DEAR_MOST + 1)}) (elem declare func $f)",
            "leave compiled code",
        ),
        (
            "".join(
                f"(type (func {'(param i32)' * (at % 64)} {'(param i64)' * (at // 64)}))"
                for at in range(1025)
            ),
            "1024 types",
        ),
    ],
    ids=["loops", "functions", "blocks", "calls", "dear", "types"],
)
def test_what_would_take_the_compiler_too_long_is_refused(
    engine: Engine, fields: str, reason: str
) -> None:
    with pytest.raises(MalformedError, match=reason):
        compiled(engine, module(fields))
