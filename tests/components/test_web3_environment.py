"""web3.py and eth-account sign for a node, and cast and ethers read what they signed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.anvil_node import Anvil
from tests.ethereum_tools import ToolError, run_cast, run_node
from tests.web3_environment import Web3ScriptError, run_web3

KEY = "0x" + "11" * 32
TO = "0x00000000000000000000000000000000DeaDBeef"

SIGN = """
import json, sys
from eth_account import Account
key, transactions = json.load(sys.stdin)
account = Account.from_key(key)
signed = [account.sign_transaction(each) for each in transactions]
print(json.dumps([account.address, ["0x" + each.raw_transaction.hex().removeprefix("0x") for each in signed]]))
"""


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=777) as node:
        yield node


@pytest.fixture(scope="module")
def mined(anvil: Anvil) -> list[dict[str, Any]]:
    """The receipts of one transaction of each type from 0 to 2, signed by eth-account and mined."""
    fees = {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9}
    common = {"to": TO, "value": 5, "gas": 60_000, "chainId": 777}
    access = [{"address": TO, "storageKeys": ["0x" + "01" * 32]}]
    transactions = [
        common | {"nonce": 0, "gasPrice": 10**10},
        common | {"nonce": 1, "gasPrice": 10**10, "accessList": access, "type": 1},
        common | {"nonce": 2, "type": 2} | fees,
    ]
    address, raw = run_web3(SIGN, given=[KEY, transactions])
    anvil.fund(address, 10**18)
    return [anvil.receipt(anvil.rpc("eth_sendRawTransaction", [each])) for each in raw]


def test_the_package_under_test_is_not_there() -> None:
    script = "import importlib.util, json; print(json.dumps(importlib.util.find_spec('adyton')))"
    assert run_web3(script) is None


def test_a_script_that_ends_with_an_error_is_one() -> None:
    with pytest.raises(Web3ScriptError, match="ZeroDivisionError"):
        run_web3("1 / 0")


def test_signatures_are_not_made_by_the_library_of_the_enclave() -> None:
    script = "from eth_keys import KeyAPI; print('\"' + type(KeyAPI().backend).__name__ + '\"')"
    assert run_web3(script) == "NativeECCBackend"


def test_each_type_is_mined(mined: list[dict[str, Any]]) -> None:
    assert [receipt["type"] for receipt in mined] == ["0x0", "0x1", "0x2"]
    assert {receipt["status"] for receipt in mined} == {"0x1"}


def test_web3_reads_the_node(anvil: Anvil, mined: list[dict[str, Any]]) -> None:
    script = """
import json, sys
from web3 import Web3
w3 = Web3(Web3.HTTPProvider(sys.argv[1]))
print(json.dumps([w3.eth.chain_id, w3.eth.get_balance(sys.argv[2])]))
"""
    assert run_web3(script, anvil.url, TO) == [777, 5 * len(mined)]


def test_cast_reads_them(anvil: Anvil, mined: list[dict[str, Any]]) -> None:
    for number, receipt in enumerate(mined):
        text = run_cast("tx", receipt["transactionHash"], "--json", "--rpc-url", anvil.url)
        transaction = json.loads(text)
        assert (int(transaction["type"], 16), int(transaction["nonce"], 16)) == (number, number)
        assert int(transaction["value"], 16) == 5
        assert transaction["from"] == receipt["from"]


def test_ethers_reads_them(anvil: Anvil, mined: list[dict[str, Any]]) -> None:
    script = """
        const { JsonRpcProvider } = require("ethers");
        (async () => {
            const [url, ...hashes] = process.argv.slice(1);
            const provider = new JsonRpcProvider(url);
            const found = [];
            for (const hash of hashes) {
                const transaction = await provider.getTransaction(hash);
                found.push([transaction.type, transaction.nonce, String(transaction.value)]);
            }
            await provider.destroy();
            console.log(JSON.stringify(found));
        })();
    """
    hashes = [receipt["transactionHash"] for receipt in mined]
    assert run_node(script, anvil.url, *hashes) == [[n, n, "5"] for n in range(3)]


def test_a_tool_that_ends_with_an_error_is_one(anvil: Anvil) -> None:
    with pytest.raises(ToolError, match="no such thing"):
        run_node("throw new Error('no such thing')")
    with pytest.raises(ToolError, match="not found"):
        run_cast("tx", "0x" + "00" * 32, "--rpc-url", anvil.url)
