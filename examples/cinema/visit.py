"""One visit to the cinema: what has happened so far, and what each side was given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from adyton.core.errors import UsageError
from adyton.protocol.identity.requests import Present, PresentationRequest
from examples.cinema.node import Recorded

SHOWN: Final = "shown"
FETCHED: Final = "fetched"
RECEIVED: Final = "received"
HEIGHT: Final = "height"
VERDICT: Final = "verdict"
STAGES: Final = (SHOWN, FETCHED, RECEIVED, HEIGHT, VERDICT)

ALL_PASSED: Final = "all passed"
NONE_KEPT: Final = "none kept"


@dataclass(frozen=True)
class Outcome:
    """What the cinema was told once.

    Attributes:
        code: why there is no verdict; empty where there is one.
        answer: `yes` or `no`; empty with a code.
        reason: one coarse word; empty with `yes`.
        line: of the checklist, for the developer: the step that failed with its word, or that none did, or that there
            is no list, since nothing was opened.
    """

    code: str
    answer: str
    reason: str
    line: str

    @property
    def verdict(self) -> str:
        """Return what was said, in a word or two."""
        return self.code or " ".join(filter(None, [self.answer, self.reason]))


@dataclass(frozen=True)
class Line:
    """A line of the checklist, as the developer is shown it."""

    step: int
    mark: str
    reason: str
    text: str


@dataclass
class Visit:
    """What became of one request; written by whoever takes part, read by the pages.

    Attributes:
        number: from 1.
        button: that was pressed; empty where people act by hand.
        asked: the cinema's request; None until it is made.
        uri: the request, as the QR code has it.
        stages: what has happened, by name, in words.
        given: what the holder has handed to the cinema, in full; the last one.
        told: what came of it, each time that the cinema brought something.
        seen: what the cinema learned of each verdict, by field.
        checklist: for the cinema's developer.
        recorded: the operator's entries of it.
        searched: in how many of the operator's files the birthday was found, and how many there are.
        notes: what happened on the way, in words.
        problem: where something went wrong that ought not to.
        done: nothing more will happen by itself.
    """

    number: int
    button: str
    asked: PresentationRequest | None = None
    uri: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    given: bytes = b""
    told: list[Outcome] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    checklist: list[Line] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    searched: tuple[int, int] | None = None
    notes: list[str] = field(default_factory=list)
    problem: str = ""
    done: bool = False

    @property
    def request(self) -> PresentationRequest:
        """Return the request.

        Raises:
            UsageError: it is not made yet.
        """
        if self.asked is None:
            raise UsageError("not_found", "the cinema has not asked yet")
        return self.asked

    @property
    def presented(self) -> Present:
        """Return what was handed over, as the cinema can take it apart."""
        return Present.decode(self.given)
