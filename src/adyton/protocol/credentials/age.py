"""Whether somebody has reached an age: by what the issuer says of it, or else by the birthdate.

Calendar of whole numbers, proleptic Gregorian; a day is its number from 1970-01-01. What laws differ on is said by the
policy: the day on which somebody born on 29 February grows older in other years, and where midnight is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from adyton.core.errors import UsageError
from adyton.protocol.credentials.range_proof import SPAN
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.strict_json import Object

LeapDay = Literal["28feb", "1mar"]
LEAP_DAYS: Final = ("28feb", "1mar")
AGE_MOST: Final = 150
OFFSET_MOST: Final = 14 * 60  # minutes
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_FIRST_YEAR: Final = 1800
_WHAT: Final = "the credential"
_DAY_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class AgePolicy:
    """An age that somebody must have reached.

    Attributes:
        years: from 1 to `AGE_MOST`.
        feb29: birthday of those born on 29 February in years without one.
        offset_minutes: of local time from UTC, fixed; from -14 hours to 14 hours.

    Raises:
        UsageError: outside of that.
    """

    years: int
    feb29: LeapDay
    offset_minutes: int

    def __post_init__(self) -> None:
        if not 1 <= self.years <= AGE_MOST:
            raise UsageError("bad_argument", f"an age limit is from 1 to {AGE_MOST} years")
        if self.feb29 not in LEAP_DAYS:
            raise UsageError("bad_argument", f"feb29 is one of {', '.join(LEAP_DAYS)}")
        if not -OFFSET_MOST <= self.offset_minutes <= OFFSET_MOST:
            raise UsageError("bad_argument", "offset_minutes is at most 14 hours either way")


def require_age(claims: Object, policy: AgePolicy, now_s: int) -> str:
    """Return the claim that shows that the holder has reached the policy's age.

    The first of these that is disclosed decides: `age_equal_or_over.N`, `age_over_N`, `birthdate`.

    Args:
        claims: verified, and valid now.
        policy: the age, and the calendar's open questions.
        now_s: block time, seconds since 1970.

    Raises:
        CredentialError: `under_age`, `age_missing`, `age_form`, `birthdate_form` or `birthdate_range`.
    """
    over = claims.get("age_equal_or_over")
    if over is not None and type(over) is not dict:
        raise refused(Reason.AGE_FORM, _WHAT)
    if over is not None and str(policy.years) in over:
        name, answer = f"age_equal_or_over.{policy.years}", over[str(policy.years)]
    elif f"age_over_{policy.years}" in claims:
        name = f"age_over_{policy.years}"
        answer = claims[name]
    elif "birthdate" in claims:
        name = "birthdate"
        answer = birth_day(claims, policy, now_s) <= cutoff_day(policy, now_s)
    else:
        raise refused(Reason.AGE_MISSING, _WHAT)
    if type(answer) is not bool:
        raise refused(Reason.AGE_FORM, _WHAT)
    if not answer:
        raise refused(Reason.UNDER_AGE, _WHAT)
    return name


def birth_day(claims: Object, policy: AgePolicy, now_s: int) -> int:
    """Return the day of birth that `birthdate` (OpenID Connect, ISO 8601) names.

    Raises:
        CredentialError: `age_missing`, `birthdate_form` or `birthdate_range`.
    """
    if "birthdate" not in claims:
        raise refused(Reason.AGE_MISSING, _WHAT)
    text = claims["birthdate"]
    match = _DATE.fullmatch(text) if type(text) is str else None
    if match is None:
        raise refused(Reason.BIRTHDATE_FORM, _WHAT)
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not 1 <= month <= 12 or not 1 <= day <= days_in(year, month):
        raise refused(Reason.BIRTHDATE_FORM, _WHAT)
    number = day_number(year, month, day)
    if year < _FIRST_YEAR or number > today(policy, now_s):
        raise refused(Reason.BIRTHDATE_RANGE, _WHAT)
    return number


def require_birthdate(claims: Object, policy: AgePolicy, now_s: int) -> int:
    """Return the day of birth of somebody who has reached the age by it, and of whom that can be proven.

    Raises:
        CredentialError: `age_missing`, `birthdate_form`, `birthdate_range`, `under_age` or `birthdate_reach`.
    """
    born, cutoff = birth_day(claims, policy, now_s), cutoff_day(policy, now_s)
    if born > cutoff:
        raise refused(Reason.UNDER_AGE, _WHAT)
    if born <= cutoff - SPAN:
        raise refused(Reason.BIRTHDATE_REACH, _WHAT)
    return born


def today(policy: AgePolicy, now_s: int) -> int:
    """Return the day that it is where the policy applies."""
    return (now_s + policy.offset_minutes * 60) // _DAY_S


def cutoff_day(policy: AgePolicy, now_s: int) -> int:
    """Return the last day of birth of those who have reached the age: one comparison decides, also in a range proof."""
    year, month, day = date_of(today(policy, now_s))
    born = year - policy.years
    if month == 2:
        if day == 29 and not is_leap(born):
            day = 28
        elif day == 28 and not is_leap(year) and is_leap(born) and policy.feb29 == "28feb":
            day = 29
    return day_number(born, month, day)


def is_leap(year: int) -> bool:
    """Say whether a year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in(year: int, month: int) -> int:
    """Return how many days a month has."""
    if month == 2:
        return 29 if is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def day_number(year: int, month: int, day: int) -> int:
    """Return how many days a date lies after 1970-01-01."""
    # Years begin in March, so that a leap day ends one; 153 days make five months.
    shifted = year - (month <= 2)
    in_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 365 * shifted + shifted // 4 - shifted // 100 + shifted // 400 + in_year - 719468


def date_of(number: int) -> tuple[int, int, int]:
    """Return year, month and day of a day number."""
    number += 719468
    era, in_era = divmod(number, 146097)  # 400 years
    of_era = (in_era - in_era // 1460 + in_era // 36524 - in_era // 146096) // 365
    in_year = in_era - (365 * of_era + of_era // 4 - of_era // 100)
    shifted = (5 * in_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return era * 400 + of_era + (month <= 2), month, in_year - (153 * shifted + 2) // 5 + 1
