"""What a wallet is asked to sign: RLP and transactions as bytes, transactions and typed data as JSON."""

from __future__ import annotations

import json
from typing import Any

from adyton.protocol.ethereum.rlp import decode, encode
from adyton.protocol.ethereum.signature import public_key
from adyton.protocol.ethereum.transaction import Transaction, sign_transaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed, decode_unsigned
from adyton.protocol.ethereum.transaction_json import read_transaction, write_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from fuzz.target import Target, refused_or, require

_SECRET = bytes(31) + b"\x01"
_PUBLIC = public_key(_SECRET)
_TO = bytes(range(20))


def ethereum(data: bytes) -> None:
    """RLP, and transactions unsigned and signed: one encoding of each."""
    item = refused_or(lambda: decode(data))
    if item is not None:
        require(encode(item) == data, "an item has one encoding")
    transaction = refused_or(lambda: decode_unsigned(data))
    if transaction is not None:
        require(transaction.unsigned == data, "a transaction has one unsigned form")
        require(
            read_transaction(write_transaction(transaction)) == transaction,
            "a transaction is read back from its JSON",
        )
    signed = refused_or(lambda: decode_signed(data))
    if signed is not None:
        require(signed.raw == data, "a signed transaction has one form")
        require(transaction is None, "signed and unsigned forms differ")


def ethereum_json(data: bytes) -> None:
    """JSON that says what is to be signed."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    transaction = refused_or(lambda: read_transaction(value))
    if transaction is not None:
        again = read_transaction(write_transaction(transaction))
        require(again == transaction, "a transaction is read back from its JSON")
    typed = refused_or(lambda: read_typed_data(value))
    if typed is not None:
        require(read_typed_data(json.loads(json.dumps(value))).digest == typed.digest, "one digest")


def _transactions() -> list[Transaction]:
    access = ((_TO, (bytes(32), bytes(range(32)))),)
    return [
        Transaction(0, 1, 7, 21_000, _TO, 10**18, b"", 30),
        Transaction(1, 10, 0, 60_000, None, 0, b"\x60\x00", 30, None, access),
        Transaction(2, 137, 2**32, 60_000, _TO, 1, b"\xa9\x05\x9c\xbb" + bytes(64), 30, 2, access),
    ]


def _bytes() -> list[bytes]:
    made = [encode([b"cat", [b"", [b"\x80", b"\0" * 56]]])]
    for transaction in _transactions():
        made += [transaction.unsigned, sign_transaction(transaction, _SECRET, _PUBLIC).raw]
    return made


def _json() -> list[bytes]:
    typed: dict[str, Any] = {
        "types": {
            "EIP712Domain": [{"name": "chainId", "type": "uint256"}],
            "A": [{"name": "b", "type": "B[2]"}, {"name": "c", "type": "int8"}],
            "B": [{"name": "d", "type": "string"}, {"name": "e", "type": "bytes4[]"}],
        },
        "primaryType": "A",
        "domain": {"chainId": 1},
        "message": {"b": [{"d": "x", "e": []}, {"d": "", "e": ["0x00010203"]}], "c": "-5"},
    }
    described = [write_transaction(transaction) for transaction in _transactions()]
    return [json.dumps(value).encode() for value in (*described, typed)]


TARGETS = (
    Target("ethereum", ethereum, _bytes),
    Target("ethereum_json", ethereum_json, _json),
)
