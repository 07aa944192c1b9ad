"""Calldata: the examples of the ABI's specification decoded, every other encoding of them refused."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.wallet.abi import decode_call
from adyton.protocol.wallet.abi_types import Signature, read_signature
from tests.abi_encoder import encode_call
from tests.abi_strategies import calls
from tests.policy_kit import word


def decoded(text: str, data: str) -> tuple[Any, ...]:
    return decode_call(read_signature(text, "abi"), bytes.fromhex(data.replace(" ", "")))


def words(*numbers: int | str) -> str:
    """Return words of calldata: numbers, and texts that stand at the left of theirs."""
    return "".join(
        word(item).hex() if isinstance(item, int) else item.encode().hex().ljust(64, "0")
        for item in numbers
    )


# The examples of Solidity's "Contract ABI Specification".
SPECIFIED: list[tuple[str, str, tuple[Any, ...]]] = [
    ("baz(uint32,bool)", "cdcd77c0" + words(69, 1), (69, True)),
    ("bar(bytes3[2])", "fce353f6" + words("abc", "def"), ((b"abc", b"def"),)),
    (
        "sam(bytes,bool,uint256[])",
        "a5643bf2" + words(0x60, 1, 0xA0, 4, "dave", 3, 1, 2, 3),
        (b"dave", True, (1, 2, 3)),
    ),
    (
        "f(uint256,uint32[],bytes10,bytes)",
        "8be65246" + words(0x123, 0x80, "1234567890", 0xE0, 2, 0x456, 0x789, 13, "Hello, world!"),
        (0x123, (0x456, 0x789), b"1234567890", b"Hello, world!"),
    ),
    (
        "g(uint256[][],string[])",
        "2289b18c"
        + words(0x40, 0x140, 2, 0x40, 0xA0, 2, 1, 2, 1, 3)
        + words(3, 0x60, 0xA0, 0xE0, 3, "one", 3, "two", 5, "three"),
        (((1, 2), (3,)), ("one", "two", "three")),
    ),
]


@pytest.mark.parametrize(("text", "data", "values"), SPECIFIED)
def test_examples_of_the_specification(text: str, data: str, values: tuple[Any, ...]) -> None:
    assert decoded(text, data) == values
    assert encode_call(read_signature(text, "abi"), values).hex() == data


@pytest.mark.parametrize(
    ("text", "selector"),
    [
        ("transfer(address,uint256)", "a9059cbb"),
        ("approve(address spender, uint256 amount)", "095ea7b3"),
        ("function transferFrom(address,address,uint256)", "23b872dd"),
        ("setApprovalForAll(address,bool)", "a22cb465"),
        ("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)", "d505accf"),
        ("multicall(bytes[])", "ac9650d8"),
        ("pause()", "8456cb59"),
        # Uniswap v3, with a tuple
        (
            "exactInputSingle((address tokenIn, address, uint24, address, uint256, uint256, uint256, uint160) p)",
            "414bf389",
        ),
    ],
)
def test_selectors(text: str, selector: str) -> None:
    assert read_signature(text, "abi").selector.hex() == selector


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the name of a function"),
        ("transfer", "lacks '('"),
        ("(uint256)", "the name of a function"),
        ("f(uint)", "write uint256"),
        ("f(int)", "write int256"),
        ("f(uint7)", "unknown type 'uint7'"),
        ("f(uint264)", "unknown type"),
        ("f(bytes33)", "unknown type"),
        ("f(bytes0)", "unknown type"),
        ("f(fixed128x18)", "unknown type"),
        ("f(function)", "unknown type"),
        ("f(address payable)", "leave it out"),
        ("f(bytes calldata data)", "leave it out"),
        ("f(uint256,)", "lacks a type"),
        ("f(,uint256)", "lacks a type"),
        ("f(uint256", "lacks ',' or ')'"),
        ("f(uint256))", "behind its end"),
        ("f(uint256) returns (bool)", "behind its end"),
        ("f(())", "empty tuple"),
        ("f(uint256[0])", "length"),
        ("f(uint256[01])", "length"),
        ("f(uint256[99999])", "length"),
        ("f(uint256[1025])", "over 1024 values"),
        ("f(uint256[32][33])", "over 1024 values"),
        ("f(uint256[1024],uint256)", "over 1024 values"),
        ("f(uint256 a, bool a)", "two of the name 'a'"),
        ("f(uint256[][][][][][][][])", "deeper than 8"),
        ("f" + "(" * 9 + "uint256" + ")" * 9, "deeper than 8"),
        ("f(uint256;bool)", "';'"),
        ("f\n(uint256)", "no signature has"),
        ("é()", "no signature has"),
        ("f(" + "uint256," * 200 + "bool)", "over 1024 characters"),
    ],
)
def test_signatures_that_are_none(text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_signature(text, "abi")
    assert why in caught.value.message


TRANSFER = "a9059cbb"


@pytest.mark.parametrize(
    ("text", "data", "why"),
    [
        ("transfer(address,uint256)", "a9059cbc" + words(1, 1), "not of transfer"),
        ("transfer(address,uint256)", "a9059c", "not of transfer"),
        ("transfer(address,uint256)", TRANSFER + words(1), "ends within"),
        ("transfer(address,uint256)", TRANSFER + words(1, 1)[:-2], "ends within"),
        ("transfer(address,uint256)", TRANSFER + words(1, 1) + "00", "1 bytes are left over"),
        ("transfer(address,uint256)", TRANSFER + words(1, 1, 0), "32 bytes are left over"),
        ("transfer(address,uint256)", TRANSFER + words(2**160, 1), "padding before an address"),
        ("pause()", "8456cb59" + words(0), "left over"),
        ("baz(uint32,bool)", "cdcd77c0" + words(2**32, 1), "out of its range"),
        ("baz(uint32,bool)", "cdcd77c0" + words(1, 2), "neither 0 nor 1"),
        ("bar(bytes3[2])", "fce353f6" + words("abc!", "def"), "padding behind a bytes3"),
        ("i(int8)", "$" + words(128), "out of its range"),
        ("i(int8)", "$" + words(-129), "out of its range"),
        # an offset that skips, one that overlaps, one into the head, one past the end, a huge one
        ("s(string)", "$" + words(0x40, 0, 1, "a"), "an offset is not where"),
        ("s(string,string)", "$" + words(0x40, 0x40, 1, "a"), "an offset is not where"),
        ("s(string,string)", "$" + words(0x80, 0x40, 1, "a", 1, "b"), "an offset is not where"),
        ("s(string)", "$" + words(0), "an offset is not where"),
        ("s(string)", "$" + words(0x20), "ends within"),
        ("s(string)", "$" + words(2**255, 1, "a"), "an offset is not where"),
        ("s(string)", "$" + words(0x20, 2**256 - 1, "a"), "ends within"),
        ("s(string)", "$" + words(0x20, 1) + "61", "ends within"),
        ("s(string)", "$" + words(0x20, 1, "ab"), "padding behind"),
        ("s(bytes)", "$" + words(0x20, 0, "a"), "left over"),
        ("s(string)", "$" + words(0x20, 1) + "ff".ljust(64, "0"), "not UTF-8"),
        ("s(uint256[])", "$" + words(0x20, 2, 1), "ends within"),
        ("s(uint256[])", "$" + words(0x20, 2**200), "over 1024 values"),
        ("s(bytes[])", "$" + words(0x20, 1024), "over 1024 values"),
        ("s(bytes[])", "$" + words(0x20, 1023), "ends within"),
    ],
)
def test_everything_but_the_one_encoding_is_refused(text: str, data: str, why: str) -> None:
    signature = read_signature(text, "abi")
    data = data.replace("$", signature.selector.hex())
    with pytest.raises(MalformedError) as caught:
        decode_call(signature, bytes.fromhex(data))
    assert why in caught.value.message


def test_the_most_values_and_the_least_integers() -> None:
    signature = read_signature("f(uint8[])", "abi")
    most = limits.ABI_VALUES - 1
    data = signature.selector + bytes.fromhex(words(0x20, most)) + word(255) * most
    assert decode_call(signature, data) == ((255,) * most,)
    assert decoded(
        "i(int8,int8)", read_signature("i(int8,int8)", "abi").selector.hex() + words(-128, 127)
    ) == (-128, 127)


@given(calls())
def test_what_is_encoded_is_decoded(call: tuple[Signature, tuple[Any, ...]]) -> None:
    signature, values = call
    assert decode_call(signature, encode_call(signature, values)) == values


@given(calls(), st.data())
def test_a_changed_byte_is_other_values_or_refused(
    call: tuple[Signature, tuple[Any, ...]], data: st.DataObject
) -> None:
    signature, values = call
    encoded = bytearray(encode_call(signature, values))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] ^= data.draw(st.integers(1, 255))
    try:
        other = decode_call(signature, bytes(encoded))
    except MalformedError:
        return
    assert other != values
    assert encode_call(signature, other) == bytes(encoded)


@given(calls(), st.binary(min_size=1, max_size=70))
def test_nothing_may_follow(call: tuple[Signature, tuple[Any, ...]], more: bytes) -> None:
    signature, values = call
    with pytest.raises(MalformedError):
        decode_call(signature, encode_call(signature, values) + more)


@pytest.mark.parametrize(
    "text",
    ["f(bytes[])", "f(uint256[1024][])", "f(bytes[1000][])", "f(string[][][][][][])", "f(bytes)"],
)
def test_hostile_calldata_takes_no_time(text: str) -> None:
    signature = read_signature(text, "abi")
    room = limits.ETHEREUM_TRANSACTION // 32 - 1
    started = time.process_time()
    for number in (0, 1, 32, 1023, 2**255, 2**256 - 1):
        for head in (word(32), word(32) + word(1000), word(32) + word(1)):
            data = signature.selector + head + word(number) * (room - len(head) // 32)
            with pytest.raises(MalformedError):
                decode_call(signature, data)
    assert time.process_time() - started < 2
