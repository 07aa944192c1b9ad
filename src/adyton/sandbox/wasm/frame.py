"""One running instance: its store, its memory, its fuel, and what it has done so far."""

from __future__ import annotations

import ctypes
from itertools import islice
from typing import Any

from adyton.sandbox.wasm import abi, ffi
from adyton.sandbox.wasm.run import KEYS_TOLD, End, Event, Run


class Ended(Exception):
    """The run ends here, by a rule of the interface."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Frame:
    """A store with one instance.

    Trust: whatever the instance passes is the contract's, pointers and lengths first of all.

    Args:
        engine: address of the engine.
        run: what is asked for.
    """

    def __init__(self, engine: int, run: Run) -> None:
        self.run = run
        self.store: int = ffi.store_new(engine, None, None)
        self.context: int = ffi.store_context(self.store)
        ffi.store_limiter(
            self.store, abi.MEMORY_BYTES, abi.TABLE_ELEMENTS, 1, abi.TABLES, abi.MEMORIES
        )
        ffi.set_fuel(self.context, run.fuel)
        self._fuel = ctypes.c_uint64()
        self._fuel_at = ctypes.addressof(self._fuel)
        self._memory: Any = None
        self._memory_at = 0
        self._base = self._size = 0
        self.problem: BaseException | None = None
        self.left = 0  # fuel, when the run was ended by a rule
        self.output = b""
        self.result = b""
        self.writes: dict[bytes, bytes | None] = {}
        self.known = dict(run.known)
        self.reads: dict[bytes, bytes | None] = {}
        self.events: list[Event] = []
        self.logs: list[str] = []
        self.logged = 0

    def close(self) -> None:
        """Give the store back."""
        ffi.store_delete(self.store)

    def use_memory(self, memory: Any) -> None:
        """Take the memory that the instance exports."""
        self._memory = memory
        self._memory_at = ctypes.addressof(memory)
        # Invariant: a memory never moves (`settings.py`) and never shrinks.
        self._base = int(ffi.memory_data(self.context, self._memory_at) or 0)

    # --- fuel -----------------------------------------------------------------------------------

    def fuel(self) -> int:
        """Return what is left; exact at a regular end and inside of an import, stale after a trap."""
        ffi.get_fuel(self.context, self._fuel_at)
        return self._fuel.value

    def charge(self, cost: int) -> int:
        """Take fuel, and return what is left.

        Raises:
            Ended: there is not so much.
        """
        left = self.fuel() - cost
        if left < 0:
            self.left = 0
            raise Ended(abi.OUT_OF_FUEL, "the call has used up its fuel")
        ffi.set_fuel(self.context, left)
        self.left = left
        return left

    def require_begun(self) -> None:
        """Refuse an import that the start function calls.

        Raises:
            Ended: the instance is still being made.
        """
        if self._memory is None:
            raise Ended(abi.LIMIT, "an import is called before the instance is there")

    # --- memory ---------------------------------------------------------------------------------

    def read(self, pointer: int, size: int, most: int) -> bytes:
        """Return bytes of the instance's memory.

        Raises:
            Ended: outside of it, or more than `most`.
        """
        pointer &= 0xFFFF_FFFF
        size &= 0xFFFF_FFFF
        if size > most:
            raise Ended(abi.LIMIT, f"an argument of {size} bytes; at most {most} are allowed")
        return ctypes.string_at(self._place(pointer, size), size)

    def write(self, pointer: int, data: bytes) -> None:
        """Put bytes into the instance's memory.

        Raises:
            Ended: outside of it.
        """
        ctypes.memmove(self._place(pointer & 0xFFFF_FFFF, len(data)), data, len(data))

    def _place(self, pointer: int, size: int) -> int:
        if pointer + size > self._size:
            self._size = ffi.memory_size(self.context, self._memory_at)
            if pointer + size > self._size:
                raise Ended(abi.LIMIT, "a pointer outside of the memory")
        return self._base + pointer

    # --- the end --------------------------------------------------------------------------------

    def done(self) -> End:
        """Return the end of a run that came back."""
        return End(
            abi.DONE,
            "",
            self.run.fuel - self.fuel(),
            self.output,
            tuple(sorted(self.writes.items())),
            tuple(self.events),
            tuple(self.logs),
            len(self.reads),
            tuple(islice(self.reads, KEYS_TOLD)),
        )

    def failed(self, status: str, reason: str) -> End:
        """Return the end of a run that did not: nothing of it stays but its logs and its cost."""
        exact = status in (abi.REFUSED, abi.FORBIDDEN)
        used = self.run.fuel - self.left if exact else self.run.fuel
        return End(status, reason[: abi.REASON], used, logs=tuple(self.logs), reads=len(self.reads))
