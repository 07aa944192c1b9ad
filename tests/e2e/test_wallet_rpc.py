"""`adyton wallet rpc` as people have it: a server with its enclave, a node, and programs that know of neither."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session
from adyton.client.wallet_making import new_wallet
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil
from tests.e2e.command import ADYTON, Client, Server, until
from tests.ethereum_tools import ToolError, run_cast, run_node

CHAIN = 4242
ETHER = 10**18
VENDOR = "0x00000000000000000000000000000000DeaDBeef"
STRANGER = "0x1111111111111111111111111111111111111111"
POLICY = {
    "v": 1,
    "rules": [
        {
            "id": "pay",
            "effect": "allow",
            "chain": [CHAIN],
            "when": {
                "to": {"in": [VENDOR]},
                "value": {"lte": str(ETHER)},
                "fee": {"lte": str(ETHER // 100)},
            },
        },
        {
            "id": "undo",
            "effect": "allow",
            "method": ["cancel"],
            "chain": [CHAIN],
            "when": {"fee": {"lte": str(ETHER // 100)}},
        },
        {"id": "greet", "effect": "allow", "message": {"prefix": "hello"}},
        {
            "id": "mail",
            "effect": "allow",
            "typedData": {
                "contract": VENDOR,
                "primaryType": "Mail",
                "fields": {"text": "any"},
            },
            "chain": [CHAIN],
        },
    ],
}


@dataclass
class Running:
    """A facade that runs as a process.

    Attributes:
        facts: what it printed once it listened.
        errors: lines that it wrote since.
    """

    process: subprocess.Popen[str]
    facts: dict[str, Any]
    errors: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return str(self.facts["url"])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@contextmanager
def facade(client: Client, node: str, *options: str) -> Iterator[Running]:
    command = [*ADYTON, "wallet", "rpc", "--node", node, "--listen", "127.0.0.1:0", "--json"]
    process = subprocess.Popen(
        [*command, *options],
        env=client.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    made = Running(process, {})
    reader = threading.Thread(target=lambda: made.errors.extend(process.stderr or ()))
    reader.start()
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line == "}\n":
                break
        else:
            process.wait(60)
            reader.join()
            raise AssertionError(f"it did not start: {text}{''.join(made.errors)}")
        made.facts.update(json.loads(text))
        yield made
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(60)
        process.stdout.close()
        reader.join()
        process.stderr.close()


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil(chain_id=CHAIN) as node:
        yield node


@pytest.fixture
def account(client: Client, server: Server, anvil: Anvil) -> str:
    """The account of a wallet that pays one vendor."""
    policy = AppraisalPolicy(allow_simulated=True)
    with Session(Keystore(client.home), HttpTransport(server.url), policy) as session:
        wallet, _ = new_wallet(session, policy=json.dumps(POLICY).encode())
    address = checksummed(wallet.account)
    anvil.fund(address, 100 * ETHER)
    return address


def cast(running: Running, account: str, to: str, *more: str) -> Any:
    pay = ("send", "--json", "--unlocked", "--rpc-url", running.url, "--from", account)
    return json.loads(run_cast(*pay, *more, to))


def test_cast_pays_by_policy(client: Client, anvil: Anvil, account: str) -> None:
    before = int(anvil.rpc("eth_getBalance", [VENDOR, "latest"]), 16)
    with facade(client, anvil.url, "--chain", str(CHAIN)) as running:
        assert running.facts["chain"] == CHAIN
        assert running.facts["accounts"] == [account]
        for value, options in (("1", ()), ("2", ("--legacy",))):
            receipt = cast(running, account, VENDOR, "--value", value, *options)
            assert receipt["status"] == "0x1"
        with pytest.raises(ToolError, match="user denied by policy"):
            cast(running, account, STRANGER, "--value", "1")
        with pytest.raises(ToolError, match="user denied by policy"):
            cast(running, account, VENDOR, "--value", str(ETHER + 1))
        assert cast(running, account, VENDOR, "--value", "4")["status"] == "0x1"
        assert running.stop() == 0
    assert int(anvil.rpc("eth_getBalance", [VENDOR, "latest"]), 16) == before + 7
    assert anvil.rpc("eth_getTransactionCount", [account, "latest"]) == "0x3"
    assert anvil.rpc("eth_getBalance", [STRANGER, "latest"]) == "0x0"


SCRIPT = """
const { JsonRpcProvider, verifyMessage, verifyTypedData } = require("ethers");
const [url, to] = process.argv.slice(1);
(async () => {
    const provider = new JsonRpcProvider(url);
    provider.pollingInterval = 50;
    const signer = await provider.getSigner(0), address = await signer.getAddress();
    const all = await Promise.all([...Array(40).keys()].map(n => signer.sendTransaction({ to, value: BigInt(n) })));
    const mined = await Promise.all(all.map(async sent => [sent.nonce, (await sent.wait()).status]));
    const domain = { name: "Adyton", chainId: 4242, verifyingContract: to };
    const types = { Mail: [{ name: "text", type: "string" }] };
    const value = { text: "hello" };
    const refused = await signer.signMessage("I owe you").then(() => null, error => error.info?.error ?? error.error);
    console.log(JSON.stringify({
        mined,
        message: verifyMessage("hello there", await signer.signMessage("hello there")) === address,
        typed: verifyTypedData(domain, types, value, await signer.signTypedData(domain, types, value)) === address,
        refused,
    }));
    provider.destroy();
})();
"""


def test_ethers_pays_forty_times_at_once_and_signs(
    client: Client, anvil: Anvil, account: str
) -> None:
    with facade(client, anvil.url) as running:
        found = run_node(SCRIPT, running.url, VENDOR)
        assert running.stop(signal.SIGINT) == 0
    assert sorted(nonce for nonce, _ in found["mined"]) == list(range(40))
    assert {status for _, status in found["mined"]} == {1}
    assert (found["message"], found["typed"]) == (True, True)
    assert found["refused"]["code"] == 4001
    assert found["refused"]["data"]["code"] == "payment_refused"


def test_payments_that_wait_are_sped_up_and_cancelled(
    client: Client, anvil: Anvil, account: str
) -> None:
    def pay(nonce: int, fee: int, to: str, value: int) -> str:
        pay = ("send", "--async", "--unlocked", "--rpc-url", running.url, "--from", account)
        fees = ("--gas-price", str(fee), "--priority-gas-price", str(fee // 10))
        return run_cast(*pay, "--nonce", str(nonce), *fees, "--value", str(value), to)

    gwei = 10**9
    anvil.rpc("evm_setAutomine", [False])
    try:
        with facade(client, anvil.url) as running:
            first, second = pay(0, 20 * gwei, VENDOR, 3), pay(1, 20 * gwei, VENDOR, 5)
            with pytest.raises(ToolError, match="nonce too low"):
                pay(0, 30 * gwei, VENDOR, 4)
            with pytest.raises(ToolError):
                pay(0, 21 * gwei, VENDOR, 3)
            faster, undone = pay(0, 22 * gwei, VENDOR, 3), pay(1, 22 * gwei, account, 0)
            anvil.mine()
            for gone in (first, second):
                assert anvil.rpc("eth_getTransactionReceipt", [gone]) is None
            for mined in (faster, undone):
                assert anvil.receipt(mined)["status"] == "0x1"
            assert running.stop() == 0
    finally:
        anvil.rpc("evm_setAutomine", [True])


def test_what_was_signed_outlives_the_facade(client: Client, anvil: Anvil, account: str) -> None:
    journal = client.home / "rpc" / str(CHAIN)
    anvil.rpc("evm_setAutomine", [False])
    try:
        with facade(client, anvil.url) as running:
            pay = ("send", "--async", "--unlocked", "--rpc-url", running.url, "--from", account)
            sent = run_cast(*pay, "--value", "1", VENDOR)
            assert running.stop(signal.SIGKILL) != 0
        (kept,) = journal.iterdir()
        assert sent in kept.read_text()
        anvil.rpc("anvil_dropTransaction", [sent])
        assert anvil.rpc("eth_getTransactionByHash", [sent]) is None
        with facade(client, anvil.url) as running:
            assert running.facts["waiting"] == 1
            until(lambda: anvil.rpc("eth_getTransactionByHash", [sent]) is not None, "sent again")
            anvil.mine()
            assert anvil.receipt(sent)["status"] == "0x1"
            until(lambda: not list(journal.iterdir()), "forgotten once it is mined", 60)
            assert running.stop() == 0
    finally:
        anvil.rpc("evm_setAutomine", [True])


def test_a_token_keeps_others_on_this_machine_out(
    client: Client, anvil: Anvil, account: str, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("0123456789abcdef0123456789abcdef\n")
    token.chmod(0o600)
    with facade(client, anvil.url, "--token-file", str(token)) as running:
        with pytest.raises(ToolError, match="401"):
            run_cast("rpc", "--rpc-url", running.url, "eth_accounts")
        bearer = f"Authorization: Bearer {token.read_text().strip()}"
        told = run_cast("rpc", "--rpc-url", running.url, "--rpc-headers", bearer, "eth_accounts")
        assert json.loads(told) == [account]
        assert running.stop() == 0


def test_another_chain_than_named_does_not_start(client: Client, anvil: Anvil) -> None:
    done = client.run(
        "wallet", "rpc", "--node", anvil.url, "--chain", "1", "--listen", "127.0.0.1:0"
    )
    assert done.returncode == 4
    assert "the node says its chain is 4242, but 1 is pinned" in done.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--listen", "8545"), "--listen is HOST:PORT"),
        (("--listen", "127.0.0.1:x"), "--listen is HOST:PORT"),
        (("--listen", "127.0.0.1:70000"), "--listen is HOST:PORT"),
        (("--listen", "0.0.0.0:0"), "--token-file"),
        (("--chain", "0"), "--chain is a chain id"),
        (("--max-gas", "1"), "--max-gas is at least 21000"),
        (("--max-fee-gwei", "a lot"), "--max-fee-gwei is a decimal number"),
        (("--max-tip-gwei", "1e9"), "--max-tip-gwei is a decimal number"),
        (("--max-gas-cost", "-1"), "--max-gas-cost"),
        (("--account", "0x12"), "--account must be an address"),
        (("--token-file", "/nonexistent/token"), "no token in"),
    ],
)
def test_options_that_cannot_be_are_named(
    client: Client, anvil: Anvil, options: tuple[str, ...], text: str
) -> None:
    done = client.run("wallet", "rpc", "--node", anvil.url, *options)
    assert done.returncode == 2
    assert text in done.stderr
