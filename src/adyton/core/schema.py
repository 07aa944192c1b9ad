"""Frozen messages with one wire form: a CBOR array of the message's name and its fields in order.

A message class is a frozen dataclass whose annotations say both the Python type (for mypy) and the bounds (for
the decoder), so that there is one place where a field's size is written:

    @message("ticket/1")
    class Ticket(Message):
        client_key: Bytes32
        unique: Annotated[bytes, Exactly(16)]

Decoding is total: it returns a value whose `encode()` is the input, or raises `MalformedError`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass
from dataclasses import fields as dataclass_fields
from operator import attrgetter
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    NoReturn,
    Self,
    TypeVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from adyton.core import fields, limits
from adyton.core.encoding import decode, encode
from adyton.core.errors import InvariantError, MalformedError
from adyton.core.fields import AtMost, Exactly
from adyton.core.unrolled import Setter, builder, constructor

Bytes16 = Annotated[bytes, Exactly(16)]
Bytes32 = Annotated[bytes, Exactly(32)]
Signature = Annotated[bytes, Exactly(64)]
Measurement = Annotated[bytes, Exactly(48)]
Uint = Annotated[int, AtMost(limits.UINT_MAX)]
Uint32 = Annotated[int, AtMost(2**32 - 1)]
Name = Annotated[str, AtMost(limits.NAME)]
Code = Annotated[str, AtMost(40)]


def _check_for(annotation: Any) -> fields.Check:
    bounds: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        bounds = tuple(rest)
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        if len(inner) != 1:
            raise InvariantError("invariant", "a union other than optional")
        return fields.optional(_check_for(inner[0]))
    if origin is tuple:
        parts = get_args(annotation)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return fields.sequence(_check_for(parts[0]), bounds)
        return fields.fixed(tuple(map(_check_for, parts)))
    if annotation is bytes:
        return fields.byte_string(bounds)
    if annotation is str:
        return fields.text(bounds)
    if annotation is int:
        return fields.unsigned(bounds)
    if annotation is bool:
        return fields.boolean
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return annotation.from_value
    raise InvariantError("invariant", f"no wire form for {annotation!r}")


def _guard_for(annotation: Any) -> str:
    """Return the condition on `{0}` that spares a value its check, or an empty text."""
    bounds: tuple[Any, ...] = ()
    if get_origin(annotation) is Annotated:
        annotation, *rest = get_args(annotation)
        bounds = tuple(rest)
    if get_origin(annotation) in (Union, types.UnionType):
        (inner,) = [part for part in get_args(annotation) if part is not type(None)]
        guard = _guard_for(inner)
        return guard and f"{{0}} is None or {guard}"
    return fields.guard(annotation, bounds)


_FLAT: Final = frozenset((bytes, str, int, bool, type(None)))


def _is_flat(annotation: Any) -> bool:
    """Say whether values of the annotation are encoded as they are."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    union = get_origin(annotation) in (Union, types.UnionType)
    parts = get_args(annotation) if union else (annotation,)
    return all(
        part in _FLAT or (get_origin(part) is Annotated and _is_flat(part)) for part in parts
    )


