"""Steps 1 to 6: what is looked at before anything is opened, and that a request is answered once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import STEPS, Step
from adyton.protocol.identity.requests import Present, SealedPresentation
from tests.identity_kit import DAY_MS, World, answer_in
from tests.identity_told import Told


def asked(world: World, **changed: Any) -> Present:
    """Return a sound presentation for a request with these changes."""
    request = world.ask(**changed)
    return world.seal(request, world.bound(request))


def refused(world: World, told: Told, code: str) -> None:
    """Expect that there was no verdict, and that the request of `told` is not used up."""
    assert (told.answer.code, told.answer.verdict) == (code, b"")
    assert told.answer.reason


def test_all_steps_pass(world: World) -> None:
    told = world.presented()
    assert (told.verdict.answer, told.verdict.reason) == ("yes", "")
    verdict = told.verdict
    assert (verdict.party, verdict.policy_hash) == (world.party_name, world.policy.hash())
    assert (verdict.epoch, verdict.pseudonym, verdict.range_proof, verdict.cutoff_day) == (
        0, None, b"", 0,
    )  # fmt: skip
    marks = [(line.step, line.mark) for line in world.developer.checklist(verdict.request).lines]
    passed = [(step, "not asked" if step is Step.STATUS else "passed") for step in STEPS]
    assert marks == passed


# --- 1: size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [b"", b"\x00", b"\x80", b"\xff" * 100, b"\xff" * 65_536])
def test_1_what_is_no_presentation_is_answered_under_seal(world: World, arguments: bytes) -> None:
    refused(world, world.party.present(arguments), "malformed")


def test_1_what_is_too_large_is_not_looked_at(world: World) -> None:
    refused(world, world.party.present(bytes(Present.MAX_BYTES + 1)), "too_large")


def test_1_the_largest_presentation_is_taken(world: World) -> None:
    request = world.ask()
    presented = world.seal(request, "A" * (limits.PRESENTATION - 2048), "d" * limits.DID)
    told = world.party.present(presented)
    assert (told.verdict.answer, told.verdict.reason) == ("no", "malformed")


# --- 2: the request ---------------------------------------------------------------------------------


def test_2_a_request_of_another_network_is_refused(world: World) -> None:
    refused(world, world.party.present(asked(world, chain_id=bytes(32))), "wrong_chain")


@pytest.mark.parametrize("field", ["party", "policy"])
def test_2_an_unknown_record_is_refused(world: World, field: str) -> None:
    refused(world, world.party.present(asked(world, **{field: bytes(32)})), "not_found")


def test_2_a_record_of_another_kind_is_refused(world: World) -> None:
    wrong = asked(world, policy=world.party_name)
    refused(world, world.party.present(wrong), "not_found")
    wrong = asked(world, party=world.issuer_name)
    refused(world, world.party.present(wrong), "not_found")


def test_2_a_wrong_policy_hash_is_refused(world: World) -> None:
    refused(world, world.party.present(asked(world, policy_hash=bytes(32))), "policy_changed")


def test_2_a_changed_policy_is_refused(world: World) -> None:
    before = asked(world)
    world.change_policy(age_over=21)
    refused(world, world.party.present(before), "policy_changed")
    assert world.presented(disclosed=[("birthdate",)]).verdict.answer == "yes"


def test_2_another_partys_policy_is_refused(world: World) -> None:
    other = replace(world.party_record, owner=world.stranger.key, senders=(world.stranger.key,))
    name = world.stranger.register(other)
    wrong = asked(world, party=name)
    refused(world, world.stranger.present(wrong), "not_found")


def test_2_a_range_proof_that_this_image_cannot_make_is_refused(
    own_world: World,
) -> None:
    own_world.use_policy(range_proof=True)
    presenting = own_world.host.dispatcher.chain._identity._presenting
    object.__setattr__(presenting, "prover", None)
    refused(own_world, own_world.party.present(asked(own_world)), "zk_unavailable")


# --- 3: the sender ----------------------------------------------------------------------------------


def test_3_a_stranger_is_refused_and_uses_nothing_up(world: World) -> None:
    present = asked(world)
    refused(world, world.stranger.present(present), "not_sender")
    refused(world, world.developer.present(present), "not_sender")
    assert world.party.present(present).verdict.answer == "yes"


def test_3_the_record_says_who_sends(world: World) -> None:
    changed = replace(world.party_record, senders=(world.stranger.key,), version=2)
    world.party.register(changed)
    present = asked(world)
    refused(world, world.party.present(present), "not_sender")
    assert world.stranger.present(present).verdict.answer == "yes"


# --- 4: the deadline --------------------------------------------------------------------------------


def test_4_the_deadline_is_counted_in_block_time(world: World) -> None:
    last = asked(world, deadline_ms=world.host.time_ms + 2)
    assert world.party.present(last).verdict.answer == "yes"
    late = asked(world, deadline_ms=world.host.time_ms + 1)
    refused(world, world.party.present(late), "deadline_passed")
    refused(world, world.party.present(asked(world, deadline_ms=0)), "deadline_passed")


def test_4_a_deadline_is_at_most_a_week_ahead(world: World) -> None:
    week = world.host.time_ms + 1 + 7 * DAY_MS
    refused(world, world.party.present(asked(world, deadline_ms=week + 1)), "bad_argument")
    assert world.party.present(asked(world, deadline_ms=week + 1)).verdict.answer == "yes"


# --- 5: epochs --------------------------------------------------------------------------------------


def test_5_a_request_of_an_epoch_that_has_not_begun_is_refused(world: World) -> None:
    refused(world, world.party.present(asked(world, epoch=1)), "bad_argument")


def test_5_what_was_sealed_in_an_ended_epoch_may_be_sealed_again(world: World) -> None:
    request = world.ask()
    presentation = world.bound(request)
    present = world.seal(request, presentation)
    ended = Present(request, SealedPresentation(7, present.sealed.sealed))
    refused(world, world.party.present(ended), "epoch_ended")
    assert world.party.present(present).verdict.answer == "yes"


# --- 6: once ----------------------------------------------------------------------------------------

ANSWERED: list[Callable[[World], Told]] = [
    lambda world: world.presented(),
    lambda world: world.presented(world.issued(exp=1)),
]


@pytest.mark.parametrize("answer", ANSWERED)
def test_6_a_request_is_answered_once(world: World, answer: Callable[[World], Told]) -> None:
    first = answer(world)
    name = first.verdict.request
    before = world.developer.checklist(name)
    present = Present.decode(first.request.arguments)
    again = world.party.present(present)
    assert (again.verdict.answer, again.verdict.reason) == ("no", "wrong_request")
    assert again.verdict.request == name
    # What became of it the first time stays to be seen.
    assert world.developer.checklist(name) == before


def test_6_its_reason_is_one_of_those_of_a_check() -> None:
    assert Reason.REQUEST_USED.coarse == "wrong_request"


def test_6_whatever_is_sealed_for_it(world: World) -> None:
    request = world.ask()
    broken = Present(request, SealedPresentation(0, bytes(4096 + 48)))
    assert world.party.present(broken).verdict.reason == "malformed"
    sound = world.seal(request, world.bound(request))
    assert world.party.present(sound).verdict.reason == "wrong_request"


def test_6_once_in_one_block_as_well(world: World) -> None:
    present = asked(world)
    sent = [world.party.request("present", present.encode()) for _ in range(2)]
    block = world.host.block(*map(world.party.client.envelope, sent))
    verdicts = [answer_in(world.party, block, place, request) for place, request in enumerate(sent)]
    assert [(each.answer, each.reason) for each in verdicts] == [
        ("yes", ""), ("no", "wrong_request"),
    ]  # fmt: skip


def test_6_after_a_restart_as_well(own_world: World) -> None:
    present = asked(own_world)
    assert own_world.party.present(present).verdict.answer == "yes"
    own_world.host.restart()
    again = own_world.party.present(present)
    assert (again.verdict.answer, again.verdict.reason) == ("no", "wrong_request")


def test_6_a_used_request_is_forgotten_when_no_one_could_answer_it(own_world: World) -> None:
    world = own_world
    present = asked(world)
    world.party.present(present)
    held = world.host.dispatcher.chain.state.has
    assert held("identity", b"n" + present.request.name())
    world.host.time_ms = present.request.deadline_ms
    refused(world, world.party.present(present), "deadline_passed")
    assert not held("identity", b"n" + present.request.name())
    refused(world, world.party.present(present), "deadline_passed")
