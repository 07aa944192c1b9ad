"""Strict JSON: one reading, or none."""

import json
import pickle
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import MalformedError
from adyton.core.strict_json import Fault, JsonError, read


def refused(text: bytes | str, **bounds: Any) -> str:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(MalformedError) as caught:
        read(raw, **{"most": 10_000, "depth": 8, **bounds})
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 2}', "'a' is there twice"),
        ('[{"b": {"a": 1, "\\u0061": 2}}]', "'a' is there twice"),
        ("NaN", "NaN"),
        ("[Infinity]", "NaN and Infinity"),
        ("-Infinity", "NaN and Infinity"),
        ("1.0", "fraction"),
        ("1e2", "fraction"),
        ("-0", "-0"),
        ("01", "not JSON"),
        ("+1", "not JSON"),
        ("1 2", "not JSON"),
        ("", "not JSON"),
        ("[1,]", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ('"\t"', "not JSON"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('["\\ud800\\u0061"]', "surrogate"),
        ("\ufeff1", "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        ("1" * 79, "over 78 digits"),
        ("-" + "1" * 79, "over 78 digits"),
        ("[" * 9 + "]" * 9, "deeper than 8"),
        ('{"a":' * 9 + "1" + "}" * 9, "deeper than 8"),
    ],
)
def test_what_has_two_readings_is_refused(text: bytes | str, why: str) -> None:
    assert why in refused(text)


def test_bounds_are_inclusive() -> None:
    assert read(b"[" * 8 + b"]" * 8, most=16, depth=8)
    assert read(b"9" * 78, most=78, depth=1) == int("9" * 78)
    assert read(b"-" + b"9" * 78, most=79, depth=1) == -int("9" * 78)
    assert "over 77 bytes" in refused("9" * 78, most=77)
    assert "over 3 digits" in refused("1234", digits=3)


def test_a_greatest_integer_beside_its_digits() -> None:
    assert read(b"[-99, 99]", most=20, depth=1, digits=3, greatest=99) == [-99, 99]
    for text in ("100", "-100"):
        assert "over 99" in refused(text, digits=3, greatest=99)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[" * 99, Fault.DEPTH),
        (b"\xff", Fault.TEXT),
        ('"\\ud800"', Fault.TEXT),
        ('{"a":1,"a":1}', Fault.DUPLICATE),
        ("1.5", Fault.NUMBER),
        ("-0", Fault.NUMBER),
        ("9" * 79, Fault.NUMBER),
        ("NaN", Fault.SYNTAX),
        ("{", Fault.SYNTAX),
        (" " * 10_001, Fault.SIZE),
    ],
)
def test_what_is_wrong_is_told_apart(text: bytes | str, fault: Fault) -> None:
    raw = text.encode() if isinstance(text, str) else text
    with pytest.raises(JsonError) as caught:
        read(raw, most=10_000, depth=8)
    assert caught.value.fault is fault
    assert caught.value.code == ("too_large" if fault is Fault.SIZE else "malformed")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (again.fault, again.message) == (fault, caught.value.message)


def test_whitespace_around_a_value_is_what_json_calls_so() -> None:
    assert read(b" \t\n\r[1]\r\n\t ", most=100, depth=1) == [1]
    for text in ("\x0b1", "1\xa0", "\u20281", " ", " 1 \x0c"):
        assert "not JSON" in refused(text)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1, column 1: expecting value"),
        ("[1]  x", "line 1, column 6: extra data"),
        ("\n [1]\n2", "line 3, column 1: extra data"),
        ("\n [1,]", "line 2, column 5: expecting value"),
    ],
)
def test_an_error_says_where(text: str, where: str) -> None:
    assert refused(text) == f"not JSON at {where}"


def test_brackets_in_strings_are_no_depth() -> None:
    assert read(b'["[[[[{{{{\\"[[[["]', most=100, depth=1) == ['[[[[{{{{"[[[[']


def test_pairs_of_surrogates_are_one_character() -> None:
    assert read(b'"\\ud83d\\ude00"', most=100, depth=1) == "\N{GRINNING FACE}"


def test_a_caller_may_keep_the_digits_of_a_fraction() -> None:
    assert read(b"[1.50, 2e3]", most=100, depth=1, fraction=str) == ["1.50", "2e3"]


def test_many_digits_and_many_brackets_take_no_time() -> None:
    started = time.process_time()
    refused("[" + "9" * 1_000_000 + "]", most=2_000_000)
    refused("[" * 1_000_000, most=2_000_000)
    refused('"' + '\\"' * 500_000 + "[" * 100, most=2_000_000)
    assert time.process_time() - started < 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**77), 10**77)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_what_is_written_is_read(value: Any) -> None:
    assert read(json.dumps(value).encode(), most=100_000, depth=64) == value
    assert read(json.dumps(value, ensure_ascii=False).encode(), most=100_000, depth=64) == value


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\u0d8-1.eE tfn').map(str.encode))
def test_nothing_but_our_errors_comes_out(unverified: bytes) -> None:
    try:
        value = read(unverified, most=1000, depth=4)
    except MalformedError:
        return
    assert json.loads(unverified) == value
