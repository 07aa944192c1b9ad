"""The bench's figures and its table: verdicts, ratios, numbers, alignment, JSON."""

import json

import pytest

from bench import table
from bench.figure import Figure, Floor, Goal, number


def test_a_time_is_met_from_below_and_a_rate_from_above() -> None:
    assert Figure("t", 20.0, "ms", Goal(20)).verdict == "met"
    assert Figure("t", 20.1, "ms", Goal(20)).verdict == "missed"
    assert Figure("r", 2000.0, "/s", Goal(2000, at_least=True)).verdict == "met"
    assert Figure("r", 1999.9, "/s", Goal(2000, at_least=True)).verdict == "missed"
    assert Figure("n", 1.0, "s").verdict == "-"


def test_the_ratio_is_measured_over_floor() -> None:
    assert Figure("t", 30.0, "ms", None, Floor(10.0, "a spawn")).ratio == 3
    assert Figure("t", 30.0, "ms").ratio is None
    assert Figure("t", 30.0, "ms", None, Floor(0.0, "nothing")).ratio is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.1234, "0.123"),
        (1.5, "1.5"),
        (12.34, "12.3"),
        (123.4, "123"),
        (8190.0, "8,190"),
        (20.0, "20"),
    ],
)
def test_numbers_have_three_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_the_table_aligns_its_columns_and_keeps_notes_below() -> None:
    figures = [
        Figure("a time", 15.0, "ms", Goal(20), Floor(10.0, "a spawn"), "p99 30 ms"),
        Figure("a much longer name", 1234.0, "/s", Goal(2000, at_least=True)),
    ]
    lines = table.render(figures).splitlines()
    assert lines[0].split() == "figure measured goal verdict floor ratio floor is".split()
    assert set(lines[1]) == {"-", " "}
    assert lines[2].split() == "a time 15 ms <= 20 met 10 1.5x a spawn".split()
    assert lines[3].split() == "a much longer name 1,234 /s >= 2,000 missed - - -".split()
    assert lines[2].index("met") == lines[3].index("missed") == lines[0].index("verdict")
    assert lines[4:] == ["", "notes", "  a time: p99 30 ms"]


def test_json_holds_verdict_and_ratio_too() -> None:
    figure = Figure("t", 30.0, "ms", Goal(20), Floor(10.0, "a spawn"), "n")
    assert json.loads(json.dumps(figure.as_json())) == {
        "name": "t",
        "measured": 30.0,
        "unit": "ms",
        "goal": {"value": 20, "at_least": False},
        "floor": {"value": 10.0, "what": "a spawn"},
        "note": "n",
        "ratio": 3.0,
        "verdict": "missed",
    }
