"""The age that a policy asks for, as the calendar's functions take it."""

from __future__ import annotations

from typing import Final

from adyton.core.errors import UsageError
from adyton.protocol.credentials.age import AgePolicy, LeapDay, cutoff_day, date_of
from adyton.protocol.identity.registries import FEBRUARY, MARCH, PolicyRecord

OFFSET_ZERO: Final = 840  # of `PolicyRecord.offset_minutes`: UTC


def age_of(policy: PolicyRecord) -> AgePolicy:
    """Return the age that a policy asks for.

    Raises:
        UsageError: it asks for none.
    """
    leap: LeapDay = FEBRUARY if policy.feb29 == FEBRUARY else MARCH
    return AgePolicy(policy.age_over, leap, policy.offset_minutes - OFFSET_ZERO)


def policy_cutoff(policy: PolicyRecord, time_ms: int) -> int:
    """Return the last birthday that fulfils a policy at a block's time, days since 1970.

    Raises:
        UsageError: the policy asks for no age.
    """
    return cutoff_day(age_of(policy), time_ms // 1000)


def date_text(day: int) -> str:
    """Return a day, from 1970 on or before, as YYYY-MM-DD."""
    year, month, of_month = date_of(day)
    return f"{year:04}-{month:02}-{of_month:02}"


def offset_field(minutes: int) -> int:
    """Return local time's minutes from UTC as a policy's record has them.

    Raises:
        UsageError: over fourteen hours either way.
    """
    if not -OFFSET_ZERO <= minutes <= OFFSET_ZERO:
        raise UsageError("bad_argument", "local time is at most 14 hours from UTC either way")
    return minutes + OFFSET_ZERO
