"""Many requests in one round trip: each with its own outcome, whatever the server does to the others."""

from typing import Any

import pytest

from adyton.client import Session
from adyton.client.certificate import CertificatePolicy
from adyton.client.notary import NotaryReceipt, notarize_all, verify_notary_receipt
from adyton.client.records import PENDING
from adyton.core import limits
from adyton.core.errors import (
    ConflictError,
    Error,
    ForkError,
    MalformedError,
    RollbackError,
    UnavailableError,
    VerificationError,
)
from tests.adversary.server_simulator import ServerSimulator, now_ms


def contents(count: int) -> list[bytes]:
    return [b"file %d" % number for number in range(count)]


def posts(server: ServerSimulator) -> list[str]:
    targets = [target.split("?")[0] for method, target, _ in server.calls if method == "POST"]
    return [target for target in targets if target != "/key"]


def require_receipt(
    outcome: NotaryReceipt | Error, content: bytes, server: ServerSimulator
) -> None:
    assert isinstance(outcome, NotaryReceipt)
    policy = CertificatePolicy(
        fingerprints=frozenset((server.ledger.fingerprint,)),
        kinds=frozenset(("simulated",)),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=limits.EVIDENCE_AGE_S * 1000,
        allow_stale=False,
    )
    verify_notary_receipt(outcome.encode(), content=content, policy=policy, now_ms=now_ms())


def test_each_content_has_its_own_receipt(session: Session, server: ServerSimulator) -> None:
    files = contents(5)
    outcomes = notarize_all(session, files)
    for outcome, content in zip(outcomes, files, strict=True):
        require_receipt(outcome, content, server)
    assert posts(server) == ["/tasks"]
    assert session.store.requests() == []


def test_a_batch_of_an_ended_epoch_is_sealed_anew(
    session: Session, server: ServerSimulator
) -> None:
    notarize_all(session, contents(1))
    server.epoch += 1
    server.calls.clear()
    files = contents(3)
    outcomes = notarize_all(session, files)
    for outcome, content in zip(outcomes, files, strict=True):
        require_receipt(outcome, content, server)
    # Each envelope was refused for itself; the node is asked for the new epoch's key once.
    asked = [target.split("?")[0] for _, target, _ in server.calls]
    assert (asked.count("/key"), asked.count("/evidence")) == (1, 1)
    assert session.store.requests() == []


def test_more_than_a_batch_goes_in_several(session: Session, server: ServerSimulator) -> None:
    count = limits.BATCH_ENVELOPES + 3
    outcomes = notarize_all(session, contents(count))
    assert sum(isinstance(one, NotaryReceipt) for one in outcomes) == count
    assert posts(server) == ["/tasks", "/tasks"]


def test_large_requests_are_spread_by_their_size(session: Session, server: ServerSimulator) -> None:
    arguments = [bytes(limits.INLINE)] * 20
    session.request_all("no app", "method", arguments)
    bodies = [body for _, target, body in server.calls if target.startswith("/tasks")]
    assert len(bodies) > 1
    assert all(len(body or b"") <= limits.BATCH_BYTES for body in bodies)


def test_no_request_is_no_round_trip(session: Session, server: ServerSimulator) -> None:
    before = len(server.calls)
    assert notarize_all(session, []) == []
    assert len(server.calls) == before


def test_a_refusal_of_one_leaves_the_others(session: Session, server: ServerSimulator) -> None:
    def refuse_second(answer: dict[str, Any]) -> dict[str, Any]:
        second = answer["answers"][1]
        answer["answers"][1] = {"task_hash": second["task_hash"], "code": "not_admitted"}
        return answer

    server.lies["POST /tasks"] = refuse_second
    files = contents(3)
    first, second, third = notarize_all(session, files)
    require_receipt(first, files[0], server)
    require_receipt(third, files[2], server)
    assert isinstance(second, Error)
    assert second.code == "not_admitted"
    (kept,) = session.store.requests()
    assert kept.state == PENDING
    # It was recorded all the same: asked for again, it is answered.
    assert session.resume(kept.request_id).response.code == ""


def test_an_envelope_that_finds_no_room_is_sent_again(
    session: Session, server: ServerSimulator
) -> None:
    def no_room(answer: dict[str, Any]) -> dict[str, Any]:
        named = answer["answers"][0]["task_hash"]
        answer["answers"][0] = {"task_hash": named, "code": "overloaded"}
        return answer

    server.lies["POST /tasks"] = no_room
    files = contents(2)
    for outcome, content in zip(notarize_all(session, files), files, strict=True):
        require_receipt(outcome, content, server)
    assert posts(server) == ["/tasks", "/task"]


