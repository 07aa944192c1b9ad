"""The form of the published example: its bytes, and each trap of it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.wallet.article import article_fields, read_article
from tests.vectors_dir import vectors_dir
from tests.wallet_vectors import unhex

DOCUMENT = {
    "nonce": "00",
    "gasPrice": "01",
    "gasLimit": "0186a0",
    "to": "f125691d24a6b5cdcb87a89cb825fdf4487c2a34",
    "value": "0401",
    "data": "fe3d61b7cd6eff03698c0303b056e0fe3116206e",
    "chainId": "04",
}


def encoded(**changes: Any) -> bytes:
    """Return the example with some fields changed, or left away where they are None."""
    fields = {**DOCUMENT, **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


@pytest.fixture(scope="module")
def example() -> Any:
    return json.loads(vectors_dir("wallet", "article-example.json").read_text())


def test_the_examples_bytes(example: Any) -> None:
    usable = example["usable"]
    made = read_article(encoded())
    assert made.unsigned == unhex(usable["unsigned_eip155"])
    assert made.signing_hash == unhex(usable["signing_hash_keccak256"])
    assert made.max_cost == usable["max_cost_wei"]
    signed = decode_signed(unhex(usable["signed"]))
    assert signed.transaction == made
    assert signed.hash == unhex(usable["tx_hash"])
    assert signed.sender == unhex(usable["sender"])
    assert signed.signature.y_parity == usable["y_parity"]


def test_data_is_text_and_not_the_hex_that_it_looks_like(example: Any) -> None:
    made = read_article(encoded())
    assert made.data == DOCUMENT["data"].encode()
    assert len(made.data) == 40
    trap = example["traps"]["data_read_as_hex_bytes (different tx, different hash)"]
    assert made.unsigned != unhex(trap["unsigned"])
    assert made.signing_hash != unhex(trap["signing_hash"])


def test_data_is_utf8() -> None:
    assert read_article(encoded(data="Ladesäule ⚡")).data == "Ladesäule ⚡".encode()
    assert read_article(encoded(data="0x00")).data == b"0x00"
    assert read_article(encoded(data="")).data == b""
    assert read_article(encoded(data=None)).data == b""


def test_numbers_are_hex_though_they_look_decimal() -> None:
    made = read_article(encoded())
    assert (made.value, made.gas, made.max_fee, made.chain_id) == (1025, 100_000, 1, 4)
    assert read_article(encoded(value="10")).value == 16
    assert read_article(encoded(value="0000000000000401")).value == 1025


def test_the_hash_is_keccak_and_not_the_standardised_sha3(example: Any) -> None:
    made = read_article(encoded())
    trap = unhex(example["traps"]["fips_sha3_256_instead_of_keccak_signing_hash"])
    assert hashlib.sha3_256(made.unsigned).digest() == trap
    assert keccak(made.unsigned) == made.signing_hash != trap


def test_a_zero_byte_of_text_is_no_integer_zero() -> None:
    assert read_article(encoded(data="\x00")).unsigned.count(b"\x00\x04\x80\x80") == 1
    assert read_article(encoded(data="")).unsigned.endswith(b"\x80\x04\x80\x80")


def test_the_other_word_for_gas() -> None:
    assert read_article(encoded(gasLimit=None, gas="0186a0")) == read_article(encoded())


def test_a_checksum_is_checked_where_there_is_one() -> None:
    right = "F125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
    assert read_article(encoded(to=right)) == read_article(encoded())


def test_without_a_nonce_the_fields_have_none() -> None:
    fields = article_fields(encoded(nonce=None))
    assert "nonce" not in fields
    assert read_transaction({**fields, "nonce": 7}).nonce == 7
    with pytest.raises(UsageError, match="nonce"):
        read_article(encoded(nonce=None))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"to": "F125691d24a6b5Cdcb87a89Cb825fdf4487c2A34"}, "wrong checksum"),
        ({"to": DOCUMENT["to"].upper()}, "all uppercase"),
        ({"to": "0x" + DOCUMENT["to"]}, "begins with 0x"),
        ({"to": DOCUMENT["to"][:-1]}, "40 hex digits"),
        ({"to": None}, "lacks 'to'"),
        ({"to": ""}, "40 hex digits"),
        ({"value": "0x0401"}, "begins with 0x"),
        ({"value": 1025}, "string of bare hex"),
        ({"value": ""}, "1 to 64 hex digits"),
        ({"value": "-1"}, "1 to 64 hex digits"),
        ({"value": "4 1"}, "1 to 64 hex digits"),
        ({"value": "4_1"}, "1 to 64 hex digits"),
        ({"value": "0" * 65}, "1 to 64 hex digits"),
        ({"value": True}, "string of bare hex"),
        ({"nonce": "ffffffffffffffff"}, "nonce is over"),
        ({"gasPrice": None}, "lacks 'gasPrice'"),
        ({"gasLimit": None}, "lacks 'gas'"),
        ({"gas": "0186a0"}, "mean the same"),
        ({"chainId": None}, "lacks 'chainId'"),
        ({"chainId": "00"}, "chainId"),
        ({"data": 5}, "must be a string"),
        ({"maxFeePerGas": "01"}, "has no field 'maxFeePerGas'"),
        ({"from": "00" * 20}, "has no field 'from'"),
        ({"Value": "01"}, "has no field 'Value'"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_article(encoded(**changes))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]" * 2,
        b'{"to": "00", "to": "00"}',
        b'{"data": "\\ud800"}',
        b'{"value": 1e3}',
        b'{"data": "\xff"}',
        b'{"to": [[]]}',
        b'{"data": "' + b"a" * 300_000 + b'"}',
    ],
)
def test_what_is_no_json_of_one_meaning(document: bytes) -> None:
    with pytest.raises(MalformedError):
        read_article(document)


def test_a_list_is_no_transaction() -> None:
    with pytest.raises(UsageError, match="must be an object"):
        read_article(b"[]")
