"""What is left out is filled in, and no lie of the node makes it cost more than the caps."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.client.rpc.caps import Caps
from adyton.client.rpc.filling import fill
from adyton.client.rpc.jsonrpc import RpcError, error_object
from adyton.client.rpc.node import NodeError
from adyton.core.errors import Error, PolicyError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction import Transaction
from tests.scripted_node import CHAIN, ETHER, GWEI, ScriptedNode

FROM = "0x45c1442c000000000000000000000000000b3b2e"
TO = "0x00000000000000000000000000000000DeaDBeef"
CAPS = Caps(gas=1_000_000, fee=100 * GWEI, tip=5 * GWEI, cost=ETHER // 10)


def filled(node: ScriptedNode, caps: Caps = CAPS, **fields: Any) -> Transaction:
    return fill({"from": FROM, "to": TO, **fields}, CHAIN, node, caps).transaction


def test_everything_is_filled_in() -> None:
    made = filled(ScriptedNode(), value="0x5")
    assert (made.kind, made.chain_id, made.gas, made.value) == (2, CHAIN, 21_000, 5)
    assert (made.max_fee, made.tip) == (21 * GWEI, GWEI)


def test_what_is_given_stays() -> None:
    node = ScriptedNode()
    made = filled(
        node,
        gas="0x7530",
        maxFeePerGas=hex(50 * GWEI),
        maxPriorityFeePerGas=hex(2 * GWEI),
        chainId=CHAIN,
        data="0xaa",
    )
    assert (made.gas, made.max_fee, made.tip, made.data) == (30_000, 50 * GWEI, 2 * GWEI, b"\xaa")
    assert [method for method, _ in node.calls] == ["eth_getBalance"]


def test_the_nonce_is_never_asked_of_the_node() -> None:
    node = ScriptedNode()
    made = fill({"from": FROM, "to": TO}, CHAIN, node, CAPS)
    assert made.nonce is None
    assert "nonce" not in made.document
    assert not node.asked("eth_getTransactionCount")
    assert (
        fill({"from": FROM, "to": TO, "nonce": "0x3"}, CHAIN, node, CAPS).document["nonce"] == "0x3"
    )


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"gasPrice": "0x1"}, 0),
        ({"gasPrice": "0x1", "accessList": []}, 1),
        ({"type": "0x1"}, 1),
        ({"type": "0x0"}, 0),
        ({"accessList": [{"address": TO.lower(), "storageKeys": []}]}, 2),
        ({"maxPriorityFeePerGas": "0x1"}, 2),
        ({"gasPrice": None, "type": None, "nonce": None, "data": None}, 2),
    ],
)
def test_the_type_follows_from_what_is_given(fields: dict[str, Any], kind: int) -> None:
    made = filled(ScriptedNode(), gas="0xc350", **fields)
    assert made.kind == kind
    assert (made.tip is None) == (kind != 2)


def test_a_chain_without_base_fees_gets_a_gas_price() -> None:
    block = {"number": "0x1", "hash": "0x1", "parentHash": "0x0"}
    node = ScriptedNode(eth_getBlockByNumber=block)
    made = filled(node)
    assert (made.kind, made.max_fee) == (0, 11 * GWEI)
    with pytest.raises(UsageError, match="no base fee"):
        filled(node, type="0x2")
    with pytest.raises(UsageError, match="no base fee"):
        filled(node, maxFeePerGas="0x1")


def test_one_fee_given_bounds_the_other() -> None:
    assert filled(ScriptedNode(), maxFeePerGas=hex(GWEI // 2)).tip == GWEI // 2
    made = filled(ScriptedNode(), maxPriorityFeePerGas=hex(3 * GWEI))
    assert (made.max_fee, made.tip) == (23 * GWEI, 3 * GWEI)


def test_a_node_without_suggestions_of_tips_is_asked_for_its_history() -> None:
    node = ScriptedNode(eth_feeHistory={"reward": [["0x3"], ["0x1"], ["0x2"]]})
    del node.answers["eth_maxPriorityFeePerGas"]
    assert filled(node).tip == 2
    node.answers["eth_feeHistory"] = {"reward": []}
    with pytest.raises(VerificationError, match="suggests no tip"):
        filled(node)


# --- lies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("gas", [1_000_001, 2**63, 2**64 - 1])
def test_a_lie_about_gas_ends_at_the_cap(gas: int) -> None:
    with pytest.raises(PolicyError, match=r"the node says that it takes \d+ gas, over --max-gas"):
        filled(ScriptedNode(eth_estimateGas=hex(gas)))


def test_an_estimate_that_cannot_be_is_refused() -> None:
    with pytest.raises(VerificationError, match="estimate cannot be: gas is 20999"):
        filled(ScriptedNode(eth_estimateGas=hex(20_999)))


@pytest.mark.parametrize("base", [100 * GWEI + 1, 2**200])
def test_a_lie_about_the_base_fee_ends_at_the_cap(base: int) -> None:
    block = {"hash": "0x1", "parentHash": "0x0", "number": "0x1", "baseFeePerGas": hex(base)}
    with pytest.raises(PolicyError, match="over --max-fee-gwei 100"):
        filled(ScriptedNode(eth_getBlockByNumber=block))


def test_a_high_base_fee_below_the_cap_is_paid_up_to_the_cap() -> None:
    block = {"hash": "0x1", "parentHash": "0x0", "number": "0x1", "baseFeePerGas": hex(90 * GWEI)}
    assert filled(ScriptedNode(eth_getBlockByNumber=block)).max_fee == 100 * GWEI


@pytest.mark.parametrize("tip", [5 * GWEI + 1, 2**255])
def test_a_lie_about_tips_is_cut_to_the_cap(tip: int) -> None:
    assert filled(ScriptedNode(eth_maxPriorityFeePerGas=hex(tip))).tip == 5 * GWEI


def test_a_lie_about_the_gas_price_ends_at_the_cap() -> None:
    with pytest.raises(PolicyError, match="over --max-fee-gwei 100"):
        filled(ScriptedNode(eth_gasPrice=hex(101 * GWEI)), type="0x0")


def test_gas_and_fee_together_end_at_the_cap() -> None:
    caps = Caps(gas=1_000_000, fee=100 * GWEI, tip=5 * GWEI, cost=ETHER // 1000)
    assert filled(ScriptedNode(), caps).gas == 21_000
    with pytest.raises(PolicyError, match=r"may cost 0\.0021 ether, over --max-gas-cost 0\.001"):
        filled(ScriptedNode(eth_estimateGas=hex(100_000)), caps)


@pytest.mark.parametrize(
    "fields",
    [
        {"gas": hex(1_000_001)},
        {"gasPrice": hex(100 * GWEI + 1)},
        {"maxFeePerGas": hex(100 * GWEI + 1), "maxPriorityFeePerGas": "0x1"},
        {"maxFeePerGas": hex(50 * GWEI), "maxPriorityFeePerGas": hex(5 * GWEI + 1)},
        {"maxPriorityFeePerGas": hex(6 * GWEI)},
    ],
)
def test_programs_are_held_to_the_caps_too(fields: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match="over --max-"):
        filled(ScriptedNode(), **fields)


def test_a_lie_about_the_balance_is_a_refusal() -> None:
    node = ScriptedNode(eth_getBalance="0x0")
    with pytest.raises(RpcError, match="insufficient funds") as caught:
        filled(node)
    assert error_object(caught.value)["code"] == -32000
    cost = 21_000 * 21 * GWEI + 1
    node.answers["eth_getBalance"] = hex(cost - 1)
    with pytest.raises(RpcError, match="insufficient funds"):
        filled(node, value="0x1")
    node.answers["eth_getBalance"] = hex(cost)
    assert filled(node, value="0x1").max_cost == cost


@pytest.mark.parametrize("lie", [None, "0x", "-0x1", -1, 1.5, True, [], {}, "0x" + "f" * 65, "abc"])
@pytest.mark.parametrize(
    "method",
    ["eth_estimateGas", "eth_maxPriorityFeePerGas", "eth_getBalance", "eth_getBlockByNumber"],
)
def test_what_is_no_number_is_no_answer(method: str, lie: Any) -> None:
    if method == "eth_getBlockByNumber":
        if lie is None:
            return  # then there is no base fee
        lie = {"baseFeePerGas": lie}
    with pytest.raises(VerificationError) as caught:
        filled(ScriptedNode(**{method: lie}))
    assert caught.value.code == "answer_invalid"


@pytest.mark.parametrize("lie", [None, "0x1", []])
def test_no_block_is_no_answer(lie: Any) -> None:
    with pytest.raises(VerificationError, match="no newest block"):
        filled(ScriptedNode(eth_getBlockByNumber=lie))


def test_a_call_that_reverts_is_told_in_the_nodes_words() -> None:
    def revert(_: list[Any]) -> Any:
        raise NodeError(3, "execution reverted", "0x1234", code="node_refused")

    with pytest.raises(NodeError, match="reverted") as caught:
        filled(ScriptedNode(eth_estimateGas=revert))
    assert error_object(caught.value) == {
        "code": 3,
        "message": "execution reverted",
        "data": "0x1234",
    }


# --- what programs send -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"chainId": "0x1"}, "chainId is not 4242"),
        ({"to": "0x00000000000000000000000000000000dEaDBeef"}, "wrong checksum"),
        ({"to": "0x1234"}, "must be an address"),
        ({"to": None}, "neither 'to' nor 'data'"),
        ({"value": "0x01"}, "not a quantity"),
        ({"value": -1}, "must not be negative"),
        ({"value": 1.0}, "not a float"),
        ({"value": hex(2**256)}, "quantity"),
        ({"nonce": hex(2**64)}, "nonce"),
        ({"data": "0x123"}, "odd number"),
        ({"data": "0x12", "input": "0x13"}, "mean the same"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, "fees of one type"),
        ({"maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"}, "over maxFeePerGas"),
        ({"type": "0x3"}, "blobs"),
        ({"type": "0x4"}, "set code"),
        ({"blobVersionedHashes": []}, "blobs"),
        ({"authorizationList": []}, "set code"),
        ({"gas": hex(20_000)}, "21000 are the least"),
        ({"colour": "red"}, "has no field 'colour'"),
        ({"accessList": [7]}, "accessList"),
        ({"accessList": [{"address": "0x1", "storageKeys": []}]}, "accessList"),
        ({"type": "0x0", "maxFeePerGas": "0x1"}, "not for transactions of type 0"),
    ],
)
def test_what_is_no_transaction_is_refused(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(Error, match=text) as caught:
        filled(ScriptedNode(), **fields)
    assert isinstance(caught.value, UsageError)


def test_a_contract_is_made_without_a_receiver() -> None:
    node = ScriptedNode(eth_estimateGas=hex(60_000))
    made = fill({"from": FROM, "data": "0x6001"}, CHAIN, node, CAPS).transaction
    assert made.to is None
    assert node.asked("eth_estimateGas") == [
        [{"from": checksummed(bytes.fromhex(FROM[2:])), "value": "0x0", "data": "0x6001"}]
    ]


@pytest.mark.parametrize(
    "request_", [{}, {"to": TO}, {"from": 7, "to": TO}, {"from": "0x", "to": TO}]
)
def test_somebody_must_pay(request_: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="from"):
        fill(request_, CHAIN, ScriptedNode(), CAPS)
