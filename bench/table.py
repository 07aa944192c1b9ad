"""Prints figures as one table, its notes below."""

from __future__ import annotations

from collections.abc import Sequence

from bench.figure import Figure, number

HEADINGS = ("figure", "measured", "goal", "verdict", "floor", "ratio", "floor is")
LEGEND = (
    "ratio = measured / floor: for a time how many times the floor, for a rate what part of it.\n"
    "An absolute figure proves nothing by itself: another machine has another floor."
)


def row(figure: Figure) -> tuple[str, ...]:
    """Return a figure's cells."""
    ratio, floor = figure.ratio, figure.floor
    return (
        figure.name,
        f"{number(figure.measured)} {figure.unit}".rstrip(),
        "-" if figure.goal is None else str(figure.goal),
        figure.verdict,
        "-" if floor is None else number(floor.value),
        "-" if ratio is None else f"{number(ratio)}x",
        "-" if floor is None else floor.what,
    )


def render(figures: Sequence[Figure]) -> str:
    """Return the table: headings, a rule, a row for each figure, then the notes."""
    rows = [HEADINGS, *(row(figure) for figure in figures)]
    widths = [max(len(cells[place]) for cells in rows) for place in range(len(HEADINGS))]
    lines = []
    for cells in rows:
        # Names and words to the left, numbers to the right.
        padded = [
            cell.ljust(width) if place in (0, 3, 6) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [f"  {figure.name}: {figure.note}" for figure in figures if figure.note]
    if notes:
        lines += ["", "notes", *notes]
    return "\n".join(lines)
