"""The registries: who may register what, who may change it, and that everybody may read it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.core.crypto import HpkeKey
from adyton.core.errors import Error
from adyton.protocol.credentials.did import Did
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import X25519, Multikey
from adyton.protocol.identity.naming import did_of, given_up
from adyton.protocol.identity.registries import (
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
)
from adyton.protocol.identity.requests import REGISTER, Register
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY, OTHER_KEY
from tests.identity_kit import IdentityClient, World, jwk, p256

Change = dict[str, Any]


def refused(client: IdentityClient, record: Any) -> str:
    """Expect that a record is refused and nothing has changed; return the code."""
    before = client.records()
    with pytest.raises(Error) as caught:
        client.register(record)
    assert client.records() == before
    return caught.value.code


# --- all records ------------------------------------------------------------------------------------


def test_everybody_can_read_a_record(world: World) -> None:
    assert world.stranger.resolve(world.issuer_name, IssuerRecord) == world.issuer_record
    assert world.stranger.resolve(world.party_name, PartyRecord) == world.party_record
    assert world.stranger.resolve(world.policy_name, PolicyRecord) == world.policy


def test_there_is_no_record_of_another_name(world: World) -> None:
    with pytest.raises(Error) as caught:
        world.stranger.resolve(bytes(32), IssuerRecord)
    assert caught.value.code == "not_found"


def test_a_client_lists_its_own_records(world: World) -> None:
    records = {world.party_name: world.party_record, world.policy_name: world.policy}
    assert world.party.records() == [records[name] for name in sorted(records)]
    assert world.party.records(min(records)) == [records[max(records)]]
    assert world.party.records(max(records)) == []
    assert world.stranger.records() == []


def test_a_list_ends_before_an_answer_is_too_large(world: World) -> None:
    keys = tuple(jwk(ISSUER_KEY.public, kid=str(place), x5c="A" * 900) for place in range(60))
    record = replace(world.issuer_record, keys=keys)
    for place in range(1, 10):
        world.issuer.register(replace(record, salt=place.to_bytes(16, "big")))
    first = world.issuer.records()
    assert len(first) == 7 + (world.issuer_record in first)
    last = first[-1]
    assert isinstance(last, IssuerRecord)
    assert len(world.issuer.records(world.issuer.name(last))) == 10 - len(first)


def test_the_owner_changes_a_record(world: World) -> None:
    changed = replace(world.party_record, name="Kino Süd", version=2)
    assert world.party.register(changed) == world.party_name
    assert world.stranger.resolve(world.party_name, PartyRecord) == changed


def test_nobody_registers_for_another(world: World) -> None:
    assert refused(world.stranger, replace(world.party_record, version=2)) == "not_owner"
    assert (
        refused(world.stranger, replace(world.party_record, salt=bytes(15) + b"9")) == "not_owner"
    )


@pytest.mark.parametrize("version", [0, 1, 3])
def test_a_change_follows_the_version_that_is_held(world: World, version: int) -> None:
    assert refused(world.party, replace(world.party_record, version=version)) == "version_conflict"


@pytest.mark.parametrize("version", [0, 2])
def test_a_record_begins_with_version_one(world: World, version: int) -> None:
    record = replace(world.party_record, salt=b"\x07" * 16, version=version)
    assert refused(world.party, record) == "version_conflict"


@pytest.mark.parametrize("encoded", [b"", b"\x80", b"\x81\x61x", Register(b"").encode()])
def test_what_is_no_record_is_refused(world: World, encoded: bytes) -> None:
    with pytest.raises(Error) as caught:
        world.party.ordered(REGISTER, Register(encoded), Register)
    assert caught.value.code == "malformed"


NAMES = ["", " ", " x", "x ", "a\u202eb", "a\nb", "\u200b", "a\x00"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_people_misread_is_refused(world: World, name: str) -> None:
    for client, record in (
        (world.issuer, world.issuer_record),
        (world.party, world.party_record),
        (world.party, world.policy),
    ):
        assert refused(client, replace(record, name=name, version=2)) == "malformed"


# --- issuers ----------------------------------------------------------------------------------------

TWO = (jwk(ISSUER_KEY.public, kid="a"), jwk(OTHER_KEY.public, kid="b"))


@pytest.mark.parametrize(
    "changed",
    [
        {"keys": TWO},
        {"keys": (jwk(OTHER_KEY.public),)},
        {"lists": ()},
        {"lists": ("https://a.example/1", "https://a.example/2")},
    ],
)
def test_an_issuer_changes_keys_and_lists(world: World, changed: Change) -> None:
    record = replace(world.issuer_record, version=2, **changed)
    world.issuer.register(record)
    assert world.stranger.resolve(world.issuer_name, IssuerRecord) == record


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"keys": ()}, "malformed"),
        ({"keys": (b"{}",)}, "credential_refused"),
        ({"keys": (b"{",)}, "credential_refused"),
        ({"keys": (jwk(ISSUER_KEY.public, d="AAAA"),)}, "credential_refused"),
        ({"keys": (jwk(ISSUER_KEY.public, use="enc"),)}, "credential_refused"),
        ({"keys": (jwk(ISSUER_KEY.public, x="A" * 43),)}, "credential_refused"),
        ({"keys": (b'{"kty":"EC",' + jwk(ISSUER_KEY.public)[1:],)}, "credential_refused"),
        ({"keys": (jwk(ISSUER_KEY.public, kid=7),)}, "malformed"),
        ({"keys": (TWO[0], TWO[0])}, "malformed"),
        ({"keys": (TWO[0], jwk(OTHER_KEY.public, kid="a"))}, "malformed"),
        ({"keys": (TWO[0], jwk(OTHER_KEY.public))}, "malformed"),
        ({"iss": ""}, "malformed"),
        ({"iss": "https://pássport.example"}, "malformed"),
        ({"iss": "https://passport.example "}, "malformed"),
        ({"iss": "https://other.example"}, "bad_argument"),
        ({"lists": ("not an address",)}, "malformed"),
        ({"lists": ("https://a.example/1",) * 2}, "malformed"),
    ],
)
def test_an_issuer_that_is_none_is_refused(world: World, changed: Change, code: str) -> None:
    assert refused(world.issuer, replace(world.issuer_record, version=2, **changed)) == code


# --- relying parties --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"senders": ()}, "malformed"),
        ({"senders": (b"\x01" * 32,) * 2}, "malformed"),
        ({"developers": (b"\x01" * 32,) * 2}, "malformed"),
        ({"response": "kino.example"}, "malformed"),
        ({"response": "https://kino.example/ü"}, "malformed"),
    ],
)
def test_a_party_that_is_none_is_refused(world: World, changed: Change, code: str) -> None:
    assert refused(world.party, replace(world.party_record, version=2, **changed)) == code


def test_a_party_may_have_no_address_and_no_developers(world: World) -> None:
    world.party.register(replace(world.party_record, version=2, response="", developers=()))


# --- policies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"party": bytes(32)}, "not_found"),
        ({"issuers": ()}, "bad_argument"),
        ({"issuers": (bytes(32),)}, "not_found"),
        ({"types": ()}, "malformed"),
        ({"types": ("",)}, "malformed"),
        ({"types": ("urn:a", "urn:a")}, "malformed"),
        ({"types": ("urn:ä",)}, "malformed"),
        ({"claims": ("",)}, "malformed"),
        ({"claims": ("a", "a")}, "malformed"),
        ({"claims": ("a\u202e",)}, "malformed"),
        ({"pseudonym": "\x00"}, "malformed"),
        ({"pseudonym": "birthdate"}, "bad_argument"),
        ({"pseudonym": "age_in_years"}, "bad_argument"),
        ({"pseudonym": "age_birth_year"}, "bad_argument"),
        ({"ordering": "anchored"}, "ordering_unavailable"),
        ({"ordering": "bft"}, "ordering_unavailable"),
        ({"range_proof": True, "age_over": 0}, "bad_argument"),
    ],
)
def test_a_policy_that_is_none_is_refused(world: World, changed: Change, code: str) -> None:
    assert refused(world.party, world.make_policy(salt=b"\x05" * 16, **changed)) == code


def test_a_policy_names_records_of_the_right_kind(world: World) -> None:
    wrong = world.make_policy(salt=b"\x05" * 16, issuers=(world.party_name,))
    assert refused(world.party, wrong) == "not_found"
    wrong = world.make_policy(salt=b"\x05" * 16, party=world.issuer_name)
    assert refused(world.party, wrong) == "not_found"


def test_a_policy_of_anothers_party_is_refused(world: World) -> None:
    policy = world.make_policy(owner=world.stranger.key)
    assert refused(world.stranger, policy) == "not_owner"


def test_a_policy_stays_with_its_party(world: World) -> None:
    other = world.party.register(replace(world.party_record, salt=b"\x08" * 16))
    assert refused(world.party, replace(world.policy, party=other, version=2)) == "bad_argument"


def test_two_issuers_of_one_policy_have_different_names_of_their_own(world: World) -> None:
    twin = replace(world.issuer_record, owner=world.stranger.key)
    named = world.stranger.register(twin)
    both = world.make_policy(salt=b"\x05" * 16, issuers=(world.issuer_name, named))
    assert refused(world.party, both) == "bad_argument"
    third = world.stranger.register(replace(twin, iss="https://third.example", salt=b"\x01" * 16))
    world.use_policy(issuers=(world.issuer_name, third))
    assert world.presented().verdict.answer == "yes"


def test_range_proofs_are_refused_by_an_image_without_their_library(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    registrar = world.host.dispatcher.chain._identity._registrar
    monkeypatch.setattr(registrar, "_range_proofs", False)
    policy = world.make_policy(salt=b"\x05" * 16, range_proof=True)
    assert refused(world.party, policy) == "zk_unavailable"


# --- DIDs -------------------------------------------------------------------------------------------


def test_a_did_is_registered_under_the_name_in_its_text(world: World) -> None:
    name = world.holder.register(world.did_record())
    assert world.did.endswith(name.hex())
    assert world.stranger.resolve(name, DidRecord) == world.did_record()


def test_a_did_changes_its_keys(world: World) -> None:
    world.holder.register(world.did_record())
    agreement = Multikey(X25519, HpkeKey(b"\x67" * 32).public)
    did = did_of(world.did_record())
    changed = write_own_document(did, [p256(OTHER_KEY.public)], agreement)
    world.holder.register(world.did_record(document=changed, version=2))


def test_a_did_is_given_up_for_good(world: World) -> None:
    world.holder.register(world.did_record())
    ended = given_up(did_of(world.did_record()))
    world.holder.register(world.did_record(document=ended, version=2, active=False))
    assert refused(world.holder, world.did_record(version=3)) == "record_given_up"


def test_a_did_that_is_given_up_has_no_keys(world: World) -> None:
    world.holder.register(world.did_record())
    assert refused(world.holder, world.did_record(version=2, active=False)) == "malformed"
    ended = given_up(did_of(world.did_record()))
    assert refused(world.holder, world.did_record(document=ended, version=2)) == "too_large"


def test_a_did_is_not_given_up_before_it_is_registered(world: World) -> None:
    ended = given_up(did_of(world.did_record()))
    assert refused(world.holder, world.did_record(document=ended, active=False)) == "bad_argument"


OTHERS: list[Callable[[World], bytes]] = [
    lambda _: b"",
    lambda _: b"{}",
    lambda _: b"[]",
    lambda _: b'{"id":7}',
    lambda _: b'{"id":"did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"}',
    lambda world: world.did_record().document + b" {}",
    lambda world: world.did_record().document.replace(b"keyAgreement", b"service"),
    lambda world: world.did_record().document.replace(b'"@context"', b'"@cont"'),
]


@pytest.mark.parametrize("document", OTHERS)
def test_a_document_that_is_none_is_refused(
    world: World, document: Callable[[World], bytes]
) -> None:
    code = refused(world.holder, world.did_record(document=document(world)))
    assert code in ("malformed", "credential_refused")


def test_a_document_of_another_did_is_refused(world: World) -> None:
    stolen = world.did_record(owner=world.stranger.key)
    assert refused(world.stranger, stolen) == "not_found"
    assert refused(world.holder, world.did_record(salt=b"\x01" * 16)) == "not_found"


def web_document(host: str) -> bytes:
    key = p256(HOLDER_KEY.public).multikey()
    did = str(Did("web", host))
    entry = (
        f'{{"id":"{did}#k","type":"Multikey","controller":"{did}","publicKeyMultibase":"{key}"}}'
    )
    return f'{{"id":"{did}","verificationMethod":[{entry}],"authentication":["{did}#k"]}}'.encode()


def test_a_did_web_is_pinned_by_each_who_vouches_for_it(world: World) -> None:
    pin = world.did_record(document=web_document("passport.example"))
    one = world.holder.register(pin)
    other = world.stranger.register(replace(pin, owner=world.stranger.key))
    assert one != other
    assert world.issuer.resolve(one, DidRecord) == pin


def test_a_pin_stays_with_its_did(world: World) -> None:
    world.holder.register(world.did_record(document=web_document("passport.example")))
    other = world.did_record(document=web_document("password.example"), version=2)
    assert refused(world.holder, other) == "bad_argument"


def test_a_pin_of_what_is_no_place_is_refused(world: World) -> None:
    pin = world.did_record(document=web_document("127.0.0.1"))
    assert refused(world.holder, pin) == "malformed"


# --- restarts ---------------------------------------------------------------------------------------


def test_a_restart_keeps_every_record(own_world: World) -> None:
    world = own_world
    world.holder.register(world.did_record())
    world.party.register(replace(world.party_record, name="Kino Süd", version=2))
    before = [client.records() for client in (world.issuer, world.party, world.holder)]
    world.host.restart()
    assert [client.records() for client in (world.issuer, world.party, world.holder)] == before
    assert refused(world.party, replace(world.party_record, version=2)) == "version_conflict"
    assert world.presented().verdict.answer == "yes"
