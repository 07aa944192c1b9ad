"""Texts of strangers as they may be shown."""

from __future__ import annotations

from typing import Final

_MOST: Final = 500  # characters


def printable(text: str) -> str:
    """Return a text cut short, without what would steer a terminal or turn the direction of writing."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:_MOST])
    return shown + ("…" if len(text) > _MOST else "")
