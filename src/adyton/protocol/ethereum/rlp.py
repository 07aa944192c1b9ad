"""RLP (Ethereum's yellow paper, appendix B): byte strings and lists, one encoding of each.

Integers are byte strings too: big-endian, without leading zeros; 0 is the empty string. The string of one byte 0x00 is
another value, encoded as 0x00.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from adyton.core import limits
from adyton.core.errors import MalformedError

Item: TypeAlias = "bytes | list[Item]"

_SINGLE: Final = tuple(bytes((value,)) for value in range(256))


def encode_bytes(data: bytes) -> bytes:
    """Return the encoding of a byte string."""
    size = len(data)
    if size == 1 and data[0] < 0x80:
        return data
    if size < 56:
        return _SINGLE[0x80 + size] + data
    return _long(0xB7, size) + data


def encode_integer(value: int) -> bytes:
    """Return the encoding of an integer that is not negative."""
    if value < 0x80:
        return _SINGLE[value] if value else b"\x80"
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def join_list(encoded: Iterable[bytes]) -> bytes:
    """Return the encoding of the list whose items are encoded already."""
    body = b"".join(encoded)
    size = len(body)
    return (_SINGLE[0xC0 + size] if size < 56 else _long(0xF7, size)) + body


def encode(item: Item) -> bytes:
    """Return the encoding of a byte string, or of a list of such items."""
    return encode_bytes(item) if isinstance(item, bytes) else join_list(map(encode, item))


def decode(unverified: bytes) -> Item:
    """Return the item that `unverified` is the one encoding of.

    Raises:
        MalformedError: `malformed`, another encoding of it, cut off, or bytes are left over; `too_large`, lists are
            nested deeper than `limits.ETHEREUM_RLP_DEPTH`.
    """
    item, end = _decode(unverified, 0, len(unverified), 0)
    if end != len(unverified):
        raise MalformedError("malformed", f"rlp: {len(unverified) - end} bytes behind the item")
    return item


def decode_integer(item: Item, path: str) -> int:
    """Return the integer that a decoded item stands for.

    Raises:
        MalformedError: a list, or leading zeros.
    """
    if not isinstance(item, bytes):
        raise MalformedError("malformed", f"{path} is a list, not an integer")
    if item[:1] == b"\x00":
        raise MalformedError("malformed", f"{path} has leading zeros; 0 is the empty string")
    return int.from_bytes(item, "big")


def _long(base: int, size: int) -> bytes:
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return _SINGLE[base + len(length)] + length


def _decode(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end:
        raise MalformedError("malformed", "rlp: an item is missing")
    head = data[at]
    if head < 0x80:
        return data[at : at + 1], at + 1
    start, stop = _extent(data, at, end, head)
    if head < 0xC0:
        if stop - start == 1 and data[start] < 0x80:
            raise MalformedError("malformed", "rlp: a byte below 0x80 stands for itself")
        return data[start:stop], stop
    if depth == limits.ETHEREUM_RLP_DEPTH:
        raise MalformedError("too_large", f"rlp: lists nested deeper than {depth}")
    items: list[Item] = []
    while start < stop:
        item, start = _decode(data, start, stop, depth + 1)
        items.append(item)
    return items, stop


def _extent(data: bytes, at: int, end: int, head: int) -> tuple[int, int]:
    """Return where the content of the item at `at` starts and stops; its head is at least 0x80."""
    short = head - (0x80 if head < 0xC0 else 0xC0)
    start = at + 1
    if short < 56:
        size = short
    else:
        start += short - 55
        length = data[at + 1 : start]
        size = int.from_bytes(length, "big")
        if start > end:
            raise MalformedError("malformed", "rlp: a length is cut off")
        if length[0] == 0 or size < 56:
            raise MalformedError("malformed", "rlp: a length is not in its shortest form")
    if start + size > end:
        raise MalformedError("malformed", "rlp: an item reaches past its end")
    return start, start + size
