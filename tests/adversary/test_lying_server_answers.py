"""A server that lies in its answers, its keys, its reads: refused, each with its own error."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.client import (
    Session,
    list_account,
    notarize,
)
from adyton.core import limits
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import (
    Error,
    EvidenceError,
    MalformedError,
    ReceiptError,
    RollbackError,
    VerificationError,
)
from adyton.protocol.envelope import Response
from adyton.protocol.evidence import NodeEvidence
from tests.adversary.lying_server import (
    FILE,
    keeping,
    pending,
    refused,
    replying,
    tickets,
    with_proof,
)
from tests.adversary.server_simulator import Answer, ServerSimulator, now_ms, open_session

# --- answers to a posted envelope ----------------------------------------------------------------


def test_an_answer_for_another_envelope(session: Session, server: ServerSimulator) -> None:
    server.lies["POST /task"] = lambda answer: {**answer, "task_hash": bytes(32)}
    refused(session, server, VerificationError, "answer_invalid")


def test_an_old_answer_replayed(session: Session, server: ServerSimulator) -> None:
    kept: list[Answer] = []
    server.lies["POST /task"] = keeping(kept)
    notarize(session, FILE)
    server.lies["POST /task"] = lambda answer: kept[0]
    refused(session, server, VerificationError, "answer_invalid")


def test_an_old_proof_under_the_new_name(session: Session, server: ServerSimulator) -> None:
    kept: list[Answer] = []
    server.lies["POST /task"] = keeping(kept)
    notarize(session, FILE)
    server.lies["POST /task"] = lambda answer: {**answer, "proof": kept[0]["proof"]}
    refused(session, server, VerificationError, "answer_invalid")


def test_another_client_s_answer(tmp_path: Path, session: Session, server: ServerSimulator) -> None:
    kept: list[Answer] = []
    server.lies["POST /task"] = keeping(kept)
    notarize(open_session(tmp_path / "other", server), FILE)
    server.lies["POST /task"] = lambda answer: {**answer, "proof": kept[0]["proof"]}
    refused(session, server, VerificationError, "answer_invalid")


def test_another_response_under_the_request_s_own_name(
    session: Session, server: ServerSimulator
) -> None:
    """A recorder that records a response of another request: the seal of this one does not fit."""
    honest = server.execute

    def execute(named: bytes, envelope: bytes) -> None:
        honest(named, envelope)
        header = server.ledger.next_header([envelope], now_ms() + 1)
        sealed = Response("", b"", None, None).seal(bytes(32), header.exec_id(0, 0))
        part = server.ledger.part("request", task_hash=named, sealed=sealed)
        server.ledger.add([part], header=header)
        server.recorded[named].place = (header.height, 0)

    server.execute = execute  # type: ignore[method-assign]  # a recorder that lies
    with pytest.raises(VerificationError, match="unopenable"):
        notarize(session, FILE)
    assert len(pending(session)) == 1


@pytest.mark.parametrize("place", ["header", "index", "public", "writes", "receipt"])
def test_a_spliced_proof(session: Session, server: ServerSimulator, place: str) -> None:
    notarize(session, FILE)
    other = server.ledger.request(before=2)
    server.lies["POST /task"] = with_proof(
        lambda proof: replace(proof, **{place: getattr(other, place)})
    )
    with pytest.raises(Error) as caught:
        notarize(session, FILE)
    assert isinstance(caught.value, VerificationError)
    assert caught.value.code in ("receipt_invalid", "unopenable", "bad_signature", "answer_invalid")
    assert len(pending(session)) == 1


def test_another_chain(tmp_path: Path, session: Session, server: ServerSimulator) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = ServerSimulator(tmp_path / "elsewhere")
    proof = other.ledger.request().encode()
    server.lies["POST /task"] = lambda answer: {**answer, "proof": proof}
    refused(session, server, ReceiptError, "wrong_chain")


def test_a_key_without_evidence(session: Session, server: ServerSimulator) -> None:
    stranger = SigningKey(os.urandom(32))

    def lie(answer: Answer) -> Answer:
        server.ledger.add([server.ledger.part("void", code="expired")], key=stranger)
        proof = server.ledger.proof(len(server.ledger.blocks), 0)
        return {**answer, "proof": proof.encode()}

    server.lies["POST /task"] = lie
    view = session.keeper.size
    with pytest.raises(Error) as caught:
        notarize(session, FILE)
    assert caught.value.code in ("not_found", "receipt_invalid")
    assert session.keeper.size == view
    assert len(pending(session)) == 1


def test_evidence_of_another_key_for_an_unknown_one(
    session: Session, server: ServerSimulator
) -> None:
    stranger = SigningKey(os.urandom(32))

    def lie(answer: Answer) -> Answer:
        server.ledger.add([server.ledger.part("void", code="expired")], key=stranger)
        proof = server.ledger.proof(len(server.ledger.blocks), 0)
        return {**answer, "proof": proof.encode()}

    announced = server.ledger.node.evidence.encode()
    server.lies["POST /task"] = lie
    server.lies["GET /evidence?key_id"] = lambda answer: {"evidence": announced}
    with pytest.raises(ReceiptError, match="no evidence for a key"):
        notarize(session, FILE)


def test_an_outcome_that_differs_in_public(session: Session, server: ServerSimulator) -> None:
    honest = server.ledger.part
    server.ledger.part = lambda kind, **named: honest(kind, **{**named, "code": "expired"})  # type: ignore[method-assign]  # a recorder that lies
    with pytest.raises(VerificationError, match="differ"):
        notarize(session, FILE)


def test_execution_outside_the_window(session: Session, server: ServerSimulator) -> None:
    later = now_ms() + 2 * limits.WINDOW_MS
    server.ledger.add([server.ledger.part("void", code="expired")], time_ms=later)
    with pytest.raises(VerificationError, match="outside the request's window") as caught:
        notarize(session, FILE)
    assert caught.value.code == "answer_invalid"
    assert len(pending(session)) == 1


# --- form ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lie", "class_", "code"),
    [
        (replying(200, b"\xff"), MalformedError, "malformed"),
        (replying(200, b"\xa2\x61a\x01\x61a\x01"), MalformedError, "malformed"),
        (replying(200, b""), MalformedError, "malformed"),
        (replying(200, encode([1])), VerificationError, "answer_invalid"),
        (replying(200, encode({})), VerificationError, "answer_invalid"),
        (replying(200, b"{}", "application/json"), VerificationError, "answer_invalid"),
        (replying(200, bytes(2 << 20)), MalformedError, "too_large"),
        (replying(404, b"not here", "text/html"), VerificationError, "answer_invalid"),
        (replying(403, encode({"code": 7})), VerificationError, "answer_invalid"),
        (replying(403, encode({"code": "made_up"})), VerificationError, "answer_invalid"),
        (lambda a: {**a, "proof": b"\x80"}, MalformedError, "malformed"),
        (lambda a: {**a, "proof": None}, VerificationError, "answer_invalid"),
        (lambda a: {**a, "task_hash": b"short"}, VerificationError, "answer_invalid"),
        (lambda a: {**a, "consistency": [b"short"]}, MalformedError, "malformed"),
        (lambda a: {**a, "consistency": [bytes(32)] * 65}, MalformedError, "malformed"),
        (lambda a: {**a, "consistency": None}, MalformedError, "malformed"),
    ],
)
def test_answers_of_another_form(
    session: Session,
    server: ServerSimulator,
    lie: Callable[[Any], Any],
    class_: type[Error],
    code: str,
) -> None:
    notarize(session, FILE)
    before = len(server.seen)
    server.lies["POST /task"] = lie
    refused(session, server, class_, code)
    assert len(server.seen) == before + 1


@pytest.mark.parametrize("code", ["expired", "bad_argument", "unopenable", "invariant"])
def test_an_unsigned_refusal_forgets_nothing(
    session: Session, server: ServerSimulator, code: str
) -> None:
    server.lies["POST /task"] = replying(403, encode({"code": code, "detail": "says the host"}))
    with pytest.raises(Error, match="the server says") as caught:
        notarize(session, FILE)
    assert caught.value.code == code
    (left,) = pending(session)
    server.lies.clear()
    session.resume(left.request_id)
    assert len(server.seen) == 1


def test_a_host_that_asks_to_seal_anew_for_ever(session: Session, server: ServerSimulator) -> None:
    server.lies["POST /task"] = replying(409, encode({"code": "wrong_epoch", "detail": "x"}))
    with pytest.raises(Error, match="wrong_epoch"):
        notarize(session, FILE)
    assert sum(target.startswith("/task") for _, target, _ in server.calls) == 3
    assert len(server.seen) == 1
    assert len(pending(session)) == 1


def test_a_host_that_says_replayed_is_asked_for_the_entry(
    session: Session, server: ServerSimulator
) -> None:
    server.lies["POST /task"] = replying(403, encode({"code": "replayed", "detail": "x"}))
    notarize(session, FILE)
    assert len(server.seen) == 1


# --- reads ---------------------------------------------------------------------------------------


def test_a_read_from_before_what_was_seen(session: Session, server: ServerSimulator) -> None:
    old = server.ledger.blocks[-1].checkpoint.encode()
    for _ in range(3):
        notarize(session, FILE)
    server.changed_read = {"checkpoint": old}
    with pytest.raises(RollbackError) as caught:
        list_account(session)
    assert caught.value.code == "rollback"
    assert caught.value.shown == old


def test_a_read_that_has_expired(session: Session, server: ServerSimulator) -> None:
    server.changed_read = {"expires_ms": now_ms() - limits.CLOCK_SKEW_MS - 1}
    with pytest.raises(VerificationError, match="expired"):
        list_account(session)


def test_another_read_s_answer(session: Session, server: ServerSimulator) -> None:
    kept: list[Answer] = []
    server.lies["POST /read"] = keeping(kept)
    list_account(session)
    server.lies["POST /read"] = lambda answer: kept[0]
    with pytest.raises(VerificationError, match="unopenable"):
        list_account(session)


def test_a_read_that_is_refused_is_its_error(session: Session, server: ServerSimulator) -> None:
    server.changed_read = {"code": "method_unknown"}
    with pytest.raises(Error, match="method_unknown"):
        list_account(session)
    assert tickets(session) == 4


# --- evidence and keys ---------------------------------------------------------------------------


def test_evidence_that_answers_an_older_nonce(session: Session, server: ServerSimulator) -> None:
    old = server.evidence(os.urandom(32)).encode()
    server.lies["GET /evidence"] = lambda answer: {"evidence": old}
    with pytest.raises(EvidenceError, match="step 5"):
        session.appraise(fresh=True)


def test_evidence_of_another_installation(
    tmp_path: Path, session: Session, server: ServerSimulator
) -> None:
    (tmp_path / "elsewhere").mkdir()
    other = ServerSimulator(tmp_path / "elsewhere")
    server.evidence = other.evidence  # type: ignore[method-assign]  # another machine answers
    with pytest.raises(EvidenceError, match="fingerprint_mismatch"):
        session.appraise(fresh=True)


def test_a_key_answer_signed_by_another(session: Session, server: ServerSimulator) -> None:
    real = server.ledger.nodes[-1]
    server.ledger.nodes.append(replace(real, recorder=SigningKey(os.urandom(32))))
    shown = server.evidence

    def evidence(nonce: bytes) -> NodeEvidence:
        server.ledger.nodes, lying = [real], server.ledger.nodes
        try:
            return shown(nonce)
        finally:
            server.ledger.nodes = lying

    server.evidence = evidence  # type: ignore[method-assign]  # honest evidence, another signer
    with pytest.raises(VerificationError, match="bad_signature"):
        notarize(session, FILE)
    assert tickets(session) == 0


def test_another_client_s_key_answer(
    tmp_path: Path, session: Session, server: ServerSimulator
) -> None:
    kept: list[Answer] = []
    server.lies["POST /key"] = keeping(kept)
    open_session(tmp_path / "other", server).first_contact()
    server.lies["POST /key"] = lambda answer: kept[0]
    with pytest.raises(VerificationError, match="unopenable"):
        session.first_contact()
    server.lies.clear()
    session.first_contact()
    assert tickets(session) == 4
