"""The list of steps: in order, each passed, failed, not asked for or not reached."""

import re
from pathlib import Path

import pytest

from adyton.core.errors import InvariantError
from adyton.protocol.credentials.reasons import WORDS, Coarse, Reason, refused
from adyton.protocol.credentials.status import Status
from adyton.protocol.credentials.steps import STEPS, Checklist, Mark, Step
from tests.credential_kit import begun


def test_steps_are_numbered_without_gaps() -> None:
    assert [step.value for step in Step] == list(range(1, len(Step) + 1))
    assert list(STEPS) == list(Step)
    assert len(set(STEPS.values())) == len(Step)


def test_a_check_that_fails() -> None:
    checklist = Checklist()
    checklist.at(Step.SIZE)
    checklist.skip(Step.REQUEST)
    checklist.at(Step.SENDER)
    lines = checklist.lines(refused(Reason.NONCE, "it"))
    marks = [Mark.PASSED, Mark.NOT_ASKED, Mark.FAILED, *[Mark.NOT_REACHED] * (len(Step) - 3)]
    assert [line.mark for line in lines] == marks
    assert [line.step for line in lines] == list(Step)
    assert (lines[2].reason, lines[2].text) == ("nonce", f"it {Reason.NONCE.text}")
    assert {(line.reason, line.text) for line in lines if line is not lines[2]} == {("", "")}
    # What a step that was left for a reason fails with is a failure.
    checklist.skip(Step.DEADLINE)
    assert checklist.lines(refused(Reason.NONCE, "it"))[3].mark is Mark.FAILED


def test_a_check_that_passes() -> None:
    checklist = begun()
    for step in range(Step.FORM, len(Step) + 1):
        checklist.at(Step(step))
    checklist.done()
    assert [line.mark for line in checklist.lines()] == [
        *[Mark.NOT_ASKED] * (Step.FORM - 1),
        *[Mark.PASSED] * (len(Step) - Step.FORM + 1),
    ]
    with pytest.raises(InvariantError):
        checklist.lines(refused(Reason.NONCE, "it"))
    with pytest.raises(InvariantError):
        checklist.done()
    with pytest.raises(InvariantError):
        checklist.at(Step.SIZE)


def test_steps_are_taken_in_order() -> None:
    checklist = Checklist()
    with pytest.raises(InvariantError):
        checklist.lines()
    with pytest.raises(InvariantError):
        checklist.at(Step.REQUEST)
    with pytest.raises(InvariantError):
        checklist.lines(refused(Reason.NONCE, "it"))
    checklist.at(Step.SIZE)
    assert checklist.lines(refused(Reason.NONCE, "it"))[0].mark is Mark.FAILED
    for step in (Step.SIZE, Step.SENDER):
        with pytest.raises(InvariantError):
            checklist.at(step)
        with pytest.raises(InvariantError):
            checklist.skip(step)
    with pytest.raises(InvariantError):
        checklist.done()
    with pytest.raises(InvariantError):
        checklist.lines()


def test_reasons_are_distinct_and_each_class_is_used() -> None:
    assert len(WORDS) == len(Reason) == len({reason.text for reason in Reason})
    assert {reason.coarse for reason in Reason} == set(Coarse)
    for word, reason in WORDS.items():
        assert word == word.lower() == reason.word
        assert not reason.text.endswith(".")


def test_for_each_reason_there_is_a_test_that_it_refuses() -> None:
    tests = Path(__file__).resolve().parents[3]
    named = {
        name
        for path in tests.rglob("test_*.py")
        for name in re.findall(r"\bReason\.([A-Z0-9_]+)\b", path.read_text())
    }
    named |= {status.value.name for status in Status if status.value}  # test_status.py tries each
    assert {reason.name for reason in Reason} <= named
