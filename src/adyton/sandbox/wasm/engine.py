"""The enclave's end of the contract engine: starts it, has modules compiled, loaded and run.

Trust: the engine's process runs contracts and nothing else; the enclave believes it no more than the contract that it
runs. When the process ends (a fault of the library, an allocation too many) a new one is started, and the run is tried
once more; a run that ends two processes is the module's fault.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.core import limits
from adyton.core.errors import GuestError, MalformedError, UnavailableError
from adyton.core.recent import Recent
from adyton.sandbox.wasm import wire
from adyton.sandbox.wasm.run import End, Run
from adyton.sandbox.wasm.wire import BrokenWire, Wire

_PROGRAM: Final = Path(__file__).with_name("worker.py")
_FLAGS: Final = ("-I", "-S", "-B", "-X", "pycache_prefix=/dev/null/x", "-X", "utf8")
_PATIENCE_S: Final = 60.0  # of silence; fuel ends every run long before
_STOP_S: Final = 5.0
_ATTEMPTS: Final = 2
_LOADED: Final = 64  # modules
# Of their machine code; what a run needs at one time is half of it at most.
_LOADED_BYTES: Final = 16 * limits.MODULE

Answer = Callable[[int, list[bytes]], list[bytes]]
"""Answers a question of a running contract: tag and fields in, fields out."""


class EngineGone(Exception):
    """The engine's process has ended, or does not keep to the form."""


@dataclass
class _Process:
    """One engine process and the connection to it."""

    child: subprocess.Popen[bytes]
    wire: Wire
    identity: str
    layers: str
    loaded: Recent[bytes, int]

    def close(self) -> None:
        self.wire.close()
        try:
            self.child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def kill(self) -> None:
        self.child.kill()
        self.close()


