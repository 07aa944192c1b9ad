"""Borsh: what it writes follows the rules as they are written here again; what it reads has one encoding."""

import contextlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adyton.client.borsh import Structs, decode_value, encode_value, require_types
from adyton.core.errors import MalformedError, UsageError

SIZES = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "u128": 16}
STRUCTS: Structs = {
    "Pair": (("first", "u16"), ("second", "option<string>")),
    "Tree": (("own", "Pair"), ("pairs", "list<Pair>"), ("who", "address")),
}
PLAIN = (*SIZES, "i64", "bool", "string", "bytes", "address")
KINDS = st.recursive(
    st.sampled_from((*PLAIN, *STRUCTS)),
    lambda inner: st.builds(
        lambda of, kind: f"list<{kind}>" if kind.startswith("option<") else f"{of}<{kind}>",
        st.sampled_from(("list", "option")),
        inner,
    ),
    max_leaves=3,
)


def values(kind: str) -> st.SearchStrategy[Any]:
    """Return values of a type, as JSON has them."""
    if kind in SIZES:
        return st.integers(0, 256 ** SIZES[kind] - 1)
    if kind == "i64":
        return st.integers(-(2**63), 2**63 - 1)
    if kind == "bool":
        return st.booleans()
    if kind == "string":
        return st.text(st.characters(codec="utf-8"), max_size=8)
    if kind == "bytes":
        return st.binary(max_size=8).map(bytes.hex)
    if kind == "address":
        return st.binary(min_size=32, max_size=32).map(bytes.hex)
    if kind in STRUCTS:
        return st.fixed_dictionaries({name: values(of) for name, of in STRUCTS[kind]})
    if kind.startswith("option<"):
        return st.none() | values(kind[7:-1])
    return st.lists(values(kind[5:-1]), max_size=3)


def by_the_rules(kind: str, value: Any) -> bytes:
    """Encode once more: little-endian, u32 before what has a length, one byte before an option."""
    if kind in SIZES:
        return bytes(value >> 8 * at & 255 for at in range(SIZES[kind]))
    if kind == "i64":
        return bytes((value + (1 << 64) if value < 0 else value) >> 8 * at & 255 for at in range(8))
    if kind == "bool":
        return b"\1" if value else b"\0"
    if kind in ("string", "bytes"):
        raw = value.encode() if kind == "string" else bytes.fromhex(value)
        return by_the_rules("u32", len(raw)) + raw
    if kind == "address":
        return bytes.fromhex(value)
    if kind in STRUCTS:
        return b"".join(by_the_rules(of, value[name]) for name, of in STRUCTS[kind])
    if kind.startswith("option<"):
        return b"\0" if value is None else b"\1" + by_the_rules(kind[7:-1], value)
    items = [by_the_rules(kind[5:-1], item) for item in value]
    return by_the_rules("u32", len(items)) + b"".join(items)


typed = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), values(kind)))


@given(typed)
@example(("i64", -1))
@example(("list<option<Tree>>", [None]))
def test_what_is_written_follows_the_rules_and_is_read_again(case: tuple[str, Any]) -> None:
    kind, value = case
    require_types([kind], STRUCTS)
    encoded = encode_value(kind, value, STRUCTS, "it")
    assert encoded == by_the_rules(kind, value)
    assert decode_value(kind, encoded, STRUCTS) == value
    with pytest.raises(MalformedError):
        decode_value(kind, encoded + b"\0", STRUCTS)
    with pytest.raises(MalformedError):
        decode_value(kind, encoded[:-1], STRUCTS)


@given(KINDS, st.binary(max_size=60))
def test_what_is_read_has_one_encoding(kind: str, unverified: bytes) -> None:
    with contextlib.suppress(MalformedError):
        value = decode_value(kind, unverified, STRUCTS)
        assert encode_value(kind, value, STRUCTS, "it") == unverified


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(KINDS, ANY)
@example("string", "\ud800")
@example("u64", "9" * 39)
@example("u8", 1.0)
@example("u8", True)
@example("bytes", "٠٠")
def test_whatever_json_has_is_written_or_refused(kind: str, value: Any) -> None:
    with contextlib.suppress(UsageError):
        encoded = encode_value(kind, value, STRUCTS, "it")
        assert encode_value(kind, decode_value(kind, encoded, STRUCTS), STRUCTS, "it") == encoded


@pytest.mark.parametrize("kind", ["u8", "u16", "u32", "u64", "u128", "i64"])
def test_integers_end_where_their_type_does(kind: str) -> None:
    least, most = (-(2**63), 2**63 - 1) if kind == "i64" else (0, 256 ** SIZES[kind] - 1)
    for value in (least, most, str(least), str(most)):
        assert decode_value(kind, encode_value(kind, value, {}, "it"), {}) == int(value)
    for beyond in (least - 1, most + 1, str(most + 1), 1.0, True, None, "", "+1", " 1", "1_0", "٣"):
        with pytest.raises(UsageError):
            encode_value(kind, beyond, {}, "it")


@pytest.mark.parametrize(
    ("kind", "unverified"),
    [
        ("bool", b"\2"),
        ("option<u8>", b"\2\0"),
        ("string", b"\1\0\0\0\xff"),
        ("list<u8>", b"\xff\xff\xff\xff\0\0"),
        ("bytes", b"\xff\xff\xff\xff"),
        ("address", bytes(31)),
    ],
)
def test_what_is_no_encoding_is_refused(kind: str, unverified: bytes) -> None:
    with pytest.raises(MalformedError) as refused:
        decode_value(kind, unverified, {})
    assert refused.value.code == "interface"
