"""The node that tests of wallets use does what they rely on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from tests.anvil_node import Anvil, RpcError
from tests.ethereum_tools import run_cast, run_node

SOMEBODY = "0x00000000000000000000000000000000DeaDBeef"
ETHER = 10**18


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=4242) as node:
        yield node


def test_it_has_the_chain_and_the_accounts_that_were_asked_for(anvil: Anvil) -> None:
    accounts = anvil.rpc("eth_accounts")
    assert len(accounts) == 3
    for account in accounts:
        assert int(anvil.rpc("eth_getBalance", [account, "latest"]), 16) == 10_000 * ETHER


def test_it_mines_a_transaction_as_it_comes(anvil: Anvil) -> None:
    sender = anvil.rpc("eth_accounts")[0]
    before = int(anvil.rpc("eth_blockNumber"), 16)
    value = {"from": sender, "to": SOMEBODY, "value": hex(7)}
    receipt = anvil.receipt(anvil.rpc("eth_sendTransaction", [value]))
    assert receipt["status"] == "0x1"
    assert int(receipt["blockNumber"], 16) == before + 1


def test_it_gives_any_account_any_balance(anvil: Anvil) -> None:
    address = "0x" + os.urandom(20).hex()
    for wei in (5 * ETHER, 1):
        anvil.fund(address, wei)
        assert int(anvil.rpc("eth_getBalance", [address, "latest"]), 16) == wei


def test_an_error_of_the_node_is_raised(anvil: Anvil) -> None:
    with pytest.raises(RpcError, match=r"nonce|RLP|decode") as caught:
        anvil.rpc("eth_sendRawTransaction", ["0x01"])
    assert caught.value.code < 0
    with pytest.raises(RpcError) as caught:
        anvil.rpc("eth_noSuchMethod")
    assert caught.value.code == -32601


def test_a_batch_is_answered_whole(anvil: Anvil) -> None:
    batch = [{"jsonrpc": "2.0", "id": n, "method": "eth_chainId"} for n in (1, 2)]
    answers = {answer["id"]: answer["result"] for answer in anvil.post(batch)}
    assert answers == {1: hex(4242), 2: hex(4242)}


def test_nothing_is_mined_before_its_time() -> None:
    with Anvil(automine=False) as node:
        sender = node.rpc("eth_accounts")[0]
        value = {"from": sender, "to": SOMEBODY, "value": "0x1"}
        sent = node.rpc("eth_sendTransaction", [value])
        assert node.rpc("eth_getTransactionReceipt", [sent]) is None
        node.mine()
        assert node.receipt(sent)["status"] == "0x1"


def test_blocks_come_by_the_clock_when_asked_for() -> None:
    with Anvil(block_time=1, accounts=1) as node:
        sender = node.rpc("eth_accounts")[0]
        value = {"from": sender, "to": SOMEBODY, "value": "0x1"}
        receipt = node.receipt(node.rpc("eth_sendTransaction", [value]))
        deadline = time.monotonic() + 60
        while int(node.rpc("eth_blockNumber"), 16) <= int(receipt["blockNumber"], 16):
            assert time.monotonic() < deadline, "no block without a transaction"
            time.sleep(0.02)


def test_it_ends_with_its_block() -> None:
    with Anvil() as node:
        assert node.rpc("eth_blockNumber") == "0x0"
    with pytest.raises(ConnectionError):
        node.rpc("eth_blockNumber")


def test_a_node_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(RuntimeError, match="--no-such-option"),
        Anvil(options=("--no-such-option",)),
    ):
        pass


def test_cast_and_ethers_read_it(anvil: Anvil) -> None:
    anvil.fund(SOMEBODY, 3 * ETHER)
    assert run_cast("balance", SOMEBODY, "--rpc-url", anvil.url) == str(3 * ETHER)
    assert run_cast("chain-id", "--rpc-url", anvil.url) == "4242"
    script = """
        const { JsonRpcProvider, WebSocketProvider } = require("ethers");
        (async () => {
            const [url, ws, address] = process.argv.slice(1);
            const found = [];
            for (const provider of [new JsonRpcProvider(url), new WebSocketProvider(ws)]) {
                found.push(String(await provider.getBalance(address)));
                await provider.destroy();
            }
            console.log(JSON.stringify(found));
        })();
    """
    assert run_node(script, anvil.url, anvil.ws_url, SOMEBODY) == [str(3 * ETHER)] * 2
