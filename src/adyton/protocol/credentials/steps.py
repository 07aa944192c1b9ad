"""The numbered steps of a check, and the list of which were passed, failed, or not reached."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from adyton.core.errors import CredentialError, InvariantError


class Step(IntEnum):
    """A step, by its number; they are taken in this order, and the first that fails is the last."""

    # of the request and its envelope
    SIZE = 1
    REQUEST = 2
    SENDER = 3
    DEADLINE = 4
    EPOCH = 5
    UNUSED = 6
    ENVELOPE = 7
    DECRYPTION = 8
    # of the presentation in it
    FORM = 9
    ISSUER = 10
    SIGNATURE = 11
    TYPE = 12
    VCT = 13
    DISCLOSURES = 14
    VALIDITY = 15
    BINDING = 16
    AUDIENCE = 17
    NONCE = 18
    SD_HASH = 19
    FRESHNESS = 20
    STATUS = 21
    POLICY = 22


STEPS: Final[dict[Step, str]] = {
    Step.SIZE: "what was brought is within its size",
    Step.REQUEST: "it answers the request that its name commits to",
    Step.SENDER: "the relying party of that request has brought it",
    Step.DEADLINE: "the request's deadline has not passed",
    Step.EPOCH: "it is sealed to an epoch that is open",
    Step.UNUSED: "the request has not been answered before",
    Step.ENVELOPE: "it is sealed in the one way that is expected",
    Step.DECRYPTION: "it opens",
    Step.FORM: "it is an SD-JWT whose parts are well formed and signed by algorithms that are taken",
    Step.ISSUER: "it names an issuer whose key is registered, and whom the policy takes",
    Step.SIGNATURE: "that key has signed it",
    Step.TYPE: "the signed part says that it is a credential",
    Step.VCT: "the credential is of a type that the policy takes",
    Step.DISCLOSURES: "each disclosure is called for by one digest, and hides nothing that must be visible",
    Step.VALIDITY: "the credential is valid at block time",
    Step.BINDING: "the holder's key, which the issuer has named, has signed a key binding",
    Step.AUDIENCE: "the key binding is for this network",
    Step.NONCE: "the key binding answers this request",
    Step.SD_HASH: "the key binding is of exactly this credential and these disclosures",
    Step.FRESHNESS: "the key binding was made just now",
    Step.STATUS: "each status list that the credential names says that it is valid",
    Step.POLICY: "what the policy asks for is disclosed, and the age is reached",
}


class Mark(StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_REACHED = "not reached"
    NOT_ASKED = "not asked"  # the policy does not ask for it, and there was nothing to check


@dataclass(frozen=True, slots=True)
class Line:
    """A step in a list.

    Attributes:
        step: which.
        mark: what became of it.
        reason: word of `reasons.py` where it failed, else empty.
        text: what did not hold, where it failed, else empty.
    """

    step: Step
    mark: Mark
    reason: str = ""
    text: str = ""


class Checklist:
    """How far a check has come; whoever runs a step says so first.

    Invariant: steps only go forward, and one that is left behind was passed or not asked for.
    """

    __slots__ = ("_done", "_not_asked", "_now")

    def __init__(self) -> None:
        self._now = 0
        self._not_asked: set[Step] = set()
        self._done = False

    @property
    def now(self) -> int:
        """The step that was begun last; 0 before the first."""
        return self._now

    @property
    def not_asked(self) -> frozenset[Step]:
        """Steps that were left because they were not asked for."""
        return frozenset(self._not_asked)

    def at(self, step: Step) -> None:
        """Begin a step: the one before it was passed.

        Raises:
            InvariantError: steps are left out or taken in another order.
        """
        if self._done or step != self._now + 1:
            raise InvariantError("invariant", f"step {step} of a check does not follow {self._now}")
        self._now = step

    def skip(self, step: Step) -> None:
        """Leave a step, and say that it was not asked for.

        Raises:
            InvariantError: steps are left out or taken in another order.
        """
        self.at(step)
        self._not_asked.add(step)

    def done(self) -> None:
        """End the check: its last step was passed.

        Raises:
            InvariantError: a step was not begun.
        """
        if self._done or self._now != max(Step):
            raise InvariantError("invariant", f"a check ends after step {self._now}")
        self._done = True

    def lines(self, problem: CredentialError | None = None) -> tuple[Line, ...]:
        """Return all steps with what became of them.

        Args:
            problem: what the step that was begun last has failed with; None after `done`.

        Raises:
            InvariantError: the check is done and has failed, or neither.
        """
        if (problem is None) != self._done or self._now == 0:
            raise InvariantError("invariant", "a check is done, or it has failed")
        return tuple(self._line(step, problem) for step in Step)

    def _line(self, step: Step, problem: CredentialError | None) -> Line:
        if step > self._now:
            return Line(step, Mark.NOT_REACHED)
        if step == self._now and problem is not None:
            return Line(step, Mark.FAILED, problem.reason, problem.message)
        return Line(step, Mark.NOT_ASKED if step in self._not_asked else Mark.PASSED)
