"""Ages: what the issuer says, birthdays, 29 February, midnight."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import UsageError
from adyton.protocol.credentials.age import (
    AgePolicy,
    LeapDay,
    birth_day,
    cutoff_day,
    date_of,
    day_number,
    days_in,
    is_leap,
    require_age,
    today,
)
from adyton.protocol.credentials.reasons import Reason
from tests.credential_kit import refusal

EPOCH = date(1970, 1, 1).toordinal()
LEAP_DAYS: tuple[LeapDay, LeapDay] = ("28feb", "1mar")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def policy(years: int = 18, feb29: LeapDay = "1mar", offset_minutes: int = 0) -> AgePolicy:
    return AgePolicy(years, feb29, offset_minutes)


@given(st.dates())
def test_the_calendar_is_that_of_the_library(day: date) -> None:
    number = day.toordinal() - EPOCH
    assert day_number(day.year, day.month, day.day) == number
    assert date_of(number) == (day.year, day.month, day.day)


def test_every_day_of_four_hundred_years_and_more() -> None:
    first, last = date(1599, 12, 31), date(2400, 3, 2)
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        assert date_of(ordinal - EPOCH) == (day.year, day.month, day.day)


def test_leap_years_and_months() -> None:
    assert [year for year in (1900, 2000, 2023, 2024, 2100, 2400) if is_leap(year)] == [
        *(2000, 2024, 2400)
    ]
    for year in (1900, 2000, 2023, 2024):
        for month in range(1, 13):
            following = date(year + month // 12, month % 12 + 1, 1)
            assert days_in(year, month) == (following - timedelta(days=1)).day


def birthday(born: date, years: int, feb29: LeapDay) -> date:
    """Return the day on which somebody becomes so old, said another way than the code says it."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        month, day = (2, 28) if feb29 == "28feb" else (3, 1)
        return date(born.year + years, month, day)


@given(
    st.dates(date(1900, 1, 1), date(2020, 12, 31))
    | st.integers(1904, 2020).map(lambda year: date(year - year % 4, 2, 29)),
    st.integers(1, 130),
    st.sampled_from(LEAP_DAYS),
    st.integers(-3, 3),
    st.integers(0, 86399),
)
def test_a_birthday_is_the_first_day_of_being_so_old(
    born: date, years: int, feb29: LeapDay, shift: int, second: int
) -> None:
    reached = birthday(born, years, feb29)
    day = reached + timedelta(days=shift)
    now_s = (day.toordinal() - EPOCH) * 86400 + second
    rule = policy(years, feb29)
    claims: dict[str, Any] = {"birthdate": born.isoformat()}
    if shift >= 0:
        assert require_age(claims, rule, now_s) == "birthdate"
    elif day >= born:
        with refusal(Reason.UNDER_AGE):
            require_age(claims, rule, now_s)
    assert (born.toordinal() - EPOCH <= cutoff_day(rule, now_s)) == (shift >= 0)


@pytest.mark.parametrize(
    ("born", "now", "feb29", "reached"),
    [
        ("2008-02-29", "2026-02-27T23:59:59", "28feb", False),
        ("2008-02-29", "2026-02-28T00:00:00", "28feb", True),
        ("2008-02-29", "2026-02-28T23:59:59", "1mar", False),
        ("2008-02-29", "2026-03-01T00:00:00", "1mar", True),
        ("2008-02-28", "2026-02-28T00:00:00", "1mar", True),
        ("2008-03-01", "2026-02-28T23:59:59", "28feb", False),
        # In a leap year there is no question.
        ("2006-02-28", "2024-02-28T00:00:00", "1mar", True),
        ("2006-03-01", "2024-02-29T23:59:59", "28feb", False),
        ("2004-02-29", "2024-02-28T23:59:59", "28feb", True),
        ("2008-11-21", "2026-11-20T23:59:59", "1mar", False),
        ("2008-11-21", "2026-11-21T00:00:00", "1mar", True),
        ("2008-12-31", "2026-12-31T00:00:00", "1mar", True),
        ("2009-01-01", "2026-12-31T23:59:59", "1mar", False),
    ],
)
def test_days_that_matter(born: str, now: str, feb29: LeapDay, reached: bool) -> None:
    claims: dict[str, Any] = {"birthdate": born}
    rule = policy(20 if born == "2004-02-29" else 18, feb29)
    if born == "2004-02-29":  # twenty in a leap year: on the day itself, whatever the rule
        with refusal(Reason.UNDER_AGE):
            require_age(claims, rule, at(now))
        assert require_age(claims, rule, at(now) + 1) == "birthdate"
    elif reached:
        assert require_age(claims, rule, at(now)) == "birthdate"
    else:
        with refusal(Reason.UNDER_AGE):
            require_age(claims, rule, at(now))


