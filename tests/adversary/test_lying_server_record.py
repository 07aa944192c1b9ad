"""A server that lies about what is recorded, the ledger or the ends of tasks: refused, and nothing is lost."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.client import (
    RequestRecord,
    Session,
    fetch,
    notarize,
    prepare_task,
    submit,
)
from adyton.client.checkpoint_order import contradiction
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import (
    ForkError,
    RollbackError,
    VerificationError,
)
from adyton.core.merkle import Tree
from adyton.protocol.ledger import Checkpoint, PublicPart, entry_leaf
from tests.adversary.lying_server import (
    CODE,
    FILE,
    pending,
    refused,
    replying,
)
from tests.adversary.server_simulator import Answer, ServerSimulator
from tests.ledger_builder import TASK_LIMITS

# --- the ledger ----------------------------------------------------------------------------------


def rewrite(server: ServerSimulator, keep: int, more: int) -> None:
    """Have the server forget all blocks after the first `keep`, and tell `more` others."""
    ledger = server.ledger
    blocks = ledger.blocks[:keep]
    ledger.blocks, ledger.tree = list(blocks), Tree()
    for block in blocks:
        for public, writes in block.entries:
            ledger.tree.append(entry_leaf(public, writes, PublicPart.decode(public).claims))
    for _ in range(more):
        ledger.request(before=0)


def test_a_rollback_is_told_by_both_checkpoints(session: Session, server: ServerSimulator) -> None:
    for _ in range(4):
        notarize(session, FILE)
    held = server.ledger.blocks[-1].checkpoint.encode()
    rewrite(server, 2, 0)
    shown = server.ledger.blocks[-1].checkpoint.encode()
    with pytest.raises(RollbackError) as caught:
        session.keeper.update()
    assert caught.value.code == "rollback"
    assert (caught.value.held, caught.value.shown) == (held, shown)


def test_a_request_to_a_ledger_that_went_back(session: Session, server: ServerSimulator) -> None:
    for _ in range(4):
        notarize(session, FILE)
    held = server.ledger.blocks[-1].checkpoint.encode()
    rewrite(server, 2, 0)
    with pytest.raises(ForkError) as caught:
        notarize(session, FILE)
    # It went on from where it went back to, and signed that: another block in a place that was taken.
    assert Checkpoint.decode(caught.value.shown).facts.size == 3
    assert contradiction(*map(Checkpoint.decode, (caught.value.held, caught.value.shown)))
    assert session.keeper.snapshot().checkpoint == Checkpoint.decode(held)
    assert len(pending(session)) == 1


def test_a_fork_of_the_same_size(session: Session, server: ServerSimulator) -> None:
    for _ in range(3):
        notarize(session, FILE)
    held = server.ledger.blocks[-1].checkpoint.encode()
    rewrite(server, 2, 2)
    shown = server.ledger.blocks[-1].checkpoint.encode()
    with pytest.raises(ForkError) as caught:
        session.keeper.update()
    assert caught.value.code == "fork"
    assert (caught.value.held, caught.value.shown) == (held, shown)


def test_a_longer_fork(session: Session, server: ServerSimulator) -> None:
    for _ in range(3):
        notarize(session, FILE)
    rewrite(server, 2, 5)
    with pytest.raises(ForkError) as caught:
        notarize(session, FILE)
    assert caught.value.code == "fork"
    assert Checkpoint.decode(caught.value.held).facts.size == 4
    assert Checkpoint.decode(caught.value.shown).facts.size == 4  # its own fourth entry
    assert len(pending(session)) == 1


def test_a_claim_of_a_rollback_that_is_none(session: Session, server: ServerSimulator) -> None:
    notarize(session, FILE)
    server.lies["POST /task"] = replying(409, encode({"code": "rollback", "detail": "x"}))
    refused(session, server, VerificationError, "answer_invalid")


@pytest.mark.parametrize("cut", [slice(1, None), slice(None, -1), slice(0, 0)])
def test_one_cut_consistency_proof_is_asked_for_again(
    session: Session, server: ServerSimulator, cut: slice
) -> None:
    for _ in range(4):
        notarize(session, FILE)
    server.lies["POST /task"] = lambda a: {**a, "consistency": a["consistency"][cut]}
    notarize(session, FILE)
    assert session.keeper.size == server.size


def test_no_consistency_proof_at_all_is_a_fork(session: Session, server: ServerSimulator) -> None:
    for _ in range(4):
        notarize(session, FILE)
    view = session.keeper.size
    for route in ("POST /task", "GET /checkpoint"):
        server.lies[route] = lambda answer: {**answer, "consistency": answer["consistency"][1:]}
    with pytest.raises(ForkError) as caught:
        notarize(session, FILE)
    assert caught.value.code == "fork"
    assert session.keeper.size == view
    server.lies.clear()
    session.resume(pending(session)[0].request_id)


# --- ends of tasks -------------------------------------------------------------------------------


def submitted(session: Session) -> RequestRecord:
    return submit(session, prepare_task("a.py", CODE, task_limits=TASK_LIMITS, created_ms=1))


def fetch_refused(session: Session, record: RequestRecord, code: str, match: str = ".") -> None:
    with pytest.raises(VerificationError, match=match) as caught:
        fetch(session, record, timeout_s=0)
    assert caught.value.code == code
    assert session.store.request(record.request_id) == record


def test_a_runner_that_was_never_attested(session: Session, server: ServerSimulator) -> None:
    real = server.ledger.node
    server.ledger.nodes = [replace(real, runner=SigningKey(os.urandom(32)))]
    honest = server.ledger.bundle
    server.ledger.bundle = lambda role, key, nonce: honest(  # type: ignore[method-assign]  # the evidence is the real runner's
        role, real.runner if role == "runner" else key, nonce
    )
    record = submitted(session)
    server.lies["GET /evidence?key_id"] = lambda answer: {"evidence": real.evidence.encode()}
    fetch_refused(session, record, "receipt_invalid", "no evidence for a key")


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"chain_id": bytes(32)}, "another task"),
        ({"task_hash": bytes(32)}, "another task"),
        ({"exec_id": bytes(32)}, "another run"),
        ({"claims": bytes(32)}, "claims are not those of the ledger"),
        ({"attempt": 2}, "does not open"),
        ({"result_size": 7}, "another size"),
        ({"result": None}, "two results, or none"),
        ({"result_blob": bytes(32)}, "two results, or none"),
        ({"epoch": 5}, "another epoch"),
    ],
)
def test_a_statement_that_does_not_fit(
    session: Session, server: ServerSimulator, changed: dict[str, Any], match: str
) -> None:
    server.changed_finish = changed
    record = submitted(session)
    with pytest.raises(VerificationError, match=match):
        fetch(session, record, timeout_s=0)
    assert session.store.request(record.request_id) == record


@pytest.mark.parametrize(
    "changed", [{"stdout": b"forged"}, {"stderr": b""}, {"outputs": ()}, {"exit_code": 0}]
)
def test_a_result_that_was_not_claimed(
    session: Session, server: ServerSimulator, changed: dict[str, Any]
) -> None:
    server.changed_result = changed
    fetch_refused(session, submitted(session), "answer_invalid")


def test_code_that_was_not_submitted(session: Session, server: ServerSimulator) -> None:
    honest = server.contents
    server.contents = lambda task: (b"other code", *honest(task)[1:])  # type: ignore[method-assign]  # runs something else
    fetch_refused(session, submitted(session), "answer_invalid", "claims")


def test_the_end_of_another_task(session: Session, server: ServerSimulator) -> None:
    one, other = submitted(session), submitted(session)
    answer = server.block(other.task_hash, 0, session.keeper.size)
    server.lies["GET /block"] = lambda _: {**answer, "task_hash": one.task_hash}
    fetch_refused(session, one, "answer_invalid", "not the end of this task")
    server.lies["GET /block"] = lambda _: answer
    fetch_refused(session, one, "answer_invalid", "of another task")


def test_an_acceptance_shown_as_an_end(session: Session, server: ServerSimulator) -> None:
    record = submitted(session)

    def lie(answer: Answer) -> Answer:
        return {**answer, "proofs": [answer["proofs"][0]] * 2, "consistency": []}

    server.lies["GET /block"] = lie
    fetch_refused(session, record, "answer_invalid", "not the end")


@pytest.mark.parametrize(
    "lie",
    [
        lambda a: {**a, "finished": False},
        lambda a: {**a, "proofs": a["proofs"][:1]},
        lambda a: {**a, "proofs": []},
        lambda a: {**a, "proofs": [*a["proofs"], b""]},
        lambda a: {**a, "finished": 1},
    ],
)
def test_an_end_that_contradicts_itself(
    session: Session, server: ServerSimulator, lie: Callable[[Answer], Answer]
) -> None:
    record = submitted(session)
    server.lies["GET /block"] = lie
    fetch_refused(session, record, "answer_invalid")


def test_another_blob_for_the_result(session: Session, server: ServerSimulator) -> None:
    server.large_result = True
    record = submitted(session)
    for name in server.blobs:
        server.blobs[name] = server.blobs[name][:-1] + b"\x00"
    fetch_refused(session, record, "answer_invalid", "not the blob")
