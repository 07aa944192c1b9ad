"""What a client checks of answers and of ends: each published vector is refused at the step that it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.client.steps import PASSED, Steps
from tools.spec_case import failed_step, run
from tools.spec_functions_client import STEPPED

PUBLISHED = Path(__file__).resolve().parents[3] / "docs/spec/vectors"
VECTORS: list[dict[str, Any]] = [
    vector
    for chapter in ("envelope", "task")
    for vector in json.loads((PUBLISHED / f"{chapter}.json").read_text("utf-8"))
    if vector["function"] in STEPPED
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_vector_gives_or_refuses_what_it_says(vector: dict[str, Any]) -> None:
    function, given = vector["function"], vector["given"]
    assert run(function, given) == (vector.get("gives", {}), vector.get("refused", ""))
    assert failed_step(function, given) == vector.get("step")
    assert ("step" in vector) == ("refused" in vector)


@pytest.mark.parametrize("function", STEPPED)
def test_every_step_refuses_somewhere_and_passes_as_a_whole(function: str) -> None:
    call, listed = STEPPED[function]
    cases = [vector for vector in VECTORS if vector["function"] == function]
    assert {case.get("step", 0) for case in cases} == set(range(len(listed) + 1))
    for case in cases:
        if "gives" in case:
            steps = Steps(listed)
            call(case["given"], steps)
            assert {step.state for step in steps.listed()} == {PASSED}
