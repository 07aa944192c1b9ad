"""One encoding per value: whatever else CBOR would allow is refused, and nothing else gets out."""

import re
import resource
import tracemalloc
from typing import Any

import cbor2
import pytest

from adyton.core import limits
from adyton.core.encoding import decode, encode
from adyton.core.errors import MalformedError

# Another encoding, or a value outside the profile; each is well-formed CBOR or nearly so.
REFUSED = {
    "no bytes": "",
    "integer in two bytes that fits one": "1801",
    "integer in three bytes that fits two": "1900ff",
    "integer in five bytes that fits three": "1a0000ffff",
    "integer in nine bytes that fits five": "1b00000000ffffffff",
    "negative integer in two bytes that fits one": "3800",
    "byte string with a long length": "580141",
    "text with a long length": "780161",
    "array with a long length": "980101",
    "map with a long length": "b8010101",
    "indefinite byte string": "5f4161ff",
    "indefinite text": "7f6161ff",
    "indefinite array": "9f01ff",
    "indefinite map": "bf0101ff",
    "break alone": "ff",
    "duplicate key": "a201010102",
    "duplicate key in an inner map": "81a201010102",
    "keys not sorted": "a202010101",
    "longer key first": "a2190100010101",
    "a byte after the end": "0101",
    "a value after the end": "8001",
    "half precision float": "f93c00",
    "single precision float": "fa47c35000",
    "double precision float": "fb3ff199999999999a",
    "not a number": "f97e00",
    "infinity": "f97c00",
    "undefined": "f7",
    "simple value": "f0",
    "simple value in two bytes": "f8ff",
    "false in two bytes": "f814",
    "integer of 65 bits": "1b8000000000000000",
    "negative integer of 65 bits": "3b8000000000000000",
    "byte string as a key": "a1416101",
    "array as a key": "a1810101",
    "boolean as a key": "a1f501",
    "null as a key": "a1f601",
    "map as a key": "a1a001",
    "invalid UTF-8": "61ff",
    "overlong UTF-8": "62c080",
    "surrogate in UTF-8": "63eda080",
    "text cut off": "6261",
    "array cut off": "8201",
    "map cut off": "a101",
    "reserved length 28": "1c",
    "reserved length 30 of an array": "9e",
}
MEANING = {
    "date text": "c074323031332d30332d32315432303a30343a30305a",
    "date number": "c101",
    "big number": "c249010000000000000000",
    "small big number": "c24101",
    "negative big number": "c34101",
    "decimal fraction": "c4820102",
    "big float": "c5820102",
    "string reference": "d81900",
    "shareable": "d81c80",
    "shared reference": "d81c81d81d00",
    "rational": "d81e820102",
    "regular expression": "d8236161",
    "hostile regular expression": "d82366286128612b29",
    "MIME message": "d824614a",
    "UUID": "d8255000000000000000000000000000000000",
    "address v4": "d83444c0a80001",
    "address v6": "d8365000000000000000000000000000000001",
    "days": "d86401",
    "string reference space": "d9010081d81900",
    "set": "d901028101",
    "old address": "d9010444c0a80001",
    "old network": "d90105a144c0a8000018",
    "date as text": "d903ec6a323031332d30332d3231",
    "complex number": "d9a7f8820102",
    "self-described": "d9d9f701",
}


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("name", REFUSED)
def test_every_other_encoding_is_refused(name: str, tags: bool) -> None:
    with pytest.raises(MalformedError):
        decode(bytes.fromhex(REFUSED[name]), max_bytes=100, tags=tags)


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("name", MEANING)
def test_a_tag_with_a_meaning_is_refused_even_where_tags_are_allowed(name: str, tags: bool) -> None:
    for around in ("", "81", "d2", "a101"):
        with pytest.raises(MalformedError):
            decode(bytes.fromhex(around + MEANING[name]), max_bytes=100, tags=tags)


