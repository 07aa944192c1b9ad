"""Deterministic CBOR: one encoding per value, every other one refused.

Values are unsigned and negative integers of 64 bits, byte and text strings, arrays, maps, booleans and null;
tags only where the caller says so. Floats, big integers, undefined and other simple values are refused. Our own
messages are arrays; maps occur only in COSE and EAT headers, whose keys sort alike under both orders of RFC 8949.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import cbor2

from adyton.core import limits
from adyton.core.errors import MalformedError

_INT_MIN: Final = -(2**63)
_INT_MAX: Final = 2**63 - 1


def encode(value: Any) -> bytes:
    """Return the deterministic encoding of `value`.

    Trust: `value` is this side's own; `decode` is for the other side's bytes.
    """
    return cbor2.dumps(value, canonical=True)


def decode(
    unverified: bytes,
    *,
    max_bytes: int,
    max_items: int = limits.CBOR_ITEMS,
    tags: bool = False,
    typed: bool = False,
) -> Any:
    """Return the value whose deterministic encoding is exactly `unverified`.

    Trust: the bytes may come from anybody; the value's form is still to be checked.

    Args:
        unverified: one encoded value and nothing after it.
        max_bytes: size bound, from `core/limits.py`.
        max_items: bound on values, nested ones counted.
        tags: whether CBOR tags may occur (COSE and CWT need 18 and 61).
        typed: the caller checks the exact type of every value that it takes, as messages do; then types outside the
            profile are left to it.

    Raises:
        MalformedError: too large, not CBOR, another encoding of the value, or a type outside the profile.
    """
    if len(unverified) > max_bytes:
        raise MalformedError("too_large", f"{len(unverified)} bytes where {max_bytes} are allowed")
    _require_few(unverified, max_items)
    try:
        value = cbor2.loads(
            unverified,
            allow_duplicate_keys=False,
            allow_indefinite=False,
            max_depth=limits.CBOR_DEPTH,
            semantic_decoders=_NO_MEANING,
        )
        if tags:
            value = _mutable(value)
        if not typed:
            _check_profile(value, tags)
        again = cbor2.dumps(value, canonical=True)
    except MalformedError:
        raise
    except Exception as problem:
        # cbor2 raises CBORDecodeError, but also ValueError, OverflowError, RecursionError and MemoryError
        # from hostile lengths; none of them may leave a parser.
        raise MalformedError("malformed", "not valid CBOR") from problem
    if again != unverified:
        raise MalformedError("malformed", "not the deterministic encoding of its value")
    return value


def _refuse_tag(*_: Any) -> Any:
    raise MalformedError("malformed", "a tag that is not of the profile")


# cbor2 gives these tags meanings of its own (dates, big numbers, regular expressions, shared references): decoding
# one would run code on a stranger's bytes before we have looked at them.
_NO_MEANING: Final[dict[int, Any]] = dict.fromkeys(
    (
        0,
        1,
        2,
        3,
        4,
        5,
        25,
        28,
        29,
        30,
        35,
        36,
        37,
        52,
        54,
        100,
        256,
        258,
        260,
        261,
        1004,
        43000,
        55799,
    ),
    _refuse_tag,
)


def _require_few(unverified: bytes, most: int) -> None:
    """Refuse more than `most` values before any is built.

    A stranger's 300 KiB of empty lists would cost a thousand times what 300 KiB of byte string cost. Only the heads
    are read; what is wrong with them is left to the decoder, which reads no further than this has counted.
    """
    at, end = 0, len(unverified)
    if end <= most:
        return
    for _ in range(most):
        if at >= end:
            return
        head = unverified[at]
        at += 1
        value = head & 31
        if value >= 24:
            if value > 27:
                return
            size = 1 << (value - 24)
            value = int.from_bytes(unverified[at : at + size], "big")
            at += size
        if head >> 5 in (2, 3):
            at += value
    if at < end:
        raise MalformedError("too_large", f"more than {most} values")


def _mutable(value: Any) -> Any:
    """Return `value` with lists and dicts throughout: cbor2 gives tuples and frozen dicts below a tag."""
    # Recursion is bounded by `limits.CBOR_DEPTH`.
    if isinstance(value, cbor2.CBORTag):
        return cbor2.CBORTag(value.tag, _mutable(value.value))
    if isinstance(value, (list, tuple)):
        return [_mutable(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _mutable(item) for key, item in value.items()}
    return value


def _check_profile(value: Any, tags: bool) -> None:
    """Refuse every type outside the profile, without recursion on Python's stack."""
    pending = [value]
    while pending:
        item = pending.pop()
        kind = type(item)
        if kind is bytes or kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not _INT_MIN <= item <= _INT_MAX:
                raise MalformedError("malformed", "an integer of more than 64 bits")
        elif kind is list:
            pending.extend(item)
        elif kind is dict:
            for key in item:
                if type(key) is not int and type(key) is not str:
                    raise MalformedError("malformed", "a map key that is neither integer nor text")
            pending.extend(item)
            pending.extend(item.values())
        elif kind is cbor2.CBORTag:
            if not tags:
                raise MalformedError("malformed", "a tag where none is allowed")
            pending.append(item.value)
        else:
            raise MalformedError("malformed", f"a value of type {kind.__name__}")
