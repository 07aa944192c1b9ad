"""A server that tells two histories, and does what it can so that nobody can prove it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from adyton.client import Session, notarize
from adyton.client.conflict import verify_conflict
from adyton.client.conflict_verdict import ConflictVerdict
from adyton.core.encoding import encode
from adyton.core.errors import ConflictError, ForkError, RollbackError
from tests.adversary.lying_server import FILE, replying
from tests.adversary.server_simulator import ServerSimulator, now_ms, open_session
from tests.ledger_builder import fork, policy_for


def caught(session: Session, kind: type[ConflictError]) -> ConflictError:
    """Look at the server again; it must be caught, and the view must stay."""
    view = session.keeper.snapshot().to_bytes()
    with pytest.raises(kind) as found:
        session.keeper.update()
    assert type(found.value) is kind
    held = session.keeper.snapshot().checkpoint
    assert held is not None
    assert session.keeper.size == held.facts.size
    assert view.count(held.encode()) == 1
    return found.value


def judged(server: ServerSimulator, found: ConflictError) -> ConflictVerdict:
    return verify_conflict(found.evidence, policy=policy_for(server.ledger), now_ms=now_ms())


def seen(session: Session, times: int) -> None:
    for _ in range(times):
        notarize(session, FILE)


def test_it_restarts_from_an_older_state_with_new_keys(
    session: Session, server: ServerSimulator
) -> None:
    seen(session, 4)
    fork(server.ledger, 2, 6, restart=True)
    verdict = judged(server, caught(session, ForkError))
    assert verdict.proved
    assert verdict.held.facts.key_id != verdict.shown.facts.key_id


def withholding(server: ServerSimulator) -> None:
    server.lies["GET /block"] = replying(503, encode({"code": "overloaded", "detail": "x"}))


def test_blocks_withheld_leave_the_consistency_proof(
    session: Session, server: ServerSimulator
) -> None:
    seen(session, 4)
    fork(server.ledger, 2, 6)
    withholding(server)
    verdict = judged(server, caught(session, ForkError))
    assert verdict.proved
    assert "does not begin with the 5 entries" in verdict.proof


def test_blocks_and_proofs_withheld_leave_a_report(
    session: Session, server: ServerSimulator
) -> None:
    seen(session, 4)
    fork(server.ledger, 2, 6)
    withholding(server)
    server.lies["GET /checkpoint"] = lambda answer: {**answer, "consistency": []}
    verdict = judged(server, caught(session, ForkError))
    assert not verdict.proved
    assert verdict.report == "fork"


def test_the_shorter_history_with_the_clock_set_back_is_reported(
    session: Session, server: ServerSimulator
) -> None:
    seen(session, 5)
    told = fork(server.ledger, 2, 0)
    server.ledger.add([server.ledger.part("void")], time_ms=told[1].header.time_ms)
    verdict = judged(server, caught(session, RollbackError))
    assert not verdict.proved
    assert verdict.report == "rollback"


def test_the_shorter_history_with_a_true_clock_is_proved(
    session: Session, server: ServerSimulator
) -> None:
    seen(session, 5)
    told = fork(server.ledger, 2, 0)
    server.ledger.add([server.ledger.part("void")], time_ms=told[-1].header.time_ms + 1)
    verdict = judged(server, caught(session, ForkError))
    assert verdict.proof == "time or epoch went backwards from height 3 to height 6"


@pytest.mark.parametrize(
    "lie",
    [
        replying(503, encode({"code": "overloaded", "detail": "x"})),
        replying(200, encode({"genesis": b"", "height": 9, "blocks": []})),
        replying(200, encode({"genesis": b"", "height": -1, "blocks": 7})),
        replying(200, b"\xff"),
    ],
)
def test_garbage_in_answer_to_the_search_hides_nothing(
    session: Session, server: ServerSimulator, lie: Callable[[object], object]
) -> None:
    seen(session, 4)
    fork(server.ledger, 2, 6)
    server.lies["GET /block"] = lie
    server.lies["GET /checkpoint"] = lambda answer: {**answer, "consistency": [bytes(32)]}
    found = caught(session, ForkError)
    assert judged(server, found).held.encode() == found.held


def test_a_mere_claim_has_no_evidence(session: Session, server: ServerSimulator) -> None:
    """Problem details are anybody's word: nothing signed is in them."""
    seen(session, 2)
    server.lies["GET /checkpoint"] = replying(409, encode({"code": "fork", "detail": "x"}))
    with pytest.raises(ForkError) as found:
        session.keeper.update()
    assert (found.value.held, found.value.shown, found.value.evidence) == (b"", b"", b"")


def test_evidence_names_no_client(
    tmp_path: Path, session: Session, server: ServerSimulator
) -> None:
    """Two clients that were shown the same make the same file, but for nonce and time."""
    seen(session, 4)
    with open_session(tmp_path / "other", server) as other:
        other.keeper.update()
        fork(server.ledger, 2, 6, restart=True)
        one, two = caught(session, ForkError), caught(other, ForkError)
    assert (one.held, one.shown) == (two.held, two.shown)
    for found, asker in ((one, session), (two, other)):
        assert asker.keystore.identity.signing_key.public not in found.evidence
