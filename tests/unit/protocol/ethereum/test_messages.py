"""Personal messages: published signatures, and hex alone."""

import hashlib
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.address import address_of, checksummed
from adyton.protocol.ethereum.hd import master
from adyton.protocol.ethereum.messages import personal_hash, read_message
from adyton.protocol.ethereum.mnemonic import seed_of
from adyton.protocol.ethereum.signature import Signature, public_key, recover, sign
from adyton.protocol.ethereum.transaction import sign_transaction
from adyton.protocol.ethereum.transaction_json import read_transaction
from tests.wallet_vectors import cases, steps_of, unhex


def device_key(case: dict[str, Any]) -> bytes:
    seed = seed_of(case["setup"]["mnemonic"], case["setup"]["passphrase"])
    return master(seed).derive(steps_of(case["parameters"]["path"])).secret


def test_trezor_messages() -> None:
    for case in cases("trezor-signmessage"):
        secret = device_key(case)
        public = public_key(secret)
        message = case["parameters"]["msg"].encode()
        made = sign(personal_hash(message), secret, public)
        assert made.to_bytes() == unhex(case["result"]["sig"]), case
        assert checksummed(address_of(public)) == case["result"]["address"]
        found = recover(personal_hash(message), Signature.from_bytes(made.to_bytes()))
        assert found == public


@pytest.mark.parametrize("name", ["trezor-sign_tx", "trezor-sign_tx_eip155"])
def test_trezor_transactions(name: str) -> None:
    foreign = signed = 0
    for case in cases(name):
        given = case["parameters"]
        described = {
            "chainId": given["chain_id"],
            "nonce": given["nonce"],
            "gas": given["gas_limit"],
            "gasPrice": given["gas_price"],
            "value": hex(int(given["value"], 16)),
            "data": "0x" + given["data"].removeprefix("0x"),
            # The device takes addresses without a checksum, we do not.
            "to": checksummed(unhex(given["to_address"])) if given["to_address"] else None,
        }
        if given["tx_type"] is not None:
            with pytest.raises(UsageError, match="has no field 'tx_type'"):
                read_transaction({**described, "tx_type": given["tx_type"]})
            foreign += 1
            continue
        secret = device_key(case)
        made = sign_transaction(read_transaction(described), secret, public_key(secret)).signature
        assert made.r.to_bytes(32, "big") == unhex(case["result"]["sig_r"]), case["name"]
        assert made.s.to_bytes(32, "big") == unhex(case["result"]["sig_s"]), case["name"]
        assert made.v(given["chain_id"]) == case["result"]["sig_v"], case["name"]
        signed += 1
    assert (signed, foreign) == {"trezor-sign_tx": (23, 4), "trezor-sign_tx_eip155": (11, 0)}[name]


def test_padding_of_r_and_s() -> None:
    """In messages r and s are padded; one in 128 signatures begins with a zero byte."""
    secret = bytes(31) + b"\7"
    public = public_key(secret)
    short = 0
    for number in range(600):
        digest = hashlib.sha256(str(number).encode()).digest()
        made = sign(digest, secret, public)
        assert len(made.to_bytes()) == 65
        short += made.to_bytes()[0] == 0 or made.to_bytes()[32] == 0
    assert short


def test_messages_are_hex() -> None:
    assert read_message("0x48690a") == b"Hi\n"
    assert read_message("0x") == b""
    for wrong, why in (
        ("Hi", "must be 0x and the hex of the text's UTF-8"),
        ("0x1", "odd number"),
        (5, "not an integer"),
        ("0xhi", "not hex digits"),
        ("0x" + "00" * (limits.ETHEREUM_MESSAGE + 1), "are the most"),
    ):
        with pytest.raises(UsageError, match=f"params.0. .*{why}"):
            read_message(wrong, "params[0]")
    with pytest.raises(MalformedError) as refusal:
        personal_hash(bytes(limits.ETHEREUM_MESSAGE + 1))
    assert refusal.value.code == "too_large"
