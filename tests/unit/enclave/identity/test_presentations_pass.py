"""What passes: clocks that differ, issuers with several keys, policies that ask for little."""

from __future__ import annotations

from dataclasses import replace

from adyton.core.crypto import HPKE_OVERHEAD
from adyton.protocol.identity.requests import SEALED_LEAST, Present
from tests.credential_kit import ISSUER_KEY, OTHER_KEY
from tests.identity_kit import ADULT, World, jwk


def test_clocks_may_differ_by_what_the_policy_says(world: World) -> None:
    assert world.presented(now_s=world.now_s + 59).verdict.answer == "yes"
    assert world.presented(now_s=world.now_s - 660).verdict.answer == "yes"
    assert world.presented(world.issued(exp=world.now_s - 58)).verdict.answer == "yes"


def test_a_large_credential_passes_in_one_of_few_sizes(world: World) -> None:
    sizes = set()
    for more in (3200, 3300, 4000):
        told = world.presented(world.issued(note="x" * more), [ADULT])
        assert told.verdict.answer == "yes"
        sizes.add(len(Present.decode(told.request.arguments).sealed.sealed))
    assert sizes == {2 * SEALED_LEAST + HPKE_OVERHEAD}


def test_one_of_several_keys_of_an_issuer_is_named(world: World) -> None:
    keys = (jwk(OTHER_KEY.public, kid="k0"), jwk(ISSUER_KEY.public, kid="k1"))
    world.issuer.register(replace(world.issuer_record, keys=keys, version=2))
    assert world.presented().verdict.answer == "yes"
    keys = (jwk(OTHER_KEY.public, kid="k0"), jwk(ISSUER_KEY.public, kid="k2"))
    world.issuer.register(replace(world.issuer_record, keys=keys, version=3))
    assert world.presented().verdict.reason == "untrusted_issuer"


def test_an_issuer_takes_a_new_key(world: World) -> None:
    assert world.presented().verdict.answer == "yes"
    keys = (jwk(OTHER_KEY.public),)
    world.issuer.register(replace(world.issuer_record, keys=keys, version=2))
    assert world.presented().verdict.reason == "untrusted_issuer"
    assert world.presented(world.issued(key=OTHER_KEY)).verdict.answer == "yes"


def test_an_issuer_that_the_policy_does_not_name_is_not_believed(world: World) -> None:
    other = replace(
        world.issuer_record, owner=world.stranger.key, iss="https://other.example",
        keys=(jwk(OTHER_KEY.public),),
    )  # fmt: skip
    name = world.stranger.register(other)
    credential = world.issued(iss="https://other.example", key=OTHER_KEY)
    assert world.presented(credential).verdict.reason == "untrusted_issuer"
    world.use_policy(issuers=(world.issuer_name, name))
    assert world.presented(credential).verdict.answer == "yes"
    assert world.presented().verdict.answer == "yes"


def test_a_valid_status_passes(world: World) -> None:
    world.use_policy(status=True)
    world.issuer.bring(world.issuer_name, world.status_list())
    assert world.presented(world.at_status(0)).verdict.answer == "yes"


def test_a_policy_may_ask_for_no_age(world: World) -> None:
    world.use_policy(age_over=0, claims=("given_name",))
    assert world.presented(disclosed=[("given_name",)]).verdict.answer == "yes"
    assert world.presented().verdict.reason == "policy"
