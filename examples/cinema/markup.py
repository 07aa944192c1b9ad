"""HTML of which every text is escaped, unless it is markup already."""

from __future__ import annotations

import html
from collections.abc import Sequence


class Markup(str):
    """HTML that was made here."""

    __slots__ = ()


def tag(kind: str, /, *children: str, **attributes: str) -> Markup:
    """Return an element; `class_` is the attribute class, `data_live` is data-live."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"'
        for key, value in attributes.items()
    )
    if kind in ("input", "img", "meta", "link"):
        return Markup(f"<{kind}{named}>")
    return Markup(f"<{kind}{named}>{join(children)}</{kind}>")


def join(children: Sequence[str]) -> Markup:
    """Return what stands one after the other; what is no markup is escaped."""
    return Markup(
        "".join(child if isinstance(child, Markup) else html.escape(child) for child in children)
    )


def table(rows: Sequence[tuple[str, ...]], head: tuple[str, ...] = (), **attributes: str) -> Markup:
    """Return a table; the first cell of a row names it."""
    made = [tag("tr", *(tag("th", cell, scope="col") for cell in head))] if head else []
    for first, *rest in rows:
        made.append(tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)))
    return tag("table", *made, **attributes)
