"""The published vectors of docs/spec/evidence.md give what they say, each refused at the step that it names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools.spec_case import failed_step, run

SPEC = Path(__file__).resolve().parents[3] / "docs/spec"
PUBLISHED: list[dict[str, Any]] = json.loads((SPEC / "vectors/evidence.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", PUBLISHED, ids=lambda vector: vector["name"])
def test_a_vector_gives_what_it_says(vector: dict[str, Any]) -> None:
    function, given = vector["function"], vector["given"]
    assert run(function, given) == (vector.get("gives", {}), vector.get("refused", ""))
    assert failed_step(function, given) == vector.get("step")


def test_every_step_has_a_negative_vector() -> None:
    steps: dict[str, set[int | None]] = {"appraise": set(), "appraise_node": set()}
    for vector in PUBLISHED:
        steps[vector["function"]].add(vector.get("step"))
    assert steps["appraise"] == {None, *range(1, 9)}
    # Step 11 refuses with the number of the step that does not hold in it.
    assert steps["appraise_node"] >= {None, 9, 10, 12, 13}
    assert steps["appraise_node"] & set(range(1, 9))


def test_the_specification_lists_these_steps() -> None:
    rows = re.findall(r"^\| (\d+) \| ", (SPEC / "evidence.md").read_text("utf-8"), re.MULTILINE)
    assert list(map(int, rows)) == list(range(1, 14))
