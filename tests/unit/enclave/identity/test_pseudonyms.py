"""Pseudonyms: the same holder is the same at one relying party, and another at the next; nobody can find more."""

from __future__ import annotations

from dataclasses import replace

from tests.credential_kit import OTHER_KEY
from tests.identity_kit import ADULT, World, jwk

SHOWN = [ADULT, ("document_number",)]


def known(world: World, number: str = "L01X00T47", **issued: object) -> bytes:
    """Return the pseudonym of who has a document of this number."""
    credential = world.issued(document_number=number, **issued)  # type: ignore[arg-type]  # claims by name
    verdict = world.presented(credential, SHOWN).verdict
    assert verdict.pseudonym is not None
    return verdict.pseudonym


def test_a_holder_is_known_again_and_another_is_not(world: World) -> None:
    world.use_policy(pseudonym="document_number")
    first = known(world)
    assert known(world, given_name="Erika Maria", iat=5) == first
    assert known(world, "L01X00T48") != first
    # Another policy of the same party does not make somebody else of him.
    world.use_policy(pseudonym="document_number", age_over=0)
    assert known(world) == first


def test_two_parties_cannot_compare_notes(world: World) -> None:
    world.use_policy(pseudonym="document_number")
    first = known(world)
    record = replace(world.party_record, salt=b"\x09" * 16)
    world.party_name = world.party.register(record)
    world.use_policy(pseudonym="document_number")
    assert known(world) != first


def test_a_pseudonym_is_of_a_claim(world: World) -> None:
    same = {"given_name": "L01X00T47"}
    world.use_policy(pseudonym="document_number")
    first = known(world, **same)
    world.use_policy(pseudonym="given_name")
    shown = [ADULT, ("given_name",)]
    assert world.presented(world.issued(**same), shown).verdict.pseudonym != first  # type: ignore[arg-type]  # claims by name


def test_a_party_cannot_find_the_claim_by_issuing_credentials_of_its_own(world: World) -> None:
    """An issuer record of the party's, with the issuer's name and another key, makes other pseudonyms."""
    world.use_policy(pseudonym="document_number")
    first = known(world)
    own = replace(world.issuer_record, owner=world.party.key, keys=(jwk(OTHER_KEY.public),))
    world.use_policy(pseudonym="document_number", issuers=(world.party.register(own),))
    assert known(world, key=OTHER_KEY) != first


def test_a_pseudonym_stays_after_a_restart(own_world: World) -> None:
    own_world.use_policy(pseudonym="document_number")
    first = known(own_world)
    own_world.host.restart()
    assert known(own_world) == first


def test_there_is_none_with_a_no(world: World) -> None:
    world.use_policy(pseudonym="document_number")
    expired = world.issued(exp=5)
    assert world.presented(expired, SHOWN).verdict.pseudonym is None
