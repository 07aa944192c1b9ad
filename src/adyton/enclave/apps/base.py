"""The port between machine and apps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from adyton.enclave.state import State
from adyton.protocol.envelope import Request
from adyton.protocol.genesis import Genesis

AfterCommit = Callable[[], None]
"""Begins work once the host says that the block is stored."""


class Call(NamedTuple):
    """One admitted request, in execution.

    Attributes:
        request: authentic and inside its window.
        exec_id: names this execution; keys follow from it.
        task_hash: public name of the request.
        height: of the block.
        time_ms: block time: the only clock.
        state: to be used under the app's own name only.
        genesis: of the chain.
    """

    request: Request
    exec_id: bytes
    task_hash: bytes
    height: int
    time_ms: int
    state: State
    genesis: Genesis

    def __repr__(self) -> str:
        return f"<Call {self.request.app}.{self.request.method}>"


class Outcome(NamedTuple):
    """What an app's method leaves beside its state writes.

    Attributes:
        result: encoded result, for the client alone.
        claims: digest of commitments, public.
        body: what everybody may read of it.
        after_commit: begins work outside of execution.
    """

    result: bytes = b""
    claims: bytes | None = None
    body: bytes | None = None
    after_commit: AfterCommit | None = None


class App(Protocol):
    """An app on the machine. Methods are deterministic: no clock, no randomness."""

    name: str

    def execute(self, call: Call) -> Outcome:
        """Carry out a method.

        Raises:
            Error: the method is refused; its state writes are undone, and the client learns the code.
        """


class Reader(Protocol):
    """An app that answers without order and without trace."""

    name: str

    def read(self, request: Request) -> bytes:
        """Return the encoded result of a read.

        Raises:
            Error: it is refused.
        """
