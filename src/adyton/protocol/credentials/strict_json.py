"""JSON of strangers, in one reading (RFC 8259, RFC 7493): what two parsers could read differently is refused.

Refused: a member twice, NaN and Infinity, integers that doubles do not hold, half of a surrogate pair, a byte order
mark, bytes that are not UTF-8, nesting over `limits.CREDENTIAL_DEPTH`. A number with a fraction or an exponent is kept
as its digits: nothing here computes with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final, TypeAlias

from adyton.core import limits
from adyton.core import strict_json as core
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

_DIGITS: Final = len(str(limits.JSON_INTEGER))
_REASONS: Final = {
    core.Fault.SIZE: Reason.TOO_LARGE,
    core.Fault.TEXT: Reason.JSON_TEXT,
    core.Fault.SYNTAX: Reason.JSON,
    core.Fault.DUPLICATE: Reason.JSON_DUPLICATE,
    core.Fault.NUMBER: Reason.JSON_NUMBER,
    core.Fault.DEPTH: Reason.JSON_DEPTH,
}


def read(unverified: bytes, what: str, *, most: int = limits.CREDENTIAL) -> Json:
    """Return the value that JSON bytes stand for.

    Args:
        unverified: UTF-8.
        what: their name, for the error.
        most: bytes that are taken.

    Raises:
        CredentialError: too large, or not in the form above.
    """
    if unverified.count(b",") > limits.CREDENTIAL_COMMAS:
        raise refused(Reason.TOO_LARGE, what)
    try:
        value: Json = core.read(
            unverified,
            most=most,
            depth=limits.CREDENTIAL_DEPTH,
            digits=_DIGITS,
            greatest=limits.JSON_INTEGER,
            fraction=Inexact,
        )
    except core.JsonError as problem:
        raise refused(_REASONS[problem.fault], what) from None
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
