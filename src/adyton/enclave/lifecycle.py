"""The enclave's lifecycle: an explicit state machine; every request names the states it is possible in."""

from __future__ import annotations

from enum import Enum
from typing import Final

from adyton.core.errors import UnavailableError, UsageError


class Stage(Enum):
    """Where an enclave stands. Values are public."""

    EMPTY = "empty"
    PROVISIONED = "provisioned"
    LOADED = "loaded"
    SERVING = "serving"
    DRAINING = "draining"
    HALTED = "halted"


_NEXT: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.EMPTY: frozenset({Stage.PROVISIONED, Stage.HALTED}),
    Stage.PROVISIONED: frozenset({Stage.LOADED, Stage.HALTED}),
    Stage.LOADED: frozenset({Stage.SERVING, Stage.HALTED}),
    Stage.SERVING: frozenset({Stage.DRAINING, Stage.HALTED}),
    Stage.DRAINING: frozenset({Stage.HALTED}),
    Stage.HALTED: frozenset(),
}


class Lifecycle:
    """The current stage; `HALTED` is left only by a new process."""

    def __init__(self) -> None:
        self.stage = Stage.EMPTY

    def move(self, stage: Stage) -> None:
        """Go to the next stage.

        Raises:
            UsageError: not possible from here.
        """
        if stage not in _NEXT[self.stage]:
            raise UsageError("wrong_state", f"cannot go from {self.stage.value} to {stage.value}")
        self.stage = stage

    def halt(self) -> None:
        """Release nothing any more."""
        self.stage = Stage.HALTED

    def require(self, *stages: Stage) -> None:
        """Refuse what is not possible now.

        Raises:
            UnavailableError: the enclave has halted.
            UsageError: another stage.
        """
        if self.stage is Stage.HALTED:
            raise UnavailableError("enclave_down", "the enclave has halted")
        if self.stage not in stages:
            raise UsageError("wrong_state", f"not possible while {self.stage.value}")
