"""Compiled modules: made once, kept by the host under seal, loaded into the engine when they are called.

Machine code that the engine runs has been made by this enclave's own compiler process, or was sealed after it was: a
host can lose it, and nothing else.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import Error, InvariantError, MalformedError
from adyton.enclave.keys import Keys
from adyton.sandbox.wasm.engine import Engine


class ModuleHost(Protocol):
    """What is asked of the host; every answer is untrusted."""

    def module(self, name: bytes) -> bytes | None:
        """Return what the host says it has kept."""

    def keep_module(self, name: bytes, sealed: bytes) -> None:
        """Have the host keep a compiled module."""


class Modules:
    """Gets modules into the engine; the engine is started with the first.

    Args:
        keys: of the chain.
        host: keeps compiled modules.
    """

    def __init__(self, keys: Keys, host: ModuleHost) -> None:
        self._keys = keys
        self._host = host
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The engine.

        Raises:
            UnavailableError: `sandbox_unavailable`.
        """
        if self._engine is None:
            self._engine = Engine()
        return self._engine

    def compile(self, code_hash: bytes, code: bytes) -> None:
        """Compile a module that is new here, and have the host keep it.

        Trust: the code is a stranger's.

        Raises:
            MalformedError: `module_refused`. GuestError: `engine_failed`.
        """
        self._keep(code_hash, self.engine.compile(code))

    def load(self, code_hash: bytes, code: bytes) -> None:
        """Have a module in the engine that was compiled before, here or at an earlier start.

        Raises:
            MalformedError: the code is no module any more. EngineGone: the engine has ended.
        """
        engine = self.engine
        if engine.holds(code_hash):
            return
        kept = self._kept(code_hash)
        if kept is not None:
            # Compiled on a processor that has more than this one, it is made again.
            with suppress(MalformedError):
                engine.load(code_hash, kept)
                return
        compiled = engine.compile(code)
        self._keep(code_hash, compiled)
        engine.load(code_hash, compiled)

    def holds(self, code_hash: bytes) -> bool:
        """Say whether the engine has the module."""
        return self.engine.holds(code_hash)

    def close(self) -> None:
        """End the engine."""
        if self._engine is not None:
            self._engine.close()

    def _name(self, code_hash: bytes) -> bytes:
        return digest(Context.MODULE_NAME, code_hash, self.engine.identity.encode())

    def _kept(self, code_hash: bytes) -> bytes | None:
        name = self._name(code_hash)
        try:
            unverified = self._host.module(name)
            if unverified is None:
                return None
            return self._keys.modules.open(unverified, Context.AD_MODULE, name)
        except InvariantError:
            raise
        except Error:
            # Lost, altered or another's: it is made again.
            return None

    def _keep(self, code_hash: bytes, compiled: bytes) -> None:
        name = self._name(code_hash)
        sealed = self._keys.modules.seal(compiled, Context.AD_MODULE, name)
        if len(sealed) > limits.MODULE:
            raise MalformedError("module_refused", "its machine code is too large")
        try:
            self._host.keep_module(name, sealed)
        except InvariantError:
            raise
        except Error:
            return  # it will be made again
