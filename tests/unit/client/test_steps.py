"""The steps of a verification: which one fails is what the verification itself has reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.client.certificate import verify_certificate
from adyton.client.notary import verify_notary_receipt
from adyton.client.steps import FAILED, NOT_REACHED, NOTARY_STEPS, PASSED, RUN_STEPS, Steps
from adyton.core.errors import Error, InvariantError
from tools.spec_policy import policy_of

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[3] / "docs/spec/vectors/certificate.json").read_text()
)
RUNS = [vector for vector in VECTORS if vector["function"] == "verify_certificate"]


def states(steps: Steps) -> list[str]:
    return [step.state for step in steps.listed()]


def test_every_step_has_a_vector_that_fails_there() -> None:
    assert {vector.get("step", 0) for vector in RUNS} == set(range(len(RUN_STEPS) + 1))


@pytest.mark.parametrize("vector", RUNS, ids=[vector["name"] for vector in RUNS])
def test_exactly_the_step_of_a_vector_fails(vector: dict[str, Any]) -> None:
    given = vector["given"]
    steps = Steps(RUN_STEPS)
    code = ""
    try:
        verify_certificate(
            bytes.fromhex(given["certificate"]),
            policy=policy_of(given),
            now_ms=given["now_ms"],
            steps=steps,
        )
    except Error as problem:
        code = problem.code
    assert code == vector.get("refused", "")
    failed = vector.get("step", 0)
    if not failed:
        assert states(steps) == [PASSED] * len(RUN_STEPS)
    else:
        rest = len(RUN_STEPS) - failed
        assert states(steps) == [PASSED] * (failed - 1) + [FAILED] + [NOT_REACHED] * rest


RECEIPTS = [vector for vector in VECTORS if vector["function"] == "verify_notary_receipt"]


@pytest.mark.parametrize("vector", RECEIPTS, ids=[vector["name"] for vector in RECEIPTS])
def test_exactly_the_step_of_a_receipt_s_vector_fails(vector: dict[str, Any]) -> None:
    given = vector["given"]
    steps = Steps(NOTARY_STEPS)
    content = given["content"] and bytes.fromhex(given["content"])
    code = ""
    try:
        verify_notary_receipt(
            bytes.fromhex(given["receipt"]),
            content=content,
            policy=policy_of(given),
            now_ms=given["now_ms"],
            steps=steps,
        )
    except Error as problem:
        code = problem.code
    assert code == vector.get("refused", "")
    failed = [step.number for step in steps.listed() if step.state == FAILED]
    assert failed == ([vector["step"]] if "step" in vector else [])


def test_every_step_of_a_receipt_has_a_vector_that_fails_there() -> None:
    assert {vector.get("step", 0) for vector in RECEIPTS} == set(range(len(NOTARY_STEPS) + 1))


def test_no_step_can_be_left_out() -> None:
    steps = Steps(NOTARY_STEPS)
    with pytest.raises(InvariantError):
        steps.reach(2)
    steps.reach(1)
    with pytest.raises(InvariantError):
        steps.reach(3)
    with pytest.raises(InvariantError):
        steps.end()
    for number in range(2, len(NOTARY_STEPS) + 1):
        steps.reach(number)
    assert states(steps)[-1] == FAILED
    steps.end()
    assert set(states(steps)) == {PASSED}
    with pytest.raises(InvariantError):
        steps.reach(len(NOTARY_STEPS) + 1)


def test_before_the_first_step_nothing_was_reached() -> None:
    assert set(states(Steps(RUN_STEPS))) == {NOT_REACHED}
