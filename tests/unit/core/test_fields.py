"""Field checks: each bound at its edge, and every wrong type."""

from collections.abc import Callable
from typing import Any

import cbor2
import pytest

from adyton.core import fields
from adyton.core.errors import InvariantError, MalformedError
from adyton.core.fields import AtMost, Exactly, OneOf

ANYTHING: list[Any] = [
    0,
    1,
    -1,
    True,
    False,
    None,
    b"",
    b"ab",
    "",
    "ab",
    [],
    [1],
    {},
    {1: 2},
    1.0,
    (),
]


def refuse_all(check: fields.Check, allowed: Callable[[Any], bool]) -> None:
    """Require that `check` takes exactly what `allowed` allows, and gives it back."""
    taken = 0
    for value in ANYTHING:
        if allowed(value):
            assert check(value) == value
            taken += 1
            continue
        with pytest.raises(MalformedError):
            check(value)
    assert taken


def test_byte_string_of_a_fixed_size() -> None:
    refuse_all(fields.byte_string((Exactly(2),)), lambda v: v == b"ab")


def test_byte_string_of_a_greatest_size() -> None:
    check = fields.byte_string((AtMost(2),))
    refuse_all(check, lambda v: type(v) is bytes)
    with pytest.raises(MalformedError) as refused:
        check(b"abc")
    assert refused.value.code == "too_large"


def test_text_of_a_greatest_size() -> None:
    check = fields.text((AtMost(2),))
    refuse_all(check, lambda v: type(v) is str)
    assert check("üü") == "üü"  # characters, not bytes
    with pytest.raises(MalformedError) as refused:
        check("abc")
    assert refused.value.code == "too_large"


def test_text_of_a_closed_vocabulary() -> None:
    refuse_all(fields.text((OneOf.of("ab", "cd"),)), lambda v: v == "ab")


def test_a_boolean_is_not_an_integer_nor_the_reverse() -> None:
    refuse_all(fields.unsigned((AtMost(1),)), lambda v: type(v) is int and v >= 0)
    refuse_all(fields.boolean, lambda v: type(v) is bool)


def test_unsigned_at_its_bound() -> None:
    check = fields.unsigned((AtMost(5),))
    assert check(5) == 5
    for wrong in (6, -1, 2**70):
        with pytest.raises(MalformedError):
            check(wrong)


def test_optional() -> None:
    refuse_all(fields.optional(fields.boolean), lambda v: v is None or type(v) is bool)


def test_sequence() -> None:
    check = fields.sequence(fields.unsigned((AtMost(9),)), (AtMost(2),))
    assert check([1, 2]) == (1, 2)
    with pytest.raises(MalformedError) as refused:
        check([1, 2, 3])
    assert refused.value.code == "too_large"
    for wrong in ([1, "2"], [True], (1, 2), {1: 2}, "12", b"12", None, 3):
        with pytest.raises(MalformedError):
            check(wrong)


def test_fixed_list() -> None:
    check = fields.fixed((fields.boolean, fields.text((AtMost(2),))))
    assert check([True, "a"]) == (True, "a")
    for wrong in ([True], [True, "a", "b"], ["a", True], [], None, (True, "a"), "ab"):
        with pytest.raises(MalformedError):
            check(wrong)


@pytest.mark.parametrize("maker", [fields.byte_string, fields.text, fields.unsigned])
def test_a_field_without_a_bound_cannot_be_made(
    maker: Callable[[tuple[Any, ...]], fields.Check],
) -> None:
    with pytest.raises(InvariantError):
        maker(())


def test_a_list_without_a_bound_cannot_be_made() -> None:
    with pytest.raises(InvariantError):
        fields.sequence(fields.boolean, ())


def test_library_types_are_refused_everywhere() -> None:
    checks = [
        fields.byte_string((AtMost(9),)),
        fields.text((AtMost(9),)),
        fields.unsigned((AtMost(9),)),
        fields.boolean,
        fields.sequence(fields.boolean, (AtMost(9),)),
        fields.fixed((fields.boolean,)),
    ]
    for check in checks:
        for value in (cbor2.undefined, cbor2.CBORTag(18, []), cbor2.CBORSimpleValue(1)):
            with pytest.raises(MalformedError):
                check(value)


@pytest.mark.parametrize(
    ("kind", "bound", "check"),
    [
        (bytes, Exactly(2), fields.byte_string((Exactly(2),))),
        (bytes, AtMost(1), fields.byte_string((AtMost(1),))),
        (bytes, AtMost(2), fields.byte_string((AtMost(2),))),
        (str, AtMost(1), fields.text((AtMost(1),))),
        (str, AtMost(2), fields.text((AtMost(2),))),
        (int, AtMost(0), fields.unsigned((AtMost(0),))),
        (int, AtMost(1), fields.unsigned((AtMost(1),))),
    ],
)
def test_a_guard_holds_for_what_the_check_takes_and_for_nothing_else(
    kind: type, bound: Exactly | AtMost, check: fields.Check
) -> None:
    guard = fields.guard(kind, (bound,))
    held = 0
    for value in [*ANYTHING, 2, 2**64, b"abc", "abc", bytearray(2)]:
        try:
            taken = check(value) is value
        except MalformedError:
            taken = False
        assert eval(guard.format("value"), {"value": value}) is taken, value
        held += taken
    assert held


@pytest.mark.parametrize(
    ("kind", "bounds"),
    [(str, (OneOf.of("a"),)), (bool, ()), (bytes, ()), (list, (AtMost(1),)), (tuple, (AtMost(1),))],
)
def test_what_needs_a_closer_look_has_no_guard(kind: type, bounds: tuple[Any, ...]) -> None:
    assert fields.guard(kind, bounds) == ""
