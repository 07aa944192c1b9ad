"""The contract engine as a process: confined, replaceable, and indifferent to what modules are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import wasmtime

from adyton.core.errors import GuestError, MalformedError
from adyton.protocol.wasm_module import read_module
from adyton.sandbox.wasm import abi, settings
from adyton.sandbox.wasm import engine as engines
from adyton.sandbox.wasm.engine import Engine, EngineGone
from adyton.sandbox.wasm.run import End, Event
from adyton.sandbox.wasm.wire import BrokenWire
from tests.contract_kit import built
from tests.engine_kit import FUEL, answer, compiled, run_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


def loaded(engine: Engine, code: bytes, name: bytes = b"m" * 32) -> bytes:
    engine.load(name, compiled(engine, code))
    return name


def wat(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def contract(body: str, memory: str = '(memory (export "memory") 1)') -> bytes:
    return wat(f"(module {memory} {body})")


def test_the_version_is_the_one_that_is_pinned() -> None:
    assert version("wasmtime") == settings.VERSION
    assert f'"wasmtime=={settings.VERSION}"' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_every_proposal_is_set_by_name() -> None:
    known = {name for name in vars(wasmtime.Config) if name.startswith("wasm_")}
    # Of the component model, which is off as a whole, the parts need not be.
    known -= {"wasm_component_model_map", "wasm_component_model_implements"}
    assert known <= set(settings._SWITCHES)


PROBE = """
import os, socket, sys
sys.path[:0] = [%r, %r]
from adyton.sandbox.wasm.cage import lock_down
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
layers = lock_down()
assert layers[-1] == "seccomp", layers
def refused(name, work):
    try:
        work()
    except OSError as problem:
        assert problem.errno in (errno.EPERM, errno.EACCES, errno.ENOSYS), (name, problem)
    else:
        os.write(1, name.encode() + b" is possible\\n")
