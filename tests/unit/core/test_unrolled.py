"""Functions written out for one class: they call what they are given, for each field in its order."""

from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from adyton.core.unrolled import builder, constructor


@dataclass(slots=True)
class _Slotted:
    first: Any = None
    second: Any = None


NAMES = ("first", "second")
SETTERS = tuple(getattr(_Slotted, name).__set__ for name in NAMES)


class _Refused(Exception):
    pass


def refuse(unverified: object) -> NoReturn:
    raise _Refused(unverified)


def below_ten(value: int) -> int:
    """Return the value as a field holds it, or refuse it."""
    if value >= 10:
        raise _Refused(value)
    return -value


def build(*guards: str) -> Any:
    checks = [(below_ten, guard) for guard in guards]
    return builder(_Slotted, "pair/1", SETTERS, checks, refuse)


def test_a_constructor_takes_fields_by_place_or_name() -> None:
    init = constructor(NAMES, SETTERS, {})
    made = _Slotted()
    init(made, 1, second=2)
    assert (made.first, made.second) == (1, 2)
    for wrong in ((1,), (1, 2, 3)):
        with pytest.raises(TypeError):
            init(made, *wrong)
    constructor((), (), {})(made)


def test_a_field_with_a_default_may_be_left_out() -> None:
    default = object()
    made = _Slotted()
    constructor(NAMES, SETTERS, {"second": default})(made, 1)
    assert made.second is default
    constructor(NAMES, SETTERS, {"second": default})(made, 1, 2)
    assert made.second == 2


def test_every_value_without_a_guard_goes_through_its_check() -> None:
    made = build("", "")(["pair/1", 3, 4])
    assert type(made) is _Slotted
    assert (made.first, made.second) == (-3, -4)


def test_a_guard_spares_the_check_what_fulfils_it_and_nothing_else() -> None:
    guarded = build("{0} == 3", "{0} is None or {0} == 4")
    made = guarded(["pair/1", 3, None])
    assert (made.first, made.second) == (3, None)
    made = guarded(["pair/1", 5, 4])
    assert (made.first, made.second) == (-5, 4)
    for wrong in (["pair/1", 10, 4], ["pair/1", 3, 10]):
        with pytest.raises(_Refused):
            guarded(wrong)


@pytest.mark.parametrize(
    "wrong",
    [[], ["pair/1"], ["pair/1", 1], ["pair/1", 1, 2, 3], ["pair/2", 1, 2], ("pair/1", 1, 2), None],
)
def test_what_is_no_array_of_the_name_and_length_is_refused_before_any_check(wrong: object) -> None:
    with pytest.raises(_Refused) as refused:
        build("", "")(wrong)
    assert refused.value.args == (wrong,)


def test_no_fields_make_an_empty_message() -> None:
    empty = builder(_Slotted, "none/1", (), (), refuse)
    assert type(empty(["none/1"])) is _Slotted
    with pytest.raises(_Refused):
        empty(["none/1", 1])
