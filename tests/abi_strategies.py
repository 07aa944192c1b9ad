"""Functions and arguments for properties of the decoder of calldata."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from adyton.protocol.wallet.abi_types import Signature, Type, read_signature

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
