"""CBOR diagnostic notation (RFC 8949, 8) for people: long byte strings are cut short."""

import json
from dataclasses import dataclass
from typing import Any

import cbor2

from adyton.core import limits
from adyton.core.encoding import decode

LONGEST = 32  # bytes that are shown whole


@dataclass(frozen=True)
class Embedded:
    """A value that stands encoded in a byte string."""

    value: Any


def opened_cwt(data: bytes) -> Any:
    """Return the value of a CWT, with protected header and claims decoded."""
    value = decode(data, max_bytes=limits.EVIDENCE, tags=True)
    protected, unprotected, payload, signature = value.value.value
    opened = [Embedded(decode(part, max_bytes=limits.EVIDENCE)) for part in (protected, payload)]
    parts = [opened[0], unprotected, opened[1], signature]
    return cbor2.CBORTag(value.tag, cbor2.CBORTag(value.value.tag, parts))


def diagnostic(value: Any, indent: str = "") -> str:
    """Return the notation of a decoded value; short lists stand on one line."""
    inner = indent + "  "
    if isinstance(value, cbor2.CBORTag):
        return f"{value.tag}({diagnostic(value.value, indent)})"
    if isinstance(value, Embedded):
        return f"<< {diagnostic(value.value, indent)} >>"
    if isinstance(value, dict | list):
        if isinstance(value, dict):
            items = [f"{diagnostic(k)}: {diagnostic(v, inner)}" for k, v in value.items()]
            first, last = "{", "}"
        else:
            items = [diagnostic(item, inner) for item in value]
            first, last = "[", "]"
        line = first + ", ".join(items) + last
        if len(line) <= 60 and "\n" not in line:
            return line
        return first + "\n" + ",\n".join(inner + item for item in items) + f"\n{indent}{last}"
    if isinstance(value, bytes):
        if len(value) <= LONGEST:
            return f"h'{value.hex()}'"
        return f"h'{value[:24].hex()}…' / {len(value)} bytes /"
    return json.dumps(value, ensure_ascii=False)
