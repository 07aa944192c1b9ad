"""Transactions in JSON: what is missing, strange or outside is refused, by the name of its field."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.gas import floor_gas, intrinsic_gas, require_gas
from adyton.protocol.ethereum.rlp import encode_bytes, encode_integer, join_list
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction import Transaction, sign_transaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed, decode_unsigned
from adyton.protocol.ethereum.transaction_json import read_transaction

TO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
GOOD: dict[str, Any] = {
    "type": "0x2",
    "chainId": 1,
    "nonce": "7",
    "gas": "0x5208",
    "to": TO,
    "value": "0xde0b6b3a7640000",
    "maxFeePerGas": 30,
    "maxPriorityFeePerGas": 2,
}
LEGACY: dict[str, Any] = {
    "chainId": 4,
    "nonce": 0,
    "gas": 100_000,
    "gasPrice": 1,
    "to": TO,
    "data": "0x00ff",
}


def without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def test_forms_of_numbers() -> None:
    transaction = read_transaction(GOOD)
    assert (transaction.nonce, transaction.gas, transaction.value) == (7, 21_000, 10**18)
    assert (transaction.max_fee, transaction.tip, transaction.data) == (30, 2, b"")
    assert transaction.max_cost == 10**18 + 21_000 * 30


def test_the_type_follows_from_the_fees() -> None:
    assert read_transaction(LEGACY).kind == 0
    assert read_transaction({**LEGACY, "accessList": []}).kind == 1
    assert read_transaction(without(GOOD, "type")).kind == 2


def test_other_words_for_fields() -> None:
    renamed = {**without(LEGACY, "gas", "data"), "gasLimit": 100_000, "input": "0x00ff"}
    assert read_transaction(renamed) == read_transaction(LEGACY)
    # Some clients send both.
    both = {**LEGACY, "gasLimit": 100_000, "input": "0x00ff"}
    assert read_transaction(both) == read_transaction(LEGACY)
    for other in ({"gasLimit": 100_001}, {"gasLimit": 100_000.0}, {"input": "0x"}):
        with pytest.raises(UsageError, match="they mean the same, give one"):
            read_transaction({**LEGACY, **other})


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"nonce": 2**64}, r"transaction\.nonce is over"),
        ({"nonce": 2**64 - 1}, r"transaction\.nonce is over"),
        ({"nonce": -1}, r"nonce must not be negative"),
        ({"nonce": True}, "nonce must be an integer or a string of one, not a boolean"),
        ({"nonce": None}, "nonce must be an integer or a string of one, not null"),
        ({"value": 2**256}, r"value is over 2\^256 - 1"),
        ({"value": hex(2**256)}, "value is not a quantity"),
        ({"value": str(2**256)}, r"value is over 2\^256 - 1"),
        ({"value": "-1"}, "value must not be negative"),
        ({"value": 1.5}, "value must be an integer or a string of one, not a float"),
        ({"value": 1.0}, "not a float"),
        ({"value": float("nan")}, "not a float"),
        ({"value": "1.5"}, r"value is not whole; give an integer of the smallest unit"),
        ({"value": "1e18"}, "value is not whole"),
        ({"value": "0401"}, "value is not an integer; .* without leading zeros"),
        ({"value": "0x0401"}, "value is not a quantity: .* without leading zeros"),
        ({"value": "0x"}, "value is not a quantity"),
        ({"value": "0X1"}, "value is not an integer"),
        ({"value": " 1"}, "value is not an integer"),
        ({"value": "1\n"}, "value is not an integer"),
        ({"value": "١"}, "value is not an integer"),
        ({"value": ""}, "value is not an integer"),
        ({"value": "-0"}, "value is not an integer"),
        ({"value": "1_0"}, "value is not an integer"),
        ({"value": []}, "not a list"),
        ({"gas": 2**64}, r"gas is over 2\^64 - 1"),
        ({"gas": {}}, "not an object"),
        ({"chainId": 0}, "chainId is below 1"),
        ({"chainId": 2**64}, "chainId is over"),
        ({"maxFeePerGas": 1}, "maxPriorityFeePerGas is over maxFeePerGas; raise the one or lower"),
        ({"maxFeePerGas": 2**256 - 1}, r"gas times its price is over 2\^256 - 1"),
        ({"value": 2**256 - 1}, r"value and gas cost over 2\^256 - 1 wei together"),
        ({"data": "0xabc"}, r"transaction\.data has an odd number of hex digits"),
        ({"data": "abcd"}, "data must begin with 0x"),
        ({"data": "0xzz"}, "data has characters that are not hex"),
        ({"data": "0xab\n"}, "data has characters that are not hex"),
        ({"data": 5}, "data must be a string of hex behind 0x, not an integer"),
        ({"data": "0x" + "00" * (128 * 1024 + 1)}, "data is 131073 bytes"),
        ({"to": TO.lower()}, r"transaction\.to is all lowercase"),
        ({"to": TO.replace("A", "a", 1)}, r"transaction\.to has a wrong checksum"),
        ({"to": "0x"}, "to must be an address"),
        ({"type": 3}, "type 3 .*4844.* not supported; use type 2"),
        ({"type": "0x4"}, "type 4 .*7702.* not supported; use type 2"),
        ({"type": 5}, "type 5 are not supported"),
        ({"type": 2.0}, "type must be an integer"),
        ({"maxFeePerBlobGas": 1}, "type 3"),
        ({"blobVersionedHashes": []}, "type 3"),
        ({"authorizationList": []}, "type 4"),
        ({"gasPrice": 1}, r"transaction\.gasPrice is not for transactions of type 2; leave it out"),
        ({"from": TO}, "has no field 'from'"),
        ({"tx_type": 1}, "has no field 'tx_type'"),
        ({"accessList": {}}, "accessList must be a list"),
        ({"accessList": [{}]}, r"accessList\[0\] lacks 'address'"),
        ({"accessList": [{"address": TO}]}, r"accessList\[0\] lacks 'storageKeys'"),
        (
            {"accessList": [{"address": TO.lower(), "storageKeys": []}]},
            r"accessList\[0\]\.address is all lowercase",
        ),
        (
            {"accessList": [{"address": TO, "storageKeys": ["0x00"]}]},
            r"storageKeys\[0\] must be 32 bytes; it is 1",
        ),
        (
            {"accessList": [{"address": TO, "storageKeys": [], "more": 1}]},
            r"accessList\[0\] has no field 'more'",
        ),
    ],
)
def test_what_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why) as refusal:
        read_transaction({**GOOD, **change})
    assert refusal.value.code == "bad_argument"


@pytest.mark.parametrize(
    "name", ["chainId", "nonce", "gas", "to", "maxFeePerGas", "maxPriorityFeePerGas"]
)
def test_what_must_be_said(name: str) -> None:
    with pytest.raises(UsageError, match=f"lacks '{name}'"):
        read_transaction(without(GOOD, name))


def test_hints() -> None:
    with pytest.raises(UsageError, match="replayed on every chain"):
        read_transaction(without(LEGACY, "chainId"))
    with pytest.raises(UsageError, match="null to make a contract"):
        read_transaction(without(LEGACY, "to"))
    with pytest.raises(UsageError, match="has no fee: give"):
        read_transaction(without(LEGACY, "gasPrice"))
    with pytest.raises(UsageError, match="fees of one type"):
        read_transaction({**LEGACY, "maxFeePerGas": 1})
    nothing: tuple[Any, ...] = (None, [], "{}", 5)
    for wrong in nothing:
        with pytest.raises(UsageError, match="transaction must be an object"):
            read_transaction(wrong)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted({*GOOD, *LEGACY, "accessList"})), JSON)
def test_anything_in_a_field_is_read_or_refused(name: str, value: Any) -> None:
    for good in (GOOD, LEGACY):
        try:
            transaction = read_transaction({**good, name: value})
        except UsageError:
            continue
        assert decode_unsigned(transaction.unsigned) == transaction


VALID = read_transaction(GOOD)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"kind": 3}, "type 3"),
        ({"nonce": 2**64 - 1}, "nonce"),
        ({"nonce": True}, "nonce"),
        ({"gas": -1}, "gas"),
        ({"value": 1.0}, "value"),
        ({"to": bytes(19)}, "20 bytes"),
        ({"tip": None}, "always there"),
        ({"tip": 31}, "is over maxFeePerGas"),
        ({"tip": -1}, "maxPriorityFeePerGas"),
        ({"kind": 0}, "for type 2"),
        ({"kind": 0, "tip": None, "access_list": ((bytes(20), ()),)}, "types 1 and 2"),
        ({"access_list": ((bytes(19), ()),)}, "addresses of 20"),
        ({"access_list": ((bytes(20), (bytes(31),)),)}, "keys of 32"),
    ],
)
def test_there_is_no_invalid_transaction(change: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        replace(VALID, **change)


def test_sizes_are_bounded() -> None:
    secret = bytes(31) + b"\1"
    with pytest.raises(MalformedError) as refusal:
        replace(VALID, data=bytes(limits.ETHEREUM_TRANSACTION + 1))
    assert refusal.value.code == "too_large"
    large = replace(VALID, data=bytes(limits.ETHEREUM_TRANSACTION))
    with pytest.raises(MalformedError, match="no node takes it"):
        sign_transaction(large, secret, public_key(secret))
    for parse in (decode_signed, decode_unsigned):
        with pytest.raises(MalformedError, match="over 131072 bytes"):
            parse(bytes(limits.ETHEREUM_TRANSACTION + 1))


def _typed(kind: int, *fields: bytes) -> bytes:
    return bytes((kind,)) + join_list(fields)


ZERO = b"\x80"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no bytes"),
        (b"\x00\xc0", "legacy transaction has no type byte"),
        (_typed(3), "type 3"),
        (_typed(4), "type 4"),
        (_typed(5), "type 5"),
        (b"\xc0", "nine|9 fields"),
        (join_list([ZERO] * 6), "no chain id"),
        (_typed(2, *[ZERO] * 8), "12 fields|9 fields"),
        (_typed(2, *[ZERO] * 13), "12 fields|9 fields"),
        (b"\x02\x80", "fields"),
    ],
)
@pytest.mark.parametrize("parse", [decode_signed, decode_unsigned])
def test_bytes_that_are_no_transaction(
    raw: bytes, why: str, parse: Callable[[bytes], object]
) -> None:
    with pytest.raises(MalformedError, match=why):
        parse(raw)


def _signed_legacy(v: int) -> bytes:
    return join_list(
        [*[ZERO] * 3, b"\x94" + bytes(20), ZERO, ZERO, encode_integer(v), b"\1", b"\1"]
    )


@pytest.mark.parametrize(
    ("v", "why"),
    [
        *((27, "no chain id"), (28, "no chain id"), (0, "twice a chain id")),
        *((35, "chainId is not"), (36, "chainId is not"), (2**65 + 35, "chainId is not")),
    ],
)
def test_v_names_a_chain(v: int, why: str) -> None:
    assert decode_signed(_signed_legacy(37)).transaction.chain_id == 1
    with pytest.raises(MalformedError, match=why):
        decode_signed(_signed_legacy(v))


def test_an_unsigned_legacy_transaction_ends_in_zeros() -> None:
    with pytest.raises(MalformedError, match="ends in chainId, 0, 0"):
        decode_unsigned(_signed_legacy(37))


@pytest.mark.parametrize(
    ("at", "field", "why"),
    [
        (1, b"\0", "nonce has leading zeros"),
        (1, join_list([]), "nonce is a list"),
        (5, encode_bytes(bytes(19)), "to is 19 bytes"),
        (5, join_list([]), "to is a list"),
        (7, join_list([]), "data is a list"),
        (8, ZERO, "accessList is not a list"),
        (8, join_list([ZERO]), "an address and a list of keys"),
        (8, join_list([join_list([ZERO])]), "an address and a list of keys"),
        (8, join_list([join_list([ZERO, ZERO])]), "an address and a list of keys"),
        (8, join_list([join_list([ZERO, join_list([])])]), "addresses of 20"),
        (8, join_list([join_list([join_list([]), join_list([])])]), "an address is a list"),
        (2, encode_integer(5), "is over maxFeePerGas"),
        (0, ZERO, "chainId is not an integer from 1"),
    ],
)
def test_fields_that_are_not_what_they_should_be(at: int, field: bytes, why: str) -> None:
    fields = [b"\1", ZERO, ZERO, b"\4", ZERO, b"\x94" + bytes(20), ZERO, ZERO, join_list([])]
    assert decode_unsigned(_typed(2, *fields)).max_fee == 4
    fields[at] = field
    with pytest.raises(MalformedError, match=why):
        decode_unsigned(_typed(2, *fields))


def make(to: bytes | None, data: bytes, gas: int) -> Transaction:
    return replace(VALID, to=to, data=data, gas=gas, access_list=((bytes(20), (bytes(32),) * 2),))


def test_gas() -> None:
    call = make(bytes(20), b"\0\1", 10**6)
    assert intrinsic_gas(call) == 21_000 + 4 + 16 + 2_400 + 2 * 1_900
    assert floor_gas(call) == 21_000 + 50
    assert intrinsic_gas(make(None, b"\0" * 33, 10**6)) == 53_000 + 33 * 4 + 4 + 6_200
    require_gas(make(bytes(20), b"", 27_200))
    with pytest.raises(UsageError, match="gas is 27199; 27200 are the least"):
        require_gas(make(bytes(20), b"", 27_199))
    heavy = replace(make(bytes(20), b"\1" * 1000, 60_999), access_list=())
    require_gas(heavy, floor=False)
    with pytest.raises(UsageError, match="gas is 60999; 61000 are the least"):
        require_gas(heavy)
    require_gas(replace(heavy, gas=61_000))
    require_gas(make(None, bytes(49_152), 10**7))
    with pytest.raises(UsageError, match="init code is over 49152"):
        require_gas(make(None, bytes(49_153), 10**7))