def test_a_ticket_that_is_refused_is_replaced(session: Session, server: ServerSimulator) -> None:
    def refuse_ticket(answer: dict[str, Any]) -> dict[str, Any]:
        for one in answer["answers"]:
            one.pop("proof", None)
            one["code"] = "ticket_expired"
        return answer

    session.first_contact()
    server.lies["POST /tasks"] = refuse_ticket
    (outcome,) = notarize_all(session, contents(1))
    # The first envelope was carried out: the second one's answer names it.
    require_receipt(outcome, b"file 0", server)


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: {**answer, "answers": list(reversed(answer["answers"]))},
        lambda answer: {**answer, "answers": [answer["answers"][0]] * 2},
    ],
)
def test_answers_in_another_place_are_refused(
    session: Session, server: ServerSimulator, lie: Any
) -> None:
    server.lies["POST /tasks"] = lie
    outcomes = notarize_all(session, contents(2))
    wrong = [one for one in outcomes if isinstance(one, VerificationError)]
    assert wrong
    assert {one.code for one in wrong} == {"answer_invalid"}


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: {**answer, "answers": answer["answers"][:1]},
        lambda answer: {**answer, "answers": "none"},
        lambda answer: {**answer, "answers": [1, 2]},
        lambda answer: {**answer, "answers": [{"task_hash": b"short", "code": "x"}] * 2},
        lambda answer: {**answer, "answers": [{"task_hash": bytes(32), "code": 7}] * 2},
        lambda answer: {**answer, "answers": [{"task_hash": bytes(32), "code": ""}] * 2},
        lambda answer: {**answer, "answers": [{"task_hash": bytes(32)}] * 2},
        lambda answer: {"answers": answer["answers"]},
    ],
)
def test_an_answer_of_another_form_is_refused_and_nothing_is_lost(
    session: Session, server: ServerSimulator, lie: Any
) -> None:
    server.lies["POST /tasks"] = lie
    with pytest.raises((VerificationError, MalformedError)):
        notarize_all(session, contents(2))
    kept = session.store.requests()
    assert [record.state for record in kept] == [PENDING, PENDING]
    del server.lies["POST /tasks"]
    assert all(session.resume(record.request_id).response.code == "" for record in kept)


def test_a_proof_that_is_altered_is_refused(session: Session, server: ServerSimulator) -> None:
    def alter(answer: dict[str, Any]) -> dict[str, Any]:
        proof = bytearray(answer["answers"][0]["proof"])
        proof[-1] ^= 1
        answer["answers"][0]["proof"] = bytes(proof)
        return answer

    server.lies["POST /tasks"] = alter
    first, second = notarize_all(session, contents(2))
    assert isinstance(first, Error)
    require_receipt(second, b"file 1", server)


def test_a_lost_answer_loses_nothing(session: Session, server: ServerSimulator) -> None:
    server.drops.append("POST /tasks")
    outcomes = notarize_all(session, contents(3))
    assert all(isinstance(one, NotaryReceipt) for one in outcomes)


def test_a_server_that_is_gone_is_told_and_the_requests_are_kept(
    session: Session, server: ServerSimulator
) -> None:
    server.drops += ["POST /tasks"] * 100
    with pytest.raises(UnavailableError):
        notarize_all(session, contents(2))
    assert len(session.store.requests()) == 2


def test_a_server_that_goes_away_in_between_takes_no_receipt_along(
    session: Session, server: ServerSimulator
) -> None:
    count = limits.BATCH_ENVELOPES
    files = contents(2 * count + 1)
    answered: list[int] = []

    def then_go(answer: dict[str, Any]) -> dict[str, Any]:
        answered.append(1)
        if len(answered) == 1:
            server.drops += ["POST /tasks"] * 100
        return answer

    server.lies["POST /tasks"] = then_go
    outcomes = notarize_all(session, files)
    for outcome, content in zip(outcomes[:count], files[:count], strict=True):
        require_receipt(outcome, content, server)
    assert [type(one) for one in outcomes[count:]] == [UnavailableError] * (count + 1)
    assert [record.state for record in session.store.requests()] == [PENDING] * count


def test_a_mere_claim_of_a_rollback_is_no_rollback(
    session: Session, server: ServerSimulator
) -> None:
    notarize_all(session, contents(3))
    server.lies["POST /tasks"] = lambda answer: server.problem(
        RollbackError("rollback", "the log is smaller than the view")
    )
    with pytest.raises(VerificationError, match="shows no such thing"):
        notarize_all(session, contents(1))


@pytest.mark.parametrize("code", ["rollback", "fork"])
def test_a_mere_claim_about_one_envelope_accuses_nobody(
    session: Session, server: ServerSimulator, code: str
) -> None:
    def claim(answer: dict[str, Any]) -> dict[str, Any]:
        named = answer["answers"][0]["task_hash"]
        answer["answers"][0] = {"task_hash": named, "code": code}
        return answer

    notarize_all(session, contents(3))
    server.lies["POST /tasks"] = claim
    first, second = notarize_all(session, contents(2))
    assert isinstance(first, VerificationError)
    assert not isinstance(first, ConflictError)
    assert first.code == "answer_invalid"
    require_receipt(second, b"file 1", server)


def test_a_mere_claim_in_answer_to_a_read_accuses_nobody(
    session: Session, server: ServerSimulator
) -> None:
    notarize_all(session, contents(1))
    server.lies["POST /read"] = lambda answer: server.problem(
        RollbackError("rollback", "the log is smaller than the view")
    )
    with pytest.raises(VerificationError, match="shows no such thing"):
        session.read("account", "list", b"")


def test_a_fork_among_the_answers_is_noticed(session: Session, server: ServerSimulator) -> None:
    notarize_all(session, contents(3))
    server.lies["POST /tasks"] = lambda answer: {**answer, "consistency": [bytes(32)]}
    server.lies["GET /checkpoint"] = lambda answer: {**answer, "consistency": [bytes(32)]}
    (outcome,) = notarize_all(session, contents(1))
    assert isinstance(outcome, ForkError)
    assert outcome.held
    assert outcome.shown
