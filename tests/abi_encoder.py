"""An encoder of calldata, written from the ABI's specification: the other side of the decoder under test."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from adyton.protocol.wallet.abi_types import Signature, Type, read_signature


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


ATOMIC = st.sampled_from(
    "uint8 uint256 uint48 int8 int256 int24 address bool bytes1 bytes4 bytes32 bytes string".split()
)
TYPES = st.recursive(
    ATOMIC,
    lambda inner: (
        inner.map(lambda text: text + "[]")
        | st.tuples(inner, st.integers(1, 3)).map(lambda pair: f"{pair[0]}[{pair[1]}]")
        | st.lists(inner, min_size=1, max_size=3).map(lambda items: f"({','.join(items)})")
    ),
    max_leaves=5,
)


def values_of(kind: Type) -> st.SearchStrategy[Any]:
    """Return what gives values of a type, as the decoder does."""
    if kind.family == "array":
        least, most = (0, 3) if kind.length is None else (kind.length, kind.length)
        return st.lists(values_of(kind.items[0]), min_size=least, max_size=most).map(tuple)
    if kind.family == "tuple":
        return st.tuples(*map(values_of, kind.items))
    plain: dict[str, st.SearchStrategy[Any]] = {
        "uint": st.integers(0, 2**kind.size - 1),
        "int": st.integers(-(2 ** max(kind.size - 1, 0)), 2 ** max(kind.size - 1, 0) - 1),
        "address": st.binary(min_size=20, max_size=20),
        "bool": st.booleans(),
        "bytesN": st.binary(min_size=kind.size, max_size=kind.size),
        "bytes": st.binary(max_size=70),
        "string": st.text(st.characters(codec="utf-8"), max_size=40),
    }
    return plain[kind.family]


@st.composite
def calls(draw: st.DrawFn) -> tuple[Signature, tuple[Any, ...]]:
    """Give a function and arguments for it."""
    kinds = draw(st.lists(TYPES, max_size=4))
    signature = read_signature(f"call({','.join(kinds)})", "abi")
    return signature, draw(values_of(signature.arguments))
