"""JSON: one reading, or none."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import CredentialError
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.strict_json import Inexact, read, read_object, write
from tests.credential_kit import plain, refusal
from tests.identity_vectors import text as published

INTEGERS = st.integers(-limits.JSON_INTEGER, limits.JSON_INTEGER)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_values_are_read_as_they_were_written(value: Any, ascii_only: bool, indent: int) -> None:
    written = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert read(written, "it") == value
    assert read(write(value), "it") == value


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_nothing_is_read_that_a_usual_parser_refuses(data: bytes) -> None:
    try:
        read(data, "it")
    except CredentialError:
        return
    assert json.loads(data) is not Ellipsis


def test_numbers_with_a_fraction_are_kept_as_their_digits() -> None:
    assert read(b"[1.50, 1e400, -0.0, 1E2]", "it") == [
        Inexact("1.50"),
        Inexact("1e400"),
        Inexact("-0.0"),
        Inexact("1E2"),
    ]
    assert read(b"[0, -1, 9007199254740991, -9007199254740991]", "it") == [
        *(0, -1, 2**53 - 1, 1 - 2**53)
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a":1,"a":1}', Reason.JSON_DUPLICATE),
        (b'{"a":1,"\\u0061":2}', Reason.JSON_DUPLICATE),
        (b'[{"x":{"a":1,"b":2,"a":3}}]', Reason.JSON_DUPLICATE),
        (b"NaN", Reason.JSON),
        (b"[Infinity]", Reason.JSON),
        (b"-Infinity", Reason.JSON),
        (b"9007199254740992", Reason.JSON_NUMBER),
        (b"-9007199254740992", Reason.JSON_NUMBER),
        (b"1" * 5000, Reason.JSON_NUMBER),
        (b"-0", Reason.JSON_NUMBER),
        (b"01", Reason.JSON),
        (b"+1", Reason.JSON),
        (b"1_000", Reason.JSON),
        (b".5", Reason.JSON),
        (b"1.", Reason.JSON),
        (b"", Reason.JSON),
        (b" ", Reason.JSON),
        (b"{}{}", Reason.JSON),
        (b"[1,]", Reason.JSON),
        (b'{"a":1,}', Reason.JSON),
        (b"{a:1}", Reason.JSON),
        (b"{'a':1}", Reason.JSON),
        (b"[1] // end", Reason.JSON),
        (b'"\n"', Reason.JSON),
        (b'"\\x41"', Reason.JSON),
        (b'"\\u12"', Reason.JSON),
        (b'"\\u+123"', Reason.JSON),
        (b'"a', Reason.JSON),
        (b"tru", Reason.JSON),
        (b"True", Reason.JSON),
        (b"\xef\xbb\xbf{}", Reason.JSON),
        ("{}".encode("utf-16"), Reason.JSON_TEXT),
        (b"{}\0", Reason.JSON),
        (b"\xc2\xa0{}", Reason.JSON),
        (b'"\xff"', Reason.JSON_TEXT),
        (b'"\xc0\x80"', Reason.JSON_TEXT),
        (b'"\xed\xa0\x80"', Reason.JSON_TEXT),
        (b'"\\ud800"', Reason.JSON_TEXT),
        (b'"\\uDC00"', Reason.JSON_TEXT),
        (b'["\\ude00\\ud83d"]', Reason.JSON_TEXT),
        (b'{"\\ud83d":1}', Reason.JSON_TEXT),
        (b'{"a":["\\ud83d"]}', Reason.JSON_TEXT),
    ],
)
def test_what_readers_could_differ_on_is_refused(data: bytes, reason: Reason) -> None:
    with refusal(reason):
        read(data, "it")


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert read(b'"\\ud83d\\ude00"', "it") == "\N{GRINNING FACE}"


@pytest.mark.parametrize("name", ["french", "values"])
def test_published_jcs_texts_are_read_as_one_value(name: str) -> None:
    """RFC 8785: a text and its canonical form are two writings of one value; nothing here is signed over either."""
    given, canonical = (
        published("jcs", side, f"{name}.json").encode() for side in ("input", "output")
    )
    assert bytes.fromhex(published("jcs", "outhex", f"{name}.txt")) == canonical
    assert plain(read(given, "it")) == plain(read(canonical, "it")) == json.loads(canonical)


def test_depth_is_bounded_whatever_stands_in_texts() -> None:
    deepest = limits.CREDENTIAL_DEPTH
    assert read(b"[" * deepest + b"]" * deepest, "it") != []
    assert read(json.dumps(["[[[[{{{{" * 9, '"[', "\\[", '\\"[' * 20]).encode(), "it")
    assert read(b"[" + b"[]," * 500 + b"[]]", "it") == [[]] * 501
    beside = b"[[]," + b"[" * (deepest - 1) + b"]" * (deepest - 1) + b"]"
    assert read(beside, "it") != []
    for data in (
        b"[" + b"[]," * 40 + b"[" * deepest + b"]" * deepest + b"]",
        b"[" * (deepest + 1) + b"]" * (deepest + 1),
        b'{"a":' * (deepest + 1) + b"1" + b"}" * (deepest + 1),
        b"[" * 60_000,
        b'["]]]]]",' + b"[" * deepest,
    ):
        with refusal(Reason.JSON_DEPTH):
            read(data, "it")


def test_size_is_bounded() -> None:
    assert read(b'"' + b"a" * 8 + b'"', "it", most=10) == "a" * 8
    with refusal(Reason.TOO_LARGE):
        read(b'"' + b"a" * 9 + b'"', "it", most=10)
    with refusal(Reason.TOO_LARGE):
        read(b" " * (limits.CREDENTIAL + 1), "it")


def test_the_number_of_values_is_bounded() -> None:
    most = limits.CREDENTIAL_COMMAS
    assert read(b"[" + b"1," * most + b"1]", "it") == [1] * (most + 1)
    with refusal(Reason.TOO_LARGE):
        read(b"[" + b"1," * (most + 1) + b"1]", "it")


def test_an_objects_size_is_bounded() -> None:
    assert read_object(b'{"a":1}', "it", most=7) == {"a": 1}
    with refusal(Reason.TOO_LARGE):
        read_object(b'{"a":1}', "it", most=6)


def test_what_is_written_has_no_whitespace_and_few_escapes() -> None:
    assert write({"ä": ["é", 1, None], "b": True}) == '{"ä":["é",1,null],"b":true}'.encode()


@pytest.mark.parametrize("data", [b"[]", b'"{}"', b"null", b"1"])
def test_an_object_is_asked_for(data: bytes) -> None:
    with refusal(Reason.JSON_OBJECT):
        read_object(data, "it")


def test_what_has_no_one_form_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write([math.nan])  # type: ignore[list-item]  # what is tested
