"""Typed data: published digests, and everything that does not fit its types refused."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.ethereum.typed_types import DOMAIN, DOMAIN_FIELDS
from tests.wallet_vectors import cases, unhex

CONTRACT = "0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"

# The example of EIP-712, with the digest given there.
MAIL: dict[str, Any] = {
    "types": {
        DOMAIN: [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Person": [{"name": "name", "type": "string"}, {"name": "wallet", "type": "address"}],
        "Mail": [
            {"name": "from", "type": "Person"},
            {"name": "to", "type": "Person"},
            {"name": "contents", "type": "string"},
        ],
    },
    "primaryType": "Mail",
    "domain": {
        "name": "Ether Mail",
        "version": "1",
        "chainId": 1,
        "verifyingContract": CONTRACT,
    },
    "message": {
        "from": {"name": "Cow", "wallet": "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
        "to": {"name": "Bob", "wallet": "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
        "contents": "Hello, Bob!",
    },
}


def one(kind: Any, value: Any, **types: Any) -> dict[str, Any]:
    """Return typed data with one member of this type."""
    return {
        "types": {
            DOMAIN: [{"name": "chainId", "type": "uint256"}],
            "One": [{"name": "it", "type": kind}],
            **types,
        },
        "primaryType": "One",
        "domain": {"chainId": 1},
        "message": {"it": value},
    }


def member(kind: str, value: Any) -> bytes:
    """Return the 32 bytes that stand for a value."""
    return read_typed_data(one(kind, value)).encoded[32:]


def test_the_example_of_the_standard() -> None:
    data = read_typed_data(MAIL)
    assert data.digest.hex() == "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    assert data.domain_separator.hex() == (
        "f2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f"
    )
    assert data.chain_id == 1
    assert data.verifying_contract == unhex(CONTRACT)


def test_a_domain_may_name_no_chain() -> None:
    data = copy.deepcopy(MAIL)
    data["types"][DOMAIN] = [{"name": "name", "type": "string"}]
    data["domain"] = {"name": "x"}
    read = read_typed_data(data)
    assert (read.chain_id, read.verifying_contract) == (None, None)


def test_ethers_typed_data() -> None:
    for case in cases("ethers-typed-data"):
        domain = [
            {"name": name, "type": kind}
            for name, kind in DOMAIN_FIELDS.items()
            if name in case["domain"]
        ]
        data = read_typed_data(
            {
                "types": {DOMAIN: domain, **case["types"]},
                "primaryType": case["primaryType"],
                "domain": case["domain"],
                "message": case["data"],
            }
        )
        assert data.encoded == unhex(case["encoded"]), case["name"]
        assert data.digest == unhex(case["digest"]), case["name"]


# Computed by eth-account 0.14, another implementation.
DIGESTS = {
    "valid_space_in_custom_type_fieldname": (
        "71a6b0afa1e5dcddf680d85068e2674a73d60e07a9d047c8f210871804dbba80"
    ),
    "valid_multi_no_fixed_len_array": (
        "9d4ed1abf83bd225db7e2023022a780ab06ef130800e9cc8f4550f73e027a5ca"
    ),
    "valid_eip712_example": "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2",
    "valid_issue_201_with_array": (
        "3251bee8474b58a5df1adab9be78e2b18462d7a5ddf423389dcf98042188bef3"
    ),
    "valid_eip712_example_with_array": (
        "1780e7e042fa9ec126ccb68cd707d61580d00601b3eff8a5ec05116b46007fdb"
    ),
    "valid_eip712_example_addresses_not_checksummed": (
        "be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2"
    ),
    "valid_issue_201_no_array": "09eb75cfd1cd5661523c7a3e681f07d57b108a6aff997658939c4dff0006e74a",
    "valid_multi_array": "da275374c3a0790d389b6490d6fdf499f39c72105423f09d7b9be62d2fc08671",
    "valid_primary_type_is_empty_string": (
        "da5079987d5ea68beca14009948a4034b066bc86426dc802f4a5762f435b91ff"
    ),
}


def test_eth_account_messages() -> None:
    digests = {}
    for case in cases("eth-account-eip712-valid_for_all"):
        name = case.pop("_name")
        digests[name] = read_typed_data(case).digest.hex()
    assert digests == DIGESTS


def test_eth_account_invalid_messages() -> None:
    for case in cases("eth-account-eip712-one_arg_invalid"):
        case.pop("_name")
        with pytest.raises(UsageError):
            read_typed_data(case)


@pytest.mark.parametrize(
    ("kind", "value", "encoded"),
    [
        ("uint8", 255, "ff"),
        ("uint8", "0xff", "ff"),
        ("uint256", str(2**256 - 1), "ff" * 32),
        ("int8", -128, "ff" * 31 + "80"),
        ("int256", "-1", "ff" * 32),
        ("bool", True, "01"),
        ("bool", False, ""),
        ("address", CONTRACT, "cc" * 20),
        ("address", CONTRACT.lower(), "cc" * 20),
    ],
)
def test_values(kind: str, value: Any, encoded: str) -> None:
    assert member(kind, value) == bytes.fromhex(encoded).rjust(32, b"\0")


def test_strings_bytes_and_arrays() -> None:
    assert member("bytes3", "0x010203") == b"\1\2\3".ljust(32, b"\0")
    assert member("string", "é") == keccak("é".encode())
    assert member("bytes", "0x") == keccak(b"")
    two = (5).to_bytes(32, "big") + (6).to_bytes(32, "big")
    assert member("uint8[]", [5, 6]) == member("uint8[2]", [5, 6]) == keccak(two)
    assert member("uint8[2][]", [[5, 6]]) == keccak(keccak(two))
    assert member("uint8[]", []) == keccak(b"")


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("uint8", 256, "message.it is over 255"),
        ("uint8", -1, "message.it must not be negative"),
        ("uint8", True, "not a boolean"),
        ("uint8", 1.0, "not a float"),
        ("uint8", None, "not null"),
        ("uint8", "0x0f", "leading zeros"),
        ("int8", 128, "is over 127"),
        ("int8", -129, "is below -128"),
        ("uint256", 2**256, "is over"),
        ("int256", 2**255, "is over"),
        ("bool", 1, "true or false"),
        ("bool", "true", "true or false"),
        ("string", 5, "must be a string"),
        ("string", "\ud800", "surrogate"),
        ("bytes", "text", "must begin with 0x"),
        ("bytes", "0x1", "odd number"),
        ("bytes2", "0x01", "must be 2 bytes; it is 1"),
        ("bytes2", "0x010203", "must be 2 bytes; it is 3"),
        ("address", "0x00", "40 hex digits"),
        ("address", CONTRACT.replace("C", "c", 1), "wrong checksum"),
        ("uint8[]", 5, "must be a list"),
        ("uint8[]", [256], r"message\.it\[0\] is over 255"),
        ("uint8[2]", [1], "has 1 items; its type says 2"),
        ("uint8[2]", [1, 2, 3], "has 3 items; its type says 2"),
        ("uint8[][1]", [[300]], r"message\.it\[0\]\[0\] is over 255"),
    ],
)
def test_values_outside_of_their_types(kind: str, value: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_typed_data(one(kind, value))


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "uint",
            "int",
            "uint7",
            "uint264",
            "uint0",
            "uint08",
            "int512",
            "bytes0",
            "bytes33",
            "bytes01",
        ),
        *(
            "Two",
            "",
            "uint8[0]",
            "uint8[-1]",
            "uint8[",
            "uint8[]x",
            "[]",
            "uint8 []",
            "string ",
            "byte",
        ),
        *("uint8[99999999]", "function", "uint8" + "[]" * 17, "fixed128x18"),
    ],
)
def test_what_is_no_type(kind: str) -> None:
    with pytest.raises(UsageError, match=r"types\.One\.it is no type"):
        read_typed_data(one(kind, 5))


def test_a_type_without_its_size_is_named() -> None:
    with pytest.raises(UsageError, match="write uint256"):
        read_typed_data(one("uint[]", [5]))


@pytest.mark.parametrize(
    ("at", "value", "why"),
    [
        (("message", "extra"), 1, "message has no field 'extra'"),
        (("message", "from", "extra"), 1, "message.from has no field 'extra'"),
        (("message", "from"), None, "message.from must be an object, not null"),
        (("domain", "salt"), "0x" + "00" * 32, "domain has no field 'salt'"),
        (("domain", "chainId"), "one", "domain.chainId is not an integer"),
        (("domain",), [], "domain must be an object"),
        (("primaryType",), "Horse", "primaryType is not among the types"),
        (("primaryType",), ["Mail"], "primaryType is not among the types"),
        (("primaryType",), DOMAIN, "primaryType is the domain"),
        (("types", "Unused"), [], "types.Unused is not used by the primary type; leave it out"),
        (("types", "Mail", 0, "type"), "Mail", "types.Mail holds itself"),
        (("types", "Person", 0, "type"), "Mail[]", "holds itself"),
        (("types", "Person", 0, "type"), DOMAIN, "is used inside of the message"),
        (("types", "Person", 1, "name"), "name", r"types.Person\[1\].name is there twice"),
        (("types", "Person", 1, "name"), "a,b", "is not a name that a member may have"),
        (("types", "Person", 1, "name"), "a)", "is not a name"),
        (("types", "Person", 1, "name"), "", "is not a name"),
        (("types", "Person", 1, "name"), " a", "is not a name"),
        (("types", "Person", 1, "name"), "a\n", "is not a name"),
        (("types", "Person", 1, "name"), "\ud800", "is not a name"),
        (("types", "Person", 1, "name"), 5, "is not a name"),
        (("types", "Person", 1, "type"), 5, "type must be a string"),
        (("types", "Person", 1, "more"), 5, "has no field 'more'"),
        (("types", "Person", 1), "address", "must be an object"),
        (("types", "Person"), {}, "types.Person must be a list"),
        (("types", "uint8"), [], "not a name that a struct may have"),
        (("types", "address"), [], "not a name that a struct may have"),
        (("types", "a b"), [], "not a name that a struct may have"),
        (("types", "A[]"), [], "not a name that a struct may have"),
        (("types",), [], "types must be an object"),
        (("types", DOMAIN), [], "domain has no field 'name'"),
        (("types", DOMAIN, 2, "type"), "uint64", "chainId is not a field of a domain"),
        (("types", DOMAIN, 2, "name"), "chain", "chain is not a field of a domain"),
        (("more",), 5, "typedData has no field 'more'"),
    ],
)
def test_parts_that_do_not_fit(at: tuple[str | int, ...], value: Any, why: str) -> None:
    data: Any = copy.deepcopy(MAIL)
    place = data
    for step in at[:-1]:
        place = place[step]
    place[at[-1]] = value
    with pytest.raises(UsageError, match=why):
        read_typed_data(data)


@pytest.mark.parametrize(
    "at",
    [
        *(("message", "contents"), ("message", "to", "wallet"), ("domain", "chainId"), ("types",)),
        *(("types", DOMAIN), ("primaryType",), ("domain",), ("message",)),
    ],
)
def test_what_is_missing_is_named(at: tuple[str, ...]) -> None:
    data: Any = copy.deepcopy(MAIL)
    place = data
    for step in at[:-1]:
        place = place[step]
    del place[at[-1]]
    with pytest.raises(UsageError, match=f"lacks '{at[-1]}'"):
        read_typed_data(data)
    with pytest.raises(UsageError, match="must be an object"):
        read_typed_data(json.dumps(MAIL))


def test_the_order_of_a_domain_is_fixed() -> None:
    data = copy.deepcopy(MAIL)
    data["types"][DOMAIN].reverse()
    with pytest.raises(UsageError, match="in another order"):
        read_typed_data(data)


def test_sizes_are_bounded() -> None:
    half = limits.ETHEREUM_VALUES // 2
    with pytest.raises(MalformedError, match="values in one message") as refusal:
        read_typed_data(one("bool[][]", [[True] * half, [True] * half]))
    assert refusal.value.code == "too_large"
    with pytest.raises(UsageError, match="are the most"):
        read_typed_data(one("bool[]", [True] * (limits.ETHEREUM_VALUES + 1)))
    many: dict[str, Any] = {f"S{number}": [] for number in range(limits.ETHEREUM_TYPES)}
    with pytest.raises(UsageError, match="over 64 structs"):
        read_typed_data(one("bool", True, **many))
    chain: dict[str, Any] = {
        f"S{number}": [{"name": "n", "type": f"S{number + 1}"}] for number in range(20)
    }
    chain["S20"] = []
    with pytest.raises(UsageError, match="nested deeper"):
        read_typed_data(one("S0", {}, **chain))
    wide = [{"name": f"m{number}", "type": "bool"} for number in range(129)]
    with pytest.raises(UsageError, match="128 are the most"):
        read_typed_data(one("Wide", {}, Wide=wide))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from(("uint8", "bytes32", "Person", "Mail", "uint8[2]", DOMAIN, CONTRACT)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(("name", "type", "Mail", "to")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.data())
def test_any_other_value_is_refused_or_changes_the_digest(data: st.DataObject) -> None:
    altered: Any = copy.deepcopy(MAIL)
    place = altered
    while True:
        steps = list(place) if isinstance(place, dict) else list(range(len(place)))
        step = data.draw(st.sampled_from(steps))
        if not isinstance(place[step], dict | list) or data.draw(st.booleans()):
            break
        place = place[step]
    place[step] = data.draw(JSON)
    if altered == MAIL:
        return
    try:
        digest = read_typed_data(altered).digest
    except (UsageError, MalformedError):
        return
    assert digest != read_typed_data(MAIL).digest
