"""Readers of JSON values: each returns the value, or says which field is wrong and what to give instead.

Integers may come as JSON integers, as decimal strings, or as hex behind `0x` (JSON-RPC's quantities: no leading zeros).
Byte strings come as hex behind `0x`, two digits for each byte. Floats never pass, nor do booleans as integers. Error
texts do not repeat values: somebody may have put a key into the wrong field.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

from adyton.core.errors import UsageError

_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,77})")
_QUANTITY: Final = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_SHOWN: Final = 24  # names in an error text
_DIGITS: Final = re.compile(r"[0-9a-fA-F]*")


def refused(path: str, why: str) -> UsageError:
    """Return the error that a field is refused with."""
    return UsageError("bad_argument", f"{path} {why}")


def read_object(value: Any, path: str, allowed: Collection[str]) -> dict[str, Any]:
    """Return `value` if it is an object whose members are all among the allowed ones.

    Raises:
        UsageError: it is not.
    """
    if type(value) is not dict:
        raise refused(path, f"must be an object, not {_kind(value)}")
    if isinstance(allowed, frozenset) and allowed.issuperset(value):
        return value
    for name in value:
        if name not in allowed:
            known = ", ".join(sorted(allowed)[:_SHOWN]) or "none"
            raise refused(path, f"has no field {str(name)[:40]!r}; it has {known}")
    return value


def read_list(value: Any, path: str, most: int) -> list[Any]:
    """Return `value` if it is a list of at most so many items.

    Raises:
        UsageError: it is not.
    """
    if type(value) is not list:
        raise refused(path, f"must be a list, not {_kind(value)}")
    if len(value) > most:
        raise refused(path, f"has {len(value)} items; {most} are the most")
    return value


def read_integer(value: Any, path: str, least: int, most: int) -> int:
    """Return an integer from `least` to `most`.

    Raises:
        UsageError: it is none, or outside.
    """
    if type(value) is str:
        number = int(value, 16) if _QUANTITY.fullmatch(value) else _parse(value, path)
    elif type(value) is int:
        number = value
    else:
        raise refused(path, f"must be an integer or a string of one, not {_kind(value)}")
    if number < least:
        raise refused(path, "must not be negative" if least == 0 else f"is below {least}")
    if number > most:
        raise refused(path, f"is over {_shown(most)}")
    return number


def read_data(value: Any, path: str, most: int, *, exactly: int | None = None) -> bytes:
    """Return a byte string of at most `most` bytes, or of exactly so many.

    Raises:
        UsageError: not hex behind 0x, an odd count of digits, or a wrong size.
    """
    if type(value) is not str:
        raise refused(path, f"must be a string of hex behind 0x, not {_kind(value)}")
    if not value.startswith("0x"):
        raise refused(path, "must begin with 0x, followed by two hex digits for each byte")
    digits = value[2:]
    if not _DIGITS.fullmatch(digits):
        raise refused(path, "has characters that are not hex digits")
    if len(digits) % 2:
        raise refused(path, "has an odd number of hex digits; give two for each byte")
    size = len(digits) // 2
    if exactly is not None and size != exactly:
        raise refused(path, f"must be {exactly} bytes; it is {size}")
    if size > most:
        raise refused(path, f"is {size} bytes; {most} are the most")
    return bytes.fromhex(digits)


def read_text(value: Any, path: str) -> str:
    """Return a text that has an encoding in UTF-8.

    Raises:
        UsageError: not a string, or it holds half of a surrogate pair.
    """
    if type(value) is not str:
        raise refused(path, f"must be a string, not {_kind(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(path, "holds half of a surrogate pair, which has no encoding") from None
    return value


def _parse(text: str, path: str) -> int:
    if _DECIMAL.fullmatch(text) and text != "-0":
        return int(text)
    if text.startswith("0x"):
        what = "is not a quantity: hex digits behind 0x, at most 64, without leading zeros"
    elif re.fullmatch(r"[0-9.eE+-]+", text) and re.search(r"[.eE]", text):
        what = "is not whole; give an integer of the smallest unit (wei)"
    else:
        what = "is not an integer; give decimal digits without leading zeros, or hex behind 0x"
    raise refused(path, what)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds: dict[type, str] = {
        bool: "a boolean",
        int: "an integer",
        float: "a float",
        str: "a string",
        list: "a list",
        dict: "an object",
    }
    return kinds.get(type(value), "that")


def _shown(most: int) -> str:
    return f"2^{most.bit_length()} - 1" if most & (most + 1) == 0 and most > 2**16 else str(most)
