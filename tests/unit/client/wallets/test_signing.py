"""Signatures as a client believes them: of what it asked for, by whom it asked, as the ledger has them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import PaymentRefused
from adyton.client.wallet_making import import_wallet, new_wallet
from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed
from tests.adversary.wallet_server import WalletServer
from tests.wallet_asking import (
    POLICY,
    TYPED,
    VENDOR,
    payment,
)


def test_a_transaction_is_signed_and_its_nonce_chosen(wallet: Wallet) -> None:
    first = wallet.sign_transaction(wallet.account, payment())
    second = wallet.sign_transaction(wallet.account, payment(value="0x401"))
    assert [first.told.nonce, second.told.nonce] == [0, 1]
    assert first.transaction is not None
    assert decode_signed(first.raw).sender == wallet.account
    assert first.transaction.transaction.value == 1025
    assert wallet.next_nonce(wallet.account, 4) == 2
    assert wallet.next_nonce(wallet.account, 5) == 0
    wallet.raise_nonce(wallet.account, 5, 9)
    assert wallet.sign_transaction(wallet.account, payment(chainId=5)).told.nonce == 9


@pytest.mark.parametrize(
    "changed",
    [
        {"to": b"\1" * 20},
        {"to": None},
        {"value": 1026},
        {"data": b"\1"},
        {"gas": 21_001},
        {"max_fee": 21},
        {"tip": 3},
        {"chain_id": 5},
        {"kind": 1, "tip": None},
        {"access_list": ((b"\1" * 20, ()),)},
    ],
)
def test_another_transaction_than_was_asked_for_is_refused(
    wallet: Wallet, server: WalletServer, changed: dict[str, Any]
) -> None:
    def change(transaction: Transaction) -> Transaction:
        return replace(transaction, **changed)

    server.changed = change
    with pytest.raises(VerificationError, match="another transaction is signed"):
        wallet.sign_transaction(wallet.account, payment())


def test_only_a_nonce_that_was_left_open_may_be_chosen(
    wallet: Wallet, server: WalletServer
) -> None:
    server.changed = lambda transaction: replace(transaction, nonce=9)
    assert wallet.sign_transaction(wallet.account, payment()).told.nonce == 9
    with pytest.raises(VerificationError, match="nonce is another one"):
        wallet.sign_transaction(wallet.account, payment(nonce=3))


def test_a_transaction_is_signed_by_the_account_that_was_asked(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    other, _ = new_wallet(session)
    server.held[wallet.id].keys = server.held[other.id].keys
    with pytest.raises(VerificationError, match="another account"):
        wallet.sign_transaction(wallet.account, payment())
    with pytest.raises(VerificationError, match="another account's"):
        wallet.sign_message(wallet.account, b"hello")
    with pytest.raises(VerificationError, match="another account's"):
        wallet.sign_typed_data(wallet.account, TYPED)


@pytest.mark.parametrize(
    "told",
    [
        {"digest": bytes(32)},
        {"chain_id": 5},
        {"chain_id": None},
        {"nonce": 7},
        {"signature": bytes(64) + b"\x1b"},
        {"raw": b""},
        {"raw": b"\x02\xc0"},
        {"status": "pending"},
        {"status": "done"},
        {"proposal": bytes(32)},
    ],
)
def test_what_is_told_of_a_transaction_is_true(
    wallet: Wallet, server: WalletServer, told: dict[str, Any]
) -> None:
    server.told = told
    with pytest.raises(VerificationError):
        wallet.sign_transaction(wallet.account, payment())


@pytest.mark.parametrize(
    "told",
    [
        {"digest": bytes(32)},
        {"chain_id": 1},
        {"nonce": 0},
        {"raw": b"\1"},
        {"signature": b""},
        {"signature": b"\1" * 64 + b"\x1d"},
    ],
)
def test_what_is_told_of_a_message_is_true(
    wallet: Wallet, server: WalletServer, told: dict[str, Any]
) -> None:
    assert len(wallet.sign_message(wallet.account, b"hello").signature) == 65
    assert wallet.sign_typed_data(wallet.account, TYPED).told.chain_id == 5
    server.told = told
    with pytest.raises(VerificationError):
        wallet.sign_message(wallet.account, b"hello")
    with pytest.raises(VerificationError):
        wallet.sign_typed_data(wallet.account, TYPED)


def test_a_message_is_signed_as_everywhere(session: Session) -> None:
    key = bytes.fromhex("4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318")
    wallet, _ = import_wallet(session, key, kind="key")
    signed = wallet.sign_message(wallet.account, b"Some data").signature
    assert signed.hex() == (
        "b91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd"
        "6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c"
    )


@pytest.mark.parametrize(
    ("document", "match"),
    [
        (payment(to=VENDOR.lower()), "checksum"),
        (payment(to=VENDOR[:-1] + "5"), "wrong checksum"),
        (payment(value=1.5), "fraction"),
        (payment(value="1.5"), "not whole"),
        (payment(chainId=None), "chainId"),
        (payment(maxFeePerGas=None), "maxFeePerGas"),
        (payment(nonce=2**64), "nonce"),
        (payment(value=2**256), "value"),
        (payment(maxPriorityFeePerGas=21), "maxPriorityFeePerGas"),
        (payment(gas=None), "gas"),
        (payment(colour="red"), "colour"),
        ({**payment(), "from": VENDOR}, "another account"),
        ('{"to": 1, "to": 2}', "twice"),
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
    ],
)
def test_a_document_that_says_no_one_thing_is_not_sent(
    wallet: Wallet, server: WalletServer, document: Any, match: str
) -> None:
    before = len(server.recorded)
    with pytest.raises((UsageError, MalformedError), match=match):
        wallet.sign_transaction(wallet.account, document)
    assert len(server.recorded) == before


def test_the_article_s_document(wallet: Wallet) -> None:
    document = {
        "gasPrice": "01", "gasLimit": "0186a0", "value": "0401", "chainId": "04",
        "to": VENDOR[2:].lower(), "data": "fe05a1c31bd2",
    }  # fmt: skip
    signing = wallet.sign_transaction(wallet.account, document, profile="article")
    assert signing.transaction is not None
    made = signing.transaction.transaction
    assert (made.value, made.gas, made.data) == (1025, 100_000, b"fe05a1c31bd2")
    for wrong in ({"value": 1}, {"value": "0x01"}, {"to": "00"}):
        with pytest.raises(UsageError):
            wallet.sign_transaction(wallet.account, document | wrong, profile="article")


def test_a_cancel_moves_nothing(wallet: Wallet) -> None:
    wallet.sign_transaction(wallet.account, payment())
    fees = {"maxFeePerGas": 22, "maxPriorityFeePerGas": 3}
    signing = wallet.cancel(wallet.account, 4, 0, fees)
    assert signing.transaction is not None
    made = signing.transaction.transaction
    assert (made.to, made.value, made.data, made.nonce) == (wallet.account, 0, b"", 0)


def test_one_key_one_signature(wallet: Wallet) -> None:
    first = wallet.sign_transaction(wallet.account, payment(), key="order 7")
    second = wallet.sign_transaction(wallet.account, payment(), key="order 7")
    assert first.raw == second.raw


def test_a_refusal_is_told_with_its_rule_and_proof(wallet: Wallet, server: WalletServer) -> None:
    server.told = {
        "status": "refused", "reason": "value is over the limit", "signature": b"", "raw": b"",
    }  # fmt: skip
    with pytest.raises(PaymentRefused, match="over the limit") as refused:
        wallet.sign_transaction(wallet.account, payment())
    assert (refused.value.code, refused.value.carried.fields["status"]) == (
        "payment_refused", b"refused",
    )  # fmt: skip
    assert refused.value.signed is not None
    assert refused.value.signed.rule == "pay"
    server.told = {}
    server.answer = {"code": "payment_refused", "reason": "no rule", "body": b""}
    with pytest.raises(PaymentRefused, match="no rule") as refused:
        wallet.sign_transaction(wallet.account, payment())
    assert refused.value.signed is None
    server.answer = {"code": "nonce_used", "reason": "used", "body": b""}
    with pytest.raises(UsageError, match="used"):
        wallet.sign_transaction(wallet.account, payment())


@pytest.mark.parametrize(
    "claimed",
    [{"digest": bytes(32)}, {"rule": b"x"}, {"document": b"{}"}, {"caller": bytes(32)}],
)
def test_the_entry_commits_to_what_was_asked_and_answered(
    wallet: Wallet, server: WalletServer, claimed: dict[str, bytes]
) -> None:
    server.claimed = claimed
    with pytest.raises(VerificationError, match="does not commit"):
        wallet.sign_transaction(wallet.account, payment())


def test_an_answer_is_of_the_kind_that_was_asked_for(wallet: Wallet, server: WalletServer) -> None:
    signed = wallet.sign_message(wallet.account, b"x").told
    server.answer = {"body": signed.encode()}
    for ask in (wallet.add_account, wallet.export, lambda: wallet.change_policy(POLICY)):
        with pytest.raises(VerificationError, match="another request"):
            ask()
    server.answer = {"body": b"\x82\x63abc\x01"}
    with pytest.raises(VerificationError, match="unknown form"):
        wallet.add_account()
