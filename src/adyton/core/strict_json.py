"""JSON of strangers, in one reading (RFC 8259, RFC 7493): what two parsers could read differently is refused.

Refused: a member twice, NaN and Infinity, numbers with a fraction or an exponent (unless the caller takes their
digits), `-0`, integers of more digits than the caller allows, half of a surrogate pair, a byte order mark, bytes that
are not UTF-8, nesting that is too deep. Digits are counted before they become a number, and brackets before the parser
sees them, so time is linear in the size and no bound is the interpreter's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NoReturn

from adyton.core.errors import MalformedError

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_BLANK: Final = " \t\n\r"
_NAME: Final = 40  # characters of a member's name in an error
DIGITS: Final = 78  # of 2^256 - 1


class Fault(Enum):
    """What a text is refused for."""

    SIZE = "size"
    TEXT = "text"  # not UTF-8, or half of a surrogate pair
    SYNTAX = "syntax"
    DUPLICATE = "duplicate"
    NUMBER = "number"
    DEPTH = "depth"


class JsonError(MalformedError):
    """A text is not JSON in the form above.

    Attributes:
        fault: for those who have words of their own for it.
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__("too_large" if fault is Fault.SIZE else "malformed", message)
        self.fault = fault

    def __reduce__(self) -> tuple[type[JsonError], tuple[Fault, str]]:  # type: ignore[override]  # other arguments than the base
        return type(self), (self.fault, self.message)


def read(
    unverified: bytes,
    *,
    most: int,
    depth: int,
    digits: int = DIGITS,
    greatest: int | None = None,
    fraction: Callable[[str], Any] | None = None,
) -> Any:
    """Return the value that JSON bytes stand for: None, bool, int, str, list, dict, and what `fraction` makes.

    Args:
        unverified: UTF-8.
        most: bytes that are taken.
        depth: of objects and lists inside of each other.
        digits: of an integer.
        greatest: integer, without its sign; else `digits` alone bound it.
        fraction: makes a value of the digits of a number with a fraction or an exponent; without it they are refused.

    Raises:
        JsonError: `too_large`, or `malformed`: not in the form above.
    """
    if len(unverified) > most:
        raise JsonError(Fault.SIZE, f"the JSON text is over {most} bytes")
    try:
        text = unverified.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonError(Fault.TEXT, "the JSON text is not UTF-8") from None
    # The parser's own bound on recursion depends on who calls it, so depth is looked at first.
    if text.count("[") + text.count("{") > depth:
        _require_depth(text, depth)
    try:
        value = _value(_decoder(digits, greatest, fraction), text)
    except json.JSONDecodeError as problem:
        where = f"line {problem.lineno}, column {problem.colno}"
        raise JsonError(Fault.SYNTAX, f"not JSON at {where}: {problem.msg.lower()}") from None
    if "\\" in text and _SURROGATE.search(text):
        _require_text(value)
    return value


@lru_cache(maxsize=64)  # there are a few kinds, and making one takes as long as a small text
def _decoder(
    digits: int, greatest: int | None, fraction: Callable[[str], Any] | None
) -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_members,
        parse_float=fraction or _fraction,
        parse_int=_integers(digits, greatest),
        parse_constant=_constant,
    )


def _value(decoder: json.JSONDecoder, text: str) -> Any:
    """Return what `decoder.decode` does, which spends as much on whitespace around a small text as on the text."""
    value, end = decoder.raw_decode(text, len(text) - len(text.lstrip(_BLANK)))
    rest = text[end:].lstrip(_BLANK)
    if rest:
        raise json.JSONDecodeError("Extra data", text, len(text) - len(rest))
    return value


def _require_depth(text: str, depth: int) -> None:
    open_now = 0
    for bracket in _BRACKET.findall(_STRING.sub('""', text)):
        open_now += 1 if bracket in "[{" else -1
        if open_now > depth:
            raise JsonError(Fault.DEPTH, f"the JSON text is nested deeper than {depth}")


def _require_text(value: Any) -> None:
    """Refuse strings that have no encoding; the depth of `value` is bounded."""
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise JsonError(
                Fault.TEXT, "a string holds half of a surrogate pair, which has no encoding"
            ) from None
    elif type(value) is list:
        for item in value:
            _require_text(item)
    elif type(value) is dict:
        for name, item in value.items():
            _require_text(name)
            _require_text(item)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonError(
                    Fault.DUPLICATE, f"the member {name[:_NAME]!r} is there twice; give it once"
                )
            seen.add(name)
    return members


def _integers(most: int, greatest: int | None) -> Callable[[str], int]:
    def integer(digits: str) -> int:
        if len(digits) - digits.startswith("-") > most:
            raise JsonError(Fault.NUMBER, f"an integer has over {most} digits")
        if digits == "-0":
            raise JsonError(Fault.NUMBER, "-0 is no integer; write 0")
        number = int(digits)
        if greatest is not None and abs(number) > greatest:
            raise JsonError(Fault.NUMBER, f"an integer is over {greatest}; give it as a string")
        return number

    return integer


def _fraction(_: str) -> NoReturn:
    raise JsonError(
        Fault.NUMBER,
        "a number has a fraction or an exponent; give an integer of the smallest unit",
    )


def _constant(_: str) -> NoReturn:
    raise JsonError(Fault.SYNTAX, "NaN and Infinity are no JSON")
