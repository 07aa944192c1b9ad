"""Pseudonyms: the same holder at one party, nobody at two."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import MalformedError
from adyton.protocol.credentials.pseudonym import pseudonym

SECRET = b"\x11" * 32
CINEMA, BAR = b"cinema", b"bar"
ISSUER = "https://issuer.example"


def test_a_holder_is_known_again_at_one_party() -> None:
    first = pseudonym(SECRET, CINEMA, ISSUER, "document_number", "T22000129")
    again = pseudonym(SECRET, CINEMA, ISSUER, "document_number", "T22000129")
    assert first == again
    assert len(first) == 32
    assert first.hex() == "9153769b9c5e8281d4e432164358038cfac9e69c4410779c9d610f5ce349623f"


def test_whatever_differs_makes_another() -> None:
    made = [
        pseudonym(*given)
        for given in itertools.product(
            (SECRET, bytes(32)),
            (CINEMA, BAR, b""),
            (ISSUER, "https://other.example"),
            ("sub", "document_number"),
            ("1", 1, "01", -1, "é", "e\u0301"),
        )
    ]
    assert len(set(made)) == len(made) == 2 * 3 * 2 * 2 * 6


@given(
    st.binary(min_size=1, max_size=40),
    st.binary(min_size=1, max_size=40),
    st.lists(
        st.text(min_size=1, max_size=30).filter(str.isascii), min_size=2, max_size=6, unique=True
    ),
)
def test_parties_cannot_link(one: bytes, other: bytes, values: list[str]) -> None:
    """What two parties hold of the same people has nothing in common, not even the order."""
    if one == other:
        return
    at_one = [pseudonym(SECRET, one, ISSUER, "sub", value) for value in values]
    at_other = [pseudonym(SECRET, other, ISSUER, "sub", value) for value in values]
    assert not set(at_one) & set(at_other)
    assert len(set(at_one)) == len(values)


@given(st.text(max_size=12), st.text(max_size=12), st.text(max_size=12), st.text(max_size=12))
def test_parts_do_not_run_into_each_other(a: str, b: str, c: str, d: str) -> None:
    same = pseudonym(SECRET, CINEMA, a, b, "x") == pseudonym(SECRET, CINEMA, c, d, "x")
    assert same == ((a, b) == (c, d))


@pytest.mark.parametrize(
    "value", [None, True, "", "x" * 257, 1.5, [], {}, b"x", 2**63, -(2**63), "\ud800"]
)
def test_nothing_to_tell_a_holder_by(value: object) -> None:
    with pytest.raises(MalformedError, match="stable claim") as refusal:
        pseudonym(SECRET, CINEMA, ISSUER, "sub", value)
    assert "xxx" not in str(refusal.value)
