"""Values of every message class, built from its annotations: fixed samples, and Hypothesis strategies."""

import importlib
import pkgutil
import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

import adyton.protocol
from adyton.core.fields import AtMost, Exactly, OneOf
from adyton.core.schema import REGISTRY, Message

MOST = 40  # a sample's longest string: bounds themselves are tested one by one


def every_message() -> dict[str, type[Message]]:
    """Return every message of the protocol by its wire name."""
    for module in pkgutil.walk_packages(adyton.protocol.__path__, f"{adyton.protocol.__name__}."):
        importlib.import_module(module.name)
    return {
        name: cls for name, cls in REGISTRY.items() if cls.__module__.startswith("adyton.protocol")
    }


def annotations(cls: type[Message]) -> dict[str, Any]:
    """Return the annotation of each field, in order."""
    hints = get_type_hints(cls, include_extras=True)
    return {name: hints[name] for name in cls._FIELDS}


def parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return type and bounds of an annotation."""
    if get_origin(annotation) is Annotated:
        inner, *bounds = get_args(annotation)
        return inner, tuple(bounds)
    return annotation, ()


def bound(bounds: tuple[Any, ...], kind: type[Any]) -> Any:
    """Return the first bound of that kind, or None."""
    return next((b for b in bounds if isinstance(b, kind)), None)


def is_optional(inner: Any) -> bool:
    """Tell whether the type allows None."""
    return get_origin(inner) in (Union, types.UnionType)


def not_none(inner: Any) -> Any:
    """Return what an optional type allows beside None."""
    return next(part for part in get_args(inner) if part is not type(None))


def sample(annotation: Any, variant: int = 0) -> Any:
    """Return a fixed value: variant 0 is as full as it goes, variant 1 as empty."""
    inner, bounds = parts(annotation)
    if is_optional(inner):
        return None if variant else sample(not_none(inner), variant)
    if get_origin(inner) is tuple:
        args = get_args(inner)
        if args[-1] is Ellipsis:
            return () if variant else (sample(args[0]), sample(args[0], 1))
        return tuple(sample(part, variant) for part in args)
    if inner is bool:
        return not variant
    most, exactly = bound(bounds, AtMost), bound(bounds, Exactly)
    if inner is bytes:
        if exactly:
            return bytes((7 * i + variant) % 256 for i in range(exactly.size))
        return b"" if variant else b"\x5a" * min(most.size, 5)
    if inner is str:
        words = bound(bounds, OneOf)
        if words:
            return sorted(words.values)[variant % len(words.values)]
        return "" if variant else "añ"[: most.size]
    if inner is int:
        return 0 if variant else int(most.size)
    return inner(*[sample(field, variant) for field in annotations(inner).values()])


def samples(cls: type[Message]) -> Iterator[Message]:
    """Yield the two fixed samples of a class."""
    for variant in (0, 1):
        yield sample(cls, variant)


def strategy(annotation: Any) -> st.SearchStrategy[Any]:
    """Return a strategy of values within the annotation's bounds; strings stay short."""
    inner, bounds = parts(annotation)
    if is_optional(inner):
        return st.none() | strategy(not_none(inner))
    most, exactly = bound(bounds, AtMost), bound(bounds, Exactly)
    if get_origin(inner) is tuple:
        args = get_args(inner)
        if args[-1] is Ellipsis:
            return st.lists(strategy(args[0]), max_size=min(most.size, 3)).map(tuple)
        return st.tuples(*map(strategy, args))
    if inner is bool:
        return st.booleans()
    if inner is bytes:
        if exactly and exactly.size > 1024:  # repeated: so many bytes are too much to draw
            size = exactly.size
            return st.binary(min_size=8, max_size=8).map(lambda part: (part * size)[:size])
        if exactly:
            return st.binary(min_size=exactly.size, max_size=exactly.size)
        return st.binary(max_size=min(most.size, MOST))
    if inner is str:
        words = bound(bounds, OneOf)
        if words:
            return st.sampled_from(sorted(words.values))
        # A lone surrogate has no UTF-8 form: it can be neither encoded nor decoded.
        return st.text(st.characters(codec="utf-8"), max_size=min(most.size, MOST))
    if inner is int:
        return st.integers(0, most.size)
    return st.builds(inner, *map(strategy, annotations(inner).values()))
