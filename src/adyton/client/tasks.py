"""Submits tasks, waits for their ends, and fetches what only this client can read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from adyton.client.exchange import Accepted
from adyton.client.finished_task import FinishedTask, evidence_of, verify_end
from adyton.client.records import ACCEPTED, FINISHED, PENDING, RequestRecord
from adyton.client.server_api import EntryAnswer
from adyton.client.session import Session
from adyton.client.task_files import PreparedTask
from adyton.client.verified import VerifiedEntry
from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError, VerificationError
from adyton.protocol import account
from adyton.protocol import task as protocol
from adyton.protocol.account import AccountList, AccountPage

_POLL_LEAST_S: Final = 0.02  # between polls of a server that does not wait
_POLL_MOST_S: Final = 1.0


def submit(
    session: Session, prepared: PreparedTask, *, ordering: str = "single-host"
) -> RequestRecord:
    """Submit a task; return its record once the acceptance is proven.

    Raises:
        Error: as `Session.request`.
    """
    for blob_id, ciphertext in prepared.blobs:
        put = _putter(session, blob_id, ciphertext)
        session.patience(put)
    accepted = session.request(
        protocol.APP,
        protocol.SUBMIT,
        prepared.task.encode(),
        ordering=ordering,
        name=prepared.task.name,
        claimed=prepared.claimed,
        keep=True,
    )
    return _record(session, accepted)


def _putter(session: Session, blob_id: bytes, ciphertext: bytes) -> Callable[[], None]:
    return lambda: session.api.put_blob(blob_id, ciphertext)


def _record(session: Session, accepted: Accepted) -> RequestRecord:
    record = session.store.request(accepted.request_id)
    if record is None:
        raise UsageError("keystore", "the record of an accepted request vanished")
    return record


def settle(session: Session, record: RequestRecord) -> RequestRecord:
    """Return the record of an accepted request: a pending one is sent again in identical bytes.

    Raises:
        Error: as `Session.resume`.
    """
    if record.state != PENDING:
        return record
    return _record(session, session.resume(record.request_id))


def fetch(session: Session, record: RequestRecord, *, timeout_s: float) -> FinishedTask:
    """Wait for a task's end, and return its verified result.

    Args:
        record: of the task, as `submit` returned it or the store holds it.
        timeout_s: the longest to wait; 0 asks once.

    Raises:
        UnavailableError: `timeout`, it has not finished yet; ask again later.
        VerificationError: what is shown is not this task's end.
    """
    # Before it is sent again: of another app, its answer would come to nobody.
    if record.app != protocol.APP:
        raise UsageError(
            "usage", "not a task; a contract's call is taken up by adyton contract resume"
        )
    record = settle(session, record)
    if record.exec_id is not None and record.finished is not None:
        kept = session.keeper.reopen_entry(record.finished)
        return _opened(session, record, _accepted(session, record, None), kept)
    at, answer = _wait(session, record, timeout_s)
    accepted = _accepted(session, record, answer.proofs[0])
    finished = session.exchange.proven(
        lambda: session.keeper.accept_entry(answer.proofs[1], answer.consistency, at)
    )
    return _opened(session, record, accepted, finished)


def _wait(session: Session, record: RequestRecord, timeout_s: float) -> tuple[int, EntryAnswer]:
    """Return the answer that holds the end, and the size of the view it was asked for."""
    deadline = time.monotonic() + timeout_s
    pause = _POLL_LEAST_S
    while True:
        left = max(0.0, deadline - time.monotonic())
        at, begun = session.keeper.size, time.monotonic()
        wait_s = min(limits.WAIT_S, -int(-left // 1))
        answer = session.exchange.proven(_getter(session, record.task_hash, wait_s, at))
        if answer.task_hash != record.task_hash:
            raise VerificationError("answer_invalid", "the answer is of another task")
        if answer.finished != (len(answer.proofs) == 2):
            raise VerificationError("answer_invalid", "the answer contradicts itself")
        if answer.finished:
            return at, answer
        if time.monotonic() >= deadline:
            raise UnavailableError("timeout", "the task has not finished yet")
        if time.monotonic() - begun < pause:
            time.sleep(min(pause, left))
            pause = min(2 * pause, _POLL_MOST_S)


def _getter(session: Session, task_hash: bytes, wait_s: int, at: int) -> Callable[[], EntryAnswer]:
    return lambda: session.api.get_entry(task_hash, wait_s=wait_s, view=at)


def _accepted(session: Session, record: RequestRecord, unverified: bytes | None) -> VerifiedEntry:
    """Return the entry of acceptance: the kept one, or in a rebuilt list the one that is shown."""
    if record.accepted is not None:
        return session.keeper.reopen_entry(record.accepted)
    if unverified is None:
        raise UsageError("keystore", "a finished task without its acceptance")
    entry = session.exchange.proven(lambda: session.keeper.accept_entry(unverified))
    part = entry.part
    if part.kind != "request" or part.task_hash != record.task_hash or part.code:
        raise VerificationError("answer_invalid", "the entry is not this task's acceptance")
    return entry


def _opened(
    session: Session, record: RequestRecord, accepted: VerifiedEntry, finished: VerifiedEntry
) -> FinishedTask:
    pin = session.pin
    result_key = session.keystore.identity.result_key(pin.chain_id, record.request_id)
    end = verify_end(
        accepted,
        finished,
        task_hash=record.task_hash,
        ordering=record.ordering,
        result_key=result_key,
        known=record.claimed,
        runner=session.keeper.runner,
        blob=lambda name: session.patience(lambda: session.api.get_blob(name)),
    )
    done = replace(
        record,
        state=FINISHED,
        exec_id=accepted.exec_id,
        accepted=accepted.proof.encode(),
        finished=finished.proof.encode(),
    )
    if done != record:
        session.store.put_request(done)
    return FinishedTask(
        record=done,
        result=end.result,
        run_info=end.run_info,
        finish=end.finish,
        accepted=accepted.proof,
        finished=finished.proof,
        genesis=pin.genesis,
        evidence=evidence_of((accepted.node, finished.node, end.runner)),
        result_key=result_key,
        values=end.values,
    )


def list_account(session: Session) -> list[RequestRecord]:
    """Rebuild the list of requests from this client's account, and return all of it, oldest first.

    For a client that has lost its list and kept its identity; known records are left as they are.

    Raises:
        Error: as `Session.read`.
    """
    store, start = session.store, 0
    while True:
        encoded = session.read(account.APP, account.LIST, AccountList(start).encode())
        page = AccountPage.decode(encoded)
        for item in page.items:
            if store.request(item.request_id) is None:
                store.put_request(
                    RequestRecord(
                        request_id=item.request_id,
                        task_hash=item.task_hash,
                        app=item.app,
                        method=item.method,
                        name="",
                        created_ms=item.time_ms,
                        ordering="single-host",
                        state=ACCEPTED,
                        signed=None,
                        envelope=None,
                        exec_id=None,
                        accepted=None,
                        finished=None,
                        claimed=None,
                        code="",
                    )
                )
        start += len(page.items)
        if not page.items or start >= page.total:
            return store.requests()