def _getter(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what gives the values of all fields at once."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda message: tuple(getattr(message, name) for name in names)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is tuple:
        return [item if type(item) in _FLAT else _plain(item) for item in value]
    return value if kind in _FLAT else value.to_value()


class Message:
    """Base of every message; see the module's docstring for the wire form."""

    __slots__ = ()

    WIRE_NAME: ClassVar[str] = ""
    MAX_BYTES: ClassVar[int] = 0
    MAX_ITEMS: ClassVar[int] = limits.CBOR_ITEMS
    _FIELDS: ClassVar[tuple[str, ...]] = ()
    _SETTERS: ClassVar[tuple[Setter, ...]] = ()
    _GET: ClassVar[Any] = None  # gives the values of all fields
    _CHECKS: ClassVar[tuple[tuple[fields.Check, str], ...] | None] = None
    _NESTED: ClassVar[tuple[int, ...] | None] = None
    _BUILD: ClassVar[Any] = None  # makes a message from a decoded array

    # What a frozen dataclass generates for each class is here once, and its constructor is generated at its first
    # call: for all messages together that took a fifth of the time in which a command of the client starts.
    def __init__(self, *values: Any, **named: Any) -> None:
        cls = type(self)
        places = dataclass_fields(cls)  # type: ignore[arg-type]  # every message is a dataclass
        defaults = {place.name: place.default for place in places if place.default is not MISSING}
        made = constructor(cls._FIELDS, cls._SETTERS, defaults)
        cls.__init__ = made  # type: ignore[method-assign]  # once for each class
        cls.__init__(self, *values, **named)

    if not TYPE_CHECKING:  # where these stand, any attribute may be set for all that mypy knows

        def __setattr__(self, name: str, _: object) -> NoReturn:
            raise FrozenInstanceError(f"{self.WIRE_NAME} is fixed: {name!r} cannot be set")

        def __delattr__(self, name: str) -> NoReturn:
            raise FrozenInstanceError(f"{self.WIRE_NAME} is fixed: {name!r} cannot be taken away")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self._GET(self) == self._GET(other))

    def __hash__(self) -> int:
        return hash((self.WIRE_NAME, self._GET(self)))

    def __repr__(self) -> str:
        # Fields may be keys or plaintext: none of them may reach a log or a traceback through repr.
        return f"<{self.WIRE_NAME}>"

    @classmethod
    def _resolve(cls) -> tuple[int, ...]:
        """Read the annotations, on first use, when every one can be resolved; return the places of nested fields."""
        hints = get_type_hints(cls, include_extras=True)
        found = [hints[name] for name in cls._FIELDS]
        cls._CHECKS = tuple((_check_for(one), _guard_for(one)) for one in found)
        cls._NESTED = tuple(place + 1 for place, one in enumerate(found) if not _is_flat(one))
        return cls._NESTED

    def to_value(self) -> list[Any]:
        """Return the array that is encoded."""
        nested = self._NESTED
        if nested is None:
            nested = self._resolve()
        values = [self.WIRE_NAME, *self._GET(self)]
        for place in nested:
            values[place] = _plain(values[place])
        return values

    def encode(self) -> bytes:
        """Return the one encoding of this message."""
        return encode(self.to_value())

    @classmethod
    def from_value(cls, unverified: Any) -> Self:
        """Return the message that the decoded array stands for.

        Raises:
            MalformedError: another message, a wrong field count, or a field outside its bounds.
        """
        if cls._BUILD is None:
            if cls._CHECKS is None:
                cls._resolve()
            written = builder(cls, cls.WIRE_NAME, cls._SETTERS, cls._CHECKS or (), cls._refuse)
            cls._BUILD = staticmethod(written)
        made: Self = cls._BUILD(unverified)
        return made

    @classmethod
    def _refuse(cls, unverified: Any) -> NoReturn:
        """Refuse what is not an array of this message's name and length."""
        if type(unverified) is not list or not unverified or unverified[0] != cls.WIRE_NAME:
            raise MalformedError("malformed", f"not a message {cls.WIRE_NAME}")
        raise MalformedError("malformed", f"{cls.WIRE_NAME} has {len(cls._FIELDS)} fields")

    @classmethod
    def decode(cls, unverified: bytes) -> Self:
        """Return the message whose encoding is exactly `unverified`.

        Trust: the bytes may come from anybody; the fields are bounded, and nothing about them is authentic yet.

        Raises:
            MalformedError: not the one encoding of such a message, or over its size bound.
        """
        return cls.from_value(
            decode(unverified, max_bytes=cls.MAX_BYTES, max_items=cls.MAX_ITEMS, typed=True)
        )


_M = TypeVar("_M", bound=Message)
REGISTRY: Final[
    dict[str, type[Message]]
] = {}  # every message by its wire name: for vectors, fuzzing and docs


@dataclass_transform(frozen_default=True)
def message(wire_name: str, *, max_bytes: int = limits.ENTRY) -> Callable[[type[_M]], type[_M]]:
    """Make a class a message: a frozen dataclass with slots, a wire name and a size bound."""

    def decorate(cls: type[_M]) -> type[_M]:
        made = dataclass(slots=True, init=False, repr=False, eq=False)(cls)
        made.WIRE_NAME = wire_name
        made.MAX_BYTES = max_bytes
        made._FIELDS = tuple(field.name for field in dataclass_fields(made))  # type: ignore[arg-type]  # it is a dataclass now
        made._GET = staticmethod(_getter(made._FIELDS))
        made._CHECKS = made._NESTED = made._BUILD = None
        made._SETTERS = tuple(getattr(made, name).__set__ for name in made._FIELDS)
        REGISTRY[wire_name] = made
        return made

    return decorate


def decode_one_of(unverified: bytes, classes: Mapping[str, type[_M]]) -> _M:
    """Return the message that the bytes encode, of any of the given classes.

    Args:
        unverified: encoded message.
        classes: wire name to class.

    Raises:
        MalformedError: none of them, not the one encoding, or over the size bound of its class.
    """
    value = decode(
        unverified,
        max_bytes=max(cls.MAX_BYTES for cls in classes.values()),
        max_items=max(cls.MAX_ITEMS for cls in classes.values()),
        typed=True,
    )
    name = value[0] if type(value) is list and value else None
    cls = classes.get(name) if type(name) is str else None
    if cls is None:
        raise MalformedError("malformed", "not one of the messages expected here")
    if len(unverified) > cls.MAX_BYTES:
        raise MalformedError("too_large", f"a {cls.WIRE_NAME} over {cls.MAX_BYTES} bytes")
    return cls.from_value(value)


def peek_name(unverified: bytes) -> str:
    """Return the wire name that the bytes seem to begin with, or an empty text; nothing else is looked at."""
    # A message is an array of at most 23 items that begins with a text of at most 23 bytes.
    if len(unverified) < 2 or unverified[0] >> 5 != 4 or not 0x60 <= unverified[1] <= 0x77:
        return ""
    return unverified[2 : 2 + unverified[1] - 0x60].decode("ascii", "replace")
