"""Ten thousand altered modules: compiled and run, they harm neither the engine nor honest contracts."""

from __future__ import annotations

import random

import pytest
import wasmtime

from adyton.core.errors import GuestError, MalformedError
from adyton.protocol.wasm_module import read_module
from adyton.sandbox.wasm.engine import Engine, EngineGone
from tests.contract_kit import BUILT, built
from tests.engine_kit import EVERY_FORM, answer, compiled, run_of

VARIED = EVERY_FORM.replace("DEAR", "")
MUTANTS = 10_000


def altered(source: random.Random, code: bytes) -> bytes:
    """Return a module of which a few places are changed, or bytes that are none."""
    if source.random() < 0.02:
        return b"\0asm\x01\0\0\0" + source.randbytes(source.randrange(200))
    made = bytearray(code)
    for _ in range(source.choice((1, 1, 2, 4, 8))):
        at = source.randrange(len(made))
        kind = source.randrange(4)
        if kind == 0:
            made[at] ^= 1 << source.randrange(8)
        elif kind == 1:
            made[at] = source.choice((0, 1, 0x7F, 0x80, 0xFF, source.randrange(256)))
        elif kind == 2:
            del made[at : at + source.randrange(1, 9)]
        else:
            made[at:at] = source.randbytes(source.randrange(1, 9))
        if not made:
            break
    return bytes(made)


def test_ten_thousand_altered_modules_harm_nobody() -> None:
    """Compile and run mutants in one process; refused, failed or done, it answers, and honest contracts go on."""
    source = random.Random(20261121)
    seeds = [built(path.stem) for path in sorted(BUILT.glob("*.wasm"))]
    # Most of a large module's time goes into compiling what was not altered: small ones are altered more often, and
    # one of them has an instruction of every form.
    seeds += [bytes(wasmtime.wat2wasm(f'(module (memory (export "memory") 1) {VARIED})'))] * 4
    seeds += [built("counter_c")] * 36
    tried = Trial()
    for number in range(MUTANTS):
        tried.one(altered(source, source.choice(seeds)))
        if number % 1000 == 999:
            tried.require_honest()
    tried.close()
    assert tried.ended == 0
    assert tried.fatal <= MUTANTS // 1000
    assert tried.refused > MUTANTS // 2
    assert tried.ran > MUTANTS // 50


class Trial:
    """One process that compiles and runs, as the enclave's own never does."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.refused = self.fatal = self.ran = self.ended = 0

    def one(self, code: bytes) -> None:
        try:
            outline = read_module(code)
            machine_code = compiled(self.engine, code)
        except MalformedError:
            self.refused += 1
            return
        except EngineGone:
            # As of a vector in an export's type: a compiler of its own has to end as well.
            self.fatal += 1
            with pytest.raises(GuestError, match="cannot be compiled"):
                self.engine.compile(code)
            return
        name = b"t" * 32
        try:
            self.engine.load(name, machine_code)
            entries = [f"call:{method}" for method in outline.calls[:3]]
            for entry in [*entries, *[f"query:{method}" for method in outline.queries[:2]]]:
                self.engine.run(run_of(name, entry, b"\x05" + bytes(40)), answer)
            self.ran += 1
        except EngineGone:
            self.ended += 1

    def require_honest(self) -> None:
        name = b"h" * 32
        if not self.engine.holds(name):
            self.engine.load(name, compiled(self.engine, built("counter_c")))
        end = self.engine.run(run_of(name, "query:get"), answer)
        assert (end.status, end.output) == ("done", bytes(8))

    def close(self) -> None:
        self.engine.close()
