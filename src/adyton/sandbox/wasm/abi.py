"""What a contract may import, what each import costs, and how a call can end.

Version 1 of the guest interface, `docs/spec/contract.md`. Both sides of the engine use this file, and nothing in it is
a choice of one node: fuel is a consensus rule.
"""

from __future__ import annotations

from typing import Final

MODULE: Final = "adyton/1"
MEMORY: Final = "memory"
I32: Final = "i32"
I64: Final = "i64"

# name: (parameters, results)
IMPORTS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "input": ((I32, I32), (I32,)),
    "output": ((I32, I32), ()),
    "fail": ((I32, I32), ()),
    "state_get": ((I32, I32, I32, I32), (I32,)),
    "state_set": ((I32, I32, I32, I32), ()),
    "state_remove": ((I32, I32), ()),
    "state_scan": ((I32, I32, I32, I32, I32, I32), (I32,)),
    "caller": ((I32,), (I32,)),
    "address": ((I32,), ()),
    "block_height": ((), (I64,)),
    "block_time": ((), (I64,)),
    "random": ((I32, I32), ()),
    "emit": ((I32, I32, I32, I32), ()),
    "emit_sealed": ((I32, I32, I32, I32, I32), ()),
    "call": ((I32, I32, I32, I32, I32), (I32,)),
    "result": ((I32, I32), (I32,)),
    "sha256": ((I32, I32, I32), ()),
    "ed25519_verify": ((I32, I32, I32, I32), (I32,)),
    "secp256k1_recover": ((I32, I32, I32), (I32,)),
    "log": ((I32, I32), ()),
}

# Fuel. An instruction costs 1 (wasmtime's own count); a nanosecond of the reference machine is about one. What is asked
# of the enclave costs what it takes there at worst, so that no mix of imports makes a call much longer than another.
FUEL_CALL: Final = 50_000  # a fresh instance
FUEL_COST: Final[
    dict[str, tuple[int, int]]
] = {  # import: (each time, each byte that goes in or out)
    "input": (1_000, 1),
    "output": (1_000, 1),
    "fail": (1_000, 1),
    "state_get": (150_000, 5),
    "state_set": (50_000, 70),  # what is stored stays
    "state_remove": (20_000, 5),
    "state_scan": (400_000, 30),
    "caller": (1_000, 0),
    "address": (1_000, 0),
    "block_height": (500, 0),
    "block_time": (500, 0),
    "random": (80_000, 5),
    "emit": (5_000, 20),
    "emit_sealed": (250_000, 20),
    "call": (250_000, 5),
    "result": (1_000, 1),
    "sha256": (2_000, 3),
    "ed25519_verify": (200_000, 3),
    "secp256k1_recover": (200_000, 0),
    "log": (2_000, 5),
}
CHANGES: Final = frozenset({"state_set", "state_remove", "random", "emit", "emit_sealed"})

KEY: Final = 256
VALUE: Final = 64 * 1024
INPUT: Final = 256 * 1024
OUTPUT: Final = 128 * 1024
REASON: Final = 1024
TOPIC: Final = 64
EVENT: Final = 4 * 1024
EVENTS: Final = 64
LOG: Final = 4 * 1024
LOGS: Final = 16 * 1024
RANDOM: Final = 1024
WRITES: Final = 1024
DEPTH: Final = 8
PAGE: Final = 64 * 1024  # bytes of one answer to `state_scan`
MEMORIES: Final = 4
MEMORY_BYTES: Final = 16 * 1024 * 1024  # of each memory
TABLES: Final = 4
TABLE_ELEMENTS: Final = 10_000
STACK: Final = 512 * 1024

# Results of the import `call` below zero.
CALL_FAILED: Final = -1
CALL_UNKNOWN: Final = -2
CALL_RUNNING: Final = -3
CALL_TOO_DEEP: Final = -4
CALL_ORDERING: Final = -5

# How a call ends.
DONE: Final = "done"
REFUSED: Final = "refused"  # by the contract itself, with a reason
TRAPPED: Final = "trapped"
OUT_OF_FUEL: Final = "out_of_fuel"
LIMIT: Final = "limit"  # an argument or a sum over its bound, or a pointer outside of memory
FORBIDDEN: Final = "forbidden"  # a change in a query
ENDS: Final = (DONE, REFUSED, TRAPPED, OUT_OF_FUEL, LIMIT, FORBIDDEN)
