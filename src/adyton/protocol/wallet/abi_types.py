"""The types that calldata is made of, and the signatures of functions.

    transfer(address,uint256)
    swap((address token, uint256 amount)[] path, bytes data)

A parameter and a tuple's member may have a name behind its type; names are not part of what is hashed. Types are
written in their canonical form: `uint256`, not `uint`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.quantities import refused
from adyton.protocol.ethereum.typed_types import bits_of

UINT, INT, FIXED, BYTES, STRING, ADDRESS, BOOL, ARRAY, TUPLE = (
    *("uint", "int", "bytesN", "bytes", "string", "address", "bool", "array", "tuple"),
)
_TOKEN: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*|\[[0-9]*\]|[(),]| +")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_LENGTH: Final = re.compile(r"[1-9][0-9]{0,3}")
# What may stand behind a type in source code and says nothing here.
_MODIFIERS: Final = frozenset({"calldata", "memory", "storage", "indexed", "payable"})


@dataclass(frozen=True, slots=True)
class Type:
    """A type of a value in calldata.

    Attributes:
        text: canonical form.
        family: one of the words above.
        size: bits of `uintN` and `intN`, bytes of `bytesN`; else 0.
        items: types of a tuple's members; the one type of an array's items.
        names: of a tuple's members, empty where they have none.
        length: of a fixed array; else None.
        dynamic: whether it stands behind an offset.
        words: that it takes in the head, 32 bytes each.
    """

    text: str
    family: str
    size: int = 0
    items: tuple[Type, ...] = ()
    names: tuple[str, ...] = ()
    length: int | None = None
    dynamic: bool = False
    words: int = 1


@dataclass(frozen=True, slots=True)
class Signature:
    """A function that calldata may call.

    Attributes:
        text: canonical form, `transfer(address,uint256)`.
        selector: the first 4 bytes of its Keccak-256.
        arguments: a tuple of its parameters.
    """

    text: str
    selector: bytes
    arguments: Type


def read_signature(text: str, path: str) -> Signature:
    """Return the function that a signature is of.

    Args:
        text: as above.
        path: where it stands, for error texts.

    Raises:
        UsageError: not a signature, or one of too many values; the text says what is wrong.
    """
    if len(text) > limits.ABI_SIGNATURE:
        raise refused(path, f"is over {limits.ABI_SIGNATURE} characters")
    parser = _Parser(text.removeprefix("function "), path)
    name = parser.identifier("the name of a function")
    arguments = parser.tuple(0)
    parser.end()
    canonical = name + arguments.text
    return Signature(canonical, keccak(canonical.encode())[:4], arguments)


def member_of(kind: Type, name: str) -> int | None:
    """Return the place of a tuple's member, by its number or its name; None where it has no such."""
    if kind.family != TUPLE:
        return None
    if name in kind.names and name:
        return kind.names.index(name)
    if name.isascii() and name.isdigit() and len(name) <= 4 and (name == "0" or name[0] != "0"):
        return int(name) if int(name) < len(kind.items) else None
    return None


class _Parser:
    def __init__(self, text: str, path: str) -> None:
        self._path = path
        self._tokens: list[str] = []
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise refused(path, f"has {text[at]!r}, which no signature has")
            if not match[0].isspace():
                self._tokens.append(match[0])
            at = match.end()
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, token: str) -> bool:
        taken = self._peek() == token
        self._at += taken
        return taken

    def identifier(self, what: str) -> str:
        token = self._peek()
        if not _IDENTIFIER.fullmatch(token):
            raise refused(self._path, f"lacks {what}; write it like transfer(address,uint256)")
        self._at += 1
        return token

    def end(self) -> None:
        if self._peek():
            raise refused(self._path, f"has {self._peek()!r} behind its end; leave it out")

    def tuple(self, depth: int) -> Type:
        if not self._take("("):
            raise refused(self._path, "lacks '('; write it like transfer(address,uint256)")
        kinds: list[Type] = []
        names: list[str] = []
        seen: set[str] = set()
        while not self._take(")"):
            if kinds and not self._take(","):
                raise refused(self._path, "lacks ',' or ')' behind a type")
            kinds.append(self._type(depth + 1))
            names.append(self._name())
            if names[-1] and names[-1] in seen:
                raise refused(self._path, f"has two of the name {names[-1]!r}")
            seen.add(names[-1])
        if depth and not kinds:
            raise refused(self._path, "has an empty tuple")
        return _tuple_of(tuple(kinds), tuple(names), self._path)

    def _type(self, depth: int) -> Type:
        if depth > limits.ABI_DEPTH:
            raise refused(self._path, f"is nested deeper than {limits.ABI_DEPTH}")
        if self._peek() == "(":
            kind = self.tuple(depth)
        else:
            kind = _atomic(self.identifier("a type"), self._path)
        while self._peek().startswith("["):
            depth += 1
            if depth > limits.ABI_DEPTH:
                raise refused(self._path, f"is nested deeper than {limits.ABI_DEPTH}")
            kind = _array_of(kind, self._peek()[1:-1], self._path)
            self._at += 1
        return kind

    def _name(self) -> str:
        if self._peek() in _MODIFIERS:
            raise refused(self._path, f"has {self._peek()!r}; leave it out")
        return self.identifier("a name") if _IDENTIFIER.fullmatch(self._peek()) else ""


def _atomic(text: str, path: str) -> Type:
    if text in (ADDRESS, BOOL):
        return Type(text, text)
    if text in (BYTES, STRING):
        return Type(text, text, dynamic=True)
    sized = bits_of(text)
    if sized is not None:
        return Type(text, FIXED if sized[0] == BYTES else sized[0], sized[1])
    hint = f"; write {text}256" if text in (UINT, INT) else ""
    raise refused(path, f"has the unknown type {text[:40]!r}{hint}")


def _array_of(item: Type, length: str, path: str) -> Type:
    text = f"{item.text}[{length}]"
    if not length:
        return Type(text, ARRAY, items=(item,), dynamic=True)
    if not _LENGTH.fullmatch(length):
        raise refused(path, "has an array whose length is not from 1 to 9999")
    count = int(length)
    words = 1 if item.dynamic else count * item.words
    _require_few(max(words, count), path)
    return Type(text, ARRAY, items=(item,), length=count, dynamic=item.dynamic, words=words)


def _tuple_of(kinds: tuple[Type, ...], names: tuple[str, ...], path: str) -> Type:
    dynamic = any(kind.dynamic for kind in kinds)
    words = sum(kind.words for kind in kinds)
    _require_few(words, path)
    text = f"({','.join(kind.text for kind in kinds)})"
    return Type(
        text, TUPLE, items=kinds, names=names, dynamic=dynamic, words=1 if dynamic else words
    )


def _require_few(words: int, path: str) -> None:
    if words > limits.ABI_VALUES:
        raise refused(path, f"is of over {limits.ABI_VALUES} values")
