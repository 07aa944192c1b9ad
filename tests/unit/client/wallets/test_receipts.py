"""Receipts of wallets: what anybody believes of them, and what nobody does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client import Session
from adyton.client.certificate import CertificatePolicy
from adyton.client.verdict import Verdict
from adyton.client.wallet import Wallet
from adyton.client.wallet_answers import Carried
from adyton.client.wallet_making import new_wallet
from adyton.client.wallet_receipt import (
    WalletReceipt,
    make_wallet_receipt,
    verify_wallet_receipt,
)
from adyton.core.errors import Error, PolicyError, UsageError, VerificationError
from adyton.protocol.claims import WALLET_FIELDS, claims_digest, commit
from adyton.protocol.ethereum.address import checksummed
from tests.adversary.server_simulator import now_ms, open_session
from tests.adversary.wallet_server import WalletServer

SIGNED = ("account", "digest", "signature")


@pytest.fixture
def server(tmp_path: Path) -> WalletServer:
    (tmp_path / "server").mkdir()
    return WalletServer(tmp_path / "server")


@pytest.fixture
def session(tmp_path: Path, server: WalletServer) -> Iterator[Session]:
    with open_session(tmp_path / "home", server) as made:
        yield made


@pytest.fixture
def wallet(session: Session) -> Wallet:
    return new_wallet(session)[0]


@pytest.fixture
def carried(wallet: Wallet) -> Carried:
    return wallet.sign_message(wallet.account, b"hello").carried


def verify(
    server: WalletServer, receipt: WalletReceipt, *, simulated: bool = True, age_ms: int = 10**9
) -> Verdict:
    policy = CertificatePolicy(
        fingerprints=frozenset({server.ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=simulated,
        least_ordering="single-host",
        max_evidence_age_ms=age_ms,
        allow_stale=False,
    )
    return verify_wallet_receipt(receipt.encode(), policy=policy, now_ms=now_ms())


def test_a_receipt_opens_what_its_holder_shows(
    session: Session, server: WalletServer, wallet: Wallet, carried: Carried
) -> None:
    verdict = verify(server, make_wallet_receipt(session, carried))
    assert set(verdict.shown) == set(WALLET_FIELDS)
    assert verdict.shown["account"] == checksummed(wallet.account)
    assert verdict.shown["document"] == '{"message":"0x68656c6c6f"}'
    assert (verdict.shown["method"], verdict.shown["chain"]) == ("sign message", "")
    assert "the signature" in verdict.readable()["request"]["others"]
    few = make_wallet_receipt(session, carried, ("rule", "status"))
    verdict = verify(server, few)
    assert verdict.shown == {"status": "signed", "rule": "pay"}
    assert b"68656c6c6f" not in few.encode()
    assert wallet.account not in few.encode()
    nothing = verify(server, make_wallet_receipt(session, carried, ()))
    assert (nothing.shown, len(nothing.closed)) == ({}, len(WALLET_FIELDS))


def test_there_is_no_receipt_of_other_fields(session: Session, carried: Carried) -> None:
    with pytest.raises(UsageError, match="no field colour"):
        make_wallet_receipt(session, carried, ("colour",))
    with pytest.raises(UsageError, match="add digest"):
        make_wallet_receipt(session, carried, ("signature",))


def recommitted(server: WalletServer, carried: Carried, **values: bytes) -> Carried:
    """Return what a faulty enclave could have recorded: commitments to these values."""
    fields = {**carried.fields, **values}
    accepted = carried.accepted
    made = commit(WALLET_FIELDS, fields, accepted.result_key, accepted.exec_id)
    part = server.ledger.part(
        "request", task_hash=accepted.task_hash, claims=claims_digest(made), sealed=bytes(272),
        body=None,
    )  # fmt: skip
    server.ledger.add([part])
    height = len(server.ledger.blocks)
    proof = server.ledger.proof(height, 0)
    return replace(
        carried,
        fields=fields,
        accepted=replace(accepted, entry=replace(accepted.entry, proof=proof)),
    )


@pytest.mark.parametrize(
    "values",
    [
        {"account": bytes(20)},
        {"digest": bytes(32)},
        {"signature": bytes(64) + b"\x1b"},
        {"signature": b"\1" * 64},
        {"signature": b"\1" * 64 + b"\x25"},
    ],
)
def test_a_signature_is_the_account_s_over_the_digest(
    session: Session, server: WalletServer, carried: Carried, values: dict[str, bytes]
) -> None:
    lying = recommitted(server, carried, **values)
    verify(server, make_wallet_receipt(session, lying, ("status", "rule")))
    with pytest.raises(VerificationError, match="opened signature"):
        verify(server, make_wallet_receipt(session, lying, SIGNED))


def test_a_signature_is_not_shown_without_what_it_is_over(
    session: Session, server: WalletServer, carried: Carried
) -> None:
    receipt = make_wallet_receipt(session, carried, SIGNED)
    bare = tuple(one for one in receipt.openings if one.field != "digest")
    with pytest.raises(VerificationError, match="digest"):
        verify(server, replace(receipt, openings=bare))
    without_account = tuple(one for one in receipt.openings if one.field != "account")
    assert "account" in verify(server, replace(receipt, openings=without_account)).closed


def altered(receipt: WalletReceipt) -> Iterator[WalletReceipt]:
    first, *rest = receipt.openings
    yield replace(receipt, commitments=(bytes(32), *receipt.commitments[1:]))
    yield replace(receipt, commitments=receipt.commitments[1:])
    yield replace(receipt, openings=(replace(first, value=bytes(20)), *rest))
    yield replace(receipt, openings=(replace(first, salt=bytes(32)), *rest))
    yield replace(receipt, openings=(replace(first, field="colour"), *rest))
    yield replace(receipt, openings=(first, first, *rest))
    yield replace(receipt, openings=tuple(reversed(receipt.openings)))
    yield replace(receipt, genesis=receipt.genesis[:-1] + b"\0")


def test_what_is_altered_does_not_verify(
    session: Session, server: WalletServer, carried: Carried
) -> None:
    receipt = make_wallet_receipt(session, carried, SIGNED)
    cases = list(altered(receipt))
    assert len(cases) == 8
    for case in cases:
        with pytest.raises(Error):
            verify(server, case)


def test_the_policy_of_who_verifies_holds(
    session: Session, server: WalletServer, carried: Carried
) -> None:
    receipt = make_wallet_receipt(session, carried)
    with pytest.raises(PolicyError, match="simulated"):
        verify(server, receipt, simulated=False)
    with pytest.raises(PolicyError, match=r"older|stale"):
        verify(server, receipt, age_ms=0)


def test_two_requests_share_nothing_in_their_commitments(session: Session, wallet: Wallet) -> None:
    one, two = (
        make_wallet_receipt(session, wallet.sign_message(wallet.account, b"hello").carried)
        for _ in range(2)
    )
    assert not set(one.commitments) & set(two.commitments)
    assert one.openings[0].salt != two.openings[0].salt
