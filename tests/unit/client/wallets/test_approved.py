"""What a client that comes back for a payment believes: its own request, and how the audit says that it ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.client.wallet import Wallet
from adyton.client.wallet_approved import (
    ApprovalEnded,
    ApprovalPending,
    claim_asked,
    ending_of,
)
from adyton.client.wallet_document import encode_document
from adyton.client.wallet_signed import Signing
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.wallet.answers import AuditEntry
from adyton.protocol.wallet.requests import JSON_RPC, Sign
from tests.adversary.wallet_server import WalletServer
from tests.wallet_asking import approve, entry, payment

NAMED = b"\x31" * 32
LATER = 2**50


@pytest.fixture
def asked(wallet: Wallet) -> Sign:
    document = encode_document(payment(nonce=None))
    return Sign(wallet.account, "transaction", JSON_RPC, document, False, "key")


def claim(wallet: Wallet, asked: Sign, named: bytes, now_ms: int = 0) -> Signing:
    return claim_asked(wallet, asked, named, 1, now_ms=now_ms)


def proposed(wallet: Wallet, server: WalletServer, asked: Sign) -> bytes:
    server.approvals = 1
    named = wallet.sign(asked).pending
    assert named is not None
    return named


def about(place: int, **changed: object) -> AuditEntry:
    return replace(entry(place), **{"proposal": NAMED, **changed})  # type: ignore[arg-type] # checked by each test


def test_it_waits_until_enough_have_approved(
    wallet: Wallet, server: WalletServer, asked: Sign
) -> None:
    named = proposed(wallet, server, asked)
    with pytest.raises(ApprovalPending) as told:
        claim(wallet, asked, named)
    assert (told.value.proposal, told.value.missing) == (named, 1)
    approve(wallet, named)
    server.approvals = 0
    assert claim(wallet, asked, named).transaction is not None


def test_a_proposal_of_another_payment_is_not_claimed(
    wallet: Wallet, server: WalletServer, asked: Sign
) -> None:
    named = proposed(wallet, server, asked)
    approve(wallet, named)
    for other in (replace(asked, key="other"), replace(asked, document=b"{}")):
        with pytest.raises(VerificationError, match="of another payment"):
            claim(wallet, other, named)
    server.shown["proposal"] = {"method": "export"}
    with pytest.raises(VerificationError, match="of another payment"):
        claim(wallet, asked, named)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"method": "reject", "status": "done", "client": b"\x41" * 32}, "rejected by client 4141"),
        ({"method": "transaction", "status": "refused", "reason": "too much"}, "too much"),
        ({"method": "transaction", "status": "pending"}, "expired"),
        ({"method": "approve", "status": "done"}, "expired"),
        ({"proposal": bytes(32)}, "expired"),
        ({"proposal": None}, "expired"),
    ],
)
def test_how_it_ended_is_told(
    wallet: Wallet, server: WalletServer, asked: Sign, last: dict[str, object], told: str
) -> None:
    server.audited = [entry(0), about(1, **last), entry(2)]
    with pytest.raises(ApprovalEnded, match=told):
        claim(wallet, asked, NAMED)


def test_a_signature_whose_answer_was_lost_is_asked_for_by_its_nonce(
    wallet: Wallet, server: WalletServer, asked: Sign
) -> None:
    first = wallet.sign_transaction(wallet.account, payment(nonce=0))
    server.audited = [about(0, nonce=0)]
    # The server of these tests signs the same transaction alike, as a wallet does.
    again = wallet.sign_transaction(wallet.account, payment(nonce=0), replace=True)
    assert again.raw == first.raw
    del server.nonces[wallet.account, 4]
    assert claim(wallet, asked, NAMED).raw == first.raw
    server.changed = lambda transaction: replace(transaction, nonce=1)
    server.nonces.clear()
    with pytest.raises(VerificationError, match="another transaction is signed"):
        claim(wallet, asked, NAMED)


def test_an_audit_is_looked_through_as_far_as_is_needed(
    wallet: Wallet, server: WalletServer
) -> None:
    server.audited = [about(0), *(replace(entry(at), height=9) for at in range(1, 250))]
    assert ending_of(wallet, NAMED, 10) is None  # all of it is older
    found = ending_of(wallet, NAMED, 1)
    assert found is not None
    assert found.place == 0
    assert ending_of(wallet, b"\x32" * 32, 0) is None


def test_a_later_look_at_an_idle_chain_asks_in_order(
    wallet: Wallet, server: WalletServer, asked: Sign
) -> None:
    named = proposed(wallet, server, asked)
    before = len(server.recorded)
    with pytest.raises(ApprovalPending):
        claim(wallet, asked, named)
    assert len(server.recorded) == before
    with pytest.raises(ApprovalPending):
        claim(wallet, asked, named, LATER)
    assert len(server.recorded) == before + 1


def test_what_an_audit_that_was_not_looked_through_may_hold_has_not_expired(
    wallet: Wallet, server: WalletServer, asked: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else it would be dropped, and asked for again under a key that the wallet may have forgotten: paid twice.
    monkeypatch.setattr("adyton.client.wallet_approved._PAGES", 2)
    signed = about(0, nonce=0)
    server.audited = [replace(signed, height=1), *(entry(at) for at in range(1, 250))]
    with pytest.raises(UsageError, match="too long"):
        claim(wallet, asked, NAMED)
    server.audited = server.audited[:150]
    found = ending_of(wallet, NAMED, 1)
    assert found is not None
    assert found.status == "signed"
    assert ending_of(wallet, b"\x32" * 32, 1) is None  # all of it was looked through
