"""The error tree: stable codes, each raised with a code of the registry, nothing lost on the way."""

import ast
import pickle
from functools import cache
from pathlib import Path

import pytest

from adyton.core import errors
from adyton.core.errors import (
    CODES,
    ConflictError,
    Error,
    EvidenceError,
    ForkError,
    RollbackError,
)

SOURCE = Path(__file__).resolve().parents[3] / "src" / "adyton"
CLASSES = {
    name: cls
    for name, cls in vars(errors).items()
    if isinstance(cls, type) and issubclass(cls, Error)
}


@cache
def raised() -> list[tuple[str, ast.Call]]:
    """Return every construction of an error in the source with a literal code."""
    found = []
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in CLASSES
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                found.append((f"{path.name}:{node.lineno}", node))
    return found


def test_every_literal_code_is_registered() -> None:
    unknown = [
        (where, node.args[0].value)
        for where, node in raised()
        if isinstance(node.args[0], ast.Constant) and node.args[0].value not in CODES
    ]
    assert unknown == []
    assert len(raised()) > 100


def test_codes_fit_the_field_that_carries_them() -> None:
    for code in CODES:
        assert len(code) <= 40
        assert code.replace("_", "").isalpha()
        assert code == code.lower()


def test_texts_follow_the_house_style() -> None:
    wrong = []
    for where, node in raised():
        text = node.args[-1]
        if isinstance(text, ast.Constant) and isinstance(text.value, str):
            first = text.value.split(" ")[0]
            acronym = first.isupper() or any(c.isupper() for c in first[1:])
            if text.value.endswith(".") or (first[:1].isupper() and not acronym):
                wrong.append((where, text.value))
            if "failed to" in text.value:
                wrong.append((where, text.value))
    assert wrong == []


@pytest.mark.parametrize(
    "error",
    [
        Error("malformed", "a text"),
        errors.UnavailableError("timeout", "no answer"),
        EvidenceError("evidence_stale", 4, "too old"),
        RollbackError("rollback", "went back", b"held", b"shown"),
        ForkError("fork", "two stories", b"held", b"shown", (b"node",), b"evidence"),
    ],
)
def test_an_error_survives_pickling(error: Error) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again)["code"] == error.code
    if isinstance(error, ConflictError):
        assert isinstance(again, ConflictError)
        assert vars(again) == vars(error)
        assert (again.held, again.shown) == (b"held", b"shown")


def test_an_error_shows_message_and_code() -> None:
    assert str(Error("malformed", "a text")) == "a text [malformed]"
    assert "appraisal step 4: too old" in str(EvidenceError("evidence_stale", 4, "too old"))


def test_the_tree() -> None:
    assert issubclass(EvidenceError, errors.VerificationError)
    assert issubclass(errors.ReceiptError, errors.VerificationError)
    assert issubclass(ConflictError, errors.VerificationError)
    assert issubclass(RollbackError, ConflictError)
    assert issubclass(ForkError, ConflictError)
    assert not issubclass(ForkError, RollbackError)
    for name in ("UsageError", "MalformedError", "PolicyError", "GuestError", "UnavailableError"):
        assert not issubclass(CLASSES[name], errors.VerificationError)
