"""Encoding: round trip, one encoding per value, and no exception but the one that is promised."""

import contextlib

import cbor2
from hypothesis import example, given
from hypothesis import strategies as st

from adyton.core.encoding import decode, encode
from adyton.core.errors import MalformedError

_KEYS = st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8"), max_size=8)
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_round_trip(value: object) -> None:
    try:
        again = decode(encode(value), max_bytes=10_000)
    except MalformedError:
        # Only depth can refuse a value of the profile.
        assert _depth(value) >= 14
        return
    assert again == value
    assert encode(again) == encode(value)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


@given(st.binary(max_size=200), st.booleans())
@example(b"\xc2\x49\x01" + bytes(8), True)
@example(b"\x9f" * 50, True)
def test_random_bytes_raise_malformed_error_alone(unverified: bytes, tags: bool) -> None:
    with contextlib.suppress(MalformedError):
        value = decode(unverified, max_bytes=200, tags=tags)
        assert encode(value) == unverified


@given(VALUES, st.data())
def test_altered_bytes_are_another_value_or_refused(value: object, data: st.DataObject) -> None:
    encoded = bytearray(encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(MalformedError):
        other = decode(bytes(encoded), max_bytes=10_000, tags=True)
        assert encode(other) == encoded != encode(value)


@given(VALUES, st.binary(min_size=1, max_size=4))
def test_what_follows_a_value_is_refused(value: object, more: bytes) -> None:
    try:
        decode(encode(value) + more, max_bytes=10_000)
    except MalformedError:
        return
    raise AssertionError("bytes after the end were ignored")


@given(VALUES)
def test_the_library_reads_our_encoding_alike(value: object) -> None:
    assert cbor2.loads(encode(value)) == value
