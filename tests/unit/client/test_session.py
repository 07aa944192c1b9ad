"""A session with an honest server: what it asks, what it keeps, what it survives."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import Keystore, Session, list_account, notarize
from adyton.client.certificate import CertificatePolicy
from adyton.client.notary import NotaryReceipt, verify_notary_receipt
from adyton.client.patience import BACKOFF_S
from adyton.client.records import PENDING
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.errors import (
    Error,
    EvidenceError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol import notary
from tests.adversary.lying_server import one_at_a_time
from tests.adversary.server_simulator import ServerSimulator, now_ms, open_session

FILE = b"a file"


def routes(server: ServerSimulator) -> list[str]:
    return [f"{method} {target.split('?')[0]}" for method, target, _ in server.calls]


def test_nothing_happens_before_a_fingerprint_is_pinned(
    tmp_path: Path, server: ServerSimulator
) -> None:
    session = open_session(tmp_path / "home", server, trust=False)
    with pytest.raises(PolicyError, match="not_trusted"):
        notarize(session, FILE)
    assert server.calls == []


def test_another_fingerprint_is_refused(tmp_path: Path, server: ServerSimulator) -> None:
    session = open_session(tmp_path / "home", server, trust=False)
    with pytest.raises(EvidenceError, match="fingerprint_mismatch"):
        session.trust(bytes(32))
    assert session.keystore.pins() == []


def test_a_pin_is_not_replaced_in_passing(session: Session) -> None:
    with pytest.raises(UsageError, match="exists"):
        session.trust(bytes(32))


def test_the_simulated_platform_is_refused_by_default(
    tmp_path: Path, server: ServerSimulator
) -> None:
    session = Session(Keystore(tmp_path / "home"), server, AppraisalPolicy())
    with pytest.raises(EvidenceError, match="simulated_refused"):
        session.trust(server.ledger.fingerprint)


def test_a_stricter_policy_does_not_reuse_an_appraisal(
    tmp_path: Path, server: ServerSimulator, session: Session
) -> None:
    notarize(session, FILE)
    strict = Session(Keystore(tmp_path / "home"), server, AppraisalPolicy())
    with pytest.raises(EvidenceError, match="simulated_refused"):
        notarize(strict, FILE)


def test_a_second_process_needs_one_round_trip(
    tmp_path: Path, server: ServerSimulator, session: Session
) -> None:
    notarize(session, FILE)
    server.calls.clear()
    notarize(open_session(tmp_path / "home", server, trust=False), FILE)
    assert routes(server) == ["POST /task"]


def test_an_old_appraisal_is_made_anew(server: ServerSimulator, session: Session) -> None:
    notarize(session, FILE)
    server.calls.clear()
    session.now_ms = lambda: now_ms() + limits.APPRAISAL_REUSE_S * 1000
    session.close()
    session.appraise()
    assert routes(server) == ["GET /evidence"]


def test_first_contact_is_made_ahead(server: ServerSimulator, session: Session) -> None:
    session.first_contact()
    session.first_contact()
    assert routes(server).count("POST /key") == 1


def test_tickets_are_used_once_and_replaced(server: ServerSimulator, session: Session) -> None:
    for _ in range(9):
        notarize(session, FILE)
    assert routes(server).count("POST /key") == 1
    assert len(server.spent) == 9


@pytest.mark.parametrize("drop", ["POST /task", "refused before"])
def test_a_dropped_reply_has_one_effect(
    server: ServerSimulator, session: Session, drop: str
) -> None:
    server.drops += [drop] * 3
    notarize(session, FILE)
    posted = {body for _, target, body in server.calls if target.startswith("/task")}
    assert len(posted) == 1
    assert len(server.recorded) == 1
    assert session.store.requests() == []


def test_a_request_survives_the_end_of_its_process(
    tmp_path: Path, server: ServerSimulator, session: Session
) -> None:
    server.drops += ["POST /task"] * 50
    with pytest.raises(UnavailableError, match="timeout"):
        notarize(session, FILE, name="mine")
    server.drops.clear()
    session.close()
    again = open_session(tmp_path / "home", server, trust=False)
    (pending,) = again.store.requests()
    assert (pending.state, pending.name) == (PENDING, "mine")
    accepted = again.resume(pending.request_id)
    assert accepted.task_hash == pending.task_hash
    assert len(server.recorded) == 1
    with pytest.raises(UsageError, match="not_found"):
        again.resume(pending.request_id)


@pytest.mark.parametrize("reason", ["epoch", "tickets", "spent"])
def test_what_only_the_envelope_was_refused_for_is_sealed_anew(
    server: ServerSimulator, session: Session, reason: str
) -> None:
    notarize(session, FILE)
    if reason == "epoch":
        server.epoch += 1
    elif reason == "tickets":
        server.tickets.clear()
    else:
        server.spent |= set(server.tickets)
    notarize(session, FILE)
    assert routes(server).count("POST /key") == 2
    assert len(server.seen) == 2


def test_what_one_session_was_given_in_a_new_epoch_serves_the_client_s_others(
    tmp_path: Path, server: ServerSimulator, session: Session
) -> None:
    with open_session(tmp_path / "home", server, trust=False) as other:
        notarize(session, FILE)
        notarize(other, FILE)
        server.epoch += 1
        notarize(session, FILE)
        before = routes(server)
        # Its appraisal is of the epoch that ended; server key and tickets in the keystore are not.
        notarize(other, FILE)
        list_account(other)
        asked = routes(server)[len(before) :]
        assert not {"POST /key", "GET /evidence"} & set(asked)
        assert asked.count("POST /task") == 1


def test_a_request_sealed_anew_after_it_was_executed_names_the_original(
    server: ServerSimulator, session: Session
) -> None:
    server.drops += ["POST /task"] * 50
    with pytest.raises(UnavailableError):
        notarize(session, FILE)
    server.drops.clear()
    (original,) = server.recorded
    (pending,) = session.store.requests()
    # The host forgets its answer and the epoch turns: the same request travels in a new envelope.
    server.epoch += 1
    honest = server.task

    def forgetful(envelope: bytes, view: int) -> dict[str, object]:
        server.open(envelope, Context.HPKE_REQUEST)
        return honest(envelope, view)

    server.task = forgetful  # type: ignore[method-assign]  # a host that forgets
    accepted = session.resume(pending.request_id)
    assert accepted.task_hash == original
    assert accepted.exec_id == server.recorded[original].exec_id
    assert accepted.response.code == ""
    assert len(server.seen) == 1


def test_a_refusal_of_the_enclave_is_its_error(server: ServerSimulator, session: Session) -> None:
    with pytest.raises(UsageError, match="method_unknown"):
        session.request("nothing", "at-all", b"")
    assert session.store.requests() == []
    assert len(server.recorded) == 1


def test_more_ordering_than_there_is_is_refused(session: Session) -> None:
    with pytest.raises(PolicyError, match="ordering_unavailable"):
        session.request(
            notary.APP, notary.NOTARIZE, notary.Notarize(bytes(32)).encode(), ordering="bft"
        )
    (left,) = session.store.requests()
    assert (left.state, left.ordering, left.accepted) == (PENDING, "bft", None)


def test_a_restarted_node_is_appraised_before_it_is_believed(
    server: ServerSimulator, session: Session
) -> None:
    notarize(session, FILE)
    old = server.ledger.node.recorder.public
    server.ledger.start(now_ms())
    server.calls.clear()
    notarize(session, FILE)
    assert "GET /evidence" in routes(server)
    view = session.keeper.snapshot()
    assert [node.recorder_key for node in view.nodes] == [
        old,
        server.ledger.node.recorder.public,
    ]


def test_a_node_that_restarts_during_first_contact_is_appraised_again(
    server: ServerSimulator, session: Session
) -> None:
    session.appraise()
    server.ledger.start(now_ms())
    session.first_contact()
    assert routes(server).count("POST /key") == 2


def test_a_lost_list_is_rebuilt(tmp_path: Path, server: ServerSimulator, session: Session) -> None:
    for _ in range(5):
        notarize(session, FILE)
    other = open_session(tmp_path / "other", server)
    notarize(other, FILE)
    assert list_account(other)[0].app == "notary"
    rebuilt = list_account(session)
    assert {one.request_id for one in rebuilt} == {
        recorded.request.request_id
        for recorded in server.recorded.values()
        if recorded.request.client_key == session.keystore.identity.signing_key.public
    }
    assert len(rebuilt) == 5


def test_several_threads_share_a_session(server: ServerSimulator, session: Session) -> None:
    session.first_contact()
    one_at_a_time(server)
    receipts: list[NotaryReceipt] = []
    failures: list[Error] = []

    def work() -> None:
        try:
            for _ in range(5):
                receipts.append(notarize(session, FILE))
        except Error as problem:
            failures.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len({receipt.salt for receipt in receipts}) == 20
    assert len(server.spent) == 20


def test_a_view_that_another_process_moves_meanwhile_is_met(
    tmp_path: Path, server: ServerSimulator, session: Session
) -> None:
    for _ in range(3):
        notarize(session, FILE)
    other = open_session(tmp_path / "home", server, trust=False)

    def meanwhile(answer: Any) -> Any:
        server.lies.clear()
        for _ in range(3):
            notarize(other, FILE)
        return answer

    server.lies["POST /task"] = meanwhile
    notarize(session, FILE)
    assert session.keeper.size == other.keeper.size == server.size
    assert any(target.startswith("/checkpoint") for _, target, _ in server.calls)


def test_patience_ends(server: ServerSimulator, session: Session) -> None:
    session.first_contact()
    server.drops += ["refused before"] * 100
    with pytest.raises(UnavailableError, match="unreachable"):
        notarize(session, FILE)
    assert len(server.drops) == 100 - len(BACKOFF_S) - 1


def certificate_policy(server: ServerSimulator) -> CertificatePolicy:
    return CertificatePolicy(
        fingerprints=frozenset((server.ledger.fingerprint,)),
        kinds=frozenset(("simulated",)),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=limits.EVIDENCE_AGE_S * 1000,
        allow_stale=False,
    )


def test_a_notary_receipt_stands_on_its_own(server: ServerSimulator, session: Session) -> None:
    encoded = notarize(session, FILE).encode()
    verdict = verify_notary_receipt(
        encoded, content=FILE, policy=certificate_policy(server), now_ms=now_ms()
    )
    assert verdict.subject == "notarization"
    assert verdict.chain_id == server.ledger.chain_id
    with pytest.raises(VerificationError, match="another content"):
        verify_notary_receipt(
            encoded, content=b"b", policy=certificate_policy(server), now_ms=now_ms()
        )


@pytest.mark.parametrize("field", ["digest", "salt"])
def test_a_changed_notary_receipt_is_refused(
    server: ServerSimulator, session: Session, field: str
) -> None:
    receipt = notarize(session, FILE)
    receipt = replace(
        receipt,
        digest=bytes(32) if field == "digest" else receipt.digest,
        salt=bytes(32) if field == "salt" else receipt.salt,
    )
    with pytest.raises(VerificationError, match="does not commit"):
        verify_notary_receipt(
            receipt.encode(), content=None, policy=certificate_policy(server), now_ms=now_ms()
        )


def test_no_bit_of_a_notary_receipt_can_be_flipped(
    server: ServerSimulator, session: Session
) -> None:
    encoded = notarize(session, FILE).encode()
    policy = certificate_policy(server)
    for at in range(len(encoded)):
        # One bit of each byte here, by turns; of the whole file, all eight are tried over its length.
        flipped = bytearray(encoded)
        flipped[at] ^= 1 << (at % 8)
        with pytest.raises(Error):
            verify_notary_receipt(bytes(flipped), content=FILE, policy=policy, now_ms=now_ms())
