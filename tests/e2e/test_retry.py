"""A request has one effect, however its answers are lost and however often it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import HttpTransport, Keystore, Session, fetch, list_account, submit
from adyton.client.task_files import prepare_task, task_limits
from adyton.client.transport import CBOR, TIMEOUT_S, Reply
from adyton.core.errors import UnavailableError
from adyton.protocol.genesis import Genesis
from tests.e2e.command import Server


class LossyTransport(HttpTransport):
    """Delivers every request, and loses the answers to the next `losing` uploads."""

    losing = 0
    sent: list[bytes]

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        reply = super().exchange(
            method,
            target,
            body,
            content_type=content_type,
            max_bytes=max_bytes,
            timeout_s=timeout_s,
        )
        if target.startswith("/task"):
            self.sent.append(body or b"")
            if self.losing > 0:
                self.losing -= 1
                raise UnavailableError("unreachable", "the answer is lost")
        return reply


@pytest.fixture
def transport(server: Server) -> LossyTransport:
    made = LossyTransport(server.url)
    made.sent = []
    return made


def _session(home: Path, server: Server, transport: HttpTransport) -> Session:
    policy = AppraisalPolicy(allow_simulated=True)
    session = Session(Keystore(home), transport, policy, sleep=lambda _: None)
    session.trust(bytes.fromhex(server.fingerprint))
    return session


def test_a_lost_answer_is_asked_for_in_identical_bytes(
    server: Server, transport: LossyTransport, tmp_path: Path
) -> None:
    with _session(tmp_path / "home", server, transport) as session:
        granted = Genesis.decode(session.pin.genesis).configuration.tasks
        prepared = prepare_task(
            "task.py",
            b"open('out/once', 'w').write('x'); print('once')",
            task_limits=task_limits(granted),
            created_ms=session.now_ms(),
        )
        transport.losing = 3
        record = submit(session, prepared)
        assert len(transport.sent) == 4
        assert len(set(transport.sent)) == 1
        assert fetch(session, record, timeout_s=60).result.stdout == b"once\n"
        (item,) = list_account(session)
        assert item.request_id == record.request_id
        answer = session.api.get_entry(record.task_hash, wait_s=0, view=0)
        assert len(answer.proofs) == 2


def test_a_client_that_died_goes_on_where_it_was(
    server: Server, transport: LossyTransport, tmp_path: Path
) -> None:
    """The envelope is kept before it is sent: another process sends the same bytes."""
    with _session(tmp_path / "home", server, transport) as session:
        granted = Genesis.decode(session.pin.genesis).configuration.tasks
        prepared = prepare_task(
            "task.py",
            b"print('kept')",
            task_limits=task_limits(granted),
            created_ms=session.now_ms(),
        )
        transport.losing = 100
        with pytest.raises(UnavailableError):
            submit(session, prepared)
        (pending,) = session.store.requests()
        sent = set(transport.sent)
    transport.losing = 0
    with _session(tmp_path / "home", server, transport) as session:
        accepted = session.resume(pending.request_id)
        assert set(transport.sent) == sent
        assert accepted.task_hash == pending.task_hash
        (record,) = session.store.requests()
        assert fetch(session, record, timeout_s=60).result.stdout == b"kept\n"
        assert len(list_account(session)) == 1
