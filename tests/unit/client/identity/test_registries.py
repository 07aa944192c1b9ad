"""Registries and requests: names hold what they name, whatever a server shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.identity import bring_status, own_records, register, resolve, why_refused
from adyton.client.identity_answering import read_asking
from adyton.client.identity_asking import SCHEME, read_uri, require_deadline, to_uri
from adyton.client.identity_changes import change_did
from adyton.client.identity_dids import (
    binding_key,
    keys_of,
    multikey_of,
    new_did,
    own_dids,
    require_own,
    resolve_did,
)
from adyton.client.problems import error_of
from adyton.core import limits
from adyton.core.errors import (
    Error,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol.credentials.did_jwk import did_of_jwk
from adyton.protocol.credentials.did_key import did_of_key
from adyton.protocol.identity.answers import IdentityEntry
from adyton.protocol.identity.registries import IssuerRecord, PartyRecord, PolicyRecord
from tests.adversary.identity_server import IdentityServer
from tests.credential_kit import ISSUER, NOW, OTHER_KEY
from tests.status_kit import RECORD, URI, bitstring_credential, token
from tests.unit.client.identity.conftest import KEY, Desk


def test_what_is_registered_is_resolved(desk: Desk) -> None:
    assert resolve(desk.session, desk.name, PolicyRecord) == desk.policy
    with pytest.raises(UsageError, match="policy, not issuer"):
        resolve(desk.session, desk.name, IssuerRecord)
    with pytest.raises(UsageError):
        resolve(desk.session, bytes(32), PolicyRecord)
    assert {name for name, _ in own_records(desk.session)} == {desk.party, desk.issuer, desk.name}


def test_another_record_than_was_asked_for(server: IdentityServer, desk: Desk) -> None:
    server.shown = [replace(desk.policy, salt=b"\1" * 16).encode()]
    with pytest.raises(VerificationError, match="another record"):
        resolve(desk.session, desk.name, PolicyRecord)
    server.shown = [replace(desk.policy, owner=bytes(32)).encode()]
    with pytest.raises(VerificationError, match="another client"):
        list(own_records(desk.session))
    server.shown = [desk.policy.encode()] * 2
    with pytest.raises(VerificationError, match="out of order"):
        list(own_records(desk.session))


def test_a_record_that_was_not_made(server: IdentityServer, desk: Desk) -> None:
    changed = replace(desk.policy, version=2)
    server.registered = {"name": bytes(32)}
    with pytest.raises(VerificationError, match="another record was made"):
        register(desk.session, changed)
    server.registered = {"version": 3}
    with pytest.raises(VerificationError, match="another record was made"):
        register(desk.session, changed)
    server.registered, server.entry = {}, IdentityEntry(desk.policy.encode(), ())
    with pytest.raises(VerificationError, match="another record was made"):
        register(desk.session, changed)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"name": " Adults"}, "a name is printable"),
        ({"types": ("a b",)}, "visible ASCII"),
        ({"claims": ("a", "a")}, "names a claim once"),
        ({"pseudonym": "birthdate"}, "a birthday tells nobody apart"),
        ({"range_proof": True, "age_over": 0}, "state age_over"),
        ({"age_over": 151}, "from 0 to 150"),
    ],
)
def test_what_would_be_refused_is_said_in_words_and_not_sent(
    server: IdentityServer, desk: Desk, changed: dict[str, Any], text: str
) -> None:
    sent = len(server.recorded)
    with pytest.raises((MalformedError, UsageError), match=text):
        register(desk.session, replace(desk.policy, version=2, **changed))
    assert len(server.recorded) == sent


def test_what_a_record_lacks_is_said(desk: Desk) -> None:
    own = desk.policy.owner
    issuer = resolve(desk.session, desk.issuer, IssuerRecord)
    party = PartyRecord(own, b"\5" * 16, "Kino Sued", (own,), (own,), "no address", 1)
    for record, text in (
        (replace(issuer, keys=(b'{"kty":"EC"}',)), "not a public key as JWK"),
        (replace(issuer, keys=issuer.keys * 2), "a text each as kid"),
        (replace(issuer, iss="a b"), "an issuer's iss: visible"),
        (replace(issuer, lists=("nowhere",)), "status list's address is a URI"),
        (party, "response address is a URI"),
    ):
        with pytest.raises(Error, match=text):
            register(desk.session, record)
    with pytest.raises(UsageError, match=f"no record {'00' * 32} is registered"):
        resolve(desk.session, bytes(32), IssuerRecord)


def test_a_status_list_is_text(desk: Desk) -> None:
    assert bring_status(desk.session, desk.issuer, "https://a.example/1", "a.b.c").entries == 8
    with pytest.raises(UsageError, match="ASCII"):
        bring_status(desk.session, desk.issuer, "https://a.example/1", "é")


LISTED = IssuerRecord(bytes(32), bytes(16), "Hall", ISSUER, (KEY,), (URI,), 1)


@pytest.mark.parametrize(
    ("made", "refusal", "text"),
    [
        (token(), "not_found", "no list of that address"),
        ("abc", "credential_refused", "is not a compact JWS"),
        (token(key=OTHER_KEY), "credential_refused", "does not verify with the key"),
        (token(typ="JWT"), "status_invalid", "typ is not statuslist"),
        (token(sub="https://other.example"), "status_invalid", "sub differs"),
        (token(exp=NOW - 1), "status_stale", "has expired"),
        (token(bytes(limits.STATUS_LIST + 1)), "too_large", "inflated; split it"),
        (token(status_list=[]), "malformed", "status_list is an object"),
        (token(without="iat"), "malformed", "when it was made: iat"),
        (bitstring_credential(bytes(8)), "malformed", "entries at least"),
    ],
)
def test_why_a_list_was_refused(made: str, refusal: str, text: str) -> None:
    uri = "https://else.example" if refusal == "not_found" else URI
    told = error_of(refusal, "the enclave refuses the request")
    found = why_refused(told, LISTED, RECORD, uri, made, NOW)
    assert found.code == refusal
    assert text in found.message
    # What has another cause here than there is not what it was.
    other = VerificationError("state_lost", "the enclave refuses the request")
    assert why_refused(other, LISTED, RECORD, uri, made, NOW) is other


def test_a_list_stays_refused_when_nobody_tells_why(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = VerificationError("status_invalid", "the enclave refuses the request")

    def refuse(*_: object, **__: object) -> None:
        raise refusal

    def be_silent(*_: object) -> None:
        raise UnavailableError("unreachable", "the server cannot be reached")

    monkeypatch.setattr(Session, "request", refuse)
    monkeypatch.setattr(Session, "read", be_silent)
    with pytest.raises(VerificationError) as caught:
        bring_status(desk.session, desk.issuer, URI, token())
    assert caught.value is refusal


def test_a_refused_list_that_is_sound_here() -> None:
    told = VerificationError("status_stale", "the enclave refuses the request")
    assert why_refused(told, LISTED, RECORD, URI, token(), NOW) is told


def test_a_request_is_one_text(desk: Desk) -> None:
    request = desk.ask()
    text = to_uri(request)
    assert read_uri(text + "\n") == request
    for other in (
        text[1:],
        text + "A",
        text + "=",
        SCHEME,
        "",
        "https://x.example",
        SCHEME + "A" * 4000,
    ):
        with pytest.raises(MalformedError, match=r"not a (whole )?request"):
            read_uri(other)
    require_deadline(request.deadline_ms, desk.session.now_ms())
    for deadline in (0, desk.session.now_ms() + 8 * 24 * 3600 * 1000):
        with pytest.raises(UsageError, match="a week at most"):
            require_deadline(deadline, desk.session.now_ms())


def test_who_asks_is_looked_up(server: IdentityServer, desk: Desk) -> None:
    asked = read_asking(desk.session, desk.ask())
    assert (asked.party.name, asked.policy) == ("Kino Nord", desk.policy)
    assert asked.by_iss() == {"https://a.example": desk.issuer}
    for changed, kind in (
        ({"chain_id": bytes(32)}, VerificationError),
        ({"deadline_ms": 1}, PolicyError),
        ({"policy_hash": bytes(32)}, PolicyError),
        ({"policy": bytes(32)}, UsageError),
        ({"party": bytes(32)}, UsageError),
    ):
        with pytest.raises(kind):
            read_asking(desk.session, replace(desk.ask(), **changed))
    other = PartyRecord(desk.policy.owner, b"\5" * 16, "Kino Sued", (bytes(32),), (), "", 1)
    named = register(desk.session, other).name
    with pytest.raises(VerificationError, match="not one of this relying party"):
        read_asking(desk.session, replace(desk.ask(), party=named))


def test_dids_follow_from_seed_and_registry(session: Session) -> None:
    with pytest.raises(UsageError, match="no did yet"):
        require_own(own_dids(session), None)
    first, _ = new_did(session)
    assert require_own(own_dids(session), None).did == first.did
    second, _ = new_did(session)
    assert {own.did for own in own_dids(session)} == {first.did, second.did}
    assert first.key.public.members != second.key.public.members
    assert first.agreement != second.agreement
    with pytest.raises(UsageError, match="several"):
        require_own(own_dids(session), None)
    _, document = resolve_did(session, second.did)
    assert document is not None
    assert document.agreement().data == second.agreement[1]
    with pytest.raises(UsageError, match="not a did of this client"):
        require_own(own_dids(session), first.did + "0")
    assert repr(first) == f"<OwnDid {first.did}>"
    with pytest.raises(MalformedError):
        resolve_did(session, "did:key:z6MkgDC7ftGmLdcju4fLK5KA3wDQFfBX8NF7KzafDPwcztuK")


def test_a_did_web_is_found_by_its_record(session: Session) -> None:
    with pytest.raises(UsageError, match="name of the record that pins it"):
        keys_of(session, "did:web:hall.example")


def test_keys_are_changed_and_former_ones_found_again(session: Session) -> None:
    first, _ = new_did(session)
    second, made = change_did(session, first, new_key=True, new_agreement=True)
    assert (second.did, made.record.version) == (first.did, 2)
    assert second.agreement != first.agreement
    # A directory that was lost but for its identity finds them by the registry alone.
    (found,) = own_dids(session)
    assert found.record == second.record
    assert second.key.public.members != first.key.public.members
    assert [key.public.members for key in found.keys] == [
        one.key.public.members for one in (second, first)
    ]
    assert found.agreements == (second.agreement, first.agreement)
    assert found.key_of(first.key.public.thumbprint()) == found.keys[1]
    assert found.key_of(bytes(32)) is None
    # A key that is out of the document is behind those that are in it.
    third, _ = change_did(session, found, drop=[multikey_of(second.key).multikey()])
    assert third.key.public.members == first.key.public.members
    assert third.agreement == second.agreement
    with pytest.raises(UsageError, match="has a key of this client"):
        change_did(session, third, drop=[multikey_of(third.key).multikey()])
    with pytest.raises(UsageError, match="nothing changes"):
        change_did(session, third)


def test_a_did_that_says_its_keys_itself_is_not_asked_for(
    server: IdentityServer, session: Session
) -> None:
    own, _ = new_did(session)
    server.shown = [b"nothing"]
    key = multikey_of(own.key)
    for did in (did_of_key(key), did_of_jwk(key)):
        document = keys_of(session, str(did))
        assert document is not None
        assert binding_key(document).members["x"] == own.key.public.members["x"]
    with pytest.raises(Error):
        keys_of(session, own.did)
