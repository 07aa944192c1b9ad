"""Transactions against published vectors, the worked example, and what no chain takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.gas import floor_gas, intrinsic_gas, require_gas
from adyton.protocol.ethereum.rlp import decode
from adyton.protocol.ethereum.signature import Signature, public_key
from adyton.protocol.ethereum.transaction import (
    CHAIN_ID_MAX,
    GAS_MAX,
    NONCE_MAX,
    WEI_MAX,
    SignedTransaction,
    Transaction,
    join,
    sign_transaction,
)
from adyton.protocol.ethereum.transaction_bytes import decode_signed, decode_unsigned
from adyton.protocol.ethereum.transaction_json import read_transaction, write_transaction
from tests.vectors_dir import vectors_dir
from tests.wallet_vectors import cases, unhex

SECRET = bytes(range(1, 33))
PUBLIC = public_key(SECRET)
ADDRESSES = st.binary(min_size=20, max_size=20)
KEYS = st.binary(min_size=32, max_size=32)


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    kind = draw(st.sampled_from((0, 1, 2)))
    fee, gas = draw(st.integers(0, 2**190)), draw(st.integers(0, GAS_MAX))
    access = st.lists(st.tuples(ADDRESSES, st.lists(KEYS, max_size=3).map(tuple)), max_size=3)
    return Transaction(
        kind=kind,
        chain_id=draw(st.integers(1, CHAIN_ID_MAX)),
        nonce=draw(st.integers(0, NONCE_MAX)),
        gas=gas,
        to=draw(st.none() | ADDRESSES),
        value=draw(st.integers(0, WEI_MAX - gas * fee)),
        data=draw(st.binary(max_size=300)),
        max_fee=fee,
        tip=draw(st.integers(0, fee)) if kind == 2 else None,
        access_list=tuple(draw(access)) if kind else (),
    )


@given(transactions())
def test_every_form_of_a_transaction_is_read_back(transaction: Transaction) -> None:
    assert decode_unsigned(transaction.unsigned) == transaction
    signed = sign_transaction(transaction, SECRET, PUBLIC)
    assert decode_signed(signed.raw) == signed
    assert join(transaction, signed.signature) == signed
    described = json.loads(json.dumps(write_transaction(transaction)))
    assert read_transaction(described) == transaction


@given(transactions(), st.data())
def test_altered_bytes_are_refused_or_another_transaction(
    transaction: Transaction, data: st.DataObject
) -> None:
    signed = sign_transaction(transaction, SECRET, PUBLIC)
    at = data.draw(st.integers(0, len(signed.raw) - 1))
    flipped = signed.raw[at] ^ data.draw(st.integers(1, 255))
    altered = signed.raw[:at] + bytes((flipped,)) + signed.raw[at + 1 :]
    try:
        other = decode_signed(altered)
    except (MalformedError, VerificationError):
        return
    assert other.raw == altered
    assert (other.transaction, other.sender) != (transaction, signed.sender)


@given(st.binary(max_size=200))
def test_other_bytes_raise_our_errors_alone(data: bytes) -> None:
    for parse in (decode_signed, decode_unsigned):
        with pytest.raises(MalformedError):
            parse(data)


def test_the_worked_example() -> None:
    example = json.loads(vectors_dir("wallet", "article-example.json").read_text())
    good, traps = example["usable"], example["traps"]
    fields = good["fields"]
    described = {
        "type": 0,
        **{name: fields[name] for name in ("nonce", "gasPrice", "gas", "to", "value", "chainId")},
        "data": "0x" + fields["data_utf8"].encode().hex(),
    }
    transaction = read_transaction(described)
    assert transaction.unsigned == unhex(good["unsigned_eip155"])
    assert transaction.signing_hash == unhex(good["signing_hash_keccak256"])
    assert transaction.max_cost == good["max_cost_wei"]
    assert intrinsic_gas(transaction) == good["gas_used"]["cancun"]
    assert floor_gas(transaction) == good["gas_used"]["prague_eip7623"]
    signature = Signature(int(good["r"], 16), int(good["s"], 16), good["y_parity"])
    signed = join(transaction, signature)
    assert signed.raw == unhex(good["signed"])
    assert signed.hash == unhex(good["tx_hash"])
    assert checksummed(signed.sender) == good["sender"]
    assert signature.v(4) == good["v"]
    assert decode_signed(unhex(good["signed"])) == signed
    other = join(transaction, Signature(signature.r, signature.s, 1))
    assert checksummed(other.sender) == traps["other recovery candidate (parity 1)"]
    trap = traps["data_read_as_hex_bytes (different tx, different hash)"]
    misread = read_transaction({**described, "data": "0x" + fields["data_utf8"]})
    assert misread.unsigned == unhex(trap["unsigned"])
    assert misread.signing_hash == unhex(trap["signing_hash"]) != transaction.signing_hash


def test_ethers_transactions() -> None:
    """Signed with the vectors' keys, byte for byte, as far as they are transactions that a chain may take."""
    compared = without_chain = 0
    for case in cases("ethers-transactions"):
        secret = unhex(case["privateKey"])
        public = public_key(secret)
        for form, described in _described(case["transaction"]).items():
            if described["chainId"] in (0, "0x0"):
                with pytest.raises(UsageError, match="chainId is below 1"):
                    read_transaction(described)
                without_chain += 1
                continue
            transaction = read_transaction(described)
            assert transaction.unsigned == unhex(case[f"unsigned{form}"]), case["name"]
            signed = sign_transaction(transaction, secret, public)
            assert signed.raw == unhex(case[f"signed{form}"]), case["name"]
            assert decode_signed(signed.raw) == signed
            assert signed.signature.r == int(case[f"signature{form}"]["r"], 16)
            assert signed.signature.s == int(case[f"signature{form}"]["s"], 16)
            compared += 1
    assert (compared, without_chain) == (3 * 841, 3 * 772)


