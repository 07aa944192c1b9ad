"""Presses every button without a browser, and compares."""

from __future__ import annotations

from examples.cinema.buttons import BUTTONS, press
from examples.cinema.visit import Outcome
from examples.cinema.world import World

_HEAD = ("button", "expected", "got", "")


def check(world: World) -> bool:
    """Press every button, print a table, and say whether all is as expected."""
    rows: list[tuple[str, ...]] = []
    for button in BUTTONS:
        visit = world.begin(button.name)
        press(world, button, visit)
        got = tuple(visit.told)
        same = got == button.expected and not visit.problem
        same = same and visit.searched is not None and not visit.searched[0]
        rows.append((button.label, _text(button.expected), _text(got), "ok" if same else "DIFFERS"))
        if visit.problem:
            rows.append(("", "", visit.problem, ""))
    widths = [max(len(row[place]) for row in [_HEAD, *rows]) for place in range(4)]
    for row in [_HEAD, *rows]:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    return all(row[3] != "DIFFERS" for row in rows)


def _text(told: tuple[Outcome, ...]) -> str:
    return "; ".join(f"{one.verdict} ({one.line})" for one in told) or "nothing"
