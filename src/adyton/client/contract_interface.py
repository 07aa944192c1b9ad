"""A contract's interface description: what its methods take and give, as its module says it.

    adyton-interface 1
    name auction
    about Sealed bids at the second price
    type Bid amount:u64 place:u64
    event closed Outcome
    init item:string ends_ms:u64 ; Begin; the deployer is the seller
    call bid amount:u64 ; Bid, or change a bid of mine
    query mine -> option<Bid> ; My own bid

It is covered by the code hash, and it is the contract's word all the same: it says how to read bytes, not what is true.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from adyton.client.borsh import Fields, decode_value, encode_fields, require_types
from adyton.core.errors import MalformedError, UsageError

_T = TypeVar("_T")
HEAD: Final = "adyton-interface 1"
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
_LINE: Final = 2000
_LINES: Final = 400


@dataclass(frozen=True)
class Method:
    """What one method takes and gives.

    Attributes:
        arguments: names and types, in order.
        returns: type of its output; None where it gives nothing.
        about: for people.
    """

    arguments: Fields = ()
    returns: str | None = None
    about: str = ""


@dataclass(frozen=True)
class Interface:
    """An interface description.

    Attributes:
        name: of the contract.
        about: for people.
        structs: fields of each struct.
        init, migrate: None where it says nothing of them.
        calls, queries: by name.
        events: type of each topic's data.
    """

    name: str
    about: str
    structs: Mapping[str, Fields]
    init: Method | None
    migrate: Method | None
    calls: Mapping[str, Method]
    queries: Mapping[str, Method]
    events: Mapping[str, str] = field(default_factory=dict)

    def method(self, kind: str, name: str) -> Method:
        """Return a method.

        Args:
            kind: `call`, `query`, `init` or `migrate`.
            name: of a call or query.

        Raises:
            UsageError: there is no such method.
        """
        if kind in ("init", "migrate"):
            return (self.init if kind == "init" else self.migrate) or Method()
        offered = self.calls if kind == "call" else self.queries
        if name not in offered:
            others = ", ".join(sorted(offered)) or "none"
            raise UsageError("method_unknown", f"no {kind} {name!r}; {self.name} has {others}")
        return offered[name]

    def encode(self, method: Method, arguments: Any) -> bytes:
        """Return the input that carries these arguments, a JSON object by name.

        Raises:
            UsageError: `interface`, they are not what the method takes.
        """
        return encode_fields(method.arguments, arguments, self.structs, "input")

    def decode(self, method: Method, unverified: bytes) -> Any:
        """Return a method's output as JSON has it; None where it gives nothing.

        Raises:
            MalformedError: `interface`, it is not what the method gives.
        """
        if method.returns is None:
            if unverified:
                raise MalformedError("interface", "an output where none was to be")
            return None
        return decode_value(method.returns, unverified, self.structs)

    def event(self, topic: str, unverified: bytes) -> Any:
        """Return an event's data as JSON has it; None where nothing is said of the topic."""
        kind = self.events.get(topic)
        return None if kind is None else decode_value(kind, unverified, self.structs)


def read_interface(unverified: bytes) -> Interface | None:
    """Return the interface description of a module; None where it carries none.

    Trust: the bytes are the contract's.

    Raises:
        MalformedError: `interface`, it is not one.
    """
    if not unverified:
        return None
    try:
        lines = unverified.decode().split("\n")
    except UnicodeDecodeError:
        raise _wrong("it is not UTF-8") from None
    if lines[0] != HEAD or lines[-1] or len(lines) > _LINES:
        raise _wrong(f"it does not begin with {HEAD!r}, end with a line's end and have few lines")
    reader = _Reader()
    for line in lines[1:-1]:
        if len(line) > _LINE or not line.isprintable():
            raise _wrong("a line is too long, or not printable")
        reader.read(line)
    return reader.interface()


class _Reader:
    """Takes a description line by line."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._structs: dict[str, Fields] = {}
        self._events: dict[str, str] = {}
        self._methods: dict[str, dict[str, Method]] = {"call": {}, "query": {}, "": {}}

    def read(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word in ("name", "about"):
            _put(self._texts, word, rest)
        elif word == "type":
            name, *fields = rest.split(" ")
            _put(self._structs, _name(name), _fields(fields))
        elif word == "event":
            topic, _, kind = rest.partition(" ")
            _put(self._events, _name(topic), kind)
        elif word in ("init", "migrate"):
            _put(self._methods[""], word, _method(rest.split(" ") if rest else []))
        elif word in ("call", "query"):
            name, *words = rest.split(" ")
            _put(self._methods[word], _name(name), _method(words))
        else:
            raise _wrong(f"a line begins with {word[:40]!r}")

    def interface(self) -> Interface:
        """Return what was read, once every type that it names is there."""
        used = list(self._events.values())
        for methods in self._methods.values():
            for method in methods.values():
                used += [kind for _, kind in method.arguments]
                used += [] if method.returns is None else [method.returns]
        require_types(used, self._structs)
        entries = self._methods[""]
        return Interface(
            self._texts.get("name", ""),
            self._texts.get("about", ""),
            self._structs,
            entries.get("init"),
            entries.get("migrate"),
            self._methods["call"],
            self._methods["query"],
            self._events,
        )


def _method(words: list[str]) -> Method:
    about = ""
    if ";" in words:
        at = words.index(";")
        words, about = words[:at], " ".join(words[at + 1 :])
    returns = None
    if "->" in words:
        at = words.index("->")
        if len(words) != at + 2:
            raise _wrong("behind -> stands one type")
        words, returns = words[:at], words[at + 1]
    return Method(_fields(words), returns, about)


def _fields(words: list[str]) -> Fields:
    pairs = [word.partition(":") for word in words]
    names = [name for name, _, _ in pairs]
    if len(set(names)) != len(names):
        raise _wrong("a field's name occurs twice")
    return tuple((_name(name), kind) for name, _, kind in pairs)


def _put(into: dict[str, _T], name: str, value: _T) -> None:
    if name in into:
        raise _wrong(f"{name} is said twice")
    into[name] = value


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise _wrong(f"{text[:40]!r} is no name")
    return text


def _wrong(reason: str) -> MalformedError:
    return MalformedError("interface", f"the interface description: {reason}")
