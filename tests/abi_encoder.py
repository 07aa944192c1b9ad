"""An encoder of calldata, written from the ABI's specification: the other side of the decoder under test."""

from __future__ import annotations

from typing import Any

from adyton.protocol.wallet.abi_types import Signature, Type


def encode_call(signature: Signature, values: tuple[Any, ...]) -> bytes:
    return signature.selector + _frame(signature.arguments.items, values)


def _frame(kinds: tuple[Type, ...], values: tuple[Any, ...]) -> bytes:
    heads: list[bytes | None] = []
    tails: list[bytes] = []
    for kind, value in zip(kinds, values, strict=True):
        encoded = _encode(kind, value)
        heads.append(None if kind.dynamic else encoded)
        tails.append(encoded if kind.dynamic else b"")
    size = sum(32 if head is None else len(head) for head in heads)
    out = []
    for at, head in enumerate(heads):
        out.append(_word(size + sum(map(len, tails[:at]))) if head is None else head)
    return b"".join(out) + b"".join(tails)


def _encode(kind: Type, value: Any) -> bytes:
    if kind.text.endswith("]"):
        inner = _frame(kind.items * len(value), value)
        return inner if kind.length is not None else _word(len(value)) + inner
    if kind.text.startswith("("):
        return _frame(kind.items, value)
    if kind.text in ("bytes", "string"):
        raw = value.encode() if isinstance(value, str) else value
        return _word(len(raw)) + raw + bytes(-len(raw) % 32)
    if kind.text.startswith("bytes"):
        return bytes(value) + bytes(32 - len(value))
    if kind.text == "address":
        return bytes(12) + bytes(value)
    return _word(int(value))


def _word(number: int) -> bytes:
    return (number % 2**256).to_bytes(32, "big")
