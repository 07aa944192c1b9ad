"""Status lists: who may bring which, what replaces what, and how long they hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from adyton.core import limits
from adyton.core.errors import Error
from adyton.protocol.identity.requests import STATUS, BringStatus
from tests import status_kit
from tests.credential_kit import OTHER_KEY
from tests.identity_kit import ISS, LIST, IdentityClient, World, jwk


def refused(client: IdentityClient, issuer: bytes, token: str, uri: str = LIST) -> str:
    with pytest.raises(Error) as caught:
        client.bring(issuer, token, uri)
    return caught.value.code


def pages(world: World) -> int:
    """How many values of status lists the state holds."""
    sizes = [len(value) for value in world.host.state.values()]
    return sum(1 for size in sizes if size > limits.STATUS_PAGE)


def test_anybody_brings_a_list(world: World) -> None:
    kept = world.stranger.bring(world.issuer_name, world.status_list())
    assert kept.entries == 4
    # Whichever ends first: it expires, or its time to live is over.
    assert kept.until_ms == (world.host.time_ms // 1000 + 600) * 1000
    kept = world.stranger.bring(world.issuer_name, world.status_list(exp=world.now_s + 60))
    assert kept.until_ms == ((world.host.time_ms - 1) // 1000 + 60) * 1000


def test_a_list_may_hold_for_good(world: World) -> None:
    kept = world.stranger.bring(world.issuer_name, world.status_list(exp=None, ttl=None))
    assert kept.until_ms is None
    world.wait_until(world.host.time_ms + 10**9)
    assert world.presented(world.at_status(0)).verdict.answer == "yes"


REFUSED: list[tuple[Callable[[World], str], str]] = [
    (lambda _: "", "credential_refused"),
    (lambda _: "a.b.c", "credential_refused"),
    (lambda world: world.status_list() + "é", "malformed"),
    (lambda world: world.status_list(key=OTHER_KEY), "credential_refused"),
    (lambda world: world.status_list()[:-4] + "AAAA", "credential_refused"),
    (lambda world: world.status_list(sub="https://other.example"), "status_invalid"),
    (lambda world: world.status_list(exp=world.now_s), "status_stale"),
    (lambda world: world.status_list(iat=world.now_s + 3600), "status_stale"),
    (lambda world: world.status_list(iat=None), "malformed"),
    (lambda world: world.status_list(status_list=None), "malformed"),
    (lambda world: world.status_list(packed=bytes(limits.STATUS_LIST + 1)), "too_large"),
]


@pytest.mark.parametrize(("make", "code"), REFUSED)
def test_a_list_that_does_not_verify_is_refused(
    world: World, make: Callable[[World], str], code: str
) -> None:
    if "é" in make(world):
        with pytest.raises(Error) as caught:
            world.stranger.ordered(
                STATUS, BringStatus(world.issuer_name, LIST, make(world).encode()), BringStatus
            )
        assert caught.value.code == code
    else:
        assert refused(world.stranger, world.issuer_name, make(world)) == code
    assert world.presented(world.at_status(0)).verdict.reason == "policy"


def test_a_list_belongs_to_an_issuer_and_an_address(world: World) -> None:
    token = world.status_list()
    assert refused(world.stranger, bytes(32), token) == "not_found"
    assert refused(world.stranger, world.party_name, token) == "not_found"
    assert refused(world.stranger, world.issuer_name, token, "https://other.example") == "not_found"


def test_another_issuers_list_says_nothing_of_this_ones_credentials(world: World) -> None:
    other = replace(world.issuer_record, owner=world.stranger.key, keys=(jwk(OTHER_KEY.public),))
    name = world.stranger.register(other)
    world.issuer.bring(world.issuer_name, world.status_list())
    world.stranger.bring(name, world.status_list(key=OTHER_KEY, packed=b"\x55"))
    assert world.presented(world.at_status(0)).verdict.answer == "yes"
    assert world.presented(world.at_status(1)).verdict.reason == "revoked"


def test_a_newer_list_replaces_and_an_older_does_not(world: World) -> None:
    world.issuer.bring(world.issuer_name, world.status_list())
    revoking = world.status_list(packed=b"\x55", iat=world.now_s)
    world.issuer.bring(world.issuer_name, revoking)
    assert world.presented(world.at_status(0)).verdict.reason == "revoked"
    assert refused(world.issuer, world.issuer_name, world.status_list()) == "status_stale"
    world.issuer.bring(world.issuer_name, revoking)  # the same again: its time begins anew
    assert world.presented(world.at_status(0)).verdict.reason == "revoked"


def test_a_list_is_not_replaced_by_one_of_another_kind(world: World) -> None:
    world.issuer.bring(world.issuer_name, world.status_list())
    other = status_kit.bitstring_credential(id=LIST, issuer=ISS)
    assert refused(world.issuer, world.issuer_name, other) == "status_invalid"


def test_a_bitstring_list_is_taken(world: World) -> None:
    revoked = bytes([0b01000000]) + bytes(16_383)
    token = status_kit.bitstring_credential(revoked, id=LIST, issuer=ISS)
    assert world.stranger.bring(world.issuer_name, token).entries == 131_072
    for index, expected in (("0", ("yes", "")), ("1", ("no", "revoked"))):
        entry = {
            "type": "BitstringStatusListEntry", "statusPurpose": "revocation",
            "statusListIndex": index, "statusListCredential": LIST,
        }  # fmt: skip
        verdict = world.presented(world.issued(credentialStatus=entry)).verdict
        assert (verdict.answer, verdict.reason) == expected
    # The credential names a list of the other kind at this address.
    assert world.presented(world.at_status(0)).verdict.reason == "policy"


def test_a_list_that_the_issuer_gives_up_is_not_looked_at(world: World) -> None:
    world.issuer.bring(world.issuer_name, world.status_list())
    world.issuer.register(replace(world.issuer_record, lists=(), version=2))
    assert world.presented(world.at_status(0)).verdict.reason == "policy"


def test_a_list_is_out_of_date_to_the_second(world: World) -> None:
    world.host.time_ms += 2000 - world.host.time_ms % 1000
    kept = world.issuer.bring(world.issuer_name, world.status_list(ttl=5))
    world.host.time_ms = (kept.until_ms or 0) - 2
    assert world.presented(world.at_status(0)).verdict.answer == "yes"
    assert world.presented(world.at_status(0)).verdict.reason == "policy"
    world.issuer.bring(world.issuer_name, world.status_list())
    assert world.presented(world.at_status(0)).verdict.answer == "yes"


def test_every_page_is_looked_up_and_pages_of_one_size_are_kept(own_world: World) -> None:
    world = own_world
    entries = 4 * (limits.STATUS_PAGE + 100)
    packed = bytearray(limits.STATUS_PAGE + 100)
    packed[-1] = 0b01_00_00_00
    packed[limits.STATUS_PAGE - 1] = 0b10_00_00_00
    world.issuer.bring(world.issuer_name, world.status_list(packed=bytes(packed)))
    assert pages(world) == 2
    expected = {0: "yes", entries - 2: "yes", entries - 1: "no", 4 * limits.STATUS_PAGE: "yes"}
    for index, answer in expected.items():
        assert world.presented(world.at_status(index)).verdict.answer == answer
    last = world.presented(world.at_status(4 * limits.STATUS_PAGE - 1))
    assert last.verdict.reason == "revoked"
    world.host.restart()
    assert world.presented(world.at_status(entries - 1)).verdict.reason == "revoked"
    # A shorter list leaves no page behind.
    world.issuer.bring(world.issuer_name, world.status_list())
    assert pages(world) == 1
    assert world.presented(world.at_status(entries - 1)).verdict.reason == "malformed"


def test_a_block_takes_so_many_lists_only(world: World) -> None:
    token = world.status_list(packed=bytes(limits.STATUS_LIST))
    asked = BringStatus(world.issuer_name, LIST, token.encode()).encode()
    sent = [world.stranger.request(STATUS, asked) for _ in range(6)]
    block = world.host.block(*map(world.stranger.client.envelope, sent))
    client = world.stranger.client
    codes = [client.open(block, place, request).code for place, request in enumerate(sent)]
    assert codes == [""] * 4 + ["out_of_block_fuel"] * 2
    world.stranger.bring(world.issuer_name, token)


@pytest.mark.parametrize("why", ["older", "too_large"])
def test_lists_that_are_refused_use_the_room_of_a_block_as_well(world: World, why: str) -> None:
    """What was inflated was work, also where nothing came of it; the next block has room."""
    world.stranger.bring(world.issuer_name, world.status_list())
    size = limits.STATUS_LIST + (why == "too_large")
    iat = world.now_s - (5000 if why == "older" else 5)
    token = world.status_list(packed=bytes(size), iat=iat)
    bring = BringStatus(world.issuer_name, LIST, token.encode()).encode()
    sent = [world.stranger.request(STATUS, bring) for _ in range(6)]
    block = world.host.block(*map(world.stranger.client.envelope, sent))
    client = world.stranger.client
    codes = [client.open(block, place, request).code for place, request in enumerate(sent)]
    first = "status_stale" if why == "older" else "too_large"
    assert codes == [first] * 4 + ["out_of_block_fuel"] * 2
    world.stranger.bring(world.issuer_name, world.status_list())
