"""What the state seals: values that know their own names, and their classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.fields import AtMost
from adyton.core.schema import Message, Uint, message

DURABLE: Final = 0
TRANSIENT: Final = 1
PADDED: Final = 2  # durable, and filled up to a size class


@message("value/1", max_bytes=limits.STATE_VALUE)
class Value(Message):
    """What is sealed: a value knows its own name, so that state can be enumerated and re-keyed."""

    app: Annotated[str, AtMost(32)]
    name: Annotated[bytes, AtMost(512)]
    expires_ms: Uint | None
    value: Annotated[bytes, AtMost(limits.STATE_VALUE)]


@dataclass(slots=True)
class Pending:
    """A value of the entry in hand that is not sealed yet; None removes."""

    value: Value | None
    kind: int
    least: int = 0
    hot: bool = False


def generation(sealed: bytes | None) -> int | None:
    """Return the epoch of a stored transient value; None for any other, and for none."""
    if sealed is None or sealed[0] != TRANSIENT:
        return None
    return int.from_bytes(sealed[1:5], "big")
