"""Verdicts with a proof about the birthday: verified by a library that has not made it, bound to that verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adyton.core.errors import VerificationError
from adyton.protocol.claims import IDENTITY_FIELDS
from adyton.protocol.credentials.age import AgePolicy, cutoff_day, date_of
from adyton.protocol.credentials.range_proof import RangeProof
from adyton.protocol.identity.answers import Verdict
from adyton.protocol.identity.record import CUTOFF_ZERO, commitments, proof_bound, proven
from tests.identity_kit import World
from tests.identity_told import Told


def told(world: World, **claims: object) -> Told:
    credential = world.issued(**claims)  # type: ignore[arg-type]  # claims by name
    return world.presented(credential, [("birthdate",), ("age_equal_or_over", "18")])


def verified(told: Told, verdict: Verdict | None = None) -> None:
    """Verify the proof of a verdict with the library that relying parties use."""
    from adyton.client.range_check import verify_range_proof

    found = proven(verdict or told.verdict, told.request.result_key, told.exec_id)
    assert found is not None
    verify_range_proof(found[1], found[0])


def test_a_proof_holds_for_its_verdict(world: World) -> None:
    world.use_policy(range_proof=True)
    made = told(world)
    verified(made)
    verdict = made.verdict
    cutoff = cutoff_day(AgePolicy(18, "1mar", 60), made.block_time_ms // 1000)
    assert verdict.cutoff_day == cutoff + CUTOFF_ZERO
    assert date_of(cutoff)[0] == 2009


def test_who_comes_of_age_today_can_be_proven_and_tomorrow_not(world: World) -> None:
    world.use_policy(range_proof=True, offset_minutes=840)
    # 15 January 2027
    verified(told(world, birthdate="2009-01-15"))
    assert told(world, birthdate="2009-01-16").verdict.reason == "policy"


def test_a_proof_is_of_one_verdict(world: World) -> None:
    world.use_policy(range_proof=True)
    one, two = told(world), told(world)
    assert one.verdict.range_proof != two.verdict.range_proof
    for changed in (
        {"range_proof": two.verdict.range_proof},
        {"party": bytes(32)},
        {"request": bytes(32)},
        {"policy_hash": bytes(32)},
        {"epoch": 1},
        {"pseudonym": bytes(32)},
        {"cutoff_day": one.verdict.cutoff_day + 1},
    ):
        with pytest.raises(VerificationError) as caught:
            verified(one, replace(one.verdict, **changed))
        assert caught.value.code == "range_proof_invalid"


def test_it_is_bound_to_what_the_ledger_commits_to(world: World) -> None:
    world.use_policy(range_proof=True)
    made = told(world)
    with_proof = commitments(made.verdict, made.request.result_key, made.exec_id)
    bare = replace(made.verdict, range_proof=b"", cutoff_day=0)
    without = commitments(bare, made.request.result_key, made.exec_id)
    assert IDENTITY_FIELDS[-1] == "range"
    assert with_proof[:-1] == without[:-1]
    assert with_proof[-1] != without[-1]
    assert proof_bound(with_proof, made.exec_id) == proof_bound(without, made.exec_id)
    assert proof_bound(with_proof, bytes(32)) != proof_bound(with_proof, made.exec_id)


def test_equal_birthdays_are_committed_to_differently(world: World) -> None:
    world.use_policy(range_proof=True)
    points = {RangeProof.decode(told(world).verdict.range_proof).commitment for _ in range(3)}
    assert len(points) == 3


def test_a_verdict_says_how_it_is_proven_or_not_at_all(world: World) -> None:
    made = world.presented()
    assert proven(made.verdict, made.request.result_key, made.exec_id) is None
