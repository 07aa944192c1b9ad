"""The constructor and the decoder of a message class, written out field by field, as `dataclasses` does it.

A loop over the fields, with a call for each, is what most of the time of making a message went into. Both functions
are compiled once per class, from names and bounds that stand in the source code; nothing of a stranger's gets near.

    def build(unverified):
        if type(unverified) is not list or len(unverified) != 3 or unverified[0] != "ticket/1":
            refuse(unverified)
        _, v0, v1, = unverified
        made = new(cls)
        set0(made, v0 if type(v0) is bytes and len(v0) == 32 else check0(v0))
        set1(made, v1 if type(v1) is bytes and len(v1) == 16 else check1(v1))
        return made
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from adyton.core.fields import Check

Setter = Callable[[Any, Any], None]
"""Sets one field of a frozen message: the `__set__` of its slot."""


def constructor(
    names: Sequence[str], setters: Sequence[Setter], defaults: Mapping[str, Any]
) -> Callable[..., None]:
    """Return the `__init__` that takes the fields in order, or by name.

    Args:
        names: of each field.
        setters: of each field.
        defaults: of the fields that may be left out.
    """
    known: dict[str, Any] = {f"_set{place}": setter for place, setter in enumerate(setters)}
    known["_defaults"] = defaults
    taken = [f"{name}=_defaults[{name!r}]" if name in defaults else name for name in names]
    lines = [f"def __init__(self, {', '.join(taken)}):", "    pass"]
    lines += [f"    _set{place}(self, {name})" for place, name in enumerate(names)]
    return _compiled(lines, known)


def builder(
    cls: type,
    wire_name: str,
    setters: Sequence[Setter],
    checks: Sequence[tuple[Check, str]],
    refuse: Callable[[Any], NoReturn],
) -> Callable[[Any], Any]:
    """Return the function that makes a message from a decoded array, or raises what the checks raise.

    Args:
        cls: of the message.
        wire_name: what the array begins with.
        setters: of each field.
        checks: of each field, with the condition under which it would return the value; see `fields.guard`.
        refuse: raises for what is no array of this name and length.
    """
    known: dict[str, Any] = {"cls": cls, "new": object.__new__, "refuse": refuse}
    values = [f"v{place}" for place in range(len(checks))]
    size = len(checks) + 1
    lines = [
        "def build(unverified):",
        f"    if (type(unverified) is not list or len(unverified) != {size}",
        f"            or unverified[0] != {wire_name!r}):",
        "        refuse(unverified)",
        f"    {', '.join(['_', *values])}, = unverified",
        "    made = new(cls)",
    ]
    for place, (check, guard) in enumerate(checks):
        value = values[place]
        known[f"set{place}"], known[f"check{place}"] = setters[place], check
        checked = f"check{place}({value})"
        if guard:
            checked = f"{value} if {guard.format(value)} else {checked}"
        lines.append(f"    set{place}(made, {checked})")
    return _compiled([*lines, "    return made"], known)


def _compiled(lines: Sequence[str], known: dict[str, Any]) -> Callable[..., Any]:
    """Return the one function that the lines define."""
    made: dict[str, Any] = {}
    exec("\n".join(lines), known, made)  # noqa: S102  # names and bounds of our own classes only
    (function,) = made.values()
    return function  # type: ignore[no-any-return]  # what was compiled is a function
