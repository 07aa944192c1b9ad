"""Prices what compiled code does not do itself, and refuses what would take the compiler too long.

The library counts 1 for every instruction. Some of them leave the compiled code for tens or hundreds of nanoseconds,
whatever they are given: in front of each of those stand instructions that cost fuel and compile to nothing, a constant
and many times `i32.eqz`, dropped again. Memory is paid by the page, since the first touch of each is what takes time:
a function that pays, then grows takes the place of `memory.grow`. A module is rewritten after the library has found it
valid.

Trust: runs in the compiling process; the module is a stranger's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

DEAR: Final = 64  # fuel that each dear instruction costs beside the library's
DEAR_FILL: Final = 256  # `memory.fill`, the slowest of them
PAGE: Final = 16_000  # each page of 64 KiB that a memory begins with, or is asked to grow by
_PAGE_PART: Final = 250
# What a fresh instance costs beside its pages, by bytes of sections.
GLOBAL_BYTE: Final = 10
ELEMENT_BYTE: Final = 20
DATA_SEGMENT: Final = 100  # and 1 for each byte
DEAR_MOST: Final = 4096  # of them, in a module
TYPES_MOST: Final = 1024
COMPLEXITY: Final = 2 * 1024 * 1024
_HEAD: Final = 8
_TYPES: Final = 1
_IMPORTS: Final = 2
_FUNCTIONS: Final = 3
_MEMORIES: Final = 5
_GLOBALS: Final = 6
_ELEMENTS: Final = 9
_CODE: Final = 10
_DATA: Final = 11
_END: Final = 0x0B
_CONSTANTS: Final = frozenset(
    {0x23, 0x41, 0x42}
)  # global.get, i32.const, i64.const: a number follows
_DATA_PASSIVE: Final = 1
_DATA_OF_MEMORY: Final = 2
_REF_FUNC: Final = 0xD2
_MEMORY_GROW: Final = 0x40
_BULK: Final = 0xFC
_VECTOR: Final = 0xFD
_CALLS: Final = frozenset({0x10, 0x11})
_BLOCKS: Final = frozenset({0x02, 0x03, 0x04})
_BRANCHES: Final = frozenset({0x0C, 0x0D})
_BRANCH_TABLE: Final = 0x0E
_SELECT_TYPED: Final = 0x1C
# How many LEB128 numbers follow an instruction; the others have none.
_NUMBERS: Final[dict[int, int]] = {
    **dict.fromkeys((0x02, 0x03, 0x04, 0x0C, 0x0D, 0x10, 0x3F, 0x40, 0x41, 0x42), 1),
    **dict.fromkeys((0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0xD0, 0xD2), 1),
    0x11: 2,
}
_BULK_NUMBERS: Final[dict[int, int]] = {
    **dict.fromkeys((8, 10, 12, 14), 2),
    **dict.fromkeys((9, 11, 13, 15, 16, 17), 1),
}
_MEMORY_FILL: Final = 11
_BULK_DEAR: Final = frozenset({8, 9, 10, 11, 12, 13, 14, 15, 17})


class TooComplex(Exception):
    """The module would take the compiler too long."""


def metered(valid: bytes) -> tuple[bytes, int]:
    """Return the module with the price of its dear instructions in it, and the fuel that an instance costs.

    Args:
        valid: a module that the library has validated.

    Raises:
        TooComplex: more dear instructions than `DEAR_MOST`; more branches, times the values that each may have to
            carry, than `COMPLEXITY`; or of no form that is known here.
    """
    meter = _Meter(valid)
    try:
        return meter.rewritten(), meter.instance
    except (IndexError, ValueError) as problem:
        raise TooComplex("an instruction that is not known") from problem


class _Meter:
    def __init__(self, code: bytes) -> None:
        self._code = code
        self._arities: list[int] = []
        self._parameters: list[int] = []
        self._kinds: list[int] = []  # type of each function that the module defines
        self._imported = 0
        self._memories = 0
        self._grows = False
        self._dear = 0
        self._complexity = 0
        self.instance = 0

    def rewritten(self) -> bytes:
        sections = list(_sections(self._code))
        bodies = b""
        for kind, start, end in sections:
            if kind == _CODE:
                bodies = self._bodies(start)
            else:
                self._read_section(kind, start, end)
        made = [self._code[:_HEAD]]
        for kind, start, end in sections:
            body = bodies if kind == _CODE else self._code[start:end]
            if self._grows:
                body = self._with_growing(kind, body)
            made += (bytes((kind,)), _encoded(len(body)), body)
        return b"".join(made)

    def _read_section(self, kind: int, start: int, end: int) -> None:
        code = self._code
        if kind == _TYPES:
            self._read_types(start)
        elif kind == _IMPORTS:
            self._read_imports(start)
        elif kind == _FUNCTIONS:
            count, at = _number(code, start)
            for _ in range(count):
                one, at = _number(code, at)
                self._kinds.append(one)
        elif kind == _MEMORIES:
            self._read_memories(start)
        elif kind in (_GLOBALS, _ELEMENTS):
            self.instance += (end - start) * (GLOBAL_BYTE if kind == _GLOBALS else ELEMENT_BYTE)
        elif kind == _DATA:
            self._read_data(start)

    def _read_imports(self, at: int) -> None:
        self._imported, at = _number(self._code, at)
        for _ in range(self._imported):
            for _ in range(2):
                size, at = _number(self._code, at)
                at += size
            if self._code[at] != 0:
                raise TooComplex("it imports what is not a function")
            at = _behind(self._code, at + 1)

    def _read_memories(self, at: int) -> None:
        self._memories, at = _number(self._code, at)
        for _ in range(self._memories):
            flags, at = _number(self._code, at)
            least, at = _number(self._code, at)
            self.instance += least * PAGE
            if flags & 1:
                at = _behind(self._code, at)

    def _read_data(self, at: int) -> None:
        """Count segments and their bytes; not the section's, whose size depends on the order of the memories."""
        code = self._code
        count, at = _number(code, at)
        for _ in range(count):
            flags, at = _number(code, at)
            if flags == _DATA_OF_MEMORY:
                at = _behind(code, at)
            if flags != _DATA_PASSIVE:
                while code[at] != _END:
                    at = _behind(code, at + 1) if code[at] in _CONSTANTS else at + 1
                at += 1
            size, at = _number(code, at)
            at += size
            self.instance += size + DATA_SEGMENT

    def _with_growing(self, kind: int, body: bytes) -> bytes:
        """Return a section with what belongs to the functions that grow the memories, one for each."""
        if kind == _TYPES:
            return _with_added(body, [b"\x60\x01\x7f\x01\x7f"])
        if kind == _FUNCTIONS:
            return _with_added(body, [_encoded(len(self._arities))] * self._memories)
        if kind == _CODE:
            grown = [_growing(memory) for memory in range(self._memories)]
            return _with_added(body, [_encoded(len(one)) + one for one in grown])
        return body

    def _read_types(self, at: int) -> None:
        code = self._code
        count, at = _number(code, at)
        if count > TYPES_MOST:
            # Machine code is made for each, and much of it.
            raise TooComplex(f"it has more than {TYPES_MOST} types")
        for _ in range(count):
            if code[at] != 0x60:
                raise ValueError("not a function type")
            parameters, at = _number(code, at + 1)
            # Each value type is one byte: function references and garbage collection are off.
            results, at = _number(code, at + parameters)
            at += results
            self._parameters.append(parameters)
            self._arities.append(parameters + results)

    def _bodies(self, at: int) -> bytes:
        code = self._code
        count, at = _number(code, at)
        made = [_encoded(count)]
        widest = max(self._arities, default=0)
        for place in range(count):
            size, start = _number(code, at)
            at = start + size
            body = self._body(start, at, self._parameters[self._kinds[place]], widest)
            made += (_encoded(len(body)), body)
        return b"".join(made)

    def _body(self, at: int, end: int, values: int, widest: int) -> bytes:
        """Return one body, and count what it will cost the compiler.

        Args:
            at: its first byte.
            end: behind its last.
            values: parameters of its function.
            widest: the most values that a call or block of the module takes and gives.
        """
        code = self._code
        start = at
        groups, at = _number(code, at)
        for _ in range(groups):
            many, at = _number(code, at)
            values += many
            at += 1
        made: list[bytes] = []
        for place, branches, call, price in _instructions(code, at, end):
            self._complexity += branches * (values + widest) + call * widest
            if price:
                made += (code[start:place], _price(price))
                start = place
                self._dear += 1
                if code[place] == _MEMORY_GROW:
                    memory, start = _number(code, place + 1)
                    made += (b"\x10", _encoded(self._imported + len(self._kinds) + memory))
                    self._grows = True
        if self._dear > DEAR_MOST:
            raise TooComplex(f"it has more than {DEAR_MOST} instructions that leave compiled code")
        if self._complexity > COMPLEXITY:
            raise TooComplex("its branches and locals are too many for each other")
        made.append(code[start:end])
        return b"".join(made)