_QUANTITIES = ("chainId", "gasLimit", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value")


def _described(fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a vector says, in JSON-RPC's words, for each type; it leaves out what is zero."""
    # The vectors write whole bytes; JSON-RPC has no leading zeros.
    fields = {
        name: hex(int(value, 16) if value != "0x" else 0) if name in _QUANTITIES else value
        for name, value in fields.items()
    }
    common = {
        "chainId": fields.get("chainId", 0),
        "nonce": fields.get("nonce", 0),
        "gas": fields.get("gasLimit", 0),
        "to": fields.get("to"),
        "value": fields.get("value", 0),
        "data": fields.get("data", "0x"),
    }
    price = {"gasPrice": fields.get("gasPrice", 0)}
    access = {"accessList": fields.get("accessList", [])}
    fees = {name: fields.get(name, 0) for name in ("maxFeePerGas", "maxPriorityFeePerGas")}
    return {
        "Eip155": {**common, **price, "type": 0},
        "Berlin": {**common, **price, **access, "type": 1},
        "London": {**common, **fees, **access, "type": 2},
    }


def test_blob_transactions_are_refused_by_name() -> None:
    met = 0
    for case in cases("ethers-transactions"):
        for form in ("unsigned", "signed"):
            raw = case[f"{form}Cancun"]
            if not raw or raw == "0x":
                continue
            met += 1
            with pytest.raises(MalformedError, match=r"type 3 .*4844.*use type 2"):
                (decode_signed if form == "signed" else decode_unsigned)(unhex(raw))
    assert met


def test_ethers_legacy_without_a_chain_id_is_refused() -> None:
    for case in cases("ethers-transactions"):
        with pytest.raises(MalformedError, match="no chain id"):
            decode_unsigned(unhex(case["unsignedLegacy"]))
        with pytest.raises(MalformedError, match="no chain id"):
            decode_signed(unhex(case["signedLegacy"]))


def test_ethereum_vectors() -> None:
    """What must be refused is; what is accepted has its hash and sender; no chain id is our own refusal."""
    accepted = unprotected = refused = 0
    for case in cases("ethtests-transactions"):
        newest = ("Prague", "Cancun", "London")
        result = next(case["result"][fork] for fork in newest if fork in case["result"])
        if "exception" in result:
            with pytest.raises((MalformedError, VerificationError, UsageError)):
                _accept(unhex(case["txbytes"]))
            refused += 1
        elif _is_unprotected(unhex(case["txbytes"])):
            with pytest.raises(MalformedError, match="no chain id"):
                _accept(unhex(case["txbytes"]))
            unprotected += 1
        else:
            signed = _accept(unhex(case["txbytes"]))
            assert signed.hash == unhex(result["hash"]), case["name"]
            assert signed.sender == unhex(result["sender"]), case["name"]
            assert intrinsic_gas(signed.transaction) == int(result["intrinsicGas"], 16)
            accepted += 1
    assert (accepted, unprotected, refused) == (1, 20, 73)


def _accept(raw: bytes) -> SignedTransaction:
    """Take a transaction as a node of chain 1 from before Prague does."""
    signed = decode_signed(raw)
    require_gas(signed.transaction, floor=False)
    if signed.transaction.chain_id != 1:
        raise UsageError("bad_argument", "of another chain")
    return signed


def _is_unprotected(raw: bytes) -> bool:
    fields = decode(raw) if raw[0] >= 0xC0 else []
    return isinstance(fields, list) and fields[6:7] in ([b"\x1b"], [b"\x1c"])
