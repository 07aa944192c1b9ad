"""Checklists: for the developers of the relying party, for a week, and for nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core.errors import Error
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import Step
from adyton.protocol.ledger import BlockHeader
from tests.identity_kit import DAY_MS, IdentityClient, World


def refused(client: IdentityClient, request: bytes) -> str:
    with pytest.raises(Error) as caught:
        client.checklist(request)
    return caught.value.code


def test_developers_see_each_step_and_when(world: World) -> None:
    told = world.presented(world.issued(exp=5))
    shown = world.developer.checklist(told.verdict.request)
    header = BlockHeader.decode(told.block.header)
    assert (shown.request, shown.height, shown.time_ms) == (
        told.verdict.request, header.height, header.time_ms,
    )  # fmt: skip
    assert [line.step for line in shown.lines] == list(Step)
    failed = shown.lines[Step.VALIDITY - 1]
    assert (failed.mark, failed.reason) == ("failed", "expired")


@pytest.mark.parametrize("who", ["stranger", "party", "holder", "issuer"])
def test_nobody_else_sees_that_there_is_one(world: World, who: str) -> None:
    told = world.presented()
    assert refused(getattr(world, who), told.verdict.request) == "not_found"
    assert refused(world.developer, bytes(32)) == "not_found"


def test_the_record_says_who_develops(world: World) -> None:
    told = world.presented()
    changed = replace(world.party_record, developers=(world.stranger.key,), version=2)
    world.party.register(changed)
    assert refused(world.developer, told.verdict.request) == "not_found"
    assert world.stranger.checklist(told.verdict.request).lines


def test_a_request_that_was_not_opened_has_none(world: World) -> None:
    request = world.ask(policy_hash=bytes(32))
    assert world.party.present(world.seal(request, "")).answer.code
    assert refused(world.developer, request.name()) == "not_found"


def test_it_is_kept_for_a_week_and_over_restarts(own_world: World) -> None:
    world = own_world
    told = world.presented()
    before = world.developer.checklist(told.verdict.request)
    world.host.restart()
    assert world.developer.checklist(told.verdict.request) == before
    world.wait_until(told.block_time_ms + 7 * DAY_MS - 2)
    world.host.block()
    assert world.developer.checklist(told.verdict.request) == before
    world.host.block()
    assert refused(world.developer, told.verdict.request) == "not_found"


def test_no_reason_is_too_long_to_keep() -> None:
    longest = max(len(f"the issuer's JWT's payload {reason.text}") for reason in Reason)
    assert longest < 400
    assert max(len(reason.word) for reason in Reason) <= 40