@pytest.mark.parametrize("tag", [*range(24), *range(24, 300), 1004, 1040, 43000, 55799, 2**32])
def test_no_tag_is_given_a_meaning(tag: int) -> None:
    for content in (1, "2013-03-21", b"\x01", [1, 2], {1: 2}):
        tagged = cbor2.dumps(cbor2.CBORTag(tag, content))
        with pytest.raises(MalformedError):
            decode(tagged, max_bytes=100)
        try:
            value = decode(tagged, max_bytes=100, tags=True)
        except MalformedError:
            continue
        # What is let through is the bare tag, never a type of the library's.
        assert type(value) is cbor2.CBORTag
        assert value.tag == tag
        assert value.value == content


def test_a_regular_expression_is_never_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("a stranger's expression was compiled")

    monkeypatch.setattr(re, "compile", refuse)
    with pytest.raises(MalformedError):
        decode(bytes.fromhex("d82366286128612b29"), max_bytes=100, tags=True)


@pytest.mark.parametrize("opening", ["81", "a101", "c6", "d2", "9f", "d81c"])
def test_a_depth_bomb_is_refused(opening: str) -> None:
    for tags in (False, True):
        with pytest.raises(MalformedError):
            decode(bytes.fromhex(opening) * 100_000 + b"\x01", max_bytes=2**20, tags=tags)


def test_the_depth_bound_is_exact() -> None:
    value: object = 1
    for _ in range(limits.CBOR_DEPTH - 1):
        value = [value]
    assert decode(encode(value), max_bytes=100) == value
    for deeper in ([value], [[value]]):
        try:
            decode(encode(deeper), max_bytes=100)
        except MalformedError:
            return
    pytest.fail("no depth is refused")


@pytest.mark.parametrize("head", ["5a", "7a", "9a", "ba", "5b", "7b", "9b", "bb", "da", "1b"])
@pytest.mark.parametrize("length", ["0fffffff", "ffffffff", "7fffffffffffffff", "ffffffffffffffff"])
def test_a_length_bomb_is_refused_without_its_memory(head: str, length: str) -> None:
    wide = head.endswith("b")
    hostile = bytes.fromhex(head + (length.zfill(16) if wide else length[-8:])) + b"\x01"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    try:
        with pytest.raises(MalformedError):
            decode(hostile, max_bytes=100)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20
    # The extension's own allocations are seen by the kernel only.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("item", ["80", "a0", "f6", "00", "40", "60", "1800", "8180"])
def test_an_item_bomb_is_refused_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    """300 KiB of empty lists would take a thousand times as long as 300 KiB of byte string."""
    count = limits.CBOR_ITEMS
    bomb = bytes.fromhex("9a") + (4 * count).to_bytes(4, "big") + bytes.fromhex(item) * 4 * count
    monkeypatch.setattr("adyton.core.encoding.cbor2.loads", None)
    with pytest.raises(MalformedError, match="too_large"):
        decode(bomb, max_bytes=len(bomb))


def test_the_bound_on_items_is_exact() -> None:
    most = limits.CBOR_ITEMS
    whole = encode([["x"] * (most - 2)])
    assert decode(whole, max_bytes=len(whole)) == [["x"] * (most - 2)]
    over = encode([["x"] * (most - 1)])
    with pytest.raises(MalformedError, match="too_large"):
        decode(over, max_bytes=len(over))


def test_what_is_over_its_bound_is_not_even_read() -> None:
    with pytest.raises(MalformedError) as refused:
        decode(b"\xff" * 101, max_bytes=100)
    assert refused.value.code == "too_large"
    assert decode(encode(bytes(97)), max_bytes=99) == bytes(97)
    with pytest.raises(MalformedError):
        decode(encode(bytes(97)), max_bytes=98)


def test_tags_are_allowed_only_where_the_caller_says_so() -> None:
    tagged = bytes.fromhex("d280")
    assert decode(tagged, max_bytes=10, tags=True) == cbor2.CBORTag(18, [])
    with pytest.raises(MalformedError):
        decode(tagged, max_bytes=10)


