"""Field checks: each takes a decoded value, and returns it or raises `MalformedError`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adyton.core.errors import InvariantError, MalformedError

Check = Callable[[Any], Any]


@dataclass(frozen=True)
class Exactly:
    """The byte string has this length."""

    size: int


@dataclass(frozen=True)
class AtMost:
    """The string (bytes, or characters), list or integer is at most this long or large."""

    size: int


@dataclass(frozen=True)
class OneOf:
    """The text is one of these."""

    values: frozenset[str]

    @classmethod
    def of(cls, *values: str) -> OneOf:
        """Return the bound that allows `values`."""
        return cls(frozenset(values))


def byte_string(bounds: tuple[Any, ...]) -> Check:
    """Return the check of a byte string that is bounded by `Exactly` or `AtMost`."""
    for bound in bounds:
        if isinstance(bound, Exactly):
            return _bytes_exactly(bound.size)
        if isinstance(bound, AtMost):
            return _bytes_at_most(bound.size)
    raise InvariantError("invariant", "a byte field without a bound")


def _bytes_exactly(size: int) -> Check:
    def check(value: Any) -> bytes:
        if type(value) is not bytes or len(value) != size:
            raise MalformedError("malformed", f"not a byte string of {size}")
        return value

    return check


def _bytes_at_most(size: int) -> Check:
    def check(value: Any) -> bytes:
        if type(value) is not bytes:
            raise MalformedError("malformed", "not a byte string")
        if len(value) > size:
            raise MalformedError("too_large", f"a byte string over {size}")
        return value

    return check


def text(bounds: tuple[Any, ...]) -> Check:
    """Return the check of a text that is bounded by `OneOf` or `AtMost`."""
    for bound in bounds:
        if isinstance(bound, OneOf):
            return _text_one_of(bound.values)
        if isinstance(bound, AtMost):
            return _text_at_most(bound.size)
    raise InvariantError("invariant", "a text field without a bound")


def _text_one_of(values: frozenset[str]) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str or value not in values:
            raise MalformedError("malformed", "not one of the allowed words")
        return value

    return check


def _text_at_most(size: int) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str:
            raise MalformedError("malformed", "not text")
        if len(value) > size:
            raise MalformedError("too_large", f"a text over {size} characters")
        return value

    return check


def unsigned(bounds: tuple[Any, ...]) -> Check:
    """Return the check of an integer from 0 to the bound."""
    most = _most(bounds, "an integer field without a bound")

    def check(value: Any) -> int:
        if type(value) is not int or not 0 <= value <= most:
            raise MalformedError("malformed", f"not an integer from 0 to {most}")
        return value

    return check


def boolean(value: Any) -> bool:
    """Check a boolean."""
    if type(value) is not bool:
        raise MalformedError("malformed", "not a boolean")
    return value


def optional(inner: Check) -> Check:
    """Return the check of a value that may be null."""
    return lambda value: None if value is None else inner(value)


def sequence(inner: Check, bounds: tuple[Any, ...]) -> Check:
    """Return the check of a list of at most so many values."""
    most = _most(bounds, "a list field without a bound")

    def check(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            raise MalformedError("malformed", "not a list")
        if len(value) > most:
            raise MalformedError("too_large", f"a list over {most} items")
        return tuple(map(inner, value))

    return check


def fixed(inners: tuple[Check, ...]) -> Check:
    """Return the check of a list with one value per given check."""

    def check(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(inners):
            raise MalformedError("malformed", f"not a list of {len(inners)}")
        return tuple(inner(item) for inner, item in zip(inners, value, strict=True))

    return check


def guard(kind: Any, bounds: tuple[Any, ...]) -> str:
    """Return the condition on `{0}` under which the check of this kind and bounds returns the value.

    It spares most values the call; what does not fulfil it is left to the check. Empty: there is none.
    """
    for bound in bounds:
        if kind is int and isinstance(bound, AtMost):
            return f"type({{0}}) is int and 0 <= {{0}} <= {bound.size}"
        if kind is bytes and isinstance(bound, Exactly):
            return f"type({{0}}) is bytes and len({{0}}) == {bound.size}"
        if kind in (bytes, str) and isinstance(bound, AtMost):
            return f"type({{0}}) is {kind.__name__} and len({{0}}) <= {bound.size}"
    return ""


def _most(bounds: tuple[Any, ...], missing: str) -> int:
    for bound in bounds:
        if isinstance(bound, AtMost):
            return bound.size
    raise InvariantError("invariant", missing)
