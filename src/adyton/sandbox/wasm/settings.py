"""The engine's configuration: one for every node of a network.

Every proposal is set by name, since the library's defaults move with its versions. Version, architecture and these
settings are part of what a compiled module is bound to.
"""

from __future__ import annotations

import os
from typing import Final

import wasmtime

from adyton.sandbox.wasm import abi, meter

# The image holds no metadata to ask; a test compares this with what is pinned.
VERSION: Final = "50.0.1"
_SWITCHES: Final[dict[str, bool]] = {
    "consume_fuel": True,
    "epoch_interruption": False,
    "cranelift_nan_canonicalization": True,
    "parallel_compilation": False,
    "cranelift_debug_verifier": False,
    "debug_info": False,
    "native_unwind_info": False,
    "signals_based_traps": True,
    "memory_may_move": False,
    # A fresh page is cheaper than the file behind copy on write, and needs no further system calls.
    "memory_init_cow": False,
    "wasm_multi_memory": True,
    "wasm_bulk_memory": True,
    "wasm_reference_types": True,
    "wasm_multi_value": True,
    "wasm_simd": True,
    "wasm_relaxed_simd": False,
    "wasm_relaxed_simd_deterministic": True,
    "wasm_threads": False,
    "shared_memory": False,
    "wasm_memory64": False,
    "wasm_tail_call": False,
    "wasm_gc": False,
    "wasm_function_references": False,
    "wasm_exceptions": False,
    "wasm_stack_switching": False,
    "wasm_wide_arithmetic": False,
    "wasm_custom_page_sizes": False,
    "wasm_component_model": False,
}
_SIZES: Final[dict[str, int]] = {
    "max_wasm_stack": abi.STACK,
    # The whole of what a memory may become, so that growing cannot fail on one node only.
    "memory_reservation": abi.MEMORY_BYTES,
    "memory_reservation_for_growth": 0,
    "memory_guard_size": 32 * 1024 * 1024,
}


def make_config() -> wasmtime.Config:
    """Return the configuration; a combination that the library does not know ends the process."""
    config = wasmtime.Config()
    config.strategy = "cranelift"
    config.cranelift_opt_level = "speed"
    for name, value in (_SWITCHES | _SIZES).items():
        setattr(config, name, value)
    return config


def identity() -> str:
    """Name what a compiled module depends on beside its source."""
    settings = sorted((_SWITCHES | _SIZES).items())
    shown = " ".join(f"{name}={int(value)}" for name, value in settings)
    prices = f"dear={meter.DEAR} fill={meter.DEAR_FILL} page={meter.PAGE}"
    return f"wasmtime {VERSION} {os.uname().machine} {prices} {shown}"
