"""Records that are given up: for good, by their owner alone, and what is refused from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.core.errors import Error
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import Step
from adyton.protocol.identity.giving_up import is_given_up, last_version
from adyton.protocol.identity.registries import Record
from tests.credential_kit import OTHER_KEY
from tests.identity_kit import AGREEMENT, DAY_MS, IdentityClient, World, jwk
from tests.identity_told import Told

Pick = Callable[[World], tuple[IdentityClient, Any]]


def _did(world: World) -> tuple[IdentityClient, Record]:
    return world.holder, world.did_record()


KINDS: dict[str, Pick] = {
    "did": _did,
    "issuer": lambda world: (world.issuer, world.issuer_record),
    "party": lambda world: (world.party, world.party_record),
    "policy": lambda world: (world.party, world.policy),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))


def refused(client: IdentityClient, record: Record) -> str:
    """Expect that a record is refused and nothing has changed; return the code."""
    before = client.records()
    with pytest.raises(Error) as caught:
        client.register(record)
    assert client.records() == before
    return caught.value.code


def no_verdict(told: Told) -> str:
    """Expect that nothing was opened; return the code."""
    assert told.answer.verdict == b""
    return told.answer.code


@each_kind
def test_the_owner_gives_a_record_up_for_good(world: World, kind: Pick) -> None:
    world.holder.register(world.did_record())
    owner, held = kind(world)
    ended: Any = last_version(held)
    assert refused(world.stranger, ended) == "not_owner"
    assert not is_given_up(held)
    name = owner.register(ended)
    # Everybody can still read who it was.
    assert world.stranger.resolve(name, type(held)) == ended
    assert is_given_up(ended)
    assert refused(owner, replace(held, version=3)) == "record_given_up"
    assert refused(owner, replace(ended, version=3)) == "record_given_up"


@each_kind
def test_a_record_has_one_last_version(world: World, kind: Pick) -> None:
    world.holder.register(world.did_record())
    owner, held = kind(world)
    ended: Any = last_version(held)
    assert refused(owner, held) == "version_conflict"
    assert refused(owner, replace(ended, version=3)) == "version_conflict"
    kept: dict[str, list[dict[str, Any]]] = {
        "did": [{"document": held.document if kind is KINDS["did"] else b""}],
        "issuer": [{"name": "Another"}, {"lists": ("https://a.example/1",)}],
        "party": [{"response": "https://a.example/"}, {"developers": (owner.key,)}],
        "policy": [{"age_over": 0}, {"party": world.issuer_name}, {"status": True}],
    }
    (named,) = (name for name, one in KINDS.items() if one is kind)
    for changed in kept[named]:
        assert refused(owner, replace(ended, **changed)) == "malformed"


@each_kind
def test_there_is_nothing_to_give_up_before_there_is_a_record(world: World, kind: Pick) -> None:
    owner, held = kind(world)
    ended: Any = last_version(held)
    if kind is not KINDS["did"]:  # whose document names its salt
        ended = replace(ended, salt=b"\x0e" * 16)
    assert refused(owner, replace(ended, version=1)) == "bad_argument"


@pytest.mark.parametrize("kind", [KINDS["party"], KINDS["policy"]], ids=["party", "policy"])
def test_nothing_is_opened_for_a_party_or_policy_that_was_given_up(
    world: World, kind: Pick
) -> None:
    request = world.ask()
    before = world.seal(request, world.bound(request))
    owner, held = kind(world)
    ended: Any = last_version(held)
    owner.register(ended)
    for client in (world.party, world.stranger):
        assert no_verdict(client.present(before)) == "record_given_up"
    # Nor by a request that names the last version.
    if kind is KINDS["policy"]:
        anew = world.ask(policy_hash=ended.hash())
        assert no_verdict(world.party.present(world.seal(anew, "none"))) == "record_given_up"


def test_no_policy_is_made_or_changed_for_a_party_that_was_given_up(world: World) -> None:
    world.party.register(last_version(world.party_record))
    assert refused(world.party, world.make_policy(salt=b"\x09" * 16)) == "record_given_up"
    assert refused(world.party, replace(world.policy, name="Grown", version=2)) == "record_given_up"
    # But it can be given up as well.
    world.party.register(last_version(world.policy))


def failed(world: World, told: Told) -> tuple[int, str]:
    assert (told.verdict.answer, told.verdict.reason) == ("no", "untrusted_issuer")
    line = world.developer.failed(told.verdict.request)
    assert line is not None
    return line.step, line.reason


def test_credentials_of_an_issuer_that_was_given_up_are_refused(own_world: World) -> None:
    world = own_world
    world.holder.register(world.did_record())
    card = world.issued()
    assert world.presented(card, did=world.did).verdict.answer == "yes"
    waiting = world.ask()
    sealed = world.seal(waiting, world.bound(waiting, card), world.did)
    world.issuer.register(last_version(world.issuer_record))
    for told in (world.party.present(sealed), world.presented(card, did=world.did)):
        assert failed(world, told) == (Step.ISSUER, Reason.ISSUER_GIVEN_UP.word)
        # Nobody vouches for whom it names any more, so nobody is told.
        with pytest.raises(Error):
            told.opened_use(AGREEMENT, b"\x66" * 32)
    world.host.restart()
    world.wait_until(world.host.time_ms + DAY_MS)
    assert failed(world, world.presented()) == (Step.ISSUER, Reason.ISSUER_GIVEN_UP.word)


def test_a_policy_goes_on_with_its_other_issuers(world: World) -> None:
    other = replace(
        world.issuer_record,
        owner=world.stranger.key,
        iss="https://other.example",
        keys=(jwk(OTHER_KEY.public),),
    )
    named = world.stranger.register(other)
    world.use_policy(issuers=(world.issuer_name, named))
    theirs = world.issued(key=OTHER_KEY, iss="https://other.example")
    world.issuer.register(last_version(world.issuer_record))
    assert world.presented(theirs).verdict.answer == "yes"
    assert failed(world, world.presented()) == (Step.ISSUER, Reason.ISSUER_GIVEN_UP.word)
    # Whoever changes the policy has to leave it out.
    changed = replace(world.policy, age_over=21, version=2)
    assert refused(world.party, changed) == "record_given_up"
    world.party.register(replace(changed, issuers=(named,)))
    assert refused(world.party, world.make_policy(salt=b"\x09" * 16)) == "record_given_up"


def test_no_list_is_taken_for_an_issuer_that_was_given_up(world: World) -> None:
    token = world.status_list()
    world.issuer.bring(world.issuer_name, token)
    world.issuer.register(last_version(world.issuer_record))
    with pytest.raises(Error) as caught:
        world.issuer.bring(world.issuer_name, token)
    assert caught.value.code == "not_found"
