"""A test vector: a function, what it is given, and what it gives or with which code it refuses."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from adyton.client.steps import FAILED, Steps
from adyton.core.errors import Error, EvidenceError
from tools.spec_functions import FUNCTIONS
from tools.spec_functions_client import STEPPED
from tools.spec_functions_credential import REASONED, told
from tools.spec_functions_evidence import APPRAISALS


@dataclass(frozen=True)
class Case:
    """One vector.

    Attributes:
        name: what is special about it.
        function: one of `FUNCTIONS`.
        given: arguments; byte strings in hexadecimal.
        refused: code of the refusal, empty where it is accepted.
        step: number of the step that refuses it, as in the chapter, where it has steps.
        reason: word of the refusal, where its function tells one.
    """

    name: str
    function: str
    given: dict[str, Any] = field(repr=False)
    refused: str = ""
    step: int | None = None
    reason: str = ""

    def written(self) -> dict[str, Any]:
        """Return the vector as it is published, after it was run.

        Raises:
            ValueError: it does not give what it should.
        """
        gives, code = run(self.function, self.given)
        if code != self.refused:
            raise ValueError(f"{self.name}: {code or 'accepted'}, not {self.refused or 'accepted'}")
        if tells_steps(self.function) and failed_step(self.function, self.given) != self.step:
            raise ValueError(f"{self.name}: it is not step {self.step} that fails")
        if self.function in REASONED and told(self.function, self.given) != (
            self.step,
            self.reason,
        ):
            found = told(self.function, self.given)
            raise ValueError(f"{self.name}: {found}, not {self.step} and {self.reason!r}")
        verdict: dict[str, Any] = {"refused": code} if code else {"gives": gives}
        if self.reason:
            verdict["reason"] = self.reason
        if self.step is not None:
            verdict["step"] = self.step
        return {"name": self.name, "function": self.function, "given": self.given, **verdict}


def run(function: str, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Return what the function gives and an empty code, or nothing and the code of its refusal."""
    try:
        return FUNCTIONS[function](given), ""
    except Error as problem:
        return {}, problem.code


def tells_steps(function: str) -> bool:
    """Return whether the function itself says at which step it refuses."""
    return function in STEPPED or function in APPRAISALS


def failed_step(function: str, given: dict[str, Any]) -> int | None:
    """Return the number of the step at which a function that tells it refuses; None where it does not."""
    if function in APPRAISALS:
        try:
            FUNCTIONS[function](given)
        except EvidenceError as problem:
            return problem.step
        return None
    call, listed = STEPPED[function]
    steps = Steps(listed)
    with suppress(Error):
        call(given, steps)
    failed = [step.number for step in steps.listed() if step.state == FAILED]
    return failed[0] if failed else None


def flip(data: bytes, at: int = -1) -> bytes:
    """Return the bytes with one bit changed."""
    altered = bytearray(data)
    altered[at] ^= 1
    return bytes(altered)
