"""What a secret looks like once it has leaked: the encodings under which a value is searched for."""

from __future__ import annotations

import base64
from collections.abc import Iterator


def forms_of(value: bytes) -> dict[str, bytes]:
    """Return the encodings of a value by name, none of them shorter than the value.

    Args:
        value: at least 8 random bytes: in a gigabyte, a hit by chance is one in a hundred million.
    """
    if len(value) < 8 or not any(value):
        raise ValueError("a value that may occur by chance")
    return dict(_forms(value, "")) | dict(_forms(value[::-1], "reversed "))


def _forms(value: bytes, order: str) -> Iterator[tuple[str, bytes]]:
    text = value.hex().encode()
    yield f"{order}raw", value
    yield f"{order}hex", text
    yield f"{order}HEX", text.upper()
    yield f"{order}hex, digits reversed", text[::-1]
    for alphabet, encode in (("", base64.b64encode), ("url-safe ", base64.urlsafe_b64encode)):
        for shift in range(3):
            yield f"{order}{alphabet}base64 behind {shift}", _base64_inside(value, shift, encode)
    yield f"{order}base32", base64.b32encode(value).rstrip(b"=")[:-1]
    yield f"{order}utf-16", text.decode().encode("utf-16-le")


def _base64_inside(value: bytes, shift: int, encode: object) -> bytes:
    """Return those characters that depend on the value alone, where `shift` other bytes stand before it."""
    coded: bytes = encode(bytes(shift) + value)  # type: ignore[operator]  # one of two functions of base64
    first = -(-shift * 8 // 6)
    last = (shift + len(value)) * 8 // 6
    return coded[first:last]
