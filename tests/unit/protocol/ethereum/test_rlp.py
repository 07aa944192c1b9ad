"""RLP: every published encoding, and one encoding of each item."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import MalformedError
from adyton.protocol.ethereum.rlp import Item, decode, decode_integer, encode, encode_integer
from tests.wallet_vectors import cases, unhex

ITEMS = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=6), max_leaves=20
)


@given(ITEMS)
def test_round_trip(item: Item) -> None:
    assert decode(encode(item)) == item


@given(st.binary(max_size=120))
def test_what_is_decoded_is_encoded_to_the_same_bytes(data: bytes) -> None:
    try:
        item = decode(data)
    except MalformedError:
        return
    assert encode(item) == data


@given(st.integers(0, 2**300))
def test_integers(number: int) -> None:
    assert decode_integer(decode(encode_integer(number)), "n") == number


def test_the_byte_zero_is_not_the_integer_zero() -> None:
    assert encode(b"\0") == b"\0"
    assert encode_integer(0) == b"\x80" == encode(b"")
    assert encode(b"\x80") == b"\x81\x80"
    assert encode([]) == b"\xc0"
    with pytest.raises(MalformedError, match="leading zeros"):
        decode_integer(decode(b"\0"), "n")


def test_ethers_vectors() -> None:
    for case in cases("ethers-rlp"):
        item = _from_hex(case["decoded"])
        assert encode(item) == unhex(case["encoded"]), case["name"]
        assert decode(unhex(case["encoded"])) == item, case["name"]


def test_ethereum_vectors() -> None:
    for case in cases("ethtests-rlptest"):
        item = _from_json(case["in"])
        assert encode(item) == unhex(case["out"]), case["name"]
        assert decode(unhex(case["out"])) == item, case["name"]


def test_invalid_vectors_are_refused() -> None:
    for case in cases("ethtests-invalidRLPTest"):
        with pytest.raises(MalformedError):
            decode(unhex(case["out"]))


@pytest.mark.parametrize(
    ("encoded", "why"),
    [
        ("", "missing"),
        ("8100", "stands for itself"),
        ("817f", "stands for itself"),
        ("8000", "behind the item"),
        ("81", "past its end"),
        ("c1", "past its end"),
        ("c281", "past its end"),
        ("c382ffff80", "behind the item"),
        ("b8", "cut off"),
        ("b90001", "shortest form"),
        ("b837" + "00" * 55, "shortest form"),
        ("f837" + "00" * 55, "shortest form"),
        ("f80180", "shortest form"),
        ("c281ff80", "behind the item"),
        ("c1b8ff", "cut off|past"),
    ],
)
def test_other_encodings_are_refused(encoded: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        decode(bytes.fromhex(encoded))


def test_an_item_does_not_reach_out_of_its_list() -> None:
    with pytest.raises(MalformedError, match="past its end"):
        decode(bytes.fromhex("c38461626364"))


def test_depth_is_bounded() -> None:
    nested: Item = []
    for _ in range(31):
        nested = [nested]
    assert decode(encode(nested)) == nested
    with pytest.raises(MalformedError, match="nested deeper") as refusal:
        decode(encode([nested]))
    assert refusal.value.code == "too_large"


def _from_hex(value: Any) -> Item:
    return unhex(value) if isinstance(value, str) else [_from_hex(item) for item in value]


def _from_json(value: Any) -> Item:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if isinstance(value, str) and not value.startswith("#"):
        return value.encode()
    number = int(value[1:]) if isinstance(value, str) else int(value)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
