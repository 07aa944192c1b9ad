"""Borsh (borsh.io), as far as contract interfaces use it: types by name, values as JSON has them.

    u8 u16 u32 u64 u128 i64 bool string bytes address list<T> option<T> and the structs of an interface

Every value has one encoding: a decoder refuses a bool that is neither 0 nor 1, text that is not UTF-8, and bytes that
are left over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from adyton.core.errors import MalformedError, UsageError

Fields = tuple[tuple[str, str], ...]
Structs = Mapping[str, Fields]

_INTEGERS: Final = {
    "u8": (1, False),
    "u16": (2, False),
    "u32": (4, False),
    "u64": (8, False),
    "u128": (16, False),
    "i64": (8, True),
}
_PLAIN: Final = frozenset({*_INTEGERS, "bool", "string", "bytes", "address"})
_OF: Final = re.compile(r"(list|option)<(.+)>")
_DEPTH: Final = 16
_DECIMAL: Final = re.compile(r"-?[0-9]{1,39}")


def require_types(names: Iterable[str], structs: Structs) -> None:
    """Refuse what names no type, and structs that are none.

    Every value of a type that passes takes a byte or more, and lies at most 16 deep: what decodes it works no longer
    than its bytes are many.

    Raises:
        MalformedError: unknown, without fields, or nested too deeply; a struct that holds itself is.
    """
    for name in structs:
        if name in _PLAIN:
            raise MalformedError("interface", f"the type {name} is there already")
    depths: dict[str, int] = {}
    for name in (*structs, *names):
        _depth(name, structs, depths, 0)


def _depth(name: str, structs: Structs, depths: dict[str, int], above: int) -> int:
    """Return how many levels lie below a type; each struct is gone through once."""
    below = 0
    if above <= _DEPTH:
        inner = _OF.fullmatch(name)
        if inner is not None:
            if name.startswith("option<option<"):
                # Nothing, and something that is nothing, are both null in JSON.
                raise MalformedError("interface", "an option of an option cannot be told in JSON")
            below = 1 + _depth(inner[2], structs, depths, above + 1)
        elif name in structs:
            if name not in depths:
                kinds = [kind for _, kind in structs[name]]
                if not kinds:
                    raise MalformedError("interface", f"the type {name[:40]} has no fields")
                depths[name] = 1 + max(_depth(kind, structs, depths, above + 1) for kind in kinds)
            below = depths[name]
        elif name not in _PLAIN:
            raise MalformedError("interface", f"there is no type {name[:40]!r}")
    if above + below > _DEPTH:
        raise MalformedError("interface", "types are nested too deeply")
    return below


def encode_value(kind: str, value: Any, structs: Structs, path: str) -> bytes:
    """Return the encoding of a JSON value.

    Args:
        kind: name of its type, which `require_types` has accepted.
        value: as JSON has it: integers as numbers or decimal strings, bytes and addresses in hex.
        structs: fields of each struct.
        path: where the value stands, for error texts.

    Raises:
        UsageError: `interface`, it is no such value.
    """
    if kind in _INTEGERS:
        return _integer(kind, value, path)
    if kind == "bool":
        if type(value) is not bool:
            raise _wrong(path, "true or false")
        return bytes((value,))
    if kind == "string":
        if type(value) is not str:
            raise _wrong(path, "a string")
        try:
            return _sized(value.encode())
        except UnicodeEncodeError:
            raise _wrong(path, "a string without lone surrogates") from None
    if kind in ("bytes", "address"):
        return _hex(kind, value, path)
    inner = _OF.fullmatch(kind)
    if inner is None:
        return encode_fields(structs[kind], value, structs, path)
    if inner[1] == "option":
        return b"\x00" if value is None else b"\x01" + encode_value(inner[2], value, structs, path)
    if type(value) is not list:
        raise _wrong(path, "a list")
    items = [
        encode_value(inner[2], item, structs, f"{path}[{at}]") for at, item in enumerate(value)
    ]
    return len(items).to_bytes(4, "little") + b"".join(items)


def encode_fields(fields: Fields, value: Any, structs: Structs, path: str) -> bytes:
    """Return the encodings of an object's members, one after another, in the order of the fields.

    Raises:
        UsageError: `interface`, a member is missing, unknown or of another type.
    """
    names = [name for name, _ in fields]
    has = ", ".join(f"{name}: {kind}" for name, kind in fields) or "nothing in it"
    if type(value) is not dict:
        raise _wrong(path, f"an object with {has}")
    for name in value:
        if name not in names:
            raise UsageError("interface", f"{path} has no {name!r}; it has {has}")
    for name in names:
        if name not in value:
            raise UsageError("interface", f"{path} lacks {name!r}; it has {has}")
    return b"".join(
        encode_value(kind, value[name], structs, f"{path}.{name}") for name, kind in fields
    )


def decode_value(kind: str, unverified: bytes, structs: Structs) -> Any:
    """Return the JSON value that `unverified` encodes; u64 and wider may be more than a double holds.

    Trust: the bytes are a contract's.

    Raises:
        MalformedError: `interface`, not the one encoding of such a value.
    """
    value, at = _decode(kind, unverified, 0, structs)
    if at != len(unverified):
        raise MalformedError("interface", f"bytes are left over behind a {kind}")
    return value


def _decode(kind: str, data: bytes, at: int, structs: Structs) -> tuple[Any, int]:
    if kind in _INTEGERS:
        size, signed = _INTEGERS[kind]
        part, at = _take(data, at, size)
        return int.from_bytes(part, "little", signed=signed), at
    if kind == "bool":
        return _flag(data, at, "bool")
    if kind in ("string", "bytes"):
        size, at = _count(data, at)
        part, at = _take(data, at, size)
        if kind == "bytes":
            return part.hex(), at
        try:
            return part.decode(), at
        except UnicodeDecodeError:
            raise MalformedError("interface", "a string that is not UTF-8") from None
    if kind == "address":
        part, at = _take(data, at, 32)
        return part.hex(), at
    inner = _OF.fullmatch(kind)
    if inner is None:
        made: dict[str, Any] = {}
        for name, field in structs[kind]:
            made[name], at = _decode(field, data, at, structs)
        return made, at
    if inner[1] == "option":
        there, at = _flag(data, at, "option")
        return _decode(inner[2], data, at, structs) if there else (None, at)
    count, at = _count(data, at)
    items = []
    for _ in range(count):
        # Items of no size would let a few bytes ask for four billion of them.
        if at >= len(data):
            raise MalformedError("interface", "a list ends too early")
        item, at = _decode(inner[2], data, at, structs)
        items.append(item)
    return items, at


def _integer(kind: str, value: Any, path: str) -> bytes:
    if type(value) is str and _DECIMAL.fullmatch(value):
        value = int(value)
    if type(value) is not int:
        raise _wrong(path, f"an integer ({kind})")
    size, signed = _INTEGERS[kind]
    try:
        return value.to_bytes(size, "little", signed=signed)
    except OverflowError:
        raise UsageError("interface", f"{path} is outside of {kind}") from None


def _hex(kind: str, value: Any, path: str) -> bytes:
    text = value.removeprefix("0x") if type(value) is str else None
    if text is None or not re.fullmatch(r"([0-9a-fA-F]{2})*", text):
        raise _wrong(path, "bytes in hex")
    data = bytes.fromhex(text)
    if kind == "bytes":
        return _sized(data)
    if len(data) != 32:
        raise _wrong(path, "an address: 32 bytes in hex")
    return data


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


def _take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise MalformedError("interface", "a value ends too early")
    return data[at : at + size], at + size


def _count(data: bytes, at: int) -> tuple[int, int]:
    part, at = _take(data, at, 4)
    return int.from_bytes(part, "little"), at


def _flag(data: bytes, at: int, kind: str) -> tuple[bool, int]:
    part, at = _take(data, at, 1)
    if part[0] > 1:
        raise MalformedError("interface", f"a {kind} that is neither 0 nor 1")
    return part[0] == 1, at


def _wrong(path: str, wanted: str) -> UsageError:
    return UsageError("interface", f"{path} must be {wanted}")
