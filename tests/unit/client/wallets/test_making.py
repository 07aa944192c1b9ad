"""Wallets as a client has them made, changed and shown: what it asked for, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_finding import open_wallet, wallets
from adyton.client.wallet_making import import_wallet, new_wallet
from adyton.client.wallet_resume import pending, resume
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.wallet.answers import Changed
from tests.adversary.wallet_server import WalletServer
from tests.wallet_asking import (
    FIRST_OF_PHRASE,
    PHRASE,
    POLICY,
    entry,
)


def test_a_wallet_is_made_listed_and_found(session: Session) -> None:
    first, made = new_wallet(session, kind="hd", accounts=2, policy=POLICY)
    assert (first.known.kind, len(first.accounts), made.told.status) == ("hd", 2, "done")
    second, _ = new_wallet(session)
    assert second.known.policy_hash == bytes(32)
    assert {one.id for one in wallets(session)} == {first.id, second.id}
    assert open_wallet(session, first.id).known == first.known
    assert open_wallet(session, first.accounts[1]).id == first.id
    for unknown in (bytes(32), bytes(20)):
        with pytest.raises(UsageError) as refused:
            open_wallet(session, unknown)
        assert refused.value.code == "wallet_unknown"


def test_two_wallets_are_made_of_other_entropy(session: Session, server: WalletServer) -> None:
    from adyton.protocol.wallet.requests import New

    for _ in range(2):
        new_wallet(session)
    given = [New.decode(one.request.arguments).entropy for one in server.recorded.values()]
    assert len(set(given)) == 2
    assert bytes(32) not in given


@pytest.mark.parametrize(
    "lie",
    [
        {"wallet": bytes(32)},
        {"owner": bytes(32)},
        {"kind": "hd"},
        {"ordering": "bft"},
        {"policy_hash": bytes(32)},
        {"version": 2},
        {"accounts": ()},
    ],
)
def test_a_wallet_is_made_as_it_was_asked_for(
    session: Session, server: WalletServer, wallet: Wallet, lie: dict[str, Any]
) -> None:
    made = server.carried_out

    def lying(*given: Any) -> Any:
        told = made(*given)
        assert isinstance(told, Changed)
        return replace(told, wallet=replace(told.wallet, **lie))

    vars(server)["carried_out"] = lying
    with pytest.raises(VerificationError, match="another wallet"):
        new_wallet(session, policy=POLICY)


def test_an_imported_secret_is_the_one_that_was_given(
    session: Session, server: WalletServer
) -> None:
    key, _ = import_wallet(session, b"\x46" * 32, kind="key", policy=POLICY)
    assert checksummed(key.account) == "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F"
    words, _ = import_wallet(session, PHRASE, kind="phrase", accounts=3)
    assert words.account == FIRST_OF_PHRASE
    assert len(words.accounts) == 3
    salted, _ = import_wallet(session, PHRASE, kind="phrase", passphrase=b"salt")
    assert salted.account != words.account
    another = server.held[key.id].known.accounts
    made = server.carried_out

    def lying(*given: Any) -> Any:
        told = made(*given)
        assert isinstance(told, Changed)
        return replace(told, wallet=replace(told.wallet, accounts=another))

    vars(server)["carried_out"] = lying
    with pytest.raises(VerificationError, match="not those of its secret"):
        import_wallet(session, PHRASE, kind="phrase")


def holding(session: Session, secret: bytes) -> list[str]:
    """Return the names of the client's files that hold these bytes."""
    files = [path for path in session.keystore.home.rglob("*") if path.is_file()]
    assert files
    return [path.name for path in files if secret in path.read_bytes()]


def test_an_imported_secret_does_not_stay_on_the_client_s_disk(
    session: Session, server: WalletServer
) -> None:
    one, two = b"\x46\x47\x48\x49" * 8, b"\x56\x57\x58\x59" * 8
    import_wallet(session, one, kind="key")
    assert holding(session, one) == []
    server.drops = ["POST /task"] * 20
    with pytest.raises(UnavailableError):
        import_wallet(session, two, kind="key")
    server.drops = []
    assert holding(session, two)  # to be asked again; the files are this user's alone
    (record,) = pending(session)
    resume(session, record)
    assert holding(session, two) == []


@pytest.mark.parametrize(
    ("secret", "kind"),
    [(b"\0" * 32, "key"), (b"\1" * 31, "key"), (b"test test", "phrase"), (b"\xff", "phrase")],
)
def test_what_is_no_secret_is_not_sent(
    session: Session, server: WalletServer, secret: bytes, kind: str
) -> None:
    with pytest.raises(UsageError) as refused:
        import_wallet(session, secret, kind=kind)
    assert secret.hex() not in str(refused.value)
    assert not server.recorded


def test_an_account_more(wallet: Wallet, server: WalletServer) -> None:
    before = wallet.accounts
    added, _ = wallet.add_account()
    assert wallet.accounts == (*before, added.address)
    server.told = {"wallet": replace(wallet.known, accounts=wallet.known.accounts[:1])}
    with pytest.raises(VerificationError, match="one more account"):
        wallet.add_account()


def test_an_audit_has_no_gaps(wallet: Wallet, server: WalletServer) -> None:
    server.audited = [entry(place) for place in range(3)]
    assert [one.place for one in wallet.audit().entries] == [0, 1]
    assert [one.place for one in wallet.audit(2).entries] == [2]
    assert wallet.audit(7).entries == ()
    server.audited = [entry(0), entry(2)]
    with pytest.raises(VerificationError, match="not in order"):
        wallet.audit()
    server.audited = [entry(0)]
    server.shown["audit"] = {"total": 0}
    with pytest.raises(VerificationError, match="not in order"):
        wallet.audit()
