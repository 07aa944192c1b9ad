"""A transaction is signed once, kept, and broadcast until the node has it."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest

from adyton.client.rpc.journal import Journal
from adyton.client.rpc.jsonrpc import RpcError, error_object
from adyton.client.rpc.node import NodeError
from adyton.client.rpc.signer import Refused, SignedAnswer, Unanswered
from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests.fake_signer import FakeSigner
from tests.scripted_node import CHAIN, GWEI
from tests.unit.client.rpc.parts import KEY, TO, Parts, accept, parts


@pytest.fixture
def made(tmp_path: Path) -> Parts:
    return parts(tmp_path)


def refuse(text: str, number: int = -32000) -> Any:
    def answer(_: list[Any]) -> Any:
        raise NodeError(number, text, code="node_refused")

    return answer


def silent(_: list[Any]) -> Any:
    raise UnavailableError("timeout", "the node does not answer")


def one_after_another(*answers: Any) -> Any:
    left = list(answers)

    def answer(params: list[Any]) -> Any:
        return left.pop(0)(params)

    return answer


def test_it_is_on_disk_before_it_is_broadcast(made: Parts, tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def look(params: list[Any]) -> str:
        seen.append([path.read_text() for path in (tmp_path / "journal").iterdir()])
        return accept(params)

    made.node.answers["eth_sendRawTransaction"] = look
    name = made.pay()
    assert len(seen) == 1
    assert name in seen[0][0]
    assert made.broadcasts[0] in seen[0][0]
    (path,) = (tmp_path / "journal").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700


def test_the_hash_is_that_of_the_bytes_whatever_the_node_says(made: Parts) -> None:
    made.node.answers["eth_sendRawTransaction"] = "0x" + "99" * 32
    name = made.pay()
    assert name == "0x" + decode_signed(bytes.fromhex(made.broadcasts[0][2:])).hash.hex()


def test_nothing_is_signed_for_a_node_of_another_chain(made: Parts) -> None:
    made.node.answers["eth_chainId"] = "0x1"
    with pytest.raises(VerificationError, match="4242 is pinned") as caught:
        made.pay()
    assert error_object(caught.value)["code"] == 4901
    assert not made.signer.signed


def test_a_refusal_leaves_nothing(made: Parts) -> None:
    def rule(*_: object) -> None:
        raise Refused("no")

    made.signer.rule = rule
    with pytest.raises(Refused):
        made.pay()
    assert not made.broadcasts
    assert not made.journal.entries()


def test_silence_is_answered_by_the_same_bytes_again(made: Parts) -> None:
    made.node.answers["eth_sendRawTransaction"] = one_after_another(silent, silent, accept)
    made.pay()
    assert len(made.broadcasts) == 3
    assert len(set(made.broadcasts)) == 1
    assert len(made.signer.documents) == 1
    assert made.pauses == [0.0, 0.1, 0.3]


@pytest.mark.parametrize(
    "text",
    [
        "already known",
        "AlreadyKnown",
        "transaction already imported",
        "known transaction: 0x1",
        "Transaction already in mempool",
    ],
)
def test_what_the_node_has_already_is_sent(made: Parts, text: str) -> None:
    made.node.answers["eth_sendRawTransaction"] = refuse(text)
    made.pay()
    assert len(made.broadcasts) == 1


def test_what_is_mined_already_is_sent(made: Parts) -> None:
    made.node.answers["eth_sendRawTransaction"] = refuse("nonce too low: next nonce 5")
    made.node.answers["eth_getTransactionReceipt"] = {"blockNumber": "0x5"}
    made.pay()


@pytest.mark.parametrize("receipt", [None, {"blockNumber": None}, [], "0x1"])
def test_a_nonce_that_another_used_is_told(made: Parts, receipt: Any) -> None:
    made.node.answers["eth_sendRawTransaction"] = refuse("nonce too low")
    made.node.answers["eth_getTransactionReceipt"] = receipt
    with pytest.raises(RpcError, match="nonce too low"):
        made.pay()


def test_a_gap_is_given_time_to_close(made: Parts) -> None:
    gap = one_after_another(refuse("nonce too high"), accept)
    made.node.answers["eth_sendRawTransaction"] = gap
    made.pay()
    assert len(set(made.broadcasts)) == 1


def test_whoever_stops_does_not_wait_for_the_node(made: Parts) -> None:
    made.node.answers["eth_sendRawTransaction"] = silent
    made.stopping.append(True)
    with pytest.raises(RpcError, match="kept and sent again"):
        made.pay()
    assert len(made.broadcasts) == 1
    assert len(made.journal.entries()) == 1


@pytest.mark.parametrize("answer", [refuse("transaction underpriced"), silent])
def test_what_is_not_broadcast_is_kept_and_says_so(made: Parts, answer: Any) -> None:
    made.node.answers["eth_sendRawTransaction"] = answer
    with pytest.raises(RpcError, match=r"signed as 0x.* with nonce 0, but not broadcast") as caught:
        made.pay()
    told = error_object(caught.value)
    (entry,) = made.journal.entries()
    assert told["code"] == -32000
    assert told["data"]["hash"] == "0x" + entry.signed.hash.hex()
    assert told["data"]["nonce"] == "0x0"
    assert told["data"]["signed"] is True
    assert set(made.broadcasts) == {"0x" + entry.signed.raw.hex()}


def test_a_full_journal_signs_no_more(made: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    made.pay()
    monkeypatch.setattr(limits, "RPC_JOURNAL", 1)
    with pytest.raises(UnavailableError, match="wait to be mined"):
        made.pay()
    assert len(made.signer.signed) == 1


# --- nonces -------------------------------------------------------------------------------------


def test_the_wallet_chooses_nonces(made: Parts) -> None:
    for _ in range(3):
        made.pay()
    assert [document.get("nonce") for document in made.signer.documents] == [None] * 3
    assert [entry.signed.transaction.nonce for entry in made.journal.entries()] == [0, 1, 2]
    assert not made.node.asked("eth_getTransactionCount")


def test_a_gap_is_refused_before_the_wallet_is_asked(made: Parts) -> None:
    with pytest.raises(RpcError, match="nonce too high: the wallet goes on from 0"):
        made.pay(nonce="0x1")
    assert not made.signer.documents


def fees(factor: int) -> dict[str, str]:
    return {"maxFeePerGas": hex(factor * GWEI), "maxPriorityFeePerGas": hex(factor * GWEI // 10)}


def test_the_same_payment_may_be_sped_up(made: Parts) -> None:
    made.pay(**fees(20))
    made.pay(nonce="0x0", **fees(30))
    assert made.signer.replaced == [False, True]
    assert len(made.journal.of_nonce(made.signer.accounts()[0], 0)) == 2


@pytest.mark.parametrize("changes", [{"value": "0x2"}, {"to": "0x" + "11" * 20}, {"data": "0xaa"}])
def test_another_payment_does_not_take_its_place(made: Parts, changes: dict[str, str]) -> None:
    made.pay(**fees(20))
    with pytest.raises(UsageError) as caught:
        made.pay(nonce="0x0", gas="0x7530", **fees(30), **changes)
    assert caught.value.code == "nonce_used"
    assert "nonce too low" in error_object(caught.value)["message"]
    assert len(made.journal.entries()) == 1


def test_a_payment_may_be_cancelled(made: Parts) -> None:
    made.pay(**fees(20))
    made.pay(nonce="0x0", to=made.account, value="0x0", **fees(30))
    assert made.signer.replaced == [False, True]


def test_a_payment_of_nothing_to_oneself_is_no_cancellation(made: Parts) -> None:
    made.pay(nonce="0x0", to=made.account, value="0x0")
    assert made.signer.replaced == [False]


def test_the_same_transaction_again_is_the_same_bytes(made: Parts) -> None:
    first = made.pay(nonce="0x0", **fees(20))
    assert made.pay(nonce="0x0", **fees(20)) == first
    assert len(set(made.broadcasts)) == 1


# --- a signer that answers something else --------------------------------------------------------


class OtherSigner(FakeSigner):
    """Signs with changes."""

    def __init__(self, **changes: Any) -> None:
        super().__init__(KEY)
        self.changes = changes

    def sign_transaction(
        self, address: bytes, document: dict[str, Any], *, replace: bool = False, send: bool = False
    ) -> SignedAnswer:
        changed = {**document, **self.changes}
        return super().sign_transaction(address, changed, replace=replace, send=send)


@pytest.mark.parametrize(
    "changes", [{"value": "0x2"}, {"gas": "0x5209"}, {"data": "0x01"}, {"to": "0x" + "11" * 20}]
)
def test_another_transaction_than_asked_for_is_not_sent(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    made = parts(tmp_path, signer=OtherSigner(**changes))
    with pytest.raises(VerificationError, match="signed another transaction"):
        made.pay()
    assert not made.broadcasts


def test_another_nonce_than_asked_for_is_not_sent(tmp_path: Path) -> None:
    made = parts(tmp_path, signer=OtherSigner(nonce="0x0"))
    made.pay()
    made.signer.raise_nonce(made.signer.accounts()[0], CHAIN, 2)
    with pytest.raises(VerificationError, match="signed another transaction"):
        made.pay(nonce="0x1")


def test_another_account_than_asked_for_is_not_sent(tmp_path: Path) -> None:
    class Stranger(FakeSigner):
        def sign_transaction(
            self,
            address: bytes,
            document: dict[str, Any],
            *,
            replace: bool = False,
            send: bool = False,
        ) -> SignedAnswer:
            other = FakeSigner(b"\x33" * 32)
            return other.sign_transaction(other.accounts()[0], document)

    made = parts(tmp_path, signer=Stranger(KEY))
    with pytest.raises(VerificationError, match="signed another transaction"):
        made.pay()


# --- after a restart ----------------------------------------------------------------------------


def test_what_was_not_broadcast_is_sent_after_a_restart(made: Parts, tmp_path: Path) -> None:
    made.node.answers["eth_sendRawTransaction"] = silent
    for _ in range(2):
        with pytest.raises(RpcError):
            made.pay()
    again = parts(tmp_path)
    again.watch.start()
    try:
        deadline = time.monotonic() + 30
        while len(again.broadcasts) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        again.watch.stop()
    assert again.broadcasts == list(dict.fromkeys(made.broadcasts))


def test_a_lost_answer_is_said_to_be_lost(made: Parts) -> None:
    made.signer.silent = True
    with pytest.raises(Unanswered, match="do not pay a second time") as caught:
        made.pay()
    told = error_object(caught.value)
    assert (told["code"], told["data"]["signed"]) == (-32000, None)
    assert not made.broadcasts


def test_what_was_signed_without_an_answer_is_broadcast_once_it_is_found(made: Parts) -> None:
    made.watch.sweep()
    made.signer.silent = True
    with pytest.raises(Unanswered):
        made.pay()
    made.watch.sweep()
    assert not made.journal.entries()
    made.signer.silent = False
    made.pay()
    made.watch.sweep()
    (lost, _) = made.journal.entries()
    assert lost.signed.transaction.nonce == 0
    made.clock[0] += 1
    made.watch.sweep()
    assert "0x" + lost.signed.raw.hex() in made.broadcasts


def test_what_was_only_to_be_signed_is_not_broadcast(made: Parts) -> None:
    made.signer.silent = True
    with pytest.raises(Unanswered):
        made.call("eth_signTransaction", {"from": made.account, "to": TO})
    made.signer.silent = False
    made.watch.sweep()
    assert not made.journal.entries()


def test_a_payment_of_another_chain_is_not_broadcast_here(made: Parts) -> None:
    made.signer.silent = True
    document = {"chainId": "0x1", "to": TO, "gas": "0x5208", "gasPrice": "0x1"}
    with pytest.raises(Unanswered):
        made.signer.sign_transaction(made.signer.accounts()[0], document, send=True)
    made.signer.silent = False
    made.watch.sweep()
    assert not made.journal.entries()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"raw": "0x01", "signedMs": 1}', '{"raw": 7}', "[]", '{"a": 1, "a": 1}']
)
def test_a_damaged_entry_is_named(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "journal"
    directory.mkdir(mode=0o700)
    path = directory / "0-aa.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(UsageError, match=r"0-aa\.json is damaged"):
        Journal(directory)


def test_an_entry_of_another_name_is_damaged(made: Parts, tmp_path: Path) -> None:
    name = made.pay()
    (path,) = (tmp_path / "journal").iterdir()
    path.write_text(path.read_text().replace(name, "0x" + "00" * 32))
    with pytest.raises(UsageError, match="damaged"):
        Journal(tmp_path / "journal")


def test_a_journal_that_others_may_read_is_refused(made: Parts, tmp_path: Path) -> None:
    made.pay()
    (path,) = (tmp_path / "journal").iterdir()
    path.chmod(0o640)
    with pytest.raises(UsageError, match="others may use"):
        Journal(tmp_path / "journal")


def test_the_request_is_not_changed(made: Parts) -> None:
    request = {"from": made.account, "to": TO.lower(), "value": "0x1"}
    before = dict(request)
    made.sending.send(request)
    assert request == before
