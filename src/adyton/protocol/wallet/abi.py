"""Calldata, decoded strictly: what is not the one encoding of its values is refused.

    selector (4 bytes) ‖ heads ‖ tails

A value of a static type stands in the head; one of a dynamic type behind an offset there. Compilers' decoders are
lenient: two texts of calldata can mean the same, and what one decoder skips another may read. Here every tail begins
where the one before it ends, in the order of the heads; padding is zero; nothing is left over. So a policy looks at
the values that the contract will see, and `encode(decode(data)) == data` for any encoder.
"""

from __future__ import annotations

from typing import Any

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.protocol.wallet.abi_types import (
    ADDRESS,
    ARRAY,
    BOOL,
    FIXED,
    INT,
    STRING,
    TUPLE,
    UINT,
    Signature,
    Type,
)


def decode_call(signature: Signature, unverified: bytes) -> tuple[Any, ...]:
    """Return the arguments of a call: int, bool, bytes (of an address: 20), str; tuples for tuples and arrays.

    Args:
        signature: of the function.
        unverified: calldata, its selector included.

    Raises:
        MalformedError: another selector, or not the one encoding of such arguments; `too_large`, over
            `limits.ABI_VALUES` values.
    """
    if unverified[:4] != signature.selector:
        raise _malformed(f"the calldata is not of {signature.text}")
    data = memoryview(unverified)[4:]
    values, end = _Decoder(data).members(signature.arguments.items, 0)
    if end != len(data):
        raise _malformed(f"{len(data) - end} bytes are left over behind the arguments")
    return values


class _Decoder:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._left = limits.ABI_VALUES

    def members(self, kinds: tuple[Type, ...], base: int) -> tuple[tuple[Any, ...], int]:
        """Return the values of a frame of heads and tails, and where it ends."""
        head = base
        tail = base + 32 * sum(kind.words for kind in kinds)
        if tail > len(self._data):
            raise _malformed("the calldata ends within its arguments")
        values = []
        for kind in kinds:
            if kind.dynamic:
                if base + self._word(head) != tail:
                    raise _malformed("an offset is not where the value before it ends")
                value, tail = self._dynamic(kind, tail)
                head += 32
            else:
                value = self._static(kind, head)
                head += 32 * kind.words
            values.append(value)
        return tuple(values), tail

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise MalformedError("too_large", f"over {limits.ABI_VALUES} values in one call")

    def _word(self, at: int) -> int:
        word = self._data[at : at + 32]
        if len(word) != 32:
            raise _malformed("the calldata ends within its arguments")
        return int.from_bytes(word, "big")

    def _dynamic(self, kind: Type, at: int) -> tuple[Any, int]:
        self._count()
        if kind.family == TUPLE:
            return self.members(kind.items, at)
        if kind.family == ARRAY and kind.length is not None:
            return self.members(kind.items * kind.length, at)
        count = self._word(at)
        at += 32
        if kind.family == ARRAY:
            if count > self._left:
                raise MalformedError("too_large", f"over {limits.ABI_VALUES} values in one call")
            return self.members(kind.items * count, at)
        end = at + (count + 31) // 32 * 32
        if end > len(self._data):
            raise _malformed("the calldata ends within its arguments")
        if any(self._data[at + count : end]):
            raise _malformed("padding behind bytes or text is not zero")
        value = bytes(self._data[at : at + count])
        return (_text(value) if kind.family == STRING else value), end

    def _static(self, kind: Type, at: int) -> Any:
        self._count()
        if kind.family in (TUPLE, ARRAY):
            items = kind.items * (kind.length or 1) if kind.family == ARRAY else kind.items
            return self.members(items, at)[0]
        number = self._word(at)
        if kind.family == UINT:
            if number >> kind.size:
                raise _malformed(f"a {kind.text} is out of its range")
            return number
        if kind.family == ADDRESS:
            if number >> 160:
                raise _malformed("padding before an address is not zero")
            return number.to_bytes(20, "big")
        if kind.family == BOOL:
            if number > 1:
                raise _malformed("a bool is neither 0 nor 1")
            return number == 1
        if kind.family == FIXED:
            if number & ((1 << 8 * (32 - kind.size)) - 1):
                raise _malformed(f"padding behind a {kind.text} is not zero")
            return bytes(self._data[at : at + kind.size])
        return _signed(kind, number)


def _signed(kind: Type, number: int) -> int:
    value = number - (1 << 256) if number >> 255 else number
    half = 1 << (kind.size - 1)
    if kind.family != INT or not -half <= value < half:
        raise _malformed(f"a {kind.text} is out of its range")
    return value


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise _malformed("a string is not UTF-8") from None


def _malformed(why: str) -> MalformedError:
    return MalformedError("malformed", why)