@pytest.mark.parametrize(
    ("offset", "now"),
    [
        (0, "2026-11-21T00:00:00"),
        (60, "2026-11-20T23:00:00"),
        (14 * 60, "2026-11-20T10:00:00"),
        (-12 * 60, "2026-11-21T12:00:00"),
        (345, "2026-11-20T18:15:00"),
        (-210, "2026-11-21T03:30:00"),
    ],
)
def test_midnight_is_where_the_policy_says(offset: int, now: str) -> None:
    rule = policy(offset_minutes=offset)
    claims: dict[str, Any] = {"birthdate": "2008-11-21"}
    assert require_age(claims, rule, at(now)) == "birthdate"
    assert date_of(today(rule, at(now))) == (2026, 11, 21)
    with refusal(Reason.UNDER_AGE):
        require_age(claims, rule, at(now) - 1)


NOW = at("2026-11-21T12:00:00")
NO_ANSWERS: tuple[Any, ...] = (1, 0, "true", None, "", [], {})


@pytest.mark.parametrize(
    ("claims", "by"),
    [
        ({"age_equal_or_over": {"18": True}}, "age_equal_or_over.18"),
        ({"age_equal_or_over": {"18": True}, "age_over_18": False}, "age_equal_or_over.18"),
        ({"age_over_18": True, "birthdate": "2020-01-01"}, "age_over_18"),
        ({"age_equal_or_over": {"21": False}, "age_over_18": True}, "age_over_18"),
        ({"age_equal_or_over": {}, "birthdate": "2000-01-01"}, "birthdate"),
        ({"age_over_21": False, "birthdate": "2000-01-01"}, "birthdate"),
    ],
)
def test_the_first_that_is_disclosed_decides(claims: dict[str, Any], by: str) -> None:
    assert require_age(claims, policy(), NOW) == by


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({}, Reason.AGE_MISSING),
        ({"age_equal_or_over": {}}, Reason.AGE_MISSING),
        ({"age_equal_or_over": {"21": True, "16": True}}, Reason.AGE_MISSING),
        ({"age_over_21": True, "age_in_years": 40, "age_birth_year": 1980}, Reason.AGE_MISSING),
        ({"age_equal_or_over": {"18": False}}, Reason.UNDER_AGE),
        ({"age_equal_or_over": {"18": False}, "age_over_18": True}, Reason.UNDER_AGE),
        ({"age_over_18": False, "birthdate": "1990-01-01"}, Reason.UNDER_AGE),
        *(({"age_equal_or_over": {"18": answer}}, Reason.AGE_FORM) for answer in NO_ANSWERS),
        *(({"age_over_18": answer}, Reason.AGE_FORM) for answer in NO_ANSWERS),
        *(({"age_equal_or_over": none}, Reason.AGE_FORM) for none in (True, [18], "18", 18)),
    ],
)
def test_ages_that_are_not_shown(claims: dict[str, Any], reason: Reason) -> None:
    with refusal(reason):
        require_age(claims, policy(), NOW)


@pytest.mark.parametrize(
    "text",
    [
        *(None, 19900101, "", "1990", "1990-01", "19900101", "1990-1-1", "01.01.1990"),
        *("1990-00-01", "1990-13-01", "1990-01-00", "1990-01-32", "1990-02-30", "1990-04-31"),
        *("1990-02-29", "1900-02-29", "+1990-01-01", " 1990-01-01", "1990-01-01 ", "1990-01-01\n"),
        *("1990-01-01T00:00:00", "1990-W01-1", "1990/01/01", "199O-01-01", "١٩٩٠-٠١-٠١", ["1990"]),
        "01990-01-01",
    ],
)
def test_what_is_no_birthdate(text: Any) -> None:
    with refusal(Reason.BIRTHDATE_FORM):
        require_age({"birthdate": text}, policy(), NOW)


def test_birthdates_out_of_range() -> None:
    assert birth_day({"birthdate": "2026-11-21"}, policy(), NOW) == today(policy(), NOW)
    assert birth_day({"birthdate": "1800-01-01"}, policy(), NOW) == day_number(1800, 1, 1)
    for text in ("2026-11-22", "9999-12-31", "1799-12-31", "0000-01-01", "0001-01-01"):
        with refusal(Reason.BIRTHDATE_RANGE):
            birth_day({"birthdate": text}, policy(), NOW)
    with refusal(Reason.AGE_MISSING):
        birth_day({}, policy(), NOW)


@pytest.mark.parametrize(
    "arguments",
    [(0, "1mar", 0), (151, "1mar", 0), (18, "1Mar", 0), (18, "", 0), (18, "1mar", 841)],
)
def test_policies_out_of_range(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(UsageError):
        AgePolicy(*arguments)
    with pytest.raises(UsageError):
        AgePolicy(18, "1mar", -841)
    assert AgePolicy(150, "28feb", -840).offset_minutes == -840
    assert AgePolicy(1, "28feb", 840).years == 1
