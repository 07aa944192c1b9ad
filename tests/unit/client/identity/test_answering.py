"""The holder's side: the least is disclosed, what is sealed goes to whom it is for, and what comes back is read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import EdDsaKey
from adyton.client.demo_issuer import age_claims
from adyton.client.identity_answering import Asking, Reply, asking_lines, hand_over, seal_answer
from adyton.client.identity_dids import OwnDid, new_did
from adyton.client.identity_disclosure import Choice, choose
from adyton.client.identity_handing import read_reply, send, write_reply
from adyton.client.identity_held import Held, drop, held_credentials, take
from adyton.core.errors import Error, PolicyError, UsageError, VerificationError
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.identity.registries import IssuerRecord, PartyRecord
from adyton.protocol.identity.requests import Present, SealedPresentation
from tests.credential_kit import entropy
from tests.unit.client.identity.conftest import Desk

ISS = "https://a.example"
NOW_S = 1_795_000_000
ISSUER = EdDsaKey(b"\x51" * 32)


@pytest.fixture
def own(session: Session) -> OwnDid:
    return new_did(session)[0]


def held(
    session: Session, own: OwnDid, *, hidden: tuple[Path, ...] | None = None, **claims: Any
) -> Held:
    """Have a credential issued, and take it."""
    values = {"iss": ISS, "vct": "card", "exp": NOW_S + 9999, **claims}
    places = hidden
    if places is None:
        places = tuple((name,) for name in claims if name not in ("iss", "vct", "exp", "status"))
    text = issue(
        values, hidden=places, key=ISSUER, kid="", holder=own.key.public, entropy=entropy()
    )
    return take(session, text + "\n", [own])


def chosen(desk: Desk, *given: Held, named: str | None = None, **changed: Any) -> Choice:
    policy = replace(desk.policy, **changed)
    return choose(given, policy, {ISS: desk.issuer}, named=named, now_s=NOW_S)


def test_credentials_are_kept_and_forgotten(session: Session, own: OwnDid) -> None:
    first = held(session, own, age_over_18=True)
    assert [one.name for one in held_credentials(session)] == [first.name]
    assert (first.did, first.text_of("vct"), first.text_of("age_over_18")) == (own.did, "card", "")
    drop(session, first)
    assert held_credentials(session) == []
    unbound = issue(
        {"iss": ISS, "vct": "card"}, hidden=(), key=ISSUER, kid="", holder=None, entropy=entropy()
    )
    with pytest.raises(UsageError, match="bound to nobody"):
        take(session, unbound, [own])


def test_an_age_is_shown_by_the_least(desk: Desk, session: Session, own: OwnDid) -> None:
    ages = age_claims("1990-02-28", NOW_S * 1000)
    single: tuple[Path, ...] = (("birthdate",), ("age_equal_or_over", "18"))
    card = held(session, own, hidden=single, **ages)
    assert chosen(desk, card).disclosed == (("age_equal_or_over", "18"),)
    assert chosen(desk, card).shown == ("age_equal_or_over.18",)
    assert chosen(desk, card).problems == ()
    # Where the object is hidden as a whole, it is disclosed as a whole.
    whole: tuple[Path, ...] = (("birthdate",), ("age_equal_or_over",))
    assert chosen(desk, held(session, own, hidden=whole, **ages)).disclosed == (
        ("age_equal_or_over",),
    )
    # What is always visible needs no disclosure.
    assert chosen(desk, held(session, own, hidden=(), **ages)).disclosed == ()
    # An age that is not among them is shown by the birthday.
    assert chosen(desk, card, age_over=30).disclosed == (("birthdate",),)
    assert chosen(desk, held(session, own, age_over_18=True)).disclosed == (("age_over_18",),)
    assert chosen(desk, card, range_proof=True).disclosed == (("birthdate",),)
    assert chosen(desk, card, age_over=0).disclosed == ()


def test_who_has_come_of_age_since_shows_the_birthday(
    desk: Desk, session: Session, own: OwnDid
) -> None:
    """What the issuer said of the age was true on that day."""
    says: dict[str, Any] = {
        "age_equal_or_over": {"18": False}, "age_over_18": False, "birthdate": "2008-01-01",
    }  # fmt: skip
    each: tuple[Path, ...] = (("age_equal_or_over", "18"), ("age_over_18",), ("birthdate",))
    choice = chosen(desk, held(session, own, hidden=each, **says))
    assert (choice.disclosed, choice.shown, choice.problems) == (
        (("birthdate",),), ("birthdate",), (),
    )  # fmt: skip
    # What can be hidden of it, and is newer, is shown before.
    newer = chosen(desk, held(session, own, hidden=each, **{**says, "age_over_18": True}))
    assert (newer.disclosed, newer.problems) == ((("age_over_18",),), ())
    # What is always visible decides, and the birthday is kept back.
    for hidden in (each[:1] + each[2:], each[1:]):
        choice = chosen(desk, held(session, own, hidden=hidden, **says))
        assert ("birthdate",) not in choice.disclosed
        assert "not reached the age" in choice.problems[0]
        (problem,) = chosen(
            desk, held(session, own, hidden=hidden, **says), range_proof=True
        ).problems
        assert "not reached the age" in problem
    # Of somebody younger it would say the same.
    choice = chosen(desk, held(session, own, hidden=each, **{**says, "birthdate": "2015-01-01"}))
    assert choice.disclosed == (("age_equal_or_over", "18"),)
    assert len(choice.problems) == 1


def test_claims_and_pseudonyms_are_shown(desk: Desk, session: Session, own: OwnDid) -> None:
    card = held(session, own, age_over_18=True, number="L01", given_name="Erika")
    shown = chosen(desk, card, claims=("given_name", "number"), pseudonym="number").disclosed
    assert shown == (("given_name",), ("number",), ("age_over_18",))


@pytest.mark.parametrize(
    ("claims", "changed", "problem"),
    [
        ({"iss": "https://b.example"}, {}, "issuer"),
        ({"vct": "other"}, {}, "type"),
        ({"exp": NOW_S - 100}, {}, "has expired"),
        ({"exp": None}, {}, "never expires"),
        ({}, {"status": True}, "no status"),
        ({}, {"claims": ("height",)}, "no height"),
        ({"age_over_18": False}, {}, "not reached the age"),
        ({}, {"age_over": 21}, "says nothing about being 21"),
        ({"birthdate": "2015-01-01"}, {"age_over": 21}, "not reached the age"),
        ({"birthdate": "yesterday"}, {"age_over": 21}, "YYYY-MM-DD"),
    ],
)
def test_what_will_be_refused_is_said(
    desk: Desk,
    session: Session,
    own: OwnDid,
    claims: dict[str, Any],
    changed: dict[str, Any],
    problem: str,
) -> None:
    given = {"age_over_18": True, **claims}
    if given.get("exp", 0) is None:
        text = issue(
            {"iss": ISS, "vct": "card", "age_over_18": True}, hidden=(), key=ISSUER, kid="",
            holder=own.key.public, entropy=entropy(),
        )  # fmt: skip
        card = take(session, text, [own])
    else:
        card = held(session, own, **given)
    choice = chosen(desk, card, **changed)
    assert len(choice.problems) == 1
    assert problem in choice.problems[0]
    better = held(session, own, age_over_18=True, birthdate="1990-02-28", height=1, other=1)
    if not changed.get("status"):
        assert chosen(desk, card, better, **changed).held == better
        assert chosen(desk, card, better, named=card.name[:6], **changed).held == card


def test_none_and_several_credentials(desk: Desk, session: Session, own: OwnDid) -> None:
    with pytest.raises(UsageError, match="no credential yet"):
        chosen(desk)
    cards = [held(session, own, age_over_18=True, number=number) for number in range(2)]
    with pytest.raises(UsageError, match="no credential of that name"):
        chosen(desk, *cards, named="zz")
    with pytest.raises(UsageError, match="several"):
        chosen(desk, *cards, named="")


def asking(desk: Desk, **party: Any) -> Asking:
    own = desk.policy.owner
    fields = {"name": "Kino\x1b[2J", "response": "", **party}
    record = PartyRecord(own, bytes(16), fields["name"], (own,), (own,), fields["response"], 1)
    issuer = IssuerRecord(own, bytes(16), "Pass\nports", ISS, (b"{}",), (), 1)
    return Asking(desk.ask(), record, desk.policy, {desk.issuer: issuer})


def test_words_do_not_steer_a_terminal(desk: Desk, session: Session, own: OwnDid) -> None:
    choice = chosen(desk, held(session, own, age_over_18=False))
    lines = asking_lines(asking(desk), choice)
    assert all(line.isprintable() for line in lines)
    assert lines[-1].startswith("  but the answer will be no: ")
    assert any("registered by" in line and desk.policy.owner.hex() in line for line in lines)


def test_a_credential_is_sealed_under_its_own_did(
    desk: Desk, session: Session, own: OwnDid
) -> None:
    choice = chosen(desk, held(session, own, age_over_18=True))
    asked = asking(desk)
    presented = seal_answer(session, asked, choice, own)
    assert presented.request == asked.request
    assert presented.sealed.epoch == 0
    with pytest.raises(UsageError, match="another did"):
        seal_answer(session, asked, choice, new_did(session)[0])


# --- handing over -------------------------------------------------------------------------------


class Counter:
    """A party that refuses what is sealed to an epoch before `open_from`.

    Args:
        desk: gives a request.
        epochs: to whose keys is sealed, one after the other.
    """

    def __init__(self, desk: Desk, *epochs: int, open_from: int) -> None:
        self.request = desk.ask()
        self.epochs = list(epochs)
        self.open_from = open_from
        self.sent: list[int] = []
        self.told = 0

    def seal(self) -> Present:
        return Present(self.request, SealedPresentation(self.epochs.pop(0), b""))

    def send(self, presented: Present) -> Reply:
        self.sent.append(presented.sealed.epoch)
        if presented.sealed.epoch < self.open_from:
            return Reply("epoch_ended", "make it\x1b anew", "", "")
        return Reply("", "", "yes", "")

    def tell(self) -> None:
        self.told += 1

    def run(self) -> Reply:
        return hand_over(self.seal, self.send, self.tell)


def test_it_is_sealed_anew_when_the_epoch_has_ended(desk: Desk) -> None:
    counter = Counter(desk, 3, 4, open_from=4)
    assert counter.run().answer == "yes"
    assert (counter.sent, counter.told) == ([3, 4], 1)
    once = Counter(desk, 4, open_from=4)
    assert once.run().answer == "yes"
    assert (once.sent, once.told) == ([4], 0)


def test_it_is_not_sealed_anew_for_ever(desk: Desk) -> None:
    for epochs in ((3, 3), (3, 4)):
        counter = Counter(desk, *epochs, open_from=9)
        with pytest.raises(PolicyError, match="the relying party says: make it\\? anew"):
            counter.run()
        assert counter.sent == sorted(set(epochs))


REPLY = {"request": "", "code": "", "message": "", "answer": "yes", "reason": ""}


def test_a_reply_has_one_form(desk: Desk) -> None:
    presented = desk.sealed()
    name = presented.request.name()
    for reply in (
        Reply("", "", "yes", ""),
        Reply("", "", "no", "policy"),
        Reply("not_sender", "not you", "", ""),
    ):
        assert read_reply(write_reply(name, reply), presented) == reply
    for changed in (
        {"request": "00" * 32},
        {"answer": "maybe"},
        {"answer": "no"},
        {"reason": "policy"},
        {"answer": "no", "reason": "birthday"},
        {"message": 1},
        {"code": None},
    ):
        wrong = json.dumps({**REPLY, "request": name.hex(), **changed}).encode()
        with pytest.raises(VerificationError, match="the relying party's answer"):
            read_reply(wrong, presented)
    with pytest.raises(Error):
        read_reply(b'{"answer": "yes", "answer": "no"}', presented)


@pytest.fixture
def desk_server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        got: bytes = b""

        def do_POST(self) -> None:
            type(self).got = self.rfile.read(int(self.headers["Content-Length"]))
            request = Present.decode(type(self).got).request
            plain = self.path == "/plain"
            body = write_reply(request.name(), Reply("", "", "yes", ""))
            self.send_response(200 if self.path != "/elsewhere" else 307)
            self.send_header("Location", "/")
            self.send_header("Content-Type", "text/plain" if plain else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_goes_by_http(desk: Desk, desk_server: HTTPServer) -> None:
    presented = desk.sealed()
    url = f"http://127.0.0.1:{desk_server.server_port}"
    assert send(f"{url}/present?x=1", presented) == Reply("", "", "yes", "")
    assert getattr(desk_server.RequestHandlerClass, "got") == presented.encode()  # noqa: B009  # of another class than declared
    with pytest.raises(VerificationError, match="no JSON"):
        send(f"{url}/plain", presented)
    with pytest.raises(VerificationError, match="redirects"):
        send(f"{url}/elsewhere", presented)
    for address in ("mailto:kino@example", "ftp://kino.example/", "http:///"):
        with pytest.raises(UsageError, match="no http address"):
            send(address, presented)
