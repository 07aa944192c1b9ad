"""Run certificates: an honest one holds, and nothing else does."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.client.certificate import CertificatePolicy, make_certificate, verify_certificate
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import (
    Error,
    EvidenceError,
    MalformedError,
    PolicyError,
    UsageError,
    VerificationError,
)
from adyton.protocol.certificate import Opening, RunCertificate
from adyton.protocol.claims import TASK_FIELDS
from adyton.protocol.ledger import EntryProof
from adyton.protocol.task import SignedFinish
from tests.ledger_builder import FinishedTask, Ledger

HOUR_MS = 3600 * 1000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def policy_for(ledger: Ledger) -> CertificatePolicy:
    return CertificatePolicy(
        fingerprints=frozenset({ledger.fingerprint}),
        kinds=frozenset({"simulated"}),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=24 * HOUR_MS,
        allow_stale=False,
    )


def certify(
    ledger: Ledger, task: FinishedTask, show: tuple[str, ...] = TASK_FIELDS
) -> RunCertificate:
    return make_certificate(
        genesis=ledger.genesis.encode(),
        evidence=ledger.bundles(),
        accepted=task.accepted,
        finished=task.finished,
        result_key=task.result_key,
        values=task.values,
        show=show,
    )


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    made = Ledger(tmp_path_factory.mktemp("ledger"), now_ms() - 10 * 60 * 1000)
    made.start()
    return made


@pytest.fixture(scope="module")
def task(ledger: Ledger) -> FinishedTask:
    return ledger.task()


@pytest.fixture(scope="module")
def certificate(ledger: Ledger, task: FinishedTask) -> RunCertificate:
    return certify(ledger, task)


def check(ledger: Ledger, certificate: RunCertificate) -> None:
    verify_certificate(certificate.encode(), policy=policy_for(ledger), now_ms=now_ms())


def test_an_honest_certificate_holds_and_says_what_it_is_of(
    ledger: Ledger, task: FinishedTask, certificate: RunCertificate
) -> None:
    verdict = verify_certificate(certificate.encode(), policy=policy_for(ledger), now_ms=now_ms())
    assert verdict.task_hash == task.task_hash
    assert verdict.fingerprint == ledger.fingerprint
    assert (verdict.accepted_height, verdict.finished_height) == (2, 3)
    assert not verdict.hardware_rooted
    assert verdict.shown["stdout"] == "42\n"
    assert verdict.shown["exit_code"] == 0
    assert verdict.shown["arguments"] == ["--fast"]
    assert verdict.shown["inputs"][0]["name"] == "data.csv"
    assert verdict.closed == ()


def test_what_is_not_shown_is_not_in_the_file(ledger: Ledger) -> None:
    task = ledger.task(stdout=b"the very secret result")
    made = certify(ledger, task, ("exit_code",))
    assert b"the very secret result" not in made.encode()
    verdict = verify_certificate(made.encode(), policy=policy_for(ledger), now_ms=now_ms())
    assert set(verdict.shown) == {"exit_code"}
    assert "stdout" in verdict.closed


def test_a_restart_between_acceptance_and_end_needs_both_recorders(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, now_ms() - HOUR_MS)
    ledger.start()
    first = ledger.request()
    ledger.start()
    task = ledger.task()
    with pytest.raises(VerificationError, match=r"values are not those"):
        certify(ledger, replace(task, accepted=first))
    made = certify(ledger, task)
    assert [b.attested.signing_key for b in made.evidence] == [
        ledger.node.recorder.public,
        ledger.node.runner.public,
    ]
    check(ledger, made)


def test_making_one_needs_the_evidence_of_every_key(ledger: Ledger, task: FinishedTask) -> None:
    with pytest.raises(UsageError, match="evidence of a runner key is missing"):
        make_certificate(
            genesis=ledger.genesis.encode(),
            evidence=ledger.bundles()[:1],
            accepted=task.accepted,
            finished=task.finished,
            result_key=task.result_key,
            values=task.values,
            show=(),
        )


def test_making_one_refuses_unknown_fields(ledger: Ledger, task: FinishedTask) -> None:
    with pytest.raises(UsageError, match="no field colour"):
        certify(ledger, task, ("colour",))


# --- every bit ---------------------------------------------------------------------------------


def test_no_flipped_bit_is_accepted(ledger: Ledger, certificate: RunCertificate) -> None:
    """One random bit of every third byte, from a random start: each run sees other bits, all of them in time."""
    whole = certificate.encode()
    policy, now = policy_for(ledger), now_ms()
    for place in range(secrets.randbelow(3), len(whole), 3):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << secrets.randbelow(8)
        with pytest.raises(Error):
            verify_certificate(bytes(flipped), policy=policy, now_ms=now)


def test_no_other_length_is_accepted(ledger: Ledger, certificate: RunCertificate) -> None:
    whole = certificate.encode()
    policy, now = policy_for(ledger), now_ms()
    for altered in (b"", whole[:-1], whole[: len(whole) // 2], whole[1:], whole + b"\0", whole * 2):
        with pytest.raises(MalformedError):
            verify_certificate(altered, policy=policy, now_ms=now)


# --- policy ------------------------------------------------------------------------------------


def refused(
    ledger: Ledger, certificate: RunCertificate, policy: CertificatePolicy, now: int | None = None
) -> Error:
    with pytest.raises(Error) as caught:
        verify_certificate(certificate.encode(), policy=policy, now_ms=now or now_ms())
    return caught.value


def test_the_simulated_platform_takes_an_explicit_flag(
    ledger: Ledger, certificate: RunCertificate
) -> None:
    problem = refused(ledger, certificate, replace(policy_for(ledger), allow_simulated=False))
    assert isinstance(problem, PolicyError)
    assert problem.code == "simulated_refused"


def test_the_kind_must_be_allowed(ledger: Ledger, certificate: RunCertificate) -> None:
    problem = refused(ledger, certificate, replace(policy_for(ledger), kinds=frozenset()))
    assert problem.code == "evidence_kind"


def test_the_fingerprint_must_be_pinned(ledger: Ledger, certificate: RunCertificate) -> None:
    other = replace(policy_for(ledger), fingerprints=frozenset({bytes(32)}))
    assert refused(ledger, certificate, other).code == "fingerprint_mismatch"
    nothing = replace(policy_for(ledger), fingerprints=frozenset())
    assert refused(ledger, certificate, nothing).code == "not_trusted"


def test_a_better_ordering_can_be_demanded(ledger: Ledger, certificate: RunCertificate) -> None:
    problem = refused(ledger, certificate, replace(policy_for(ledger), least_ordering="anchored"))
    assert isinstance(problem, PolicyError)
    assert problem.code == "ordering_unavailable"


def test_evidence_older_than_the_policy_allows_is_refused_or_said_to_be_stale(
    tmp_path: Path,
) -> None:
    # The platform's clock is real, so the chain's is ahead: the run is a minute after the evidence.
    ledger = Ledger(tmp_path, now_ms() - 60_000)
    ledger.start()
    ledger.add([ledger.part("void", code="expired")], time_ms=now_ms() + 60_000)
    made = certify(ledger, ledger.task())
    strict = replace(policy_for(ledger), max_evidence_age_ms=30_000)
    problem = refused(ledger, made, strict)
    assert isinstance(problem, PolicyError)
    assert problem.code == "evidence_stale"
    lenient = replace(strict, allow_stale=True)
    verdict = verify_certificate(made.encode(), policy=lenient, now_ms=now_ms())
    assert verdict.stale_ms > 0
    assert any("evidence is stale" in remark for remark in verdict.remarks())


def test_a_run_in_the_future_is_refused(ledger: Ledger, certificate: RunCertificate) -> None:
    early = ledger.now_ms - HOUR_MS
    assert isinstance(refused(ledger, certificate, policy_for(ledger), early), VerificationError)


# --- pieces put together wrongly ----------------------------------------------------------------


def with_index(proof: EntryProof, index: int) -> EntryProof:
    return replace(proof, index=index)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("no evidence", lambda c: replace(c, evidence=())),
        ("evidence in another order", lambda c: replace(c, evidence=c.evidence[::-1])),
        ("evidence twice", lambda c: replace(c, evidence=(*c.evidence, c.evidence[0]))),
        ("commitment missing", lambda c: replace(c, commitments=c.commitments[:-1])),
        ("commitments in another order", lambda c: replace(c, commitments=c.commitments[::-1])),
        ("openings in another order", lambda c: replace(c, openings=c.openings[::-1])),
        ("opening twice", lambda c: replace(c, openings=(c.openings[0], *c.openings))),
        ("another place in the block", lambda c: replace(c, accepted=with_index(c.accepted, 0))),
        ("another place of the end", lambda c: replace(c, finished=with_index(c.finished, c.finished.index + 1))),
        ("acceptance as end", lambda c: replace(c, finished=c.accepted)),
        ("end as acceptance", lambda c: replace(c, accepted=c.finished)),
    ],
)  # fmt: skip
def test_other_compositions_are_refused(
    ledger: Ledger,
    certificate: RunCertificate,
    name: str,
    change: Callable[[RunCertificate], RunCertificate],
) -> None:
    assert name
    with pytest.raises(VerificationError):
        check(ledger, change(certificate))


def test_an_opening_of_another_value_is_refused(
    ledger: Ledger, certificate: RunCertificate
) -> None:
    openings = tuple(
        replace(opening, value=encode(1)) if opening.field == "exit_code" else opening
        for opening in certificate.openings
    )
    with pytest.raises(VerificationError, match="opening of exit_code does not fit"):
        check(ledger, replace(certificate, openings=openings))


def test_an_opening_of_an_unknown_field_is_refused(
    ledger: Ledger, certificate: RunCertificate
) -> None:
    odd = Opening("colour", bytes(32), b"")
    with pytest.raises(VerificationError, match="not claimed"):
        check(ledger, replace(certificate, openings=(odd,)))


def test_the_end_of_another_task_is_refused(ledger: Ledger, certificate: RunCertificate) -> None:
    other = certify(ledger, ledger.task())
    with pytest.raises(VerificationError, match="different tasks"):
        check(ledger, replace(certificate, finished=other.finished))


def test_evidence_of_another_chain_is_refused(
    ledger: Ledger, certificate: RunCertificate, tmp_path: Path
) -> None:
    other = Ledger(tmp_path, ledger.now_ms)
    other.start()
    foreign = certify(other, other.task())
    with pytest.raises(VerificationError, match="keys that signed"):
        check(ledger, replace(certificate, evidence=foreign.evidence))
    with pytest.raises(VerificationError):
        check(ledger, replace(foreign, genesis=certificate.genesis))


def test_evidence_for_a_key_that_the_platform_never_saw_is_refused(
    ledger: Ledger, task: FinishedTask, certificate: RunCertificate
) -> None:
    """A host that knows the certificate's form swaps in a runner key of its own, and signs with it."""
    thief = SigningKey(bytes(32))
    body = task.finished.part().body
    finish = replace(SignedFinish.decode(body or b"").finish, runner_key=thief.public)
    part = replace(task.finished.part(), body=SignedFinish.sign(finish, thief).encode())
    finished = replace(task.finished, public=part.encode())
    recorder, runner = certificate.evidence
    forged = replace(runner, attested=replace(runner.attested, signing_key=thief.public))
    with pytest.raises(EvidenceError):
        check(ledger, replace(certificate, finished=finished, evidence=(recorder, forged)))


def test_an_execution_of_another_name_is_refused(ledger: Ledger) -> None:
    task = ledger.task(exec_id=bytes(32))
    with pytest.raises(VerificationError, match="another execution"):
        check(ledger, certify(ledger, task))


def test_a_statement_for_another_chain_is_refused(ledger: Ledger) -> None:
    task = ledger.task(chain_id=bytes(32))
    with pytest.raises(VerificationError, match="another task or chain"):
        check(ledger, certify(ledger, task))


def test_claims_that_runner_and_ledger_do_not_share_are_refused(
    ledger: Ledger, certificate: RunCertificate
) -> None:
    task = ledger.task(claims=bytes(32))
    forged = replace(certificate, accepted=task.accepted, finished=task.finished)
    with pytest.raises(VerificationError, match="not those that were claimed"):
        check(ledger, forged)
