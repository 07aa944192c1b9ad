"""cast pays through the facade, unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.client.rpc.signer import Refused
from adyton.protocol.ethereum.address import checksummed
from tests.anvil_node import Anvil
from tests.components.rpc_fixtures import Start
from tests.components.rpc_fixtures import anvil as anvil
from tests.ethereum_tools import ToolError, run_cast
from tests.fake_signer import FakeSigner
from tests.rpc_kit import Facade

TO = "0x00000000000000000000000000000000DeaDBeef"


@pytest.fixture
def account(signer: FakeSigner) -> str:
    return checksummed(signer.accounts()[0])


def send(facade: Facade, account: str, *more: str) -> dict[str, Any]:
    found = json.loads(
        run_cast("send", "--json", "--unlocked", "--rpc-url", facade.url, "--from", account, *more)
    )
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ((), "0x2"),
        (("--legacy",), "0x0"),
        (("--legacy", "--access-list", '[{"address":"' + TO + '","storageKeys":[]}]'), "0x1"),
    ],
)
def test_each_type_is_mined(
    anvil: Anvil, facade: Facade, account: str, options: tuple[str, ...], kind: str
) -> None:
    before = int(anvil.rpc("eth_getBalance", [TO, "latest"]), 16)
    receipt = send(facade, account, "--value", "3gwei", *options, TO)
    assert (receipt["status"], receipt["type"]) == ("0x1", kind)
    assert receipt["from"] == account.lower()
    assert int(anvil.rpc("eth_getBalance", [TO, "latest"]), 16) == before + 3 * 10**9


def test_payments_one_after_another(facade: Facade, account: str, signer: FakeSigner) -> None:
    for _ in range(3):
        assert send(facade, account, "--value", "1", TO)["status"] == "0x1"
    assert signer.next_nonce(signer.accounts()[0], 4242) == 3


def test_payments_that_do_not_wait_for_each_other(
    anvil: Anvil, facade: Facade, account: str
) -> None:
    # What cast takes for the next nonce is the wallet's, whether the node has mined the last one or not.
    pay = ("send", "--async", "--unlocked", "--rpc-url", facade.url, "--from", account)
    anvil.rpc("evm_setAutomine", [False])
    try:
        sent = [run_cast(*pay, "--value", "1", TO) for _ in range(3)]
        anvil.mine()
    finally:
        anvil.rpc("evm_setAutomine", [True])
    assert len(set(sent)) == 3
    assert [anvil.receipt(each)["status"] for each in sent] == ["0x1"] * 3


def test_a_refusal_names_the_rule(start: Start, account: str, signer: FakeSigner) -> None:
    def refuse(*_: object) -> None:
        raise Refused("the vendor is not among those who may be paid", "pay")

    signer.rule = refuse
    with pytest.raises(ToolError, match=r"user denied by policy: the vendor is not among"):
        send(start(), account, "--value", "1", TO)
    assert not signer.signed


def test_an_account_of_nobody_here_cannot_pay(facade: Facade) -> None:
    with pytest.raises(ToolError, match="is no account of this facade"):
        send(facade, TO, "--value", "1", TO)


def test_reads(anvil: Anvil, facade: Facade, account: str) -> None:
    assert run_cast("chain-id", "--rpc-url", facade.url) == "4242"
    assert run_cast("balance", account, "--rpc-url", facade.url) == str(100 * 10**18)
    assert run_cast("block-number", "--rpc-url", facade.url) == str(
        int(anvil.rpc("eth_blockNumber"), 16)
    )
