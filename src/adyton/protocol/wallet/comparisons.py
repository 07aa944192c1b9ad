"""Comparisons of one value: `{"lte": 5}`, `{"in": ["@vendors"]}`, `"any"`.

All comparisons of an object must hold. Which there are depends on the type of the value: order for integers, membership
for everything, `size` for texts and byte strings. Nothing is compared across types.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from adyton.core import limits
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import (
    read_data,
    read_integer,
    read_list,
    read_object,
    read_text,
    refused,
)
from adyton.protocol.wallet.abi_types import ADDRESS, BOOL, BYTES, FIXED, INT, STRING, UINT, Type
from adyton.protocol.wallet.names import Names

ANY: Final = "any"
MAX: Final = "MAX"
ORDER: Final = ("lt", "lte", "gt", "gte")
EQUALITY: Final = ("eq", "in", "notIn")
SIZE: Final = "size"
_SYMBOLS: Final = {"lt": "below", "lte": "at most", "gt": "over", "gte": "at least"}
UINT256: Final = Type("uint256", UINT, 256)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Comparisons that were read for values of one type.

    Attributes:
        holds: takes a value of that type.
        words: for people; follows the name of what is compared.
        bounded: whether it bounds from above: by an order, or by naming values.
    """

    holds: Callable[[Any], bool]
    words: str
    bounded: bool


ANYTHING: Final = Comparison(lambda _: True, "is anything", False)


def read_comparison(value: Any, path: str, kind: Type, names: Names) -> Comparison:
    """Return the comparisons that a JSON value states for values of a type.

    Args:
        value: an object of comparisons, or "any".
        path: where it stands, for error texts.
        kind: of the values; not a tuple nor an array.
        names: the policy's.

    Raises:
        UsageError: a comparison that the type does not have, an operand of another type, or none that can ever hold.
    """
    if value == ANY:
        return ANYTHING
    number = kind.family in (UINT, INT)
    sized = (SIZE,) if kind.family in (BYTES, STRING) else ()
    if type(value) is not dict:
        raise refused(path, f'must be an object of tests, as {_example(kind)}, or "any"')
    read_object(value, path, EQUALITY + (ORDER if number else ()) + sized)
    if not value:
        raise refused(path, f'has no test; write {_example(kind)}, or "any"')
    if number:
        return _integers(value, path, kind)
    if kind.family == ADDRESS:
        return _addresses(value, path, names)
    if kind.family == BOOL:
        return _booleans(value, path)
    return _strings(value, path, kind, names)


def weight(value: Any) -> int:
    """Return how many comparisons an unread JSON value counts for."""
    if type(value) is not dict:
        return 1
    inner = value.get(SIZE)
    return len(value) + (len(inner) if type(inner) is dict else 0)


def _integers(value: dict[str, Any], path: str, kind: Type) -> Comparison:
    signed = kind.family == INT
    least = -(1 << kind.size - 1) if signed else 0
    most = (1 << kind.size - signed) - 1

    def operand(item: Any, where: str) -> int:
        return most if item == MAX else read_integer(item, where, least, most)

    low, high = least, most
    inside: list[int] | None = None
    outside: list[int] = []
    words = []
    for name, given in value.items():
        where = f"{path}.{name}"
        if name in ("in", "notIn"):
            listed = read_list(given, where, limits.WALLET_SET_ITEMS)
            items = sorted(operand(item, f"{where}[{at}]") for at, item in enumerate(listed))
            words.append(f"is {'one' if name == 'in' else 'none'} of {_some(items)}")
            if name == "in":
                inside = items
            else:
                outside = items
            continue
        number = operand(given, where)
        if name in ("eq", "gt", "gte"):
            low = max(low, number + (name == "gt"))
        if name in ("eq", "lt", "lte"):
            high = min(high, number - (name == "lt"))
        words.append(f"is {_SYMBOLS.get(name, '')} {number}".replace("  ", " "))
    if inside is not None:
        inside = [item for item in inside if low <= item <= high and not _has(outside, item)]
    if low > high or inside == []:
        raise refused(path, "can never hold; correct it, or take the rule out")
    bounded = inside is not None or any(name in value for name in ("eq", "lt", "lte"))
    return Comparison(_ordered(low, high, inside, outside), " and ".join(words), bounded)