def _instructions(code: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Give what counts: its place, its branches, its calls, its price beside the library's."""
    while at < end:
        place = at
        kind = code[at]
        at += 1
        if kind in _NUMBERS:
            for _ in range(_NUMBERS[kind]):
                at = _behind(code, at)
            if kind in _BLOCKS or kind in _BRANCHES:
                yield place, 1, 0, 0
            elif kind in _CALLS:
                yield place, 0, 1, 0
            elif kind in (_REF_FUNC, _MEMORY_GROW):
                yield place, 0, 0, DEAR
        elif 0x28 <= kind <= 0x3E:
            at = _behind_address(code, at)
        elif kind == _BRANCH_TABLE:
            count, at = _number(code, at)
            for _ in range(count + 1):
                at = _behind(code, at)
            yield place, count + 1, 0, 0
        elif kind == 0x43:
            at += 4
        elif kind == 0x44:
            at += 8
        elif kind == _SELECT_TYPED:
            count, at = _number(code, at)
            at += count
        elif kind == _BULK:
            what, at = _number(code, at)
            for _ in range(_BULK_NUMBERS.get(what, 0)):
                at = _behind(code, at)
            if what in _BULK_DEAR:
                yield place, 0, 0, DEAR_FILL if what == _MEMORY_FILL else DEAR
            elif what > 17:
                raise ValueError("an instruction that is not known")
        elif kind == _VECTOR:
            at = _behind_vector(code, at)
        elif kind not in (0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1) and not (
            0x45 <= kind <= 0xC4
        ):
            raise ValueError("an instruction that is not known")


def _sections(code: bytes) -> Iterator[tuple[int, int, int]]:
    at = _HEAD
    while at < len(code):
        size, start = _number(code, at + 1)
        yield code[at], start, start + size
        at = start + size


def _with_added(section: bytes, items: list[bytes]) -> bytes:
    count, start = _number(section, 0)
    return _encoded(count + len(items)) + section[start:] + b"".join(items)


def _price(fuel: int) -> bytes:
    """Return instructions that cost fuel and compile to nothing."""
    return b"\x41\x00" + b"\x45" * (fuel - 1) + b"\x1a"


def _growing(memory: int) -> bytes:
    """Return a function's body that pays for each page, as many as a memory can have, and then grows the memory."""
    # One local holds the pages to pay: the lesser of those asked for and 256.
    lesser = bytes.fromhex("01017f 2000 418002 2000 418002 49 1b 2101")
    until_none, one_less = (
        bytes.fromhex("0240 0340 2001 45 0d01"),
        bytes.fromhex("2001 4101 6b 2101"),
    )
    again, grow = bytes.fromhex("0c00 0b 0b"), bytes.fromhex("2000 40") + _encoded(memory) + b"\x0b"
    page = _price(_PAGE_PART) * (PAGE // _PAGE_PART)
    return lesser + until_none + page + one_less + again + grow


def _behind_address(code: bytes, at: int) -> int:
    flags, at = _number(code, at)
    if flags & 0x40:
        at = _behind(code, at)  # of another memory than the first
    return _behind(code, at)


def _behind_vector(code: bytes, at: int) -> int:
    what, at = _number(code, at)
    if what <= 11 or what in (92, 93):
        return _behind_address(code, at)
    if what in (12, 13):
        return at + 16
    if 21 <= what <= 34:
        return at + 1
    if 84 <= what <= 91:
        return _behind_address(code, at) + 1
    return at


def _behind(code: bytes, at: int) -> int:
    """Return the place behind a LEB128 number, signed or not."""
    while code[at] >= 0x80:
        at += 1
    return at + 1


def _number(code: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = code[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _encoded(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
