"""web3.py pays and signs through the facade, unchanged; eth-account verifies what it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from adyton.client.rpc.server import RpcSettings
from adyton.client.rpc.signer import Refused
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil
from tests.components.rpc_fixtures import anvil as anvil
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade, running
from tests.solidity import token
from tests.web3_environment import run_web3

PRELUDE = """
import json, sys, threading
from web3 import Web3
from eth_account import Account
from eth_account.messages import encode_defunct, encode_typed_data
given = json.load(sys.stdin)
w3 = Web3(Web3.HTTPProvider(given["url"]))
me = w3.eth.accounts[0]
TO = "0x00000000000000000000000000000000DeaDBeef"
def mined(sent):
    return w3.eth.wait_for_transaction_receipt(sent, timeout=30, poll_latency=0.02)
def show(value):
    print(json.dumps(value))
"""


def web3(body: str, facade: Facade, **given: Any) -> Any:
    return run_web3(PRELUDE + body, given={"url": facade.url, "ws": facade.ws_url, **given})


def test_each_type_is_mined(facade: Facade) -> None:
    found = web3(
        """
price = 10**10
out = []
access = [{"address": TO, "storageKeys": []}]
for fees in ({}, {"gasPrice": price}, {"type": 1, "gasPrice": price, "accessList": access},
             {"maxFeePerGas": price, "maxPriorityFeePerGas": 1}):
    receipt = mined(w3.eth.send_transaction({"from": me, "to": TO, "value": 5, **fees}))
    out.append([receipt.status, receipt.type, receipt["from"] == me])
show(out)
""",
        facade,
    )
    assert found == [[1, 2, True], [1, 0, True], [1, 1, True], [1, 2, True]]


def test_a_contract_is_made_and_called(facade: Facade) -> None:
    contract = token()
    found = web3(
        """
w3.eth.default_account = me
made = mined(w3.eth.contract(abi=given["abi"], bytecode=given["bytecode"]).constructor("Gold", "GLD", 1000).transact())
gold = w3.eth.contract(address=made.contractAddress, abi=given["abi"])
receipt = mined(gold.functions.transfer(TO, 7).transact())
events = gold.events.Transfer().process_receipt(receipt)
show([gold.functions.balanceOf(TO).call(), events[0].args.value])
""",
        facade,
        abi=contract.abi,
        bytecode=contract.bytecode,
    )
    assert found == [7, 7]


def test_forty_payments_at_once(anvil: Anvil, facade: Facade, signer: FakeSigner) -> None:
    found = web3(
        """
sent, start = [], threading.Barrier(40)
def pay(value):
    start.wait()
    sent.append(w3.eth.send_transaction({"from": me, "to": TO, "value": value}))
threads = [threading.Thread(target=pay, args=(n + 1,)) for n in range(40)]
for thread in threads: thread.start()
for thread in threads: thread.join()
show([[mined(each).status, w3.eth.get_transaction(each).nonce] for each in sent])
""",
        facade,
    )
    assert sorted(nonce for _, nonce in found) == list(range(40))
    assert [status for status, _ in found] == [1] * 40


def test_a_nonce_that_is_asked_for_is_the_wallet_s(anvil: Anvil, facade: Facade) -> None:
    anvil.rpc("evm_setAutomine", [False])
    try:
        sent = web3(
            """
out = []
for _ in range(3):
    nonce = w3.eth.get_transaction_count(me)
    out.append([nonce, w3.eth.send_transaction({"from": me, "to": TO, "value": 1, "nonce": nonce}).hex()])
show(out)
""",
            facade,
        )
        anvil.mine()
    finally:
        anvil.rpc("evm_setAutomine", [True])
    assert [nonce for nonce, _ in sent] == [0, 1, 2]
    for _, name in sent:
        assert anvil.receipt("0x" + name.removeprefix("0x"))["status"] == "0x1"


def test_signatures_are_recovered(facade: Facade) -> None:
    typed = {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "chainId", "type": "uint256"},
            ],
            "Mail": [{"name": "to", "type": "address"}, {"name": "text", "type": "string"}],
        },
        "primaryType": "Mail",
        "domain": {"name": "Adyton", "chainId": 4242},
        "message": {"to": "0x00000000000000000000000000000000deadbeef", "text": "hello"},
    }
    found = web3(
        """
