"""What is answered, what is passed on, and what is not done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.jsonrpc import RpcError, error_object
from adyton.client.rpc.node import NodeError
from adyton.client.rpc.reads import READS
from adyton.core.errors import Error, UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.address import address_of
from adyton.protocol.ethereum.messages import personal_hash
from adyton.protocol.ethereum.signature import Signature, recover
from adyton.protocol.ethereum.typed_data import read_typed_data
from tests.fake_signer import FakeSigner
from tests.scripted_node import CHAIN
from tests.unit.client.rpc.parts import KEY, TO, Parts, parts

TYPED: dict[str, Any] = {
    "types": {
        "EIP712Domain": [{"name": "chainId", "type": "uint256"}],
        "Mail": [{"name": "text", "type": "string"}],
    },
    "primaryType": "Mail",
    "domain": {"chainId": CHAIN},
    "message": {"text": "hello"},
}


@pytest.fixture
def made(tmp_path: Path) -> Parts:
    return parts(tmp_path)


def signer_of(signature: str, digest: bytes) -> bytes:
    return address_of(recover(digest, Signature.from_bytes(bytes.fromhex(signature[2:]))))


def test_what_is_known_is_not_asked_of_the_node(made: Parts) -> None:
    assert made.call("eth_accounts") == [made.account]
    assert made.call("eth_requestAccounts") == [made.account]
    assert made.call("eth_chainId") == hex(CHAIN)
    assert made.call("net_version") == str(CHAIN)
    assert not made.node.calls


def test_only_chosen_accounts_are_offered(tmp_path: Path) -> None:
    signer = FakeSigner(KEY, b"\x22" * 32)
    first, second = signer.accounts()
    made = parts(tmp_path, signer=signer, only=[second])
    assert made.methods.accounts() == [second]
    with pytest.raises(RpcError, match="no account of this facade"):
        made.call("personal_sign", "0x00", "0x" + first.hex())


@pytest.mark.parametrize("block", [(), ("latest",), ("pending",), (None,)])
def test_own_nonces_are_the_wallet_s(made: Parts, block: tuple[Any, ...]) -> None:
    made.node.answers["eth_getTransactionCount"] = "0x99"
    made.pay()
    assert made.call("eth_getTransactionCount", made.account.lower(), *block) == "0x1"
    assert not made.node.asked("eth_getTransactionCount")


def test_other_counts_are_the_node_s(made: Parts) -> None:
    made.node.answers["eth_getTransactionCount"] = "0x99"
    assert made.call("eth_getTransactionCount", TO, "pending") == "0x99"
    for block in ("0x1", "finalized", "earliest", {"blockNumber": "0x1"}):
        assert made.call("eth_getTransactionCount", made.account, block) == "0x99"


def test_reads_are_passed_on_as_they_are(made: Parts) -> None:
    for method in READS - {"eth_getTransactionCount"}:
        made.node.answers[method] = {"method": method}
        params = [{"any": [1.5, None]}, "latest"]
        assert made.call(method, *params) == {"method": method}
        assert made.node.calls[-1] == (method, params)


def test_the_node_s_errors_are_passed_on(made: Parts) -> None:
    def revert(_: list[Any]) -> Any:
        raise NodeError(3, "execution reverted", "0x08c379a0", code="node_refused")

    made.node.answers["eth_call"] = revert
    with pytest.raises(NodeError) as caught:
        made.call("eth_call", {})
    assert error_object(caught.value) == {
        "code": 3,
        "message": "execution reverted",
        "data": "0x08c379a0",
    }


@pytest.mark.parametrize(
    "method",
    [
        *("anvil_setBalance", "evm_mine", "hardhat_reset", "debug_traceCall", "trace_call"),
        *("admin_peers", "miner_start", "txpool_content", "personal_newAccount"),
        *("personal_unlockAccount", "personal_sendTransaction", "eth_signTypedData_v1"),
        *("eth_signTypedData_v3", "eth_coinbase", "eth_mining", "eth_submitWork", "eth_subscribe"),
        *("wallet_switchEthereumChain", "wallet_requestPermissions", "rpc_modules", "", "x" * 500),
        *("ETH_ACCOUNTS", "eth_accounts ", "__class__", "eth_sendRawTransactionConditional"),
    ],
)
def test_everything_else_is_not_offered(made: Parts, method: str) -> None:
    made.node.answers[method] = "0x1"
    with pytest.raises(RpcError, match="not offered here") as caught:
        made.call(method)
    assert error_object(caught.value)["code"] == -32601
    assert len(caught.value.message) < 200
    assert not made.node.calls


def test_raw_transactions_can_be_switched_off(made: Parts, tmp_path: Path) -> None:
    made.node.answers["eth_sendRawTransaction"] = "0x1"
    assert made.call("eth_sendRawTransaction", "0xaa") == "0x1"
    without = parts(tmp_path, raw=False)
    with pytest.raises(RpcError, match="--no-raw") as caught:
        without.call("eth_sendRawTransaction", "0xaa")
    assert error_object(caught.value)["code"] == -32601
    assert not without.broadcasts


# --- signatures ---------------------------------------------------------------------------------


def test_messages_have_their_params_in_either_order(made: Parts) -> None:
    digest, account = personal_hash(b"hi"), made.signer.accounts()[0]
    signed = made.call("personal_sign", "0x6869", made.account.lower())
    assert signer_of(signed, digest) == account
    assert made.call("personal_sign", "0x6869", made.account, "") == signed
    assert made.call("eth_sign", made.account, "0x6869") == signed


@pytest.mark.parametrize(
    ("method", "params", "text"),
    [
        ("personal_sign", ["hello", "ACCOUNT"], "hex of the text"),
        ("personal_sign", ["0x123", "ACCOUNT"], "odd number"),
        ("personal_sign", ["0x00", "ACCOUNT", "password"], "no passwords"),
        ("personal_sign", ["ACCOUNT", "0x6869"], "must be an address"),
        ("personal_sign", ["0x00", TO], "no account of this facade"),
        ("personal_sign", ["0x00", None], "is missing"),
        ("personal_sign", ["0x00"], "1 params"),
        ("eth_sign", ["0x6869", "ACCOUNT"], "must be an address"),
        ("eth_sign", ["ACCOUNT", "0x00", ""], "3 params"),
        ("eth_sign", ["ACCOUNT", 7], "string of hex"),
        ("eth_accounts", [1, 2], "2 params"),
        ("eth_chainId", [1], "1 params"),
        ("eth_getTransactionCount", [], "0 params"),
        ("eth_sendTransaction", [], "0 params"),
        ("eth_sendTransaction", ["0x"], "must be an object"),
        ("eth_sendTransaction", [{"to": TO}], "eth_accounts lists who can sign"),
        ("eth_sendTransaction", [{"from": TO, "to": TO}], "no account of this facade"),
        ("eth_signTransaction", [{"from": "ACCOUNT", "to": TO}, 1], "2 params"),
        ("eth_signTypedData_v4", ["ACCOUNT"], "1 params"),
    ],
)
def test_wrong_params_are_refused(made: Parts, method: str, params: list[Any], text: str) -> None:
    given = json.loads(json.dumps(params).replace("ACCOUNT", made.account))
    with pytest.raises(Error, match=text):
        made.call(method, *given)
    assert not made.signer.signed


@pytest.mark.parametrize("method", ["eth_signTypedData", "eth_signTypedData_v4"])
def test_typed_data_is_an_object_or_a_string(made: Parts, method: str) -> None:
    digest = read_typed_data(TYPED).digest
    for given in (TYPED, json.dumps(TYPED)):
        signed = made.call(method, made.account, given)
        assert signer_of(signed, digest) == made.signer.accounts()[0]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([{"type": "string", "name": "text", "value": "hi"}], "version 1"),
        ("not json", "not JSON"),
        ('{"types": {}, "types": {}}', "key is there twice"),
        ({**TYPED, "domain": {"chainId": 1}}, "chainId is 1, but 4242 is pinned"),
        ({**TYPED, "message": {}}, "lacks 'text'"),
        ({**TYPED, "message": {"text": "hi", "more": 1}}, "no field 'more'"),
        ({**TYPED, "message": {"text": 1.5}}, "text"),
        ({"types": {}}, "lacks"),
        (None, "must be an object"),
        ("\ud800", "not JSON"),
    ],
)
def test_what_is_no_typed_data_is_not_signed(made: Parts, given: Any, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        made.call("eth_signTypedData_v4", made.account, given)


def test_a_node_of_another_chain_stops_every_signature(made: Parts) -> None:
    made.node.answers["eth_chainId"] = "0x1"
    for method, params in (
        ("personal_sign", ["0x00", made.account]),
        ("eth_sign", [made.account, "0x00"]),
        ("eth_signTypedData_v4", [made.account, TYPED]),
        ("eth_signTransaction", [{"from": made.account, "to": TO}]),
        ("eth_sendTransaction", [{"from": made.account, "to": TO}]),
    ):
        with pytest.raises(VerificationError) as caught:
            made.call(method, *params)
        assert caught.value.code == "wrong_chain"
    assert not made.signer.signed


def test_messages_are_signed_without_a_node(made: Parts) -> None:
    def silent(_: list[Any]) -> Any:
        raise UnavailableError("timeout", "no answer")

    made.node.answers["eth_chainId"] = silent
    made.call("personal_sign", "0x00", made.account)
    with pytest.raises(UnavailableError):
        made.call("eth_sendTransaction", {"from": made.account, "to": TO})
    assert not made.signer.signed


def test_a_signature_of_somebody_else_is_not_passed_on(tmp_path: Path) -> None:
    class Stranger(FakeSigner):
        def _signature(self, address: bytes, digest: bytes) -> bytes:
            other = FakeSigner(b"\x33" * 32)
            return other._signature(other.accounts()[0], digest)

    made = parts(tmp_path, signer=Stranger(KEY))
    for method, params in (
        ("personal_sign", ["0x00", made.account]),
        ("eth_signTypedData_v4", [made.account, TYPED]),
    ):
        with pytest.raises(VerificationError, match="no signature of this"):
            made.call(method, *params)


@pytest.mark.parametrize("fees", [{"gasPrice": "0x5"}, {"type": "0x1"}, {}])
def test_a_signed_transaction_is_shown_as_nodes_show_it(made: Parts, fees: dict[str, str]) -> None:
    told = made.call(
        "eth_signTransaction", {"from": made.account, "to": TO, "value": "0x7", **fees}
    )
    shown = told["tx"]
    assert (shown["from"], shown["to"], shown["value"], shown["nonce"]) == (
        made.account,
        TO,
        "0x7",
        "0x0",
    )
    assert ("yParity" in shown) == (shown["type"] != "0x0")
    if shown["type"] == "0x0":
        assert int(shown["v"], 16) in (2 * CHAIN + 35, 2 * CHAIN + 36)
    # It is not sent, so it is nobody's to look after.
    assert not made.broadcasts
    assert not made.journal.entries()
