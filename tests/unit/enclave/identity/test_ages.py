"""Ages at block time: 29 February and the time zone are as the policy says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.identity_kit import World


def at(world: World, text: str) -> None:
    """Have the next block made at this time."""
    world.wait_until(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000)


def answer(world: World, birthdate: str, time: str, **policy: Any) -> str:
    world.use_policy(**policy)
    at(world, time)
    return world.presented(world.issued(birthdate=birthdate), [("birthdate",)]).verdict.answer


@pytest.mark.parametrize(
    ("feb29", "time", "expected"),
    [
        ("28feb", "2030-02-27T23:00:00", "no"),
        ("28feb", "2030-02-28T00:00:00", "yes"),
        ("1mar", "2030-02-28T23:00:00", "no"),
        ("1mar", "2030-03-01T00:00:00", "yes"),
    ],
)
def test_who_was_born_on_29_february_grows_older(
    own_world: World, feb29: str, time: str, expected: str
) -> None:
    utc = {"feb29": feb29, "offset_minutes": 840}
    assert answer(own_world, "2012-02-29", time, **utc) == expected


@pytest.mark.parametrize(
    ("minutes", "time", "expected"),
    [
        (0, "2030-06-14T23:59:58", "no"),
        (0, "2030-06-15T00:00:00", "yes"),
        (60, "2030-06-14T22:59:58", "no"),
        (60, "2030-06-14T23:00:00", "yes"),
        (-840, "2030-06-15T13:59:58", "no"),
        (-840, "2030-06-15T14:00:00", "yes"),
        (840, "2030-06-14T10:00:00", "yes"),
    ],
)
def test_midnight_is_where_the_policy_says(
    own_world: World, minutes: int, time: str, expected: str
) -> None:
    assert answer(own_world, "2012-06-15", time, offset_minutes=840 + minutes) == expected