message = encode_defunct(text="hello")
typed = encode_typed_data(full_message=given["typed"])
signatures = [
    (message, w3.eth.sign(me, text="hello")),
    (message, w3.provider.make_request("personal_sign", ["0x" + b"hello".hex(), me])["result"]),
    (typed, w3.eth.sign_typed_data(me, given["typed"])),
    (typed, w3.provider.make_request("eth_signTypedData_v4", [me, json.dumps(given["typed"])])["result"]),
]
show([Account.recover_message(signed, signature=signature) == me for signed, signature in signatures])
""",
        facade,
        typed=typed,
    )
    assert found == [True] * 4


def test_what_is_signed_and_not_sent(anvil: Anvil, facade: Facade, signer: FakeSigner) -> None:
    found = web3(
        """
signed = w3.eth.sign_transaction({"from": me, "to": TO, "value": 3, "gas": 21000, "gasPrice": 10**10})
raw = bytes(signed["raw"])
show([Account.recover_transaction(raw) == me, signed["tx"]["hash"].hex(), w3.eth.send_raw_transaction(raw).hex(),
      signed["tx"]["nonce"], signed["tx"]["value"]])
""",
        facade,
    )
    assert found[0] is True
    assert found[1] == found[2]
    assert found[3:] == [0, 3]


def test_a_batch(facade: Facade) -> None:
    found = web3(
        """
with w3.batch_requests() as batch:
    batch.add(w3.eth.get_block("latest"))
    batch.add(w3.eth.get_balance(me))
    batch.add(w3.eth.get_code(TO))
    block, balance, code = batch.execute()
show([block.number >= 0, balance, code.hex()])
""",
        facade,
    )
    assert found == [True, 100 * 10**18, ""]


def test_heads_over_a_websocket(facade: Facade) -> None:
    found = web3(
        """
import asyncio
from web3 import AsyncWeb3, WebSocketProvider
async def run():
    async with AsyncWeb3(WebSocketProvider(given["ws"])) as ws:
        await ws.eth.subscribe("newHeads")
        sent = await ws.eth.send_transaction({"from": me, "to": TO, "value": 1})
        async for told in ws.socket.process_subscriptions():
            receipt = await ws.eth.get_transaction_receipt(sent)
            return [told["result"]["hash"] == receipt.blockHash, receipt.status]
show(asyncio.run(run()))
""",
        facade,
    )
    assert found == [True, 1]


def test_a_refusal_says_why(facade: Facade, signer: FakeSigner) -> None:
    def refuse(*_: object) -> None:
        raise Refused("over 5 ether a day", "daily")

    signer.rule = refuse
    found = web3(
        """
from web3.exceptions import Web3RPCError
try:
    show(w3.eth.send_transaction({"from": me, "to": TO, "value": 1}).hex())
except Web3RPCError as problem:
    show(problem.rpc_response["error"])
""",
        facade,
    )
    assert found["code"] == 4001
    assert found["data"]["rule"] == "daily"
    assert "over 5 ether a day" in found["message"]
    assert not signer.signed


def test_a_chain_without_base_fees_gets_legacy_transactions(
    signer: FakeSigner, tmp_path: Path
) -> None:
    with Anvil(chain_id=99, options=("--hardfork", "berlin")) as node:
        account = checksummed(signer.accounts()[0])
        node.fund(account, 10**18)
        settings = RpcSettings(node.url, tmp_path / "journal", port=0)
        with running(signer, settings) as facade:
            sent = facade.rpc(
                "eth_sendTransaction", {"from": account, "to": account, "value": "0x1"}
            )
            assert node.receipt(sent)["status"] == "0x1"
            assert node.rpc("eth_getTransactionByHash", [sent])["type"] == "0x0"