def _ordered(
    low: int, high: int, inside: list[int] | None, outside: list[int]
) -> Callable[[Any], bool]:
    # Sorted lists instead of sets: a stranger can make integers whose hashes are all the same.
    if inside is not None:
        return lambda number: _has(inside, number)
    if outside:
        return lambda number: low <= number <= high and not _has(outside, number)
    return lambda number: low <= number <= high


def _has(items: list[int], number: int) -> bool:
    at = bisect_left(items, number)
    return at < len(items) and items[at] == number


def _addresses(value: dict[str, Any], path: str, names: Names) -> Comparison:
    checks: list[Callable[[Any], bool]] = []
    words = []
    for name, given in value.items():
        where = f"{path}.{name}"
        if name == "eq" and type(given) is not str:
            raise refused(where, "must be one address")
        if name != "eq" and type(given) is list and not given:
            raise refused(where, "is empty; name an address or a set")
        members = names.read_addresses(given, where)
        shown = members.words(checksummed)
        if name == "notIn":
            checks.append(lambda item, members=members: not members.holds(item))  # type: ignore[misc]  # a default is how a loop's value is kept
            words.append(f"is not in {shown}")
        else:
            checks.append(members.holds)
            words.append(f"is {shown}" if name == "eq" and not members.named else f"is in {shown}")
    return Comparison(_all(checks), " and ".join(words), "eq" in value or "in" in value)


def _booleans(value: dict[str, Any], path: str) -> Comparison:
    wanted = value.get("eq")
    if len(value) != 1 or type(wanted) is not bool:
        raise refused(path, 'must be {"eq": true}, {"eq": false} or "any"')
    return Comparison(lambda item: item is wanted, f"is {str(wanted).lower()}", True)


def _strings(value: dict[str, Any], path: str, kind: Type, names: Names) -> Comparison:
    checks: list[Callable[[Any], bool]] = []
    words = []

    def operand(item: Any, where: str) -> Any:
        if kind.family == STRING:
            if type(item) is str and item.startswith("@"):
                raise refused(where, "names a set; sets are of addresses and clients, not of texts")
            return read_text(item, where)
        exactly = kind.size if kind.family == FIXED else None
        return read_data(item, where, limits.WALLET_POLICY, exactly=exactly)

    for name, given in value.items():
        where = f"{path}.{name}"
        if name == SIZE:
            size = read_comparison(given, where, UINT256, names)
            checks.append(lambda item, size=size: size.holds(_length(item)))  # type: ignore[misc]  # a default is how a loop's value is kept
            words.append(f"has a size that {size.words}")
            continue
        listed = [given] if name == "eq" else read_list(given, where, limits.WALLET_SET_ITEMS)
        items = frozenset(
            operand(item, where if name == "eq" else f"{where}[{at}]")
            for at, item in enumerate(listed)
        )
        if not items:
            raise refused(where, "is empty; give a value")
        shown = _some(sorted(map(_quoted, items)))
        if name == "notIn":
            checks.append(lambda item, items=items: item not in items)  # type: ignore[misc]  # a default is how a loop's value is kept
            words.append(f"is none of {shown}")
        else:
            checks.append(items.__contains__)
            words.append(f"is {shown}" if name == "eq" else f"is one of {shown}")
    return Comparison(_all(checks), " and ".join(words), "eq" in value or "in" in value)


def _length(item: Any) -> int:
    return len(item.encode()) if type(item) is str else len(item)


def _all(checks: list[Callable[[Any], bool]]) -> Callable[[Any], bool]:
    if len(checks) == 1:
        return checks[0]
    return lambda item: all(check(item) for check in checks)


def _quoted(item: Any) -> str:
    text = repr(item) if type(item) is str else "0x" + item.hex()
    return text if len(text) <= 72 else text[:69] + "..."


def _some(items: list[Any]) -> str:
    more = len(items) - 3
    return ", ".join(str(item) for item in items[:3]) + (f" and {more} more" if more > 0 else "")


def _example(kind: Type) -> str:
    examples = {
        UINT: '{"lte": 100}',
        INT: '{"lte": 100}',
        ADDRESS: '{"in": "@name"}',
        BOOL: '{"eq": true}',
        STRING: '{"eq": "text"}',
    }
    return examples.get(kind.family, '{"eq": "0x00"}')
