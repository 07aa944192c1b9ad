"""Receipts of verdicts: what anybody believes of them, and what nobody does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.client.certificate import CertificatePolicy
from adyton.client.identity_age import policy_cutoff
from adyton.client.identity_receipt import (
    IdentityReceipt,
    make_identity_receipt,
    narrow,
    verify_identity_receipt,
)
from adyton.client.identity_verdict import Judged
from adyton.client.steps import IDENTITY_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.core.errors import Error, PolicyError, UsageError, VerificationError
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit
from adyton.protocol.credentials.range_proof import PROOF, TOP, RangeProof
from tests.adversary.identity_server import IdentityServer
from tests.adversary.server_simulator import now_ms
from tests.unit.client.identity.conftest import Desk


@pytest.fixture
def judged(desk: Desk) -> Judged:
    return desk.judge()


def verify(
    server: IdentityServer, receipt: IdentityReceipt, *, simulated: bool = True, age_ms: int = 10**9
) -> Verdict:
    policy = CertificatePolicy(
        fingerprints=frozenset({server.ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=simulated,
        least_ordering="single-host",
        max_evidence_age_ms=age_ms,
        allow_stale=False,
    )
    steps = Steps(IDENTITY_STEPS)
    verdict = verify_identity_receipt(receipt.encode(), policy=policy, now_ms=now_ms(), steps=steps)
    assert {step.state for step in steps.listed()} == {"passed"}
    return verdict


def recommitted(server: IdentityServer, judged: Judged, **values: bytes) -> Judged:
    """Return what a faulty enclave could have recorded: commitments to these values."""
    fields = {**judged.fields, **values}
    accepted = judged.accepted
    made = commit(IDENTITY_FIELDS, fields, accepted.result_key, accepted.exec_id)
    body = accepted.entry.part.body
    part = server.ledger.part(
        "request", task_hash=accepted.task_hash, claims=claims_digest(made), sealed=bytes(272),
        body=body,
    )  # fmt: skip
    server.ledger.add([part])
    proof = server.ledger.proof(len(server.ledger.blocks), 0)
    entry = replace(accepted.entry, proof=proof)
    return replace(judged, fields=fields, accepted=replace(accepted, entry=entry))


def test_a_receipt_opens_what_its_holder_shows(
    server: IdentityServer, desk: Desk, judged: Judged
) -> None:
    whole = make_identity_receipt(desk.session, judged)
    verdict = verify(server, whole)
    assert set(verdict.shown) == set(IDENTITY_FIELDS)
    assert (verdict.shown["answer"], verdict.shown["epoch"]) == ("yes", 0)
    assert verdict.shown["policy"]["name"] == "Adults"
    assert verdict.shown["party"] == desk.party.hex()
    few = narrow(whole, ("answer",))
    assert few == make_identity_receipt(desk.session, judged, ("answer",))
    verdict = verify(server, few)
    assert (verdict.shown, len(verdict.closed)) == ({"answer": "yes"}, 7)
    assert desk.party not in few.encode()
    assert b"Adults" not in few.encode()
    lines = verdict.lines()
    assert lines[0].startswith("it holds: an identity verdict on chain ")
    assert any("yes or no in it; the rest is sealed" in line for line in lines)
    with pytest.raises(UsageError, match="no open field"):
        narrow(few, ("party",))
    with pytest.raises(UsageError, match="no field colour"):
        make_identity_receipt(desk.session, judged, ("colour",))


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"answer": b"maybe"}, "neither yes nor no"),
        ({"reason": b"policy"}, "contradict"),
        ({"answer": b"no"}, "contradict"),
        ({"answer": b"no", "reason": b"birthday"}, "coarse words"),
        ({"answer": b"no", "reason": b"policy", "pseudonym": b"\1" * 32}, "without a yes"),
        ({"answer": b"no", "reason": b"policy", "range": b"proof"}, "without a yes"),
        ({"policy": bytes(32)}, "not the one"),
        ({"party": bytes(32)}, "not the one"),
        ({"answer": b"\xff"}, "neither yes nor no"),
    ],
)
def test_opened_fields_agree(
    server: IdentityServer, desk: Desk, judged: Judged, values: dict[str, bytes], match: str
) -> None:
    lying = recommitted(server, judged, **values)
    with pytest.raises(VerificationError, match=match):
        verify(server, make_identity_receipt(desk.session, lying))


@pytest.mark.parametrize(
    ("values", "show", "told"),
    [
        ({"pseudonym": b"\1" * 32}, ("pseudonym",), ["with a yes alone: it was one"]),
        ({"pseudonym": b"\1" * 32}, ("pseudonym", "answer"), []),
        ({"pseudonym": b""}, ("pseudonym",), []),
        ({"answer": b"no", "reason": b"policy"}, ("reason",), ["there is no yes: it was none"]),
        ({}, ("reason", "request"), []),
    ],
)
def test_what_tells_the_answer_is_said_to(
    server: IdentityServer,
    desk: Desk,
    judged: Judged,
    values: dict[str, bytes],
    show: tuple[str, ...],
    told: list[str],
) -> None:
    held = recommitted(server, judged, **values)
    remarks = verify(server, make_identity_receipt(desk.session, held, show)).remarks()
    found = [one for one in remarks if "yes" in one]
    assert len(found) == len(told)
    assert all(one.endswith(end) for one, end in zip(found, told, strict=True))


def test_a_refusal_has_a_receipt_too(server: IdentityServer, desk: Desk, judged: Judged) -> None:
    none = dict.fromkeys(IDENTITY_FIELDS, b"") | {"reason": b"not_sender"}
    refused = recommitted(server, judged, **none)
    shown = verify(server, make_identity_receipt(desk.session, refused, ("answer", "reason"))).shown
    assert shown == {"answer": "", "reason": "not_sender"}


def proof_about(cutoff_day: int) -> bytes:
    """Return a proof by whose header that is its day, and which proves nothing."""
    header = bytes((0x60, 15)) + (TOP - cutoff_day).to_bytes(8, "big")
    return RangeProof(bytes(33), header.ljust(PROOF, b"\0")).encode()


def test_an_opened_range_proof_is_looked_at(
    server: IdentityServer, desk: Desk, judged: Judged
) -> None:
    cutoff = policy_cutoff(desk.policy, server.ledger.blocks[-1].header.time_ms)
    cases = (
        (proof_about(cutoff), "is not one|does not hold"),
        (proof_about(cutoff + 1), "another day than the policy's"),
        (RangeProof(bytes(33), bytes(PROOF)).encode(), "1790|another range"),
        (b"junk", "not valid CBOR"),
    )
    for proof, match in cases:
        lying = recommitted(server, judged, range=proof)
        with pytest.raises(Error, match=match):
            verify(server, make_identity_receipt(desk.session, lying))
        # Closed, it is the holder's affair.
        verify(server, make_identity_receipt(desk.session, lying, ("answer",)))


def test_where_the_library_is_missing_it_is_said(
    server: IdentityServer, desk: Desk, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: Any) -> None:
        raise UsageError("zk_unavailable", "install it")

    monkeypatch.setattr("adyton.client.identity_receipt.verify_range_proof", missing)
    cutoff = policy_cutoff(desk.policy, server.ledger.blocks[-1].header.time_ms)
    lying = recommitted(server, judged, range=proof_about(cutoff))
    shown = verify(server, make_identity_receipt(desk.session, lying)).shown["range"]
    assert shown["proof"] == "not checked here"


def test_an_altered_receipt_is_none(server: IdentityServer, desk: Desk, judged: Judged) -> None:
    receipt = make_identity_receipt(desk.session, judged)
    opening = receipt.openings[4]
    assert opening.field == "answer"
    for altered in (
        replace(receipt, commitments=receipt.commitments[:-1]),
        replace(receipt, commitments=(bytes(32), *receipt.commitments[1:])),
        replace(receipt, openings=(*receipt.openings[4:], *receipt.openings[:4])),
        replace(receipt, openings=(opening, opening)),
        replace(receipt, openings=(replace(opening, value=b"no"),)),
        replace(receipt, openings=(replace(opening, salt=bytes(32)),)),
        replace(receipt, policy=replace(desk.policy, age_over=21).encode()),
        replace(receipt, policy=desk.policy.encode(), openings=(opening,)),
    ):
        with pytest.raises(VerificationError):
            verify(server, altered)
    with pytest.raises(PolicyError):
        verify(server, receipt, simulated=False)
    with pytest.raises(PolicyError):
        verify(server, receipt, age_ms=-(10**9))
