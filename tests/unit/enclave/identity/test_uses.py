"""Holders are told when their credential was opened, and nobody sees whether anybody is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.client.credentials.signing import JoseKey
from adyton.core.crypto import HpkeKey
from adyton.core.errors import VerificationError
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import X25519, Multikey
from adyton.protocol.identity.answers import USE_SEALED
from adyton.protocol.identity.naming import did_of, given_up
from adyton.protocol.ledger import BlockHeader
from tests.credential_kit import ED_KEY, HOLDER_KEY, OTHER_KEY
from tests.identity_kit import AGREEMENT, VCT, World, p256
from tests.identity_told import Told

SECRET = b"\x66" * 32
OTHER_SECRET = b"\x67" * 32


def tells(told: Told, **expected: Any) -> None:
    """Expect that the holder is told this."""
    use = told.opened_use(AGREEMENT, SECRET)
    assert {name: getattr(use, name) for name in expected} == expected


def tells_nobody(told: Told) -> None:
    """Expect that the holder finds nothing for him, in what looks the same."""
    assert len(told.use) == USE_SEALED
    with pytest.raises(VerificationError):
        told.opened_use(AGREEMENT, SECRET)


@pytest.fixture
def known(world: World) -> World:
    """A world whose holder has a DID."""
    world.holder.register(world.did_record())
    return world


def test_a_holder_is_told_who_asked_for_what_and_what_was_answered(known: World) -> None:
    told = known.presented(did=known.did)
    header = BlockHeader.decode(told.block.header)
    tells(
        told, request=told.verdict.request, party=known.party_name, party_name="Kino Nord",
        policy_hash=known.policy.hash(), epoch=0, height=header.height, time_ms=header.time_ms,
        answer="yes", issuer=known.issuer_name, type=VCT,
    )  # fmt: skip


def test_also_where_the_answer_is_no(known: World) -> None:
    tells(known.presented(known.issued(exp=5), did=known.did), answer="no", type=VCT)


def test_also_where_somebody_else_presents_it(known: World) -> None:
    tells(known.presented(key=OTHER_KEY, did=known.did), answer="no", party=known.party_name)


def test_a_type_that_nobody_asked_for_is_not_repeated(known: World) -> None:
    told = known.presented(known.issued(vct="urn:" + "x" * 4000), did=known.did)
    tells(told, answer="no", type="")


def test_the_longest_use_has_the_size_of_all(known: World) -> None:
    long = "\U0001f600" * 200
    known.party.register(replace(known.party_record, name=long, version=2))
    vct = "urn:" + "x" * 508
    known.use_policy(types=(vct,))
    told = known.presented(known.issued(vct=vct), did=known.did)
    assert len(told.use) == USE_SEALED
    tells(told, party_name=long, type=vct)


def test_whom_the_issuer_names_is_told_though_the_presentation_names_nobody(known: World) -> None:
    """Whoever has stolen a credential would leave the DID out, or name his own."""
    card = known.issued(sub=known.did)
    tells(known.presented(card), answer="yes")
    tells(known.presented(card, key=OTHER_KEY), answer="no")
    theirs = known.stranger.register(
        known.did_record(owner=known.stranger.key, document=stolen_document(known))
    )
    did = str(own_did(known.party.client.chain_id, theirs))
    assert known.presented(did=did).opened_use(HpkeKey(OTHER_SECRET), OTHER_SECRET).answer == "yes"
    tells(known.presented(card, did=did), answer="yes")
    # Where the DID that it names has not the key any more, the presentation's counts.
    ended = given_up(did_of(known.did_record()))
    known.holder.register(known.did_record(document=ended, version=2, active=False))
    tells_nobody(known.presented(card))
    late = known.presented(card, did=did)
    assert late.opened_use(HpkeKey(OTHER_SECRET), OTHER_SECRET).answer == "yes"


def stolen_document(world: World) -> bytes:
    """Return a document of the stranger's, with the holder's key for credentials and a key of his for uses."""
    chain_id = world.party.client.chain_id
    name = own_name(chain_id, world.stranger.key, world.did_record().salt)
    did, agreement = (
        own_did(chain_id, name),
        Multikey(X25519, HpkeKey(OTHER_SECRET).public),
    )
    return write_own_document(did, [p256(HOLDER_KEY.public)], agreement)


@pytest.mark.parametrize("subject", ["Erika", "did:web:a.example", 7, "did:adyton:0"])
def test_another_subject_is_no_matter(known: World, subject: Any) -> None:
    card = known.issued(sub=subject)
    tells(known.presented(card, did=known.did), answer="yes")
    tells(known.presented(card, key=OTHER_KEY, did=known.did), answer="no")
    tells_nobody(known.presented(card))


NOBODY: dict[str, Callable[[World], Told]] = {
    "no did": lambda world: world.presented(),
    "no did at all": lambda world: world.presented(did="holder"),
    "a did of another chain": lambda world: world.presented(
        did=f"did:adyton:{'00' * 8}:{'11' * 32}"
    ),
    "an unknown did": lambda world: world.presented(
        did=world.did[:-1] + ("1" if world.did.endswith("0") else "0")
    ),
    "a did of another method": lambda world: world.presented(did="did:web:a.example"),
    "another holder's did": lambda world: world.presented(
        world.issued(holder=OTHER_KEY.public), key=OTHER_KEY, did=world.did
    ),
    "another kind of key": lambda world: world.presented(
        world.issued(holder=ED_KEY.public), key=ED_KEY, did=world.did
    ),
    "a forged credential": lambda world: world.presented(
        world.issued(key=OTHER_KEY), did=world.did
    ),
    "a credential of nobody": lambda world: world.presented(
        world.issued(holder=None), did=world.did
    ),
}


@pytest.mark.parametrize("case", NOBODY)
def test_nobody_is_told(known: World, case: str) -> None:
    tells_nobody(NOBODY[case](known))


def test_nobody_is_told_where_nothing_was_opened(known: World) -> None:
    tells_nobody(known.party.present(b""))
    tells_nobody(known.stranger.present(known.seal(known.ask(), "", known.did)))


def test_a_did_that_is_given_up_is_not_told(known: World) -> None:
    tells(known.presented(did=known.did), answer="yes")
    ended = given_up(did_of(known.did_record()))
    known.holder.register(known.did_record(document=ended, version=2, active=False))
    tells_nobody(known.presented(did=known.did))


def test_a_did_of_other_keys_counts_from_then_on(known: World) -> None:
    tells(known.presented(did=known.did), answer="yes")
    did, moved = did_of(known.did_record()), HpkeKey(OTHER_SECRET)
    agreement = Multikey(X25519, moved.public)

    def change(version: int, *signing: JoseKey) -> None:
        document = write_own_document(did, [p256(key.public) for key in signing], agreement)
        known.holder.register(known.did_record(document=document, version=version))

    change(2, OTHER_KEY)
    lost = known.presented(did=known.did)
    tells_nobody(lost)
    with pytest.raises(VerificationError):
        lost.opened_use(moved, OTHER_SECRET)
    change(3, OTHER_KEY, HOLDER_KEY)
    assert known.presented(did=known.did).opened_use(moved, OTHER_SECRET).answer == "yes"


def test_two_uses_of_one_holder_have_nothing_in_common(known: World) -> None:
    one, two = (known.presented(did=known.did).use for _ in range(2))
    assert not {one[place : place + 8] for place in range(len(one) - 8)} & {
        two[place : place + 8] for place in range(len(two) - 8)
    }


def test_the_key_of_a_use_is_a_point_of_the_curve_for_nobody_as_well(known: World) -> None:
    """Else who is told could be seen from outside."""
    prime = 2**255 - 19
    for told in [known.presented() for _ in range(8)]:
        u = int.from_bytes(told.use[:32], "little")
        right = (u**3 + 486_662 * u**2 + u) % prime
        assert u < prime
        assert pow(right, (prime - 1) // 2, prime) == 1
