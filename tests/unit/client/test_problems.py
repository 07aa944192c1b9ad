"""Codes of the other side become errors of the one tree."""

import pytest

from adyton.client.problems import CLASS_OF_CODE, error_of, error_of_problem
from adyton.core.errors import (
    CODES,
    ForkError,
    PolicyError,
    RollbackError,
    UnavailableError,
    VerificationError,
)


def test_every_code_has_a_class() -> None:
    assert set(CLASS_OF_CODE) == set(CODES)


@pytest.mark.parametrize(
    ("code", "class_"),
    [
        ("expired", PolicyError),
        ("rollback", RollbackError),
        ("fork", ForkError),
        ("overloaded", UnavailableError),
    ],
)
def test_a_code_becomes_its_error(code: str, class_: type[Exception]) -> None:
    error = error_of_problem({"code": code, "detail": "so it is"}, 403)
    assert type(error) is class_
    assert error.code == code
    assert "so it is" in str(error)


@pytest.mark.parametrize("details", [None, 7, [], {}, {"code": 5}, {"code": "made_up"}, {"a": b""}])
def test_garbage_is_an_invalid_answer(details: object) -> None:
    error = error_of_problem(details, 418)
    assert type(error) is VerificationError
    assert error.code == "answer_invalid"


def test_an_unknown_code_is_an_invalid_answer() -> None:
    assert error_of("made_up", "x").code == "answer_invalid"


def test_a_text_that_would_steer_a_terminal_does_not() -> None:
    error = error_of_problem({"code": "expired", "detail": "\x1b[2J" + "x" * 9999}, 403)
    assert "\x1b" not in error.message
    assert len(error.message) < 400
