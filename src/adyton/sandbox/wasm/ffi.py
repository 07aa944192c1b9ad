"""wasmtime's C interface, as far as the hot path needs it.

The library's own Python classes look up types at every call and take five times as long. These prototypes are private
copies, so that nothing changes for who uses the classes.

Trust: a wrong signature here is undefined behaviour. Host functions are called without type checks: `runtime.py`
checks the types of imports and entry points once, when a module is compiled.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int64, c_size_t, c_uint64, c_void_p
from typing import Any, Final

from wasmtime import _bindings as bindings
from wasmtime import _ffi

EXTERN_FUNC: Final = 0
EXTERN_MEMORY: Final = 3

instance_t: Final[Any] = bindings.wasmtime_instance_t
extern_t: Final[Any] = bindings.wasmtime_extern_t
memory_t: Final[Any] = bindings.wasmtime_memory_t
func_t: Final[Any] = bindings.wasmtime_func_t
val_raw_t: Final[Any] = bindings.wasmtime_val_raw

# Of a host function: environment, caller, arguments and results (16 bytes each), their number; returns a trap or null.
CALLBACK: Final = ctypes.CFUNCTYPE(c_size_t, c_void_p, c_void_p, POINTER(c_int64), c_size_t)


def _function(name: str, result: Any, *arguments: Any) -> Any:
    # Indexing, unlike an attribute, gives an object of its own.
    function = _ffi.dll[name]
    function.restype = result
    function.argtypes = list(arguments)
    return function


store_new: Final = _function("wasmtime_store_new", c_void_p, c_void_p, c_void_p, c_void_p)
store_delete: Final = _function("wasmtime_store_delete", None, c_void_p)
store_context: Final = _function("wasmtime_store_context", c_void_p, c_void_p)
store_limiter: Final = _function("wasmtime_store_limiter", None, c_void_p, *[c_int64] * 5)
set_fuel: Final = _function("wasmtime_context_set_fuel", c_void_p, c_void_p, c_uint64)
get_fuel: Final = _function("wasmtime_context_get_fuel", c_void_p, c_void_p, c_void_p)
instantiate: Final = _function(
    "wasmtime_instance_pre_instantiate", c_void_p, c_void_p, c_void_p, c_void_p, c_void_p
)
export_get: Final = _function(
    "wasmtime_instance_export_get", c_bool, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p
)
memory_data: Final = _function("wasmtime_memory_data", c_void_p, c_void_p, c_void_p)
memory_size: Final = _function("wasmtime_memory_data_size", c_size_t, c_void_p, c_void_p)
call: Final = _function(
    "wasmtime_func_call_unchecked", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p
)
define: Final = _function(
    "wasmtime_linker_define_func_unchecked",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    c_char_p,
    c_size_t,
    c_void_p,
    CALLBACK,
    c_void_p,
    c_void_p,
)
trap_new: Final = _function("wasmtime_trap_new", c_void_p, c_char_p, c_size_t)
trap_code: Final = _function("wasmtime_trap_code", c_bool, c_void_p, c_void_p)
trap_delete: Final = _function("wasm_trap_delete", None, c_void_p)
error_delete: Final = _function("wasmtime_error_delete", None, c_void_p)
