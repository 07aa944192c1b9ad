"""The token of the tests does what ERC-20 and ERC-2612 say, for clients that others wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import solidity
from tests.anvil_node import Anvil
from tests.ethereum_tools import run_cast
from tests.web3_environment import run_web3

# Reads [url, abi, bytecode, key, ...] and gives the script a deployer `account`, `send` and `refusal`.
PRELUDE = """
import json, sys
from eth_account import Account
from web3 import Web3
from web3.exceptions import ContractCustomError
url, abi, bytecode, key, *rest = json.load(sys.stdin)
w3 = Web3(Web3.HTTPProvider(url))
account = Account.from_key(key)
def send(call, sender=account):
    built = call.build_transaction({"from": sender.address, "nonce": w3.eth.get_transaction_count(sender.address)})
    sent = w3.eth.send_raw_transaction(sender.sign_transaction(built).raw_transaction)
    receipt = w3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.02)
    assert receipt.status == 1, receipt
    return receipt
def refusal(call, sender):
    try:
        call.call({"from": sender.address})
    except ContractCustomError as error:
        return Web3.to_hex(hexstr=str(error.data))[:10]
    return None
def selector(text):
    return Web3.to_hex(Web3.keccak(text=text))[:10]
"""
DEPLOY = (
    PRELUDE
    + """
receipt = send(w3.eth.contract(abi=abi, bytecode=bytecode).constructor("Gold", "GLD", 1000))
print(json.dumps(receipt.contractAddress))
"""
)
KEY, OTHER_KEY, THIRD_KEY = ("0x" + byte * 32 for byte in ("21", "22", "23"))


class Deployed:
    """The token on a node, and scripts against it."""

    def __init__(self, node: Anvil) -> None:
        self.node = node
        self.contract = solidity.token()
        for address in run_web3(
            "import json, sys; from eth_account import Account\n"
            "print(json.dumps([Account.from_key(key).address for key in json.load(sys.stdin)]))",
            given=[KEY, OTHER_KEY, THIRD_KEY],
        ):
            node.fund(address, 10**18)
        self.address = self._run(DEPLOY)

    def run(self, script: str) -> Any:
        """Run a script that has `token`, and the accounts `account`, `other` and `third`."""
        head = (
            PRELUDE + "address, *keys = rest\ntoken = w3.eth.contract(address=address, abi=abi)\n"
        )
        head += "other, third = map(Account.from_key, keys)\n"
        return self._run(head + script, self.address, OTHER_KEY, THIRD_KEY)

    def _run(self, script: str, *rest: str) -> Any:
        contract = self.contract
        return run_web3(script, given=[self.node.url, contract.abi, contract.bytecode, KEY, *rest])


@pytest.fixture
def token(anvil: Anvil) -> Deployed:
    return Deployed(anvil)


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=99) as node:
        yield node


def test_it_is_deployed_and_transferred(token: Deployed) -> None:
    script = """
receipt = send(token.functions.transfer(other.address, 300))
(event,) = token.events.Transfer().process_receipt(receipt)
balances = [token.functions.balanceOf(each.address).call() for each in (account, other)]
print(json.dumps([dict(event.args), balances, token.functions.totalSupply().call(), account.address, other.address]))
"""
    event, balances, supply, sender, receiver = token.run(script)
    assert event == {"from": sender, "to": receiver, "value": 300}
    assert balances == [700, 300]
    assert supply == 1000
    reading = ("balanceOf(address)(uint256)", receiver, "--rpc-url", token.node.url)
    assert run_cast("call", token.address, *reading) == "300"
    assert run_cast("call", token.address, "name()(string)", *reading[2:]) == '"Gold"'


def test_a_spender_gets_what_was_approved_and_no_more(token: Deployed) -> None:
    script = """
send(token.functions.approve(other.address, 50))
take = lambda value: token.functions.transferFrom(account.address, third.address, value)
too_much = refusal(take(51), other)
send(take(20), other)
left = token.functions.allowance(account.address, other.address).call()
send(token.functions.approve(other.address, 2**256 - 1))
send(take(20), other)
endless = token.functions.allowance(account.address, other.address).call()
balance = token.functions.balanceOf(third.address).call()
print(json.dumps([too_much == selector("TooLittle(uint256,uint256)"), left, endless == 2**256 - 1, balance]))
"""
    assert token.run(script) == [True, 30, True, 40]


def test_what_is_not_there_does_not_move(token: Deployed) -> None:
    script = """
nowhere = "0x" + "00" * 20
calls = [
    (token.functions.transfer(other.address, 1001), account),
    (token.functions.transfer(account.address, 1), other),
    (token.functions.transferFrom(account.address, other.address, 1), other),
    (token.functions.transfer(nowhere, 1), account),
    (token.functions.approve(nowhere, 1), account),
]
found = [refusal(*each) for each in calls]
print(json.dumps([found, selector("TooLittle(uint256,uint256)"), selector("NoAddress()")]))
"""
    found, too_little, no_address = token.run(script)
    assert found == [too_little] * 3 + [no_address] * 2


def test_a_signature_approves_once_and_for_its_signer_alone(token: Deployed) -> None:
    script = """
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
fields = [("owner", "address"), ("spender", "address")]
fields += [(name, "uint256") for name in ("value", "nonce", "deadline")]
def permit(owner, signer, deadline=2**63, high=False, chain_id=99):
    message = {"owner": owner.address, "spender": other.address, "value": 70, "deadline": deadline}
    message["nonce"] = token.functions.nonces(owner.address).call()
    domain = {"name": "Gold", "version": "1", "chainId": chain_id, "verifyingContract": address}
    types = {"Permit": [{"name": name, "type": kind} for name, kind in fields]}
    signed = signer.sign_typed_data(domain, types, message)
    v, s = (55 - signed.v, ORDER - signed.s) if high else (signed.v, signed.s)
    words = [number.to_bytes(32, "big") for number in (signed.r, s)]
    return token.functions.permit(owner.address, other.address, 70, deadline, v, *words)
good = permit(account, account)
refused = [refusal(each, third) for each in (
    permit(account, third), permit(account, account, chain_id=1), permit(account, account, high=True)
)]
late = refusal(permit(account, account, deadline=1), third)
send(good, third)
allowed = token.functions.allowance(account.address, other.address).call()
again = refusal(good, third)
print(json.dumps([[*refused, again], selector("NotTheOwner()"), late == selector("TooLate(uint256)"), allowed]))
"""
    refused, not_the_owner, late, allowed = token.run(script)
    assert refused == [not_the_owner] * 4
    assert late
    assert allowed == 70


def test_a_source_that_is_wrong_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "Wrong.sol"
    wrong.write_text(
        "// SPDX-License-Identifier: Apache-2.0\npragma solidity ^0.8.20;\ncontract Wrong { uint x = nothing; }\n"
    )
    with pytest.raises(solidity.SolidityError, match="Undeclared identifier"):
        solidity.compile_contract(wrong)
    careless = tmp_path / "Careless.sol"
    careless.write_text("pragma solidity ^0.8.20; contract Careless {}\n")
    with pytest.raises(solidity.SolidityError, match="SPDX"):
        solidity.compile_contract(careless)