refused("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
refused("openat", lambda: os.open("passwd", os.O_RDONLY, dir_fd=0))
refused("stat", lambda: os.stat("/"))
refused("socket", lambda: socket.socket())
refused("fork", lambda: os.fork())
refused("exec", lambda: os.execv("/bin/true", ["true"]))
refused("kill", lambda: os.kill(os.getppid(), 0))
refused("memfd", lambda: os.memfd_create("x"))
refused("pipe", lambda: os.pipe())
refused("dup", lambda: os.dup(1))
refused("unlink", lambda: os.unlink("/tmp/none"))
refused("prlimit", lambda: __import__("resource").prlimit(os.getppid(), 7))
def ptrace():
    if libc.ptrace(16, os.getppid(), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")
refused("ptrace", ptrace)
os.write(1, b"confined\\n")
os._exit(0)
"""


def test_its_process_can_do_nothing_but_compute_and_answer() -> None:
    import adyton

    source = str(Path(adyton.__file__ or "").parents[1])
    site = str(Path(wasmtime.__file__).parents[1])
    program = PROBE % (source, site)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "confined\n", done.stdout + done.stderr


def test_a_process_that_is_killed_is_replaced_and_its_modules_have_a_bound_in_bytes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = engine.compile(built("counter_c"))
    names = [bytes([at]) * 32 for at in range(5)]
    engine.load(names[0], compiled)
    os.kill(engine.pid, signal.SIGKILL)
    with pytest.raises(EngineGone):
        engine.run(run_of(names[0], "query:get"), answer)
    monkeypatch.setattr(engines, "_LOADED_BYTES", 3 * len(compiled) + 1)
    assert not engine.holds(names[0])
    for name in names[:3]:
        engine.load(name, compiled)
    assert engine.run(run_of(names[0], "query:get"), answer).status == "done"
    for name in names[3:]:
        engine.load(name, compiled)
    assert [engine.holds(name) for name in names] == [True, False, False, True, True]
    assert engine.run(run_of(names[0], "query:get"), answer).status == "done"
    with pytest.raises(EngineGone):  # the process has dropped it too
        engine.run(run_of(names[1], "query:get"), answer)


def test_an_error_of_the_enclave_ends_the_run_and_the_engine_is_fresh(engine: Engine) -> None:
    name = loaded(engine, built("counter_c"))

    def failing(_tag: int, _fields: list[bytes]) -> list[bytes]:
        raise GuestError("engine_failed", "no")

    with pytest.raises(GuestError):
        engine.run(run_of(name, "query:get"), failing)
    loaded(engine, built("counter_c"))
    assert engine.run(run_of(name, "query:get"), answer).status == "done"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (wat("(module)"), "does not export its memory"),
        (contract('(func (export "call:x") (param i32))'), "without parameters"),
        (contract('(func (export "init") (result i32) i32.const 0)'), "without parameters"),
        (contract('(import "env" "x" (func))', ""), "which there is not"),
        (contract('(import "adyton/1" "teleport" (func))', ""), "which there is not"),
        (contract('(import "adyton/1" "log" (func))', ""), "another type"),
        (contract('(import "adyton/1" "log" (memory 1))', ""), "is not a function"),
        (wat('(module (memory (export "memory") i64 1))'), "memory64"),
        (wat('(module (memory (export "memory") 1 1 shared))'), "threads"),
        (contract("(func $a return_call $a)"), "tail call"),
        (contract("(tag)"), "exceptions"),
        (contract("(type (struct (field i32)))"), "gc"),
        (b"(module)", "not a binary"),
        (b"\0asm\x0d\x00\x01\x00", "not a binary"),
    ],
)
def test_what_no_contract_may_be_is_refused_by_the_compiler(
    engine: Engine, code: bytes, reason: str
) -> None:
    with pytest.raises(MalformedError, match=f"(?i){reason}"):
        compiled(engine, code)


def test_a_compilers_process_tells_its_refusals_and_compiles_the_same(engine: Engine) -> None:
    """What other tests have compiled by the process that runs, a process of its own does as well."""
    with pytest.raises(MalformedError, match=r"not a contract: .*not export its memory"):
        engine.compile(wat("(module)"))
    code = built("counter_c")
    assert engine.compile(code) == compiled(engine, code)


def test_a_module_that_ends_its_compiler_is_refused_and_the_engine_runs_on(engine: Engine) -> None:
    """The library ends a process that asks it for a type with a vector."""
    running = engine.pid
    with pytest.raises(GuestError, match="cannot be compiled"):
        engine.compile(contract('(func (export "call:x") (param v128))'))
    name = loaded(engine, built("counter_c"))
    assert engine.run(run_of(name, "query:get"), answer).status == "done"
    assert engine.pid == running


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("unreachable", "trapped", "unreachable"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "trapped", "division"),
        ("(drop (i32.load (i32.const -1)))", "trapped", "memory"),
        ("(loop br 0)", "out_of_fuel", "fuel"),
        ("(call_indirect (i32.const 5))", "trapped", "table"),
    ],
)
def test_traps_are_told_apart_and_cost_everything(
    engine: Engine, body: str, status: str, reason: str
) -> None:
    name = loaded(engine, contract(f'(table 1 funcref) (func (export "call:x") {body})'))
    end = engine.run(run_of(name, "call:x"), answer)
    assert (end.status, end.fuel) == (status, FUEL)
    assert reason in end.reason


def test_a_start_function_is_metered_and_reaches_nothing(engine: Engine) -> None:
    spin = '(func $s (loop br 0)) (start $s) (func (export "call:x"))'
    name = loaded(engine, contract(spin))
    assert engine.run(run_of(name, "call:x"), answer).status == "out_of_fuel"
    say = (
        '(import "adyton/1" "log" (func $log (param i32 i32))) (memory (export "memory") 1)'
        "(func $s (call $log (i32.const 0) (i32.const 1))) (start $s)"
        '(func (export "call:x"))'
    )
    name = loaded(engine, wat(f"(module {say})"))
    assert engine.run(run_of(name, "call:x"), answer).status == "limit"


@pytest.mark.parametrize(
    ("kind", "call"),
    [
        ('"block_height" (func $i (result i64))', "(drop (call $i))"),
        ('"log" (func $i (param i32 i32))', "(call $i (i32.const 0) (i32.const 0))"),
        (
            '"emit" (func $i (param i32 i32 i32 i32))',
            "(call $i (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))",
        ),
    ],
)
def test_a_start_function_calls_no_import_also_where_no_memory_is_needed(
    engine: Engine, kind: str, call: str
) -> None:
    text = (
        f'(import "adyton/1" {kind}) (memory (export "memory") 1)'
        f'(func $s {call}) (start $s) (func (export "call:x"))'
    )
    end = engine.run(run_of(loaded(engine, wat(f"(module {text})")), "call:x"), answer)
    assert (end.status, end.logs, end.events) == ("limit", (), ())


@pytest.mark.parametrize("size", ["(i32.const 65537)", "(i32.const 65530)"])
def test_pointers_outside_of_memory_end_the_call(engine: Engine, size: str) -> None:
    text = (
        '(import "adyton/1" "output" (func $out (param i32 i32))) (memory (export "memory") 1)'
        f'(func (export "call:x") (call $out (i32.const 8) {size}))'
    )
    name = loaded(engine, wat(f"(module {text})"))
    assert engine.run(run_of(name, "call:x"), answer).status == "limit"


def test_each_memory_is_capped_and_their_number_too(engine: Engine) -> None:
    memories = '(memory (export "memory") 1) (memory $b 1) (memory $c 1) (memory $d 1)'
    grow = '(func (export "call:x") (if (i32.ne (memory.grow $d (i32.const 300)) (i32.const -1)) (then unreachable)))'
    name = loaded(engine, contract(grow, memories))
    assert engine.run(run_of(name, "call:x", fuel=10_000_000), answer).status == "done"
    with pytest.raises(MalformedError, match="more than 4 memories"):
        read_module(contract("", memories + "(memory 1)"))
    with pytest.raises(MalformedError, match="begins with more"):
        read_module(contract("", '(memory (export "memory") 257)'))


def test_compiled_bytes_of_another_engine_are_refused(engine: Engine) -> None:
    made = compiled(engine, built("counter_c"))
    with pytest.raises(MalformedError, match="another engine"):
        engine.load(b"x" * 32, made[:200])
    with pytest.raises(MalformedError, match="another engine"):
        engine.load(b"x" * 32, b"junk")


@pytest.mark.parametrize(
    "end",
    [
        End("done", "", FUEL + 1),
        End("done", "", -1),
        End("finished", "", 0),
        End("done", "", 0, bytes(abi.OUTPUT + 1)),
        End("done", "", 0, writes=((b"b", b""), (b"a", b""))),
        End("done", "", 0, writes=((b"a", b""), (b"a", b""))),
        End("done", "", 0, writes=((b"", b""),)),
        End("done", "", 0, writes=((b"k" * (abi.KEY + 1), b""),)),
        End("done", "", 0, writes=((b"k", bytes(abi.VALUE + 1)),)),
        End("done", "", 0, events=(Event(b"t" * (abi.TOPIC + 1), b"", None),)),
        End("done", "", 0, events=(Event(b"t", b"", b"short"),)),
        End("done", "", 0, events=(Event(b"t", b"", None),) * (abi.EVENTS + 1)),
        End("done", "", 0, logs=("x" * (abi.LOGS + 1),)),
        End("refused", "", 0, writes=((b"a", b"b"),)),
        End("trapped", "r" * (abi.REASON + 1), 0),
        End("done", "", 0, events=(Event(b"\xff", b"", None),)),
        End("done", "", 0, logs=("l" * (abi.LOG + 1),)),
    ],
)
def test_what_an_engine_may_not_say_is_refused(end: End) -> None:
    with pytest.raises(BrokenWire):
        End.read(list(end.fields()), FUEL)


def test_what_an_engine_says_is_read_back() -> None:
    writes = ((b"a", b""), (b"b", None))
    events = (Event(b"t", b"d", None), Event(b"t", b"d", bytes(32)))
    end = End("done", "", 5, b"out", writes, events, ("line",))
    assert End.read(list(end.fields()), 5) == end
