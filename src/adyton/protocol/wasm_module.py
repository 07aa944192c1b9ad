"""The outline of a Wasm module: sections, counts, entry points, interface description. Nothing is executed or compiled.

Every bound that the compiler has no switch for is checked here, so that a module costs bounded time and memory before
the first tool that is not ours sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError

_MAGIC: Final = b"\0asm\x01\0\0\0"
_CUSTOM: Final = 0
_IMPORT: Final = 2
_FUNCTION: Final = 3
_MEMORY: Final = 5
_EXPORT: Final = 7
_CODE: Final = 10
_ORDER: Final = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)  # section ids as they must come
_PAGE: Final = 65536
_INTERFACE: Final = "adyton_interface"
_METHOD: Final = re.compile(r"(call|query):([a-z][a-z0-9_]{0,31})")


@dataclass(frozen=True)
class Outline:
    """What a module shows without being run.

    Attributes:
        calls: methods that may change state, ascending.
        queries: methods that may not, ascending.
        init: whether it has one.
        migrate: whether it has one.
        memories: pages that each begins with.
        interface: the interface description's bytes, empty without one: a stranger's, and not looked at here.
    """

    calls: tuple[str, ...]
    queries: tuple[str, ...]
    init: bool
    migrate: bool
    memories: tuple[int, ...]
    interface: bytes


def read_module(unverified: bytes) -> Outline:
    """Return the outline of a module that a contract may be.

    Trust: the bytes are a stranger's. What is accepted may still be refused by the compiler, whose view of imports,
    exports and types decides.

    Raises:
        MalformedError: `module_refused`, with the reason.
    """
    if len(unverified) > limits.CONTRACT_CODE:
        raise _refused(f"it has more than {limits.CONTRACT_CODE} bytes")
    if not unverified.startswith(_MAGIC):
        raise _refused("it is not a binary WebAssembly module of version 1")
    exports: list[tuple[str, int]] = []
    memories: list[int] = []
    interface: bytes | None = None
    for kind, body in _sections(unverified):
        if kind == _CUSTOM:
            name, rest = _name(body, 0)
            if name == _INTERFACE:
                if interface is not None or len(body) - rest > limits.CONTRACT_INTERFACE:
                    raise _refused("its interface description is too large, or occurs twice")
                interface = body[rest:]
        elif kind == _IMPORT:
            _require_count(body, limits.CONTRACT_IMPORTS, "imports")
        elif kind == _FUNCTION:
            _require_count(body, limits.CONTRACT_FUNCTIONS, "functions")
        elif kind == _MEMORY:
            memories = list(_memories(body))
        elif kind == _EXPORT:
            exports = list(_exports(body))
        elif kind == _CODE:
            _check_bodies(body)
    return _outline(exports, memories, interface or b"")


def _outline(exports: list[tuple[str, int]], memories: list[int], interface: bytes) -> Outline:
    names = [name for name, _ in exports]
    if len(set(names)) != len(names):
        raise _refused("two of its exports have one name")
    if ("memory", 2) not in exports:
        raise _refused("it does not export its memory under the name memory")
    calls: list[str] = []
    queries: list[str] = []
    for name, kind in exports:
        if name.startswith(("call:", "query:")) or name in ("init", "migrate"):
            match = _METHOD.fullmatch(name)
            if kind != 0 or (match is None and ":" in name):
                raise _refused("one of its methods is not a function, or has a name that is none")
            if match is not None:
                (calls if match[1] == "call" else queries).append(match[2])
    return Outline(
        tuple(sorted(calls)),
        tuple(sorted(queries)),
        ("init", 0) in exports,
        ("migrate", 0) in exports,
        tuple(memories),
        interface,
    )


def _sections(module: bytes) -> Iterator[tuple[int, bytes]]:
    at, last = len(_MAGIC), -1
    while at < len(module):
        kind = module[at]
        size, start = _number(module, at + 1)
        if start + size > len(module):
            raise _refused("a section is longer than the module")
        if kind != _CUSTOM:
            place = _ORDER.index(kind) if kind in _ORDER else -1
            if place <= last:
                raise _refused("a section is unknown, or not in its place")
            last = place
        yield kind, module[start : start + size]
        at = start + size


def _memories(body: bytes) -> Iterator[int]:
    count, at = _count(body, limits.CONTRACT_MEMORIES, "memories")
    for _ in range(count):
        flags, at = _number(body, at)
        least, at = _number(body, at)
        # 0 and 1: without and with a maximum. Shared, 64-bit and other page sizes have further bits.
        if flags > 1:
            raise _refused("one of its memories is shared, or has other addresses or pages")
        if flags:
            _, at = _number(body, at)
        if least * _PAGE > limits.CONTRACT_MEMORY:
            raise _refused(
                f"one of its memories begins with more than {limits.CONTRACT_MEMORY} bytes"
            )
        yield least


def _exports(body: bytes) -> Iterator[tuple[str, int]]:
    count, at = _count(body, limits.CONTRACT_EXPORTS, "exports")
    for _ in range(count):
        name, at = _name(body, at)
        if at >= len(body):
            raise _refused("a section ends too early")
        kind = body[at]
        _, at = _number(body, at + 1)
        yield name, kind


def _check_bodies(body: bytes) -> None:
    count, at = _count(body, limits.CONTRACT_FUNCTIONS, "functions")
    for _ in range(count):
        size, at = _number(body, at)
        # The time that a function takes to compile grows faster than its size.
        if size > limits.CONTRACT_FUNCTION:
            raise _refused(f"one of its functions has more than {limits.CONTRACT_FUNCTION} bytes")
        locals_, inside = _number(body, at)
        total = 0
        for _ in range(locals_):
            many, inside = _number(body, inside)
            total += many
            inside += 1
            if total > limits.CONTRACT_LOCALS or inside > at + size:
                raise _refused(
                    f"one of its functions has more than {limits.CONTRACT_LOCALS} locals"
                )
        at += size


def _require_count(body: bytes, most: int, what: str) -> None:
    _count(body, most, what)


def _count(body: bytes, most: int, what: str) -> tuple[int, int]:
    count, at = _number(body, 0)
    if count > most:
        raise _refused(f"it has more than {most} {what}")
    return count, at


def _name(body: bytes, at: int) -> tuple[str, int]:
    size, start = _number(body, at)
    end = start + size
    if end > len(body):
        raise _refused("a name is longer than its section")
    try:
        return body[start:end].decode(), end
    except UnicodeDecodeError:
        raise _refused("a name is not UTF-8") from None


def _number(body: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned LEB128 integer of at most 32 bits, and where the next thing begins."""
    value = 0
    for place in range(5):
        if at + place >= len(body):
            raise _refused("a section ends too early")
        byte = body[at + place]
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if value >= 2**32:
                break
            return value, at + place + 1
    raise _refused("a number has more than 32 bits")


def _refused(reason: str) -> MalformedError:
    return MalformedError("module_refused", f"not a contract: {reason}")
