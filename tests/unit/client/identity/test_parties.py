"""A relying party's own files and its receiver; a demo issuer."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator

import pytest

from adyton.client import Session
from adyton.client.credentials.holding import hold
from adyton.client.demo_issuer import (
    PREFIX,
    age_claims,
    demo_issuer,
    issue_demo,
    new_demo_issuer,
    revoke_demo,
)
from adyton.client.identity import resolve
from adyton.client.identity_asked import (
    asked_request,
    asked_requests,
    keep_asked,
    keep_verdict,
    policy_of,
)
from adyton.client.identity_dids import new_did
from adyton.client.identity_handing import send
from adyton.client.identity_receiving import Received, Receiver
from adyton.client.identity_verdict import present
from adyton.core.errors import PolicyError, UnavailableError, UsageError
from adyton.protocol.identity.registries import IssuerRecord
from adyton.protocol.identity.requests import Present
from tests.adversary.identity_server import IdentityServer
from tests.e2e.command import until
from tests.unit.client.identity.conftest import Desk


def test_requests_and_their_first_verdict_are_kept(server: IdentityServer, desk: Desk) -> None:
    session, request = desk.session, desk.ask()
    with pytest.raises(UsageError, match="no such request"):
        asked_request(session, None)
    assert policy_of(session, request) is None
    kept = keep_asked(session, request, desk.policy)
    assert policy_of(session, request) == desk.policy
    now_ms = session.now_ms()
    assert (kept.state(now_ms), kept.state(request.deadline_ms)) == ("open", "expired")
    keep_verdict(session, present(session, desk.sealed(request), desk.policy))
    server.verdict = {"answer": "no", "reason": "wrong_request"}
    keep_verdict(session, present(session, desk.sealed(request), desk.policy))
    found = asked_request(session, request.nonce[:8])
    assert (found.state(now_ms), found.reason) == ("yes", "")
    assert found.receipt
    # A verdict on what was asked elsewhere is not kept.
    keep_verdict(session, desk.judge())
    keep_asked(session, desk.ask(), desk.policy)
    assert len(asked_requests(session)) == 2
    with pytest.raises(UsageError, match="several"):
        asked_request(session, "")


@pytest.fixture
def told() -> list[Received]:
    return []


@pytest.fixture
def receiver(desk: Desk, told: list[Received]) -> Iterator[Receiver]:
    made = Receiver(desk.session, 0, told.append)
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


def test_a_receiver_answers_holders(
    server: IdentityServer, desk: Desk, receiver: Receiver, told: list[Received]
) -> None:
    request = desk.ask()
    presented = desk.sealed(request)
    assert send(receiver.url, presented).code == "not_found"
    keep_asked(desk.session, request, desk.policy)
    assert send(receiver.url, presented).answer == "yes"
    assert asked_request(desk.session, None).answer == "yes"
    server.answer = {"code": "epoch_ended", "reason": "make it anew", "verdict": b""}
    assert send(receiver.url, presented).code == "epoch_ended"
    until(lambda: len(told) == 3, "the last answer is told")
    assert [one.reply.code for one in told] == ["not_found", "", "epoch_ended"]
    assert {one.request for one in told} == {request.name()}


@pytest.mark.parametrize(
    ("method", "headers", "body", "status"),
    [
        ("GET", {}, b"", 405),
        ("POST", {"Content-Type": "text/plain", "Content-Length": "1"}, b"x", 415),
        ("POST", {"Content-Type": "application/cbor"}, None, 411),
        ("POST", {"Content-Type": "application/cbor", "Content-Length": "-1"}, b"", 411),
        ("POST", {"Content-Type": "application/cbor", "Content-Length": "99999999"}, b"", 413),
        ("POST", {"Content-Type": "application/cbor", "Content-Length": "1"}, b"x", 200),
    ],
)
def test_a_receiver_takes_presentations_alone(
    receiver: Receiver, method: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    host = receiver.url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.putrequest(method, "/")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert answer.status == status
    assert said["code"] in ("bad_argument", "too_large", "malformed")
    assert said["answer"] == ""
    assert set(said["request"]) == {"0"}
    assert Present.MAX_BYTES < 99999999


def test_a_port_is_taken_once(desk: Desk, receiver: Receiver, told: list[Received]) -> None:
    port = int(receiver.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(UnavailableError, match="cannot listen"):
        Receiver(desk.session, port, told.append)


def test_a_demo_issuer_says_that_it_is_one(session: Session) -> None:
    with pytest.raises(UsageError, match="no demo issuer"):
        demo_issuer(session, None)
    file, made = new_demo_issuer(session, "City Hall")
    record = resolve(session, made.name, IssuerRecord)
    assert record.name == PREFIX + "City Hall"
    assert record.lists == (file.uri,)
    assert demo_issuer(session, made.name.hex()[:6]) == file
    own, _ = new_did(session)
    holder = (own.did, own.key.public)
    issued = issue_demo(session, file, holder, age_claims("1990-02-28", session.now_ms()))
    claims = hold(issued.text).unverified_claims
    assert claims["age_equal_or_over"] == {
        "12": True, "14": True, "16": True, "18": True, "21": True, "65": False,
    }  # fmt: skip
    assert b"1990" not in issued.text.partition("~")[0].encode()
    file = demo_issuer(session, None)
    assert file.issued == (issued.entry,)
    for claim in ("iss", "iat", "exp", "cnf", "status", "vct"):
        with pytest.raises(UsageError, match="the issuer itself sets"):
            issue_demo(session, file, holder, {claim: "x"})
    for day in ("1990-02-30", "2999-01-01", "yesterday"):
        with pytest.raises(UsageError, match="the birthdate"):
            age_claims(day, session.now_ms())
    assert revoke_demo(session, file, issued.entry.name[:8]) == issued.entry
    index = issued.entry.index
    assert demo_issuer(session, None).revoked[index // 8] == 1 << index % 8
    with pytest.raises(UsageError, match="not the name of one"):
        revoke_demo(session, file, "zz")
    new_demo_issuer(session, "Another")
    with pytest.raises(UsageError, match="several demo issuers"):
        demo_issuer(session, None)


def test_a_refusal_is_raised_by_its_code(server: IdentityServer, desk: Desk) -> None:
    server.answer = {"code": "deadline_passed", "reason": "late", "verdict": b""}
    with pytest.raises(PolicyError, match="late"):
        desk.judge()
