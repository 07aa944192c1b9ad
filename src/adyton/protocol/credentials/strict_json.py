"""JSON of strangers, in one reading (RFC 8259, RFC 7493): what two parsers could read differently is refused.

Refused: a member twice, NaN and Infinity, integers that doubles do not hold, half of a surrogate pair, a byte order
mark, bytes that are not UTF-8, nesting over `limits.CREDENTIAL_DEPTH`. A number with a fraction or an exponent is kept
as its digits: nothing here computes with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason, refused


@dataclass(frozen=True, slots=True)
class Inexact:
    """A number with a fraction or an exponent.

    Attributes:
        digits: as they stood.
    """

    digits: str


Json: TypeAlias = "bool | int | str | Inexact | list[Json] | dict[str, Json] | None"
Object: TypeAlias = "dict[str, Json]"

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_BRACKET: Final = re.compile(r"[\[\]{}]")
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_INTEGER_DIGITS: Final = len(str(limits.JSON_INTEGER)) + 1  # and a sign


class _Refused(Exception):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read(unverified: bytes, what: str, *, most: int = limits.CREDENTIAL) -> Json:
    """Return the value that JSON bytes stand for.

    Args:
        unverified: UTF-8.
        what: their name, for the error.
        most: bytes that are taken.

    Raises:
        CredentialError: too large, or not in the form above.
    """
    if len(unverified) > most:
        raise refused(Reason.TOO_LARGE, what)
    try:
        text = unverified.decode("utf-8")
    except UnicodeDecodeError:
        raise refused(Reason.JSON_TEXT, what) from None
    # The parser's own bound on recursion depends on who calls it, so depth is looked at first.
    if text.count("[") + text.count("{") > limits.CREDENTIAL_DEPTH:
        _require_depth(text, what)
    try:
        value: Json = _DECODER.decode(text)
    except _Refused as problem:
        raise refused(problem.reason, what) from None
    except ValueError:
        raise refused(Reason.JSON, what) from None
    if _SURROGATE.search(text):
        _require_text(value, what)
    return value


def read_object(unverified: bytes, what: str, *, most: int = limits.CREDENTIAL) -> Object:
    """Return the object that JSON bytes stand for.

    Raises:
        CredentialError: as `read`, or another kind of value.
    """
    value = read(unverified, what, most=most)
    if type(value) is not dict:
        raise refused(Reason.JSON_OBJECT, what)
    return value


def write(value: Json) -> bytes:
    """Return JSON bytes of a value, without whitespace: the form of what we sign ourselves."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _require_depth(text: str, what: str) -> None:
    depth = 0
    for bracket in _BRACKET.findall(_STRING.sub('""', text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limits.CREDENTIAL_DEPTH:
            raise refused(Reason.JSON_DEPTH, what)


def _require_text(value: Json, what: str) -> None:
    try:
        if type(value) is str:
            value.encode()
        elif type(value) is list:
            for item in value:
                _require_text(item, what)
        elif type(value) is dict:
            for name, item in value.items():
                name.encode()
                _require_text(item, what)
    except UnicodeEncodeError:
        raise refused(Reason.JSON_TEXT, what) from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused(Reason.JSON_DUPLICATE)
    return members


def _integer(digits: str) -> int:
    if len(digits) > _INTEGER_DIGITS or digits == "-0":
        raise _Refused(Reason.JSON_NUMBER)
    number = int(digits)
    if not -limits.JSON_INTEGER <= number <= limits.JSON_INTEGER:
        raise _Refused(Reason.JSON_NUMBER)
    return number


def _constant(_: str) -> NoReturn:
    raise _Refused(Reason.JSON)


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=Inexact, parse_int=_integer, parse_constant=_constant
)
