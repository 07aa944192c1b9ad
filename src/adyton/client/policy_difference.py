"""What another policy would change, for those who have to agree to it: a digit among a hundred lines is overlooked."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import islice, zip_longest
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import Error
from adyton.protocol.wallet.policy_reader import read_policy

_LINES: Final = 200
_VALUE: Final = 200  # characters of one value
_DEPTH: Final = 16
_ABSENT: Final = object()
_EMPTY: Final = b'{"rules":[]}'


def policy_difference(before: bytes, unverified: bytes) -> list[str]:
    """Return what a policy adds (`+`), takes away (`-`), changes (`~`) and is warned of (`!`), a line each.

    Rules are compared by their ids, members by their names. What is written otherwise and means the same is no change.

    Args:
        before: text of the policy that holds; empty where there is none.
        unverified: text of the one that is proposed. Either may be anything: what is no policy is said to be none.
    """
    try:
        proposed = read_policy(unverified)
        held = read_policy(before).text if before else _EMPTY
    except Error as problem:
        return [f"! no policy: {problem.message}"]
    lines = _compared("", _parsed(held), _parsed(unverified))
    found = list(islice(lines, _LINES))
    if next(lines, None) is not None:
        found.append("! and more than is shown here: read all of it")
    return (found or ["nothing that means anything"]) + [f"! {one}" for one in proposed.warnings]


def _parsed(text: bytes) -> Any:
    return strict_json.read(text, most=limits.WALLET_POLICY, depth=_DEPTH)


def _compared(path: str, before: Any, after: Any) -> Iterator[str]:
    if path == "rules" and type(before) is type(after) is list:
        named, now = _by_id(before), _by_id(after)
        yield from _members(path, named, now)
        kept, follow = ([one for one in of if one in named and one in now] for of in (named, now))
        if kept != follow:
            yield f"~ rules are asked in another order: {_shown(follow)}"
    elif type(before) is type(after) is dict:
        yield from _members(path, before, after)
    elif type(before) is type(after) is list:
        yield from _items(path, before, after)
    elif before is _ABSENT:
        yield f"+ {path}: {_shown(after)}"
    elif after is _ABSENT:
        yield f"- {path}: {_shown(before)}"
    elif before != after or type(before) is not type(after):
        yield f"~ {path}: {_shown(before)} -> {_shown(after)}"


def _members(path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[str]:
    for name in before | after:
        where = f"{path}.{name}" if path else name
        yield from _compared(where, before.get(name, _ABSENT), after.get(name, _ABSENT))


def _items(path: str, before: list[Any], after: list[Any]) -> Iterator[str]:
    if any(isinstance(item, dict | list) for item in (*before, *after)):
        for at, (one, other) in enumerate(zip_longest(before, after, fillvalue=_ABSENT)):
            yield from _compared(f"{path}[{at}]", one, other)
        return
    was, now = (Counter(map(json.dumps, items)) for items in (before, after))
    yield from (f"- {path}: {_cut(item)}" for item in was - now)
    yield from (f"+ {path}: {_cut(item)}" for item in now - was)


def _by_id(rules: list[Any]) -> dict[str, Any]:
    return {str(rule["id"]): rule for rule in rules}


def _shown(value: Any) -> str:
    return _cut(json.dumps(value))


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE else text[:_VALUE] + "…"
