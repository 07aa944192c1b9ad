"""Calldata beside eth-abi: what it encodes is decoded to the same values, and what is accepted it reads alike."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adyton.core.errors import MalformedError
from adyton.protocol.wallet.abi import decode_call
from adyton.protocol.wallet.abi_types import Signature
from tests.abi_encoder import encode_call
from tests.abi_strategies import calls
from tests.web3_environment import run_web3

ENCODE = """
import json, sys
from eth_abi import encode
from eth_utils import keccak

def thawed(value):
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    return [thawed(item) for item in value] if isinstance(value, list) else value

print(json.dumps([
    [keccak(text=text)[:4].hex(), encode(kinds, thawed(values)).hex()]
    for text, kinds, values in json.load(sys.stdin)
]))
"""
DECODE = """
import json, sys
from eth_abi import decode
from eth_abi.exceptions import DecodingError

def frozen(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return [frozen(item) for item in value] if isinstance(value, (list, tuple)) else value

def one(kinds, data):
    try:
        return frozen(decode(kinds, bytes.fromhex(data)))
    except (DecodingError, OverflowError, UnicodeDecodeError) as problem:
        return repr(problem)

print(json.dumps([one(kinds, data) for kinds, data in json.load(sys.stdin)]))
"""

Call = tuple[Signature, tuple[Any, ...]]


def kinds(signature: Signature) -> list[str]:
    return [kind.text for kind in signature.arguments.items]


def for_them(kind: Any, value: Any) -> Any:
    """Return a value for eth-abi, addresses as hex behind 0x."""
    if kind.family == "address":
        return "0x" + value.hex()
    if kind.family == "array":
        return [for_them(kind.items[0], item) for item in value]
    if kind.family == "tuple":
        return [for_them(*pair) for pair in zip(kind.items, value, strict=True)]
    return {"hex": value.hex()} if isinstance(value, bytes) else value


@pytest.fixture(scope="module")
def drawn() -> list[tuple[Call, tuple[int, int]]]:
    """Give functions with arguments, and for each a byte of its calldata to change."""
    found: list[tuple[Call, tuple[int, int]]] = []

    @given(calls(), st.integers(0, 2**20), st.integers(1, 255))
    @settings(
        max_examples=400,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        deadline=None,
    )
    def draw(call: Call, at: int, change: int) -> None:
        found.append((call, (at, change)))

    draw()
    return found


def test_what_it_encodes_is_decoded(drawn: list[tuple[Call, tuple[int, int]]]) -> None:
    given_to_them = [
        [signature.text, kinds(signature), for_them(signature.arguments, values)]
        for (signature, values), _ in drawn
    ]
    encoded = run_web3(ENCODE, given=given_to_them)
    assert len(encoded) == len(drawn) >= 300
    for ((signature, values), _), (selector, data) in zip(drawn, encoded, strict=True):
        assert signature.selector.hex() == selector
        calldata = bytes.fromhex(selector + data)
        assert calldata == encode_call(signature, values)
        assert decode_call(signature, calldata) == values


def test_what_is_accepted_it_reads_alike(drawn: list[tuple[Call, tuple[int, int]]]) -> None:
    altered: list[tuple[Signature, list[Any]]] = []
    ours: list[tuple[Any, ...] | None] = []
    for (signature, values), (at, change) in drawn:
        data = bytearray(encode_call(signature, values)[4:])
        if not data:
            continue
        data[at % len(data)] ^= change
        try:
            ours.append(decode_call(signature, signature.selector + bytes(data)))
        except MalformedError:
            ours.append(None)
        altered.append((signature, [kinds(signature), data.hex()]))
    theirs = run_web3(DECODE, given=[case for _, case in altered])
    accepted = 0
    for (signature, _), read, other in zip(altered, ours, theirs, strict=True):
        if read is not None:
            accepted += 1
            assert other == for_them(signature.arguments, read)
    assert accepted > 20
