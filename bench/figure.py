"""One measured figure beside its goal and its floor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

MET: Final = "met"
MISSED: Final = "missed"
NO_GOAL: Final = "-"


@dataclass(frozen=True)
class Goal:
    """What a figure should be.

    Attributes:
        value: the bound, in the figure's unit.
        at_least: whether more is better; else less is.
    """

    value: float
    at_least: bool = False

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {number(self.value)}"

    def verdict(self, measured: float) -> str:
        """Return `met` or `missed`."""
        good = measured >= self.value if self.at_least else measured <= self.value
        return MET if good else MISSED


@dataclass(frozen=True)
class Floor:
    """What the same machine does in the same run when it does only what cannot be spared.

    Attributes:
        value: in the figure's unit.
        what: what was measured.
    """

    value: float
    what: str


@dataclass(frozen=True)
class Figure:
    """A row of the table.

    Attributes:
        name: what is measured, a few words.
        measured: the value.
        unit: of value, goal and floor.
        goal: None where only the relation to the floor is told.
        floor: None where nothing smaller can be thought of; `what` of the note then says why.
        note: percentiles, counts, spread.
    """

    name: str
    measured: float
    unit: str
    goal: Goal | None = None
    floor: Floor | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Measured over floor: how many times its time, or what part of its rate."""
        if self.floor is None or self.floor.value == 0:
            return None
        return self.measured / self.floor.value

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or a dash where there is no goal."""
        return NO_GOAL if self.goal is None else self.goal.verdict(self.measured)

    def as_json(self) -> dict[str, Any]:
        """Return the figure for a JSON file."""
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}


def number(value: float) -> str:
    """Return a number as people read it: three digits that count, no exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
