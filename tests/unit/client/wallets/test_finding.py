"""Finding wallets: all of a list of any length, one by its account or name, and no lie about either."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.client import Session
from adyton.client.wallet import Wallet
from adyton.client.wallet_finding import (
    each_wallet,
    meant_wallets,
    open_proposal,
    open_wallet,
    wallets,
)
from adyton.client.wallet_making import new_wallet
from adyton.core.errors import UsageError, VerificationError
from tests.adversary.wallet_server import Held, WalletServer
from tests.wallet_asking import POLICY, payment

COUNT = 120


def many(wallet: Wallet, server: WalletServer, count: int) -> list[bytes]:
    """Let the server hold strangers' wallets that name the client, and return their names."""
    named = [bytes([9, at >> 8, at & 255]).ljust(32, b"\7") for at in range(count)]
    for at, name in enumerate(named):
        known = replace(
            wallet.known,
            wallet=name,
            owner=b"\5" * 32,
            height=50 + at,
            accounts=(replace(wallet.known.accounts[0], address=name[:20]),),
        )
        server.held[name] = Held(known, [], b"")
    return named


def test_every_wallet_of_a_long_list(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    named = many(wallet, server, COUNT)
    assert [one.id for one in wallets(session)] == [wallet.id, *named]
    assert open_wallet(session, named[-1][:20]).id == named[-1]
    assert open_wallet(session, named[-1]).id == named[-1]


def reads(server: WalletServer, method: str) -> list[int]:
    """Count the reads of a method from now on."""
    counted = [0]
    told = server._told

    def counting(asked: str, arguments: bytes, client: bytes) -> object:
        counted[0] += asked == method
        return told(asked, arguments, client)

    vars(server)["_told"] = counting
    return counted


def test_own_wallets_are_meant_and_strangers_cost_no_reads(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    many(wallet, server, COUNT)
    counted = reads(server, "list")
    assert [one.id for one in meant_wallets(session)] == [wallet.id]
    assert counted == [1]
    open_wallet(session, wallet.account)
    next(each_wallet(session))
    assert counted == [2]


def test_without_own_wallets_some_of_those_that_name_the_client_are_meant(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    named = many(wallet, server, COUNT)
    del server.held[wallet.id]
    assert [one.id for one in meant_wallets(session, most=3)] == named[:3]
    server.held = {named[7]: server.held[named[7]]}
    assert [one.id for one in meant_wallets(session)] == [named[7]]
    server.held = {}
    assert meant_wallets(session) == []


def test_a_list_that_does_not_go_on_is_refused(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    first = wallet.known
    second = new_wallet(session, policy=POLICY)[0].known
    behind, before = sorted((first, second), key=lambda one: one.place_for(one.owner))[::-1]
    for lie in ((behind, before), (before, before)):
        server.shown["list"] = {"wallets": lie, "more": False}
        with pytest.raises(VerificationError, match="not in order"):
            wallets(session)
    server.shown["list"] = {"wallets": (before,), "more": True}
    with pytest.raises(VerificationError, match="not in order"):
        wallets(session)  # the same page again and again
    server.shown["list"] = {"wallets": (), "more": True}
    with pytest.raises(VerificationError, match="does not go on"):
        wallets(session)


def test_another_wallet_or_proposal_than_asked_for_is_refused(
    session: Session, wallet: Wallet, server: WalletServer
) -> None:
    server.shown["find"] = {"accounts": ()}
    with pytest.raises(VerificationError, match="another wallet"):
        open_wallet(session, wallet.account)
    server.shown = {"show": {"wallet": replace(wallet.known, wallet=bytes(32))}}
    with pytest.raises(VerificationError, match="another wallet"):
        open_wallet(session, wallet.id)
    server.shown, server.approvals = {}, 2
    pending = wallet.sign_transaction(wallet.account, payment()).pending
    assert pending is not None
    found, proposal = open_proposal(session, pending)
    assert (found.id, proposal.proposal) == (wallet.id, pending)
    server.shown = {"proposal": {"proposal": bytes(32)}}
    with pytest.raises(VerificationError, match="another proposal"):
        open_proposal(session, pending)
    with pytest.raises(VerificationError, match="another proposal"):
        wallet.proposal(pending)
    server.shown = {"proposal": {"wallet": bytes(32)}}
    with pytest.raises(VerificationError, match="another proposal"):
        wallet.proposal(pending)


def test_what_is_not_there_is_told_in_words(session: Session, wallet: Wallet) -> None:
    with pytest.raises(UsageError, match=r"no wallet of this client has.*wallet_unknown"):
        open_wallet(session, bytes(20))
    with pytest.raises(UsageError, match=r"may be settled.*not_found"):
        open_proposal(session, bytes(32))
