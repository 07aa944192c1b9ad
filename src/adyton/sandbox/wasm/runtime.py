"""Compiles, loads and runs modules; everything here happens in the engine's own process."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_void_p, cast
from typing import Any, Final

import wasmtime
from wasmtime import Engine, FuncType, Linker, Module, ValType

from adyton.sandbox.wasm import abi, ffi
from adyton.sandbox.wasm.frame import Ended, Frame
from adyton.sandbox.wasm.imports import Ask, Imports
from adyton.sandbox.wasm.meter import TooComplex, metered
from adyton.sandbox.wasm.run import End, Run
from adyton.sandbox.wasm.settings import make_config
from adyton.sandbox.wasm.wire import number, read_number

_MAGIC: Final = b"\0asm\x01\0\0\0"
_NUMBER: Final = 8
_OUT_OF_FUEL: Final = 11
_TRAPS: Final = {
    0: "the stack is exhausted",
    1: "an access outside of the memory",
    3: "an access outside of a table",
    4: "a call of an empty table entry",
    5: "an indirect call of another type",
    6: "an integer overflow",
    7: "a division by zero",
    8: "a number that is no integer",
    9: "unreachable code was reached",
}


class ModuleRefused(Exception):
    """The module is not one that a contract may be."""


class Runtime:
    """An engine with the interface's imports.

    Args:
        ask: reaches the enclave while a contract runs.
    """

    def __init__(self, ask: Ask) -> None:
        self._engine = Engine(make_config())
        self._engine_at = _address(self._engine)
        self._linker = Linker(self._engine)
        self._frames: list[Frame] = []
        self._loaded: dict[bytes, tuple[Any, int, int]] = {}
        imports = Imports(ask)
        # Invariant: the callbacks live as long as the linker.
        self._callbacks = [self._define(name, imports.method(name)) for name in abi.IMPORTS]
        self._trap = c_void_p()
        self._values = (ffi.val_raw_t * 4)()

    # --- modules --------------------------------------------------------------------------------

    def compile(self, code: bytes) -> bytes:
        """Return an instance's fuel and the module's machine code, once its imports and exports are what they must be.

        Raises:
            ModuleRefused: it is no such module.
        """
        # The library would take the text format as well.
        if not code.startswith(_MAGIC):
            raise ModuleRefused("not a binary WebAssembly module of version 1")
        try:
            Module.validate(self._engine, code)
            priced, instance = metered(code)
            module = Module(self._engine, priced)
        except wasmtime.WasmtimeError as problem:
            raise ModuleRefused(_said(problem)) from problem
        except TooComplex as problem:
            raise ModuleRefused(str(problem)) from problem
        _check_imports(module)
        _check_exports(module)
        return number(instance) + bytes(module.serialize())

    def load(self, name: bytes, compiled: bytes) -> None:
        """Take up a module that this version of the engine has compiled.

        Trust: the bytes are machine code; the enclave has authenticated them.

        Raises:
            ModuleRefused: of another version or configuration.
        """
        try:
            module = Module.deserialize(self._engine, compiled[_NUMBER:])
            prepared = self._linker.instantiate_pre(module)
        except wasmtime.WasmtimeError as problem:
            raise ModuleRefused(_said(problem)) from problem
        self._loaded[name] = (prepared, _address(prepared), read_number(compiled[:_NUMBER]))

    def drop(self, name: bytes) -> None:
        """Forget a module."""
        self._loaded.pop(name, None)

    # --- runs -----------------------------------------------------------------------------------

    def run(self, run: Run) -> End:
        """Carry out one run in a fresh instance.

        Raises:
            BaseException: what went wrong between engine and enclave; no run may go on then.
        """
        _, prepared, instance = self._loaded[run.module]
        frame = Frame(self._engine_at, run)
        self._frames.append(frame)
        try:
            frame.charge(abi.FUEL_CALL + instance)
            return self._enter(frame, prepared)
        except Ended as ended:
            return frame.failed(ended.status, ended.reason)
        finally:
            self._frames.pop()
            frame.close()

    def _enter(self, frame: Frame, prepared: int) -> End:
        instance, export = ffi.instance_t(), ffi.extern_t()
        instance_at, export_at = ctypes.addressof(instance), ctypes.addressof(export)
        trap = c_void_p()
        trap_at = ctypes.addressof(trap)
        error = ffi.instantiate(prepared, frame.context, instance_at, trap_at)
        if error or trap.value:
            return self._failure(frame, error, trap)
        memory = abi.MEMORY.encode()
        found = ffi.export_get(frame.context, instance_at, memory, len(memory), export_at)
        if not found or export.kind != ffi.EXTERN_MEMORY:
            raise Ended(abi.TRAPPED, "the module has no memory")
        frame.use_memory(ffi.memory_t.from_buffer_copy(export.of.memory))
        name = frame.run.export.encode()
        found = ffi.export_get(frame.context, instance_at, name, len(name), export_at)
        if not found or export.kind != ffi.EXTERN_FUNC:
            raise Ended(abi.TRAPPED, "the contract has no such method")
        function = ffi.func_t.from_buffer_copy(export.of.func)
        values = ctypes.addressof(self._values)
        error = ffi.call(frame.context, ctypes.addressof(function), values, 0, trap_at)
        if error or trap.value:
            return self._failure(frame, error, trap)
        return frame.done()

    def _failure(self, frame: Frame, error: int | None, trap: c_void_p) -> End:
        """Return the end of a run that the engine has stopped."""
        if error:
            ffi.error_delete(error)
        code = ctypes.c_uint8(255)
        if trap.value:
            ffi.trap_code(trap, ctypes.addressof(code))
            ffi.trap_delete(trap)
        problem = frame.problem
        if isinstance(problem, Ended):
            return frame.failed(problem.status, problem.reason)
        if problem is not None:
            raise problem
        if code.value == _OUT_OF_FUEL:
            return frame.failed(abi.OUT_OF_FUEL, "the call has used up its fuel")
        return frame.failed(abi.TRAPPED, _TRAPS.get(code.value, "the instance cannot be made"))

    # --- imports --------------------------------------------------------------------------------

    def _define(self, name: str, method: Callable[[Frame, Any], None]) -> Any:
        frames, changes = self._frames, name in abi.CHANGES

        def carry_out(_environment: Any, _caller: Any, arguments: Any, _count: int) -> int:
            frame = frames[-1]
            try:
                frame.require_begun()
                if changes and frame.run.query:
                    frame.charge(0)
                    raise Ended(abi.FORBIDDEN, f"{name} is not possible in a query")
                method(frame, arguments)
            except BaseException as problem:  # noqa: BLE001  # nothing may be raised through the library's frames
                frame.problem = problem
                return int(ffi.trap_new(b"ended", 5))
            return 0

        parameters, results = abi.IMPORTS[name]
        kind = FuncType(
            [_value_type(one) for one in parameters], [_value_type(one) for one in results]
        )
        callback = ffi.CALLBACK(carry_out)
        module, encoded = abi.MODULE.encode(), name.encode()
        error = ffi.define(
            _address(self._linker),
            module,
            len(module),
            encoded,
            len(encoded),
            _address(kind),
            callback,
            None,
            None,
        )
        if error:
            raise ModuleRefused(f"the import {name} cannot be defined")
        return callback


def _check_imports(module: Module) -> None:
    for one in module.imports:
        known = abi.IMPORTS.get(one.name or "") if one.module == abi.MODULE else None
        if known is None:
            raise ModuleRefused(f"it imports {one.module}.{one.name}, which there is not")
        kind = one.type
        if not isinstance(kind, FuncType) or _signature(kind) != known:
            raise ModuleRefused(f"it imports {one.name} with another type")


def _check_exports(module: Module) -> None:
    memory = False
    for one in module.exports:
        kind = one.type
        if one.name == abi.MEMORY:
            memory = isinstance(kind, wasmtime.MemoryType)
        elif is_entry(one.name) and not (
            isinstance(kind, FuncType) and _signature(kind) == ((), ())
        ):
            raise ModuleRefused(f"its export {one.name} is not a function without parameters")
    if not memory:
        raise ModuleRefused(f"it does not export its memory as {abi.MEMORY}")


def is_entry(name: str) -> bool:
    """Say whether an export of this name can be called from outside."""
    return name in ("init", "migrate") or name.startswith(("call:", "query:"))


def _signature(kind: FuncType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(map(str, kind.params)), tuple(map(str, kind.results))


def _value_type(name: str) -> ValType:
    return ValType.i64() if name == abi.I64 else ValType.i32()


def _address(managed: Any) -> int:
    return int(cast(managed.ptr(), c_void_p).value or 0)


def _said(problem: Exception) -> str:
    # The first line says where, the last why.
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return ": ".join(dict.fromkeys((*lines[:1], *lines[-1:])))[: abi.REASON // 2]
