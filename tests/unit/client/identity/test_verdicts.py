"""Verdicts: what a relying party believes, and what it does not."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.identity_verdict import CredentialRefused, present, read_checklist
from adyton.client.records import PENDING
from adyton.core.errors import (
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol.identity.answers import USE_SEALED, IdentityEntry
from tests.adversary.identity_server import IdentityServer
from tests.unit.client.identity.conftest import Desk

HASH = b"\x77" * 32


def test_yes_and_no(server: IdentityServer, desk: Desk) -> None:
    judged = desk.judge()
    judged.require_yes()
    assert (judged.verdict.answer, judged.range_check) == ("yes", "")
    server.verdict = {"answer": "no", "reason": "expired"}
    judged = desk.judge()
    with pytest.raises(CredentialRefused, match="no: expired: the credential is not valid") as no:
        judged.require_yes()
    assert (no.value.code, no.value.judged) == ("credential_refused", judged)


@pytest.mark.parametrize(
    "verdict",
    [
        {"request": HASH},
        {"party": HASH},
        {"policy_hash": HASH},
        {"epoch": 1},
        {"answer": "no"},
        {"reason": "policy"},
        {"pseudonym": HASH},
        {"answer": "no", "reason": "policy", "pseudonym": HASH},
        {"answer": "no", "reason": "policy", "cutoff_day": 1},
        {"answer": "no", "reason": "policy", "range_proof": b"proof"},
        {"range_proof": b"proof", "cutoff_day": 70_000},
    ],
)
def test_a_verdict_is_on_what_was_asked(
    server: IdentityServer, desk: Desk, verdict: dict[str, Any]
) -> None:
    server.verdict = verdict
    with pytest.raises(VerificationError) as refused:
        desk.judge()
    assert refused.value.code == "answer_invalid"


def test_a_cutoff_without_a_proof_is_none(server: IdentityServer, desk: Desk) -> None:
    server.verdict = {"cutoff_day": 70_000}
    with pytest.raises((MalformedError, VerificationError)):
        desk.judge()


def test_what_a_policy_asks_for_is_there(session: Session, server: IdentityServer) -> None:
    known = Desk.make(session, pseudonym="document_number", salt=b"\1" * 16)
    assert known.judge().verdict.pseudonym == server.pseudonym
    server.verdict = {"pseudonym": None}
    with pytest.raises(VerificationError, match="does not carry"):
        known.judge()
    proven = Desk.make(session, range_proof=True, salt=b"\2" * 16)
    server.verdict = {}
    with pytest.raises(VerificationError, match="does not carry"):
        proven.judge()


@pytest.mark.parametrize("field", ["party", "request", "policy", "epoch", "answer", "reason"])
def test_the_entry_commits_to_the_verdict(server: IdentityServer, desk: Desk, field: str) -> None:
    server.claimed = {field: b"else"}
    with pytest.raises(VerificationError, match="does not commit"):
        desk.judge()


@pytest.mark.parametrize(
    "entry",
    [
        IdentityEntry(b"", ()),
        IdentityEntry(b"record", (bytes(USE_SEALED),)),
    ],
)
def test_the_entry_is_public_in_one_form(
    server: IdentityServer, desk: Desk, entry: IdentityEntry
) -> None:
    request = desk.sealed()
    server.entry = entry
    with pytest.raises(VerificationError, match="not that of a presentation"):
        present(desk.session, request, desk.policy)


def test_without_a_verdict_its_code_is_raised(server: IdentityServer, desk: Desk) -> None:
    server.answer = {"code": "epoch_ended", "reason": "make it anew", "verdict": b""}
    with pytest.raises(PolicyError, match="make it anew") as refused:
        desk.judge()
    assert refused.value.code == "epoch_ended"
    server.claimed = {"reason": b"not_sender"}
    with pytest.raises(VerificationError, match="does not commit"):
        desk.judge()
    server.claimed = {}
    server.answer = {"code": "no_such_code", "reason": "", "verdict": b""}
    with pytest.raises(VerificationError, match="unknown error code"):
        desk.judge()


def test_a_request_is_brought_with_its_own_policy(desk: Desk) -> None:
    other = replace(desk.policy, age_over=21)
    with pytest.raises(UsageError, match="another version of the policy"):
        present(desk.session, desk.sealed(), other)


def test_a_checklist_is_that_of_the_request(session: Session) -> None:
    assert read_checklist(session, bytes(32)).lines == ()
    with pytest.raises(VerificationError, match="another request"):
        read_checklist(session, os.urandom(32))


def test_what_was_lost_is_asked_again_in_the_same_bytes(server: IdentityServer, desk: Desk) -> None:
    asked = desk.sealed()
    server.drops = ["POST /task"] * 50
    with pytest.raises(UnavailableError):
        present(desk.session, asked, desk.policy)
    server.drops = []
    (lost,) = desk.session.store.requests()
    assert lost.state == PENDING
    height = len(server.ledger.blocks)
    assert present(desk.session, asked, desk.policy).accepted.request_id == lost.request_id
    assert list(desk.session.store.requests()) == []
    again = present(desk.session, asked, desk.policy)
    assert again.accepted.request_id != lost.request_id
    assert len(server.ledger.blocks) <= height + 2