class Engine:
    """Runs contracts in a process of their own.

    Args:
        python: the interpreter to exec, a real path.

    Raises:
        UnavailableError: `sandbox_unavailable`, the process cannot be started or confined here.

    Attributes:
        identity: what compiled modules depend on beside their source.
        layers: what confines the process.
    """

    def __init__(self, *, python: str | None = None) -> None:
        self._python = python or os.path.realpath(sys.executable)
        self._closed = False
        self._running: _Process | None = self._start()
        # The next compiler comes up meanwhile, so that a deployment need not wait for it.
        self._spare: _Process | None = self._spawn()
        self.identity = self._running.identity
        self.layers = self._running.layers

    @property
    def pid(self) -> int:
        """Process id of the engine that runs contracts."""
        return self._process().child.pid

    # --- modules --------------------------------------------------------------------------------

    def compile(self, code: bytes) -> bytes:
        """Return a module's machine code; made by a process that never ran a guest.

        Trust: `code` is a stranger's.

        Raises:
            MalformedError: `module_refused`, with the reason.
            GuestError: `engine_failed`, compiling it ends the process.
        """
        for _ in range(_ATTEMPTS):
            process = self._compiler()
            try:
                process.wire.send(wire.COMPILE, code)
                tag, fields = process.wire.receive()
                if tag == wire.COMPILED and len(fields) == 1:
                    return fields[0]
                if tag == wire.FAILED and len(fields) == 1:
                    reason = fields[0].decode("utf-8", "replace")
                    raise MalformedError("module_refused", f"not a contract: {reason}")
            except BrokenWire:
                continue
            finally:
                process.kill()
                if self._spare is None and not self._closed:
                    self._spare = self._spawn()
        raise GuestError(
            "engine_failed", "the module cannot be compiled within the engine's bounds"
        )

    def holds(self, name: bytes) -> bool:
        """Say whether a module is loaded."""
        return name in self._process().loaded

    def load(self, name: bytes, compiled: bytes) -> None:
        """Load a compiled module under `name`, in place of the one used longest ago where there are many.

        Trust: `compiled` is machine code that the caller has authenticated.

        Raises:
            MalformedError: `module_refused`, it is not of this engine.
        """
        process = self._process()
        try:
            process.wire.send(wire.LOAD, name, compiled)
            tag, _ = process.wire.receive()
            if tag != wire.LOADED:
                raise MalformedError("module_refused", "the module was compiled by another engine")
            process.loaded.put(name, len(compiled), len(compiled))
        except BrokenWire as problem:
            self._lose()
            raise EngineGone from problem

    # --- runs -----------------------------------------------------------------------------------

    def run(self, run: Run, answer: Answer) -> End:
        """Carry out a run whose module is loaded; also while another waits for an answer.

        Args:
            run: what to run.
            answer: answers the contract's questions; may call `run` again.

        Raises:
            EngineGone: the process has ended; nothing of the run stays.
            Error: what `answer` raises; the engine is ended then.
        """
        process = self._process()
        process.loaded.get(run.module)  # is used
        try:
            process.wire.send(wire.RUN, *run.fields())
            while True:
                tag, fields = process.wire.receive()
                if tag == wire.END:
                    end = End.read(fields, run.fuel)
                    if run.query and (end.writes or end.events):
                        raise BrokenWire("a query has changed something")
                    return end
                if tag not in wire.QUESTIONS:
                    raise BrokenWire("a frame that is neither question nor end")
                process.wire.send(wire.ANSWER, *answer(tag, fields))
        except BrokenWire as problem:
            self._lose()
            raise EngineGone from problem
        except EngineGone:
            raise
        except BaseException:
            # The contract waits for an answer that will not come.
            self._lose()
            raise

    def close(self) -> None:
        """End the process; from any thread that runs nothing."""
        self._closed = True
        self._lose()
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.kill()

    # --- the process ----------------------------------------------------------------------------

    def _process(self) -> _Process:
        if self._running is None:
            if self._closed:
                raise UnavailableError("enclave_down", "the engine is closed")
            self._running = self._start()
        return self._running

    def _compiler(self) -> _Process:
        """Return a process that has done nothing yet."""
        spare, self._spare = self._spare, None
        if spare is not None:
            try:
                return _greeted(spare)
            except UnavailableError:
                pass  # it has ended while it waited
        return self._start()

    def _lose(self) -> None:
        process, self._running = self._running, None
        if process is not None:
            with suppress(OSError):
                process.kill()

    def _start(self) -> _Process:
        return _greeted(self._spawn())

    def _spawn(self) -> _Process:
        """Start a process; it has not said yet that it is confined."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.settimeout(_PATIENCE_S)
        command = [self._python, *_FLAGS, str(_PROGRAM), str(theirs.fileno()), _site()]
        try:
            with theirs:
                child = subprocess.Popen(
                    command,
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
        except OSError as problem:
            ours.close()
            raise _unavailable(f"its process cannot be started: {problem}") from problem
        connection = Wire(ours)
        loaded = Recent[bytes, int](
            _LOADED, _LOADED_BYTES, dropped=lambda name, _: connection.send(wire.DROP, name)
        )
        return _Process(child, connection, "", "", loaded)


def _greeted(process: _Process) -> _Process:
    """Return the process once it has locked itself down."""
    try:
        tag, fields = process.wire.receive()
        if tag != wire.READY or len(fields) != 2:
            raise BrokenWire("another greeting")
    except BrokenWire as problem:
        process.kill()
        raise _unavailable("its process does not come up") from problem
    process.identity, process.layers = (field.decode("utf-8", "replace") for field in fields)
    return process


def _site() -> str:
    """Return the directory that holds the Wasm library, without loading it here."""
    found = importlib.util.find_spec("wasmtime")
    if found is None or found.origin is None:
        raise _unavailable("its library is not installed")
    return str(Path(found.origin).parent.parent)


def _unavailable(reason: str) -> UnavailableError:
    return UnavailableError("sandbox_unavailable", f"contracts cannot run here: {reason}")