def test_below_a_tag_lists_and_maps_are_ordinary_ones() -> None:
    value = decode(bytes.fromhex("d28281a1018102a0"), max_bytes=20, tags=True).value
    assert value == [[{1: [2]}], {}]
    assert type(value) is list
    assert type(value[0]) is list
    assert type(value[0][0]) is dict
    assert type(value[0][0][1]) is list


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (2**63 - 1, "1b7fffffffffffffff"),
        (-1, "20"),
        (-(2**63), "3b7fffffffffffffff"),
        (b"", "40"),
        ("", "60"),
        ("ü", "62c3bc"),
        ([], "80"),
        ([1, [2]], "82018102"),
        ({}, "a0"),
        ({2: 0, 1: 0}, "a201000200"),
        ({"aa": 1, "b": 2, 10: 3}, "a30a0361620262616101"),
        (True, "f5"),
        (False, "f4"),
        (None, "f6"),
    ],
)
def test_known_encodings(value: object, expected: str) -> None:
    assert encode(value).hex() == expected
    assert decode(bytes.fromhex(expected), max_bytes=100) == value


def test_equal_numbers_of_other_types_stay_apart() -> None:
    assert type(decode(b"\x01", max_bytes=1)) is int
    assert type(decode(b"\xf5", max_bytes=1)) is bool


# --- what the encoding alone would let through -----------------------------------------------------


FORBIDDEN = (1.5, 2**63, -(2**63) - 1, cbor2.undefined, cbor2.CBORSimpleValue(99), {b"bytes": 1})
ALLOWED = (b"bytes", "text", True, None, 7, [1], {1: 2})


@pytest.mark.parametrize("allowed", ALLOWED, ids=repr)
@pytest.mark.parametrize("forbidden", FORBIDDEN, ids=repr)
def test_a_forbidden_value_is_found_beside_any_other(forbidden: Any, allowed: Any) -> None:
    for value in ([allowed, forbidden], [forbidden, allowed], [[allowed, [forbidden]], allowed]):
        with pytest.raises(MalformedError, match="malformed"):
            decode(cbor2.dumps(value, canonical=True), max_bytes=1 << 16)


@pytest.mark.parametrize("forbidden", FORBIDDEN, ids=repr)
def test_a_forbidden_value_is_found_below_a_tag(forbidden: Any) -> None:
    tagged = cbor2.dumps(cbor2.CBORTag(18, [b"", forbidden]), canonical=True)
    with pytest.raises(MalformedError, match="malformed"):
        decode(tagged, max_bytes=1 << 16, tags=True)


@pytest.mark.parametrize("size", [0, 1, 23, 24, 255, 256, 65535, 65536])
@pytest.mark.parametrize("kind", ["bytes", "text", "number"])
def test_values_are_counted_and_what_is_in_them_is_not(kind: str, size: int) -> None:
    """A list of five, whatever the size of the five and of their heads."""
    item: Any = {"bytes": b"\x81" * size, "text": "a" * size, "number": 2**size if size < 63 else 1}
    encoded = encode([item[kind]] * 5)
    assert len(decode(encoded, max_bytes=1 << 20, max_items=6)) == 5
    assert len(decode(encoded, max_bytes=1 << 20, max_items=7)) == 5
    for most in (1, 5):
        if len(encoded) > most:
            with pytest.raises(MalformedError, match="too_large"):
                decode(encoded, max_bytes=1 << 20, max_items=most)


@pytest.mark.parametrize("number", [23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1])
def test_the_heads_of_numbers_are_skipped(number: int) -> None:
    encoded = encode([number] * 9)
    assert decode(encoded, max_bytes=1 << 16, max_items=10) == [number] * 9
    with pytest.raises(MalformedError, match="too_large"):
        decode(encoded, max_bytes=1 << 16, max_items=9)
