"""What the tests of a lying server share: lies, and the look at what the client still holds."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from adyton.client import (
    RequestRecord,
    Session,
    notarize,
)
from adyton.client.records import PENDING
from adyton.client.transport import CBOR, Reply
from adyton.core.errors import (
    Error,
    VerificationError,
)
from adyton.protocol.ledger import EntryProof
from tests.adversary.server_simulator import Answer, ServerSimulator

FILE = b"a file"
CODE = b"print(42)\n"


def pending(session: Session) -> list[RequestRecord]:
    return [record for record in session.store.requests() if record.state == PENDING]


def tickets(session: Session) -> int:
    with session.store.locked():
        held = session.store.tickets()
    return 0 if held is None else len(held.tickets)


def refused(
    session: Session, server: ServerSimulator, class_: type[Error], code: str
) -> VerificationError | Error:
    """Notarize against a lying server; see the error, and that honesty still leads to the end."""
    view = session.keeper.size
    with pytest.raises(Error) as caught:
        notarize(session, FILE)
    assert type(caught.value) is class_, caught.value
    assert caught.value.code == code, caught.value
    assert session.keeper.size >= view
    (left,) = pending(session)
    assert left.envelope is not None
    server.lies.clear()
    executed = len(server.seen)
    accepted = session.resume(left.request_id)
    assert accepted.response.code == ""
    assert len(server.seen) == max(executed, 1)
    assert len(set(server.spent)) == len(server.seen)
    return caught.value


def one_at_a_time(server: ServerSimulator) -> None:
    """Have the server serve several threads: one after the other."""
    lock, honest = threading.Lock(), server.exchange

    def exchange(*args: Any, **named: Any) -> Reply:
        with lock:
            return honest(*args, **named)

    server.exchange = exchange  # type: ignore[method-assign]  # the same, behind a lock


def with_proof(change: Callable[[EntryProof], EntryProof]) -> Callable[[Answer], Answer]:
    return lambda answer: {
        **answer,
        "proof": change(EntryProof.decode(answer["proof"])).encode(),
    }


def keeping(kept: list[Answer]) -> Callable[[Answer], Answer]:
    """Return a lie that is none: the answer is kept, for a lie to come."""

    def keep(answer: Answer) -> Answer:
        kept.append(answer)
        return answer

    return keep


def replying(status: int, body: bytes, kind: str = CBOR) -> Callable[[Any], Reply]:
    """Return a lie: another status and body, whatever the honest answer."""
    return lambda answer: Reply(status, kind, body)
