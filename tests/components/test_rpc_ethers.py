"""ethers pays and signs through the facade, unchanged, over HTTP and WebSocket."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest

from adyton.client.rpc.signer import AwaitingApproval, Refused
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil
from tests.components.rpc_fixtures import anvil as anvil
from tests.ethereum_tools import run_node
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade
from tests.solidity import token

PRELUDE = """
const { JsonRpcProvider, WebSocketProvider, ContractFactory, verifyMessage, verifyTypedData } = require("ethers");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const provider = given.url.startsWith("ws") ? new WebSocketProvider(given.url) : new JsonRpcProvider(given.url);
const to = "0x00000000000000000000000000000000DeaDBeef";
const show = value => console.log(JSON.stringify(value, (_, it) => typeof it === "bigint" ? it.toString() : it));
const told = error => ({ code: error.code, info: error.info?.error ?? error.error, text: error.shortMessage });
(async () => {
    provider.pollingInterval = 50;
    const signer = await provider.getSigner(0);
    const address = await signer.getAddress();
    %s
    await provider.destroy();
})();
"""


def ethers(body: str, url: str, **given: Any) -> Any:
    return run_node(PRELUDE % body, given={"url": url, **given})


@pytest.fixture(params=["http", "ws"])
def url(facade: Facade, request: pytest.FixtureRequest) -> str:
    return facade.url if request.param == "http" else facade.ws_url


@pytest.fixture
def blocks_go_on(anvil: Anvil) -> Iterator[None]:
    """Let blocks come though nobody pays, as on any chain: who waits for the next one would else wait for ever."""
    ended = Event()

    def mine() -> None:
        while not ended.wait(0.5):
            anvil.mine()

    miner = Thread(target=mine)
    miner.start()
    yield
    ended.set()
    miner.join()


@pytest.mark.usefixtures("blocks_go_on")
def test_each_type_is_mined(url: str) -> None:
    found = ethers(
        """
        const price = 10n ** 10n, out = [];
        for (const fees of [{}, { type: 0, gasPrice: price }, { type: 1, gasPrice: price, accessList: [[to, []]] },
                { type: 2, maxFeePerGas: price, maxPriorityFeePerGas: 1n }]) {
            const sent = await signer.sendTransaction({ to, value: 5n, ...fees });
            const receipt = await sent.wait();
            out.push([receipt.status, receipt.type, sent.nonce, receipt.from === address]);
        }
        show(out);
        """,
        url,
    )
    assert found == [[1, 2, 0, True], [1, 0, 1, True], [1, 1, 2, True], [1, 2, 3, True]]


@pytest.mark.usefixtures("blocks_go_on")
def test_a_contract_is_made_and_called(url: str) -> None:
    contract = token()
    found = ethers(
        """
        const factory = new ContractFactory(given.abi, given.bytecode, signer);
        const made = await factory.deploy("Gold", "GLD", 1000n);
        await made.waitForDeployment();
        let heard = null, paid = 0;
        await made.once("Transfer", (from, to, value) => { heard = [from, to, value]; });
        for (; paid < 40 && heard === null; paid++) {
            await (await made.transfer(to, 7n)).wait();
            await new Promise(again => setTimeout(again, 100));
        }
        show([await made.balanceOf(to), await made.balanceOf(address), heard, address, paid]);
        """,
        url,
        abi=contract.abi,
        bytecode=contract.bytecode,
    )
    balance, left, heard, address, paid = found
    assert (int(balance), int(left)) == (7 * paid, 1000 - 7 * paid)
    assert heard == [address, "0x00000000000000000000000000000000DeaDBeef", "7"]


@pytest.mark.usefixtures("blocks_go_on")
def test_forty_payments_at_once(anvil: Anvil, url: str, signer: FakeSigner) -> None:
    found = ethers(
        """
        const all = await Promise.all([...Array(40).keys()].map(n =>
            signer.sendTransaction({ to, value: BigInt(n + 1) })));
        show(await Promise.all(all.map(async sent => [sent.nonce, (await sent.wait()).status])));
        """,
        url,
    )
    assert sorted(nonce for nonce, _ in found) == list(range(40))
    assert [status for _, status in found] == [1] * 40
    account = checksummed(signer.accounts()[0])
    assert int(anvil.rpc("eth_getTransactionCount", [account, "latest"]), 16) == 40


def test_messages_and_typed_data_verify(url: str) -> None:
    found = ethers(
        """
        const domain = { name: "Adyton", version: "1", chainId: 4242, verifyingContract: to };
        const types = { Mail: [{ name: "from", type: "Person" }, { name: "text", type: "string" }],
                        Person: [{ name: "name", type: "string" }, { name: "age", type: "uint8" }] };
        const value = { from: { name: "Ann", age: 7 }, text: "hello" };
        show([verifyMessage("hello", await signer.signMessage("hello")) === address,
              verifyMessage(new Uint8Array([0, 255]), await signer.signMessage(new Uint8Array([0, 255]))) === address,
              verifyMessage("old", await signer._legacySignMessage("old")) === address,
              verifyTypedData(domain, types, value, await signer.signTypedData(domain, types, value)) === address]);
        """,
        url,
    )
    assert found == [True] * 4


@pytest.mark.usefixtures("blocks_go_on")
def test_heads_and_logs_are_told_over_a_websocket(facade: Facade) -> None:
    contract = token()
    # What comes before a subscription is answered is not told, and ethers does not say when that is.
    told_logs, told_blocks = ethers(
        """
        const blocks = [];
        provider.on("block", number => blocks.push(number));
        const made = await new ContractFactory(given.abi, given.bytecode, signer).deploy("Gold", "GLD", 1000n);
        await made.waitForDeployment();
        const logs = [];
        await made.on("Transfer", (from, to, value) => logs.push(Number(value)));
        for (let value = 1; value < 40 && (logs.length < 3 || blocks.length < 4); value++) {
            await (await made.transfer(to, value)).wait();
            await new Promise(again => setTimeout(again, 100));
        }
        show([logs, blocks]);
        """,
        facade.ws_url,
        abi=contract.abi,
        bytecode=contract.bytecode,
    )
    assert len(told_logs) >= 3
    assert told_logs == list(range(told_logs[0], told_logs[0] + len(told_logs)))
    assert len(told_blocks) >= 4
    assert told_blocks == list(range(told_blocks[0], told_blocks[0] + len(told_blocks)))


CAUGHT = "await %s.then(() => show(null), error => show(told(error)));"
PAY = "signer.sendTransaction({ to, value: 1n })"


def test_a_refusal_is_an_action_rejected(url: str, signer: FakeSigner) -> None:
    def refuse(*_: object) -> None:
        raise Refused("over 5 ether a day", "daily")

    signer.rule = refuse
    found = ethers(CAUGHT % PAY, url)
    assert found["code"] == "ACTION_REJECTED"
    assert found["info"]["code"] == 4001
    assert found["info"]["data"] == {
        "code": "payment_refused",
        "rule": "daily",
        "reason": "over 5 ether a day",
    }
    assert not signer.signed


def test_what_waits_for_approvals_says_for_which(url: str, signer: FakeSigner) -> None:
    def ask(*_: object) -> None:
        raise AwaitingApproval(b"\7" * 32, 2, "big")

    signer.rule = ask
    found = ethers(CAUGHT % PAY, url)
    assert found["info"]["code"] == 4100
    assert found["info"]["data"]["proposal"] == "0x" + "07" * 32
    assert found["info"]["data"]["missing"] == 2


def test_too_little_money_is_insufficient_funds(url: str) -> None:
    found = ethers(
        CAUGHT % "signer.sendTransaction({ to, value: 10n ** 20n, gasLimit: 21000 })", url
    )
    assert found["code"] == "INSUFFICIENT_FUNDS"


@pytest.mark.usefixtures("blocks_go_on")
def test_a_nonce_that_was_used_is_nonce_expired(url: str) -> None:
    found = ethers(
        f"""
        await (await {PAY}).wait();
        {CAUGHT % "signer.sendTransaction({ to, value: 2n, nonce: 0 })"}
        """,
        url,
    )
    assert found["code"] == "NONCE_EXPIRED"


@pytest.mark.usefixtures("blocks_go_on")
def test_a_call_that_reverts_is_a_call_exception(url: str, signer: FakeSigner) -> None:
    contract = token()
    found = ethers(
        """
        const made = await new ContractFactory(given.abi, given.bytecode, signer).deploy("Gold", "GLD", 5n);
        await made.waitForDeployment();
        await made.transfer(to, 6n).then(() => show(null),
            error => show([error.code, made.interface.parseError(error.data).name]));
        """,
        url,
        abi=contract.abi,
        bytecode=contract.bytecode,
    )
    assert found == ["CALL_EXCEPTION", "TooLittle"]
    assert len(signer.signed) == 1


def test_a_replacement_is_mined_in_the_place_of_the_first(anvil: Anvil, url: str) -> None:
    anvil.rpc("evm_setAutomine", [False])
    try:
        found = ethers(
            """
            const fees = by => ({ maxFeePerGas: 10n ** 9n * by, maxPriorityFeePerGas: 10n ** 8n * by });
            const first = await signer.sendTransaction({ to, value: 1n, ...fees(10n) });
            const again = await signer.sendTransaction({ to, value: 1n, nonce: first.nonce, ...fees(11n) });
            const other = await signer.sendTransaction({ to, value: 9n, nonce: first.nonce, ...fees(13n) })
                .then(() => null, error => error.code);
            show([first.hash, again.hash, other]);
            """,
            url,
        )
        anvil.mine()
    finally:
        anvil.rpc("evm_setAutomine", [True])
    assert anvil.receipt(found[1])["status"] == "0x1"
    assert anvil.rpc("eth_getTransactionReceipt", [found[0]]) is None
    assert found[2] == "NONCE_EXPIRED"
