"""What a target is, and the promise that most of them check."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adyton.core.errors import Error, InvariantError

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "fuzz" / "corpus"
_T = TypeVar("_T")


class BrokenPromise(Exception):  # what the fuzzer looks for, not an error of the product
    """A parser let something through that it promises not to."""


@dataclass(frozen=True)
class Target:
    """A parser under test.

    Attributes:
        run: takes a stranger's bytes; raises where a promise is broken.
        seeds: inputs to begin with, beside the kept corpus.
        most: bytes of an input.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    most: int = 4096


def load(module: str) -> dict[str, Target]:
    """Import a module and return its targets by name."""
    return {target.name: target for target in importlib.import_module(module).TARGETS}


def require(holds: bool, promise: str) -> None:
    """Raise unless a promise is kept."""
    if not holds:
        raise BrokenPromise(promise)


def refused_or(parse: Callable[[], _T]) -> _T | None:
    """Return what is parsed, or None where it is refused with an error of ours.

    Whatever else is raised goes on to the fuzzer, and so does `InvariantError`: a stranger's bytes are never a defect.
    """
    try:
        return parse()
    except InvariantError:
        raise
    except Error:
        return None


def inputs(target: Target) -> Iterator[bytes]:
    """Give the seeds and the kept corpus of a target."""
    yield from target.seeds()
    for file in sorted((CORPUS / target.name).glob("*")):
        yield file.read_bytes()


def vector_bytes(*names: str) -> Iterator[bytes]:
    """Give the byte strings that the specification's vectors have under these names."""
    for file in sorted((ROOT / "docs/spec/vectors").glob("*.json")):
        yield from _named(json.loads(file.read_text()), frozenset(names))


def _named(value: Any, names: frozenset[str]) -> Iterator[bytes]:
    if isinstance(value, dict):
        for name, item in value.items():
            if name in names and isinstance(item, str) and _is_hex(item):
                yield bytes.fromhex(item)
            else:
                yield from _named(item, names)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item, names)


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(digit in "0123456789abcdef" for digit in text)


def name_of(content: bytes) -> str:
    """Return the file name of an input in a corpus."""
    return hashlib.sha256(content).hexdigest()[:16]
