"""The measurement of an enclave: SHA-384 over the manifest of all code that runs in it.

A manifest is text, so that the first code of the enclave can read it with the standard library
alone, and so can a person. It starts:

    adyton-manifest/1
    image - 38b060a751ac…d2f14898b95b adyton/__init__.py

One line per file: area, `x` where the file is executable or `-`, SHA-384 in hex, path within the
area; sorted by area and path.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import prefixed
from adyton.core.errors import MalformedError

MEASUREMENT: Final = 48  # bytes
MANIFEST_NAME: Final = "MANIFEST"
HEADER: Final = "adyton-manifest/1"
AREAS: Final = ("image", "interpreter", "library", "stdlib")
# Directories of the standard library that are not measured: caches and packages that the enclave's
# interpreter never looks at, and tests and tools that nothing imports.
STDLIB_SKIPPED: Final = frozenset(
    "__pycache__ dist-packages ensurepip idlelib site-packages test tests turtledemo".split()
)
STDLIB_SKIPPED_PREFIX: Final = "config-"  # for building extensions

_LINE: Final = re.compile(r"([a-z]+) ([-x]) ([0-9a-f]{96}) ([ -~]+)")


@dataclass(frozen=True, order=True)
class Entry:
    """One measured file.

    Attributes:
        area: one of `AREAS`.
        path: relative, `/` between its parts, printable ASCII.
        executable: whether anybody may execute it.
        digest: SHA-384 of its content, 48 bytes.
    """

    area: str
    path: str
    executable: bool
    digest: bytes

    def line(self) -> str:
        """Return the entry's line in the manifest, without its end."""
        return f"{self.area} {'x' if self.executable else '-'} {self.digest.hex()} {self.path}"


def encode_manifest(entries: Iterable[Entry]) -> bytes:
    """Return the one encoding of these entries.

    Raises:
        MalformedError: a file named twice, or a path or digest that a manifest cannot hold.
    """
    text = "".join(f"{line}\n" for line in [HEADER, *(entry.line() for entry in sorted(entries))])
    try:
        encoded = text.encode("ascii")
    except UnicodeEncodeError as problem:
        raise MalformedError("image_invalid", "a path that is not printable ASCII") from problem
    parse_manifest(encoded)
    return encoded


def parse_manifest(unverified: bytes) -> tuple[Entry, ...]:
    """Return the entries of the manifest whose one encoding is `unverified`.

    Trust: the manifest may come from anybody; only its measurement, compared with a reference
    value, gives it weight.

    Raises:
        MalformedError: not a manifest, not sorted, a file named twice, or a path that leaves its
            area.
    """
    try:
        lines = unverified.decode("ascii").split("\n")
    except UnicodeDecodeError as problem:
        raise MalformedError("image_invalid", "the manifest is not ASCII") from problem
    if lines[0] != HEADER or lines[-1] != "":
        raise MalformedError("image_invalid", "not a manifest")
    entries = []
    for line in lines[1:-1]:
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in AREAS:
            raise MalformedError("image_invalid", "a line that is not a manifest's")
        if not all(part not in ("", ".", "..") for part in match[4].split("/")):
            raise MalformedError("image_invalid", "a path that leaves its area")
        entries.append(Entry(match[1], match[4], match[2] == "x", bytes.fromhex(match[3])))
    names = [(entry.area, entry.path) for entry in entries]
    if names != sorted(set(names)):
        raise MalformedError("image_invalid", "the manifest is not sorted, or names a file twice")
    return tuple(entries)


def measurement(entries: Sequence[Entry]) -> bytes:
    """Return SHA-384 over context and entries, sorted and length-prefixed: 48 bytes."""
    hashed = hashlib.sha384(prefixed(Context.MEASUREMENT.value))
    for entry in sorted(entries):
        fields = (entry.area.encode(), entry.path.encode(), bytes([entry.executable]), entry.digest)
        hashed.update(prefixed(prefixed(*fields)))
    return hashed.digest()
