"""The engine's process: reads frames, compiles or runs, and holds no key.

    python -I -S -B -X pycache_prefix=/dev/null/x -X utf8 worker.py CONTROL_FD SITE

The enclave execs it with an empty environment and one descriptor, once for each module that is compiled, and once for
all that are run: who compiles never runs a guest, so that no guest can leave its mark on another's machine code.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from typing import Final

_HERE: Final = os.path.dirname(os.path.realpath(__file__))
_STACK: Final = 64 * 1024 * 1024

# Invariant: the image first, so that nothing of it comes from elsewhere.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(_HERE))))
if len(sys.argv) > 2 and sys.argv[2] != "-":
    sys.path.append(sys.argv[2])
from adyton.sandbox.wasm import wire  # noqa: E402  # needs the path
from adyton.sandbox.wasm.cage import REHEARSAL, lock_down  # noqa: E402  # needs the path
from adyton.sandbox.wasm.run import Run  # noqa: E402  # needs the path
from adyton.sandbox.wasm.runtime import ModuleRefused, Runtime  # noqa: E402  # needs the path
from adyton.sandbox.wasm.settings import identity  # noqa: E402  # needs the path
from adyton.sandbox.wasm.wire import BrokenWire, Wire  # noqa: E402  # needs the path


class Worker:
    """Serves the enclave until it closes the connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._wire = Wire(connection)
        self.runtime = Runtime(self._ask)

    def serve(self, name: str, layers: tuple[str, ...]) -> None:
        """Greet, then answer one frame after another."""
        self._wire.send(wire.READY, name.encode(), " ".join(layers).encode())
        while True:
            tag, fields = self._wire.receive()
            self._carry_out(tag, fields)

    def _carry_out(self, tag: int, fields: list[bytes]) -> None:
        if tag == wire.RUN:
            self._wire.send(wire.END, *self.runtime.run(Run.read(fields)).fields())
        elif tag == wire.LOAD and len(fields) == 2:
            self._answer(wire.LOADED, lambda: self.runtime.load(fields[0], fields[1]))
        elif tag == wire.COMPILE and len(fields) == 1:
            self._answer(wire.COMPILED, lambda: self.runtime.compile(fields[0]))
        elif tag == wire.DROP and len(fields) == 1:
            self.runtime.drop(fields[0])
        else:
            raise BrokenWire("a frame that is not for the engine")

    def _answer(self, tag: int, work: Callable[[], bytes | None]) -> None:
        try:
            done = work()
        except ModuleRefused as problem:
            self._wire.send(wire.FAILED, str(problem).encode("utf-8", "replace"))
        else:
            self._wire.send(tag, *([] if done is None else [done]))

    def _ask(self, tag: int, *fields: bytes) -> list[bytes]:
        """Ask the enclave while a contract runs; it may have other contracts run before it answers."""
        self._wire.send(tag, *fields)
        while True:
            answer, values = self._wire.receive()
            if answer == wire.ANSWER:
                return values
            self._carry_out(answer, values)


def main(control: int) -> int:
    """Lock this process down, then serve."""
    connection = socket.socket(fileno=control)
    worker = Worker(connection)
    # Before the filter: whatever the library makes at its first use.
    worker.runtime.compile(REHEARSAL)
    name = identity()
    layers = lock_down()
    failures: list[int] = []

    def serve() -> None:
        try:
            worker.serve(name, layers)
        except BrokenWire:
            return  # the enclave has closed the connection: the ordinary end
        except BaseException:  # noqa: BLE001  # its text may hold a contract's secret
            failures.append(1)

    # A thread, because its stack has a size of our choice: contracts call each other inside of it.
    threading.stack_size(_STACK)
    thread = threading.Thread(target=serve, name="engine")
    thread.start()
    thread.join()
    os._exit(1 if failures else 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
