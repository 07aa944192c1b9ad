"""JSON that has one meaning: UTF-8, no key twice, no NaN, bounded in depth."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from adyton.core import limits
from adyton.core.errors import MalformedError


def parse(unverified: bytes) -> Any:
    """Return the value.

    Raises:
        MalformedError: not JSON, a key is there twice, or it is nested deeper than `limits.RPC_DEPTH`.
    """
    try:
        value = json.loads(
            unverified.decode(),
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        raise MalformedError("malformed", "not JSON: its bytes are not UTF-8") from None
    except RecursionError:
        raise MalformedError("too_large", "JSON is nested too deeply") from None
    except ValueError:
        # Not the parser's own text: it may repeat what was sent.
        raise MalformedError("malformed", "not JSON") from None
    _require_depth(value, limits.RPC_DEPTH)
    return value


def write(value: Any) -> bytes:
    """Return JSON in one line."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise MalformedError("malformed", "not JSON that has one meaning: a key is there twice")
    return made


def _no_number(_: str) -> NoReturn:
    raise MalformedError("malformed", "not JSON: NaN and infinities are no numbers in it")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise MalformedError("malformed", "not JSON that has one meaning: a number is too large")
    return number


def _require_depth(value: Any, left: int) -> None:
    if type(value) not in (dict, list):
        return
    if not left:
        raise MalformedError("too_large", f"JSON is nested deeper than {limits.RPC_DEPTH}")
    for item in value.values() if type(value) is dict else value:
        _require_depth(item, left - 1)
