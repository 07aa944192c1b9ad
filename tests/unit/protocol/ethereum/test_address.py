"""Addresses: their checksum, where they come from, and refusals that say what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import InvariantError, UsageError
from adyton.protocol.ethereum.address import (
    address_of,
    checksummed,
    create2_address,
    create_address,
    read_address,
)
from adyton.protocol.ethereum.keccak import EMPTY, keccak
from adyton.protocol.ethereum.signature import public_key
from tests.wallet_vectors import cases, unhex

# From EIP-55.
PUBLISHED = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_checksums(text: str) -> None:
    assert checksummed(unhex(text)) == text
    assert read_address(text, "to") == unhex(text)


@given(st.binary(min_size=20, max_size=20))
def test_round_trip(address: bytes) -> None:
    assert read_address(checksummed(address), "to") == address


def test_without_a_checksum() -> None:
    right = PUBLISHED[3]
    for text, case in (
        (right.lower(), "lowercase"),
        ("0x" + right[2:].upper(), "uppercase"),
    ):
        with pytest.raises(UsageError, match=rf"tx\.to is all {case}.*{right}"):
            read_address(text, "tx.to")
        assert read_address(text, "tx.to", unchecked_case=True) == unhex(right)


def test_with_a_wrong_checksum() -> None:
    right = PUBLISHED[3]
    for at in range(2, 42):
        wrong = right[:at] + right[at].swapcase() + right[at + 1 :]
        if wrong == right:
            continue
        for unchecked in (False, True):
            with pytest.raises(UsageError, match="to has a wrong checksum") as refusal:
                read_address(wrong, "to", unchecked_case=unchecked)
            assert right not in refusal.value.message


@pytest.mark.parametrize(
    "value",
    [
        None,
        5,
        b"",
        "",
        "0x",
        PUBLISHED[3][2:],
        PUBLISHED[3] + "0",
        PUBLISHED[3][:-1],
        "0x" + "g" * 40,
        "0X" + PUBLISHED[3][2:],
        " " + PUBLISHED[3],
        PUBLISHED[3] + "\n",
        "vitalik.eth",
    ],
)
def test_what_is_no_address(value: object) -> None:
    with pytest.raises(UsageError, match="0x and 40 hex digits"):
        read_address(value, "to")


def test_an_address_is_made_of_an_uncompressed_key_alone() -> None:
    for wrong in (b"", bytes(65), b"\x02" + bytes(32), b"\x04" + bytes(63)):
        with pytest.raises(InvariantError):
            address_of(wrong)
    with pytest.raises(InvariantError):
        checksummed(bytes(19))


def test_keccak_is_not_sha3() -> None:
    assert keccak(b"") == EMPTY
    for case in cases("ethers-hashes"):
        assert keccak(unhex(case["data"])) == unhex(case["keccak256"]), case["name"]


def test_addresses_of_keys() -> None:
    for case in cases("ethers-accounts"):
        address = address_of(public_key(unhex(case["privateKey"])))
        assert checksummed(address) == case["address"], case["name"]
        assert read_address(case["address"], "address") == address


def test_addresses_of_contracts() -> None:
    for case in cases("ethers-create"):
        for made in case["creates"]:
            address = create_address(unhex(case["sender"]), made["nonce"])
            assert checksummed(address) == made["address"]
    for case in cases("ethers-create2"):
        for made in case["creates"]:
            code_hash = unhex(made["initCodeHash"])
            assert keccak(unhex(made["initCode"])) == code_hash
            address = create2_address(unhex(case["sender"]), unhex(made["salt"]), code_hash)
            assert checksummed(address) == made["address"]
