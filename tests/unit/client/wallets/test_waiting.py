"""What waits for approvals, and what is asked for again: held against what was asked for first."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_changes import Changing, Exporting
from adyton.client.wallet_making import new_wallet
from adyton.client.wallet_resume import pending, resume
from adyton.client.wallet_signed import Signing
from adyton.core.errors import PolicyError, UnavailableError, UsageError, VerificationError
from adyton.protocol.wallet.answers import Proposal
from tests.adversary.wallet_server import WalletServer
from tests.wallet_asking import (
    PHRASE,
    POLICY,
    approve,
    payment,
)


def test_a_policy_is_put_in_the_place_of_its_forerunner(
    wallet: Wallet, server: WalletServer
) -> None:
    other = b'{"v":1,"rules":[{}]}'
    changed = wallet.change_policy(other)
    assert (wallet.known.version, changed.told.warnings) == (2, ("any receiver",))
    assert wallet.show().policy == other
    server.told = {"wallet": wallet.known}
    with pytest.raises(VerificationError, match="another policy"):
        wallet.change_policy(POLICY)


def test_a_secret_that_comes_out_is_the_wallet_s(session: Session, server: WalletServer) -> None:
    wallet, _ = new_wallet(session, kind="hd", accounts=2)
    told = wallet.export().told
    assert len(told.secret.split()) == 24
    server.told = {"secret": PHRASE}
    with pytest.raises(VerificationError, match="not those of its secret"):
        wallet.export()
    server.told = {"status": "pending"}
    with pytest.raises(VerificationError, match="pending, and yet shown"):
        wallet.export()


def test_what_others_approve_is_claimed(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 2
    waiting = wallet.sign_transaction(wallet.account, payment())
    assert waiting.pending is not None
    assert (waiting.raw, waiting.signature, waiting.transaction) == (b"", b"", None)
    assert wallet.claim(waiting.pending).pending == waiting.pending
    with pytest.raises(PolicyError, match="0 of 2"):
        wallet.wait_claim(waiting.pending, timeout_s=0)
    approve(wallet, waiting.pending)
    looks: list[int] = []

    def look(seen: Proposal) -> None:
        looks.append(len(seen.approved))
        approve(wallet, seen.proposal)

    signing = wallet.wait_claim(waiting.pending, timeout_s=60, waiting=look, sleep=lambda _: None)
    assert isinstance(signing, Signing)
    assert signing.transaction is not None
    assert looks == [1]
    assert wallet.proposals() == ()


def test_a_claim_is_held_against_what_was_proposed(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    for lie in ({"value": 1}, {"to": b"\1" * 20}):
        waiting = wallet.sign_transaction(wallet.account, payment())
        seen = approve(wallet, waiting.pending)
        server.changed = lambda one, lie=lie: replace(one, **lie)
        with pytest.raises(VerificationError, match="another transaction"):
            wallet.claim(seen)
        server.changed = None


def test_policies_and_exports_wait_for_approvals_too(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    change = wallet.change_policy(b'{"v":1}')
    assert wallet.known.version == 1
    claimed = wallet.claim(approve(wallet, change.pending))
    assert isinstance(claimed, Changing)
    assert (wallet.known.version, claimed.pending) == (2, None)
    waiting = wallet.export()
    assert waiting.told.secret == b""
    exported = wallet.claim(approve(wallet, waiting.pending))
    assert isinstance(exported, Exporting)
    assert exported.told.secret
    assert exported.told.secret.hex() not in repr(exported)


def test_an_approval_is_of_what_was_read(wallet: Wallet, server: WalletServer) -> None:
    server.approvals = 1
    named = wallet.sign_transaction(wallet.account, payment()).pending
    assert named is not None
    seen = wallet.proposal(named)
    for other in (
        replace(seen, content=b"{}"),
        replace(seen, requester=bytes(32)),
        replace(seen, method="export"),
    ):
        with pytest.raises(VerificationError, match="other content"):
            wallet.approve(other)
    server.waiting[named] = replace(seen, wallet=bytes(32))
    server.shown["proposals"] = {"proposals": (server.waiting[named],)}
    with pytest.raises(VerificationError, match="another wallet"):
        wallet.proposals()
    server.shown = {}
    server.waiting[named] = seen
    wallet.reject(named)
    with pytest.raises(UsageError, match="no open proposal"):
        wallet.proposal(named)


def test_a_lost_answer_is_asked_for_again(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        wallet.sign_transaction(wallet.account, payment())
    server.drops = []
    (record,) = pending(session)
    assert (record.method, record.name) == ("sign", "transaction")
    again, signing = resume(session, record)
    assert isinstance(signing, Signing)
    assert (again.id, signing.told.nonce) == (wallet.id, 0)
    assert pending(session) == []
    assert wallet.next_nonce(wallet.account, 4) == 1


def test_a_lost_claim_is_held_against_its_proposal(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    server.approvals = 1
    waiting = wallet.sign_transaction(wallet.account, payment())
    seen = approve(wallet, waiting.pending)
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        wallet.claim(seen)
    server.drops = []
    (record,) = pending(session)
    _, signing = resume(session, record)
    assert isinstance(signing, Signing)
    assert signing.transaction is not None
    assert not list((session.keystore.home / "chains").glob("*/claims/*"))


def test_lost_changes_are_asked_for_again(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    def lose(ask: Any) -> Any:
        server.drops = ["POST /task"] * 20
        with pytest.raises(UnavailableError):
            ask()
        server.drops = []
        (record,) = pending(session)
        return resume(session, record)

    _, made = lose(lambda: new_wallet(session, kind="hd"))
    assert made.told.wallet.kind == "hd"
    _, made = lose(wallet.add_account)
    assert len(made.told.wallet.accounts) == 2
    again, _ = lose(lambda: wallet.change_policy(b"{}"))
    assert again.known.version == 2
    assert again.next_nonce(wallet.account, 9) == 0
    lose(lambda: wallet.raise_nonce(wallet.account, 9, 4))
    assert again.next_nonce(wallet.account, 9) == 4
    words, _ = new_wallet(session, kind="hd", accounts=2)
    _, exported = lose(words.export)
    assert exported.told.secret.decode() == server.held[words.id].phrase
