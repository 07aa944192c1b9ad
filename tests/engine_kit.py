"""The contract engine for tests that ask about modules, not about who compiles them."""

from __future__ import annotations

from adyton.core.errors import MalformedError
from adyton.sandbox.wasm import abi, wire
from adyton.sandbox.wasm.engine import Engine, EngineGone
from adyton.sandbox.wasm.run import CLIENT, Run
from adyton.sandbox.wasm.wire import BrokenWire

FUEL = 3_000_000


def compiled(engine: Engine, code: bytes) -> bytes:
    """Return a module's machine code, compiled by the process that runs, as the enclave's own never does.

    A process for each module, which `Engine.compile` starts, takes far longer than compiling a small one.

    Raises:
        MalformedError: `module_refused`, with the compiler's reason.
        EngineGone: compiling it ends the process.
    """
    process = engine._process()
    try:
        process.wire.send(wire.COMPILE, code)
        tag, fields = process.wire.receive()
    except BrokenWire as problem:
        engine._lose()
        raise EngineGone from problem
    if tag != wire.COMPILED:
        raise MalformedError("module_refused", fields[0].decode())
    return fields[0]


# An instruction of each form there is; what stands at DEAR is left to who uses it.
EVERY_FORM = """
(type $t (func (param i32) (result i32)))
(memory $two 1) (table $a 2 funcref) (table $b 2 funcref) (elem $e func $f) (data $d "abc")
(global $g (mut i64) (i64.const 1))
(func $f (type $t) (local.get 0))
(func (export "call:x") (local i32 i64 f32 f64 v128 funcref)
  nop DEAR
  (block (loop (br_if 1 (i32.const 1)) (br 0))) DEAR
  (drop (block (result i32) (if (result i32) (i32.const 1) (then (i32.const 1)) (else (i32.const 2))))) DEAR
  (i32.const 1) (block (type $t) (loop (type $t) (i32.const -1) (i32.add))) (drop) DEAR
  (block (block (block (br_table 0 1 2 1 0 (i32.const 1))))) DEAR
  (drop (call $f (i32.const -2147483648))) DEAR
  (table.set $b (i32.const 1) (ref.func $f)) DEAR
  (drop (call_indirect $b (type $t) (i32.const 5) (i32.const 1))) DEAR
  (local.set 0 (local.tee 0 (i32.const 300))) (global.set $g (global.get $g)) DEAR
  (local.set 1 (i64.const -9223372036854775808)) DEAR
  (local.set 2 (f32.const 1.5)) (local.set 3 (f64.const -2.5)) DEAR
  (drop (select (i32.const 1) (i32.const 2) (i32.const 0))) DEAR
  (drop (select (result funcref) (ref.null func) (ref.null func) (i32.const 0))) DEAR
  (drop (ref.is_null (table.get $a (i32.const 0)))) DEAR
  (i64.store offset=300 align=1 (i32.const 1) (i64.const 7)) DEAR
  (i32.store16 $two offset=200 (i32.const 1) (i32.const 7)) (drop (f64.load $two (i32.const 8))) DEAR
  (drop (memory.size $two)) (drop (memory.grow $two (i32.const 0))) DEAR
  (memory.copy $two 0 (i32.const 0) (i32.const 0) (i32.const 2)) DEAR
  (memory.fill $two (i32.const 0) (i32.const 0) (i32.const 2)) DEAR
  (memory.init $two $d (i32.const 0) (i32.const 0) (i32.const 2)) DEAR
  (table.copy $a $b (i32.const 0) (i32.const 0) (i32.const 1)) (drop (table.size $b)) DEAR
  (table.init $a $e (i32.const 0) (i32.const 0) (i32.const 1)) DEAR
  (drop (i32.trunc_sat_f64_u (local.get 3))) (drop (i64.extend32_s (local.get 1))) DEAR
  (local.set 4 (v128.const i64x2 0x4545454545454545 0xd2d2d2d2d2d2d2d2)) DEAR
  (local.set 4 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 (local.get 4) (local.get 4))) DEAR
  (drop (i8x16.extract_lane_s 15 (local.get 4))) (local.set 4 (f64x2.replace_lane 1 (local.get 4) (f64.const 1))) DEAR
  (local.set 4 (v128.load8_lane $two offset=200 15 (i32.const 1) (local.get 4))) DEAR
  (v128.store64_lane offset=8 1 (i32.const 1) (local.get 4)) DEAR
  (local.set 4 (v128.load32_zero offset=9 (i32.const 1))) (v128.store (i32.const 16) (local.get 4)) DEAR
  (local.set 4 (v128.load32_splat (i32.const 1))) (local.set 4 (i32x4.trunc_sat_f64x2_u_zero (local.get 4))) DEAR
  (local.set 4 (i64x2.abs (i32x4.dot_i16x8_s (local.get 4) (local.get 4)))) DEAR
  return DEAR)
"""


def run_of(module: bytes, export: str, given: bytes = b"", fuel: int = FUEL) -> Run:
    """Return an entry of a contract, by a client."""
    return Run(module, export, given, fuel, False, bytes(32), (CLIENT, bytes(32)), 1, 1)


def answer(tag: int, fields: list[bytes]) -> list[bytes]:
    """Answer as an enclave without state does."""
    answers = {
        wire.GET: [b"\x00"],
        wire.SCAN: [b"", b"\x00"],
        wire.RANDOM: [bytes(wire.read_number(fields[0])) if tag == wire.RANDOM else b""],
        wire.CALL: [wire.number(abi.CALL_UNKNOWN), b"", wire.number(0)],
        wire.VERIFY: [b"\x00"],
        wire.RECOVER: [b""],
    }
    return answers[tag]
