"""The two forms of a body, JSON and CBOR: maps with text keys; byte strings are base64 in JSON.

Both are read strictly: exactly the fields of the route, one encoding of each value.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from adyton.core import limits
from adyton.core.encoding import decode, encode
from adyton.core.errors import MalformedError, UsageError
from adyton.host.splice import head

JSON: Final = b"application/json"
CBOR: Final = b"application/cbor"
_HEX: Final = re.compile(r"[0-9a-f]*")
_DIGITS: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_QUERY: Final = 2048  # bytes
_MORE: Final = {0x58: 1, 0x59: 2, 0x5A: 4}  # bytes of the length behind the head of a byte string
_KINDS: Final = "the body must be application/json or application/cbor"


def body_bound(field_bytes: int) -> int:
    """Return the size of a body that holds one field of this size in either form."""
    return field_bytes * 4 // 3 + 256


def read_list(body: bytes, content_type: bytes, name: str, most: int, count: int) -> list[bytes]:
    """Return the byte strings of a body whose one field is a list of them.

    Args:
        body: whole; already bounded.
        content_type: as the client sent it.
        name: of the field.
        most: bytes of each byte string.
        count: of byte strings; there is at least one.

    Raises:
        MalformedError: another form or content type, another field, too many, or too large.
    """
    kind = content_type.split(b";", 1)[0].strip().lower()
    if kind == CBOR:
        value = decode(body, max_bytes=len(body), max_items=count + 3)
    elif kind == JSON:
        value = _json(body)
    else:
        raise MalformedError("malformed", _KINDS)
    if type(value) is not dict or set(value) != {name} or type(value[name]) is not list:
        raise MalformedError("malformed", f"the body must be a map with the list {name} alone")
    listed: list[Any] = value[name]
    if not 1 <= len(listed) <= count:
        raise MalformedError("too_large", f"{name} has 1 to {count} items")
    if kind == JSON:
        listed = [_from_base64(item) for item in listed]
    if any(type(item) is not bytes for item in listed):
        raise MalformedError("malformed", f"{name} holds byte strings")
    if any(len(item) > most for item in listed):
        raise MalformedError("too_large", f"an item of {name} is over {most} bytes")
    return listed


def read_field(body: bytes, content_type: bytes, name: str, most: int) -> bytes:
    """Return the one byte string of a body that has one field.

    Args:
        body: whole; already bounded.
        content_type: as the client sent it.
        name: of the field.
        most: bytes of the field.

    Raises:
        MalformedError: another form or content type, another field, or too large.
    """
    kind = content_type.split(b";", 1)[0].strip().lower()
    if kind == CBOR:
        field = _cbor_field(body, name)
    elif kind == JSON:
        field = _json_field(body, name)
    else:
        raise MalformedError("malformed", _KINDS)
    if len(field) > most:
        raise MalformedError("too_large", f"{name} is over {most} bytes")
    return field


def render(value: Mapping[str, Any], accept: bytes) -> tuple[bytes, bytes]:
    """Return content type and body of an answer, in the form that the client accepts."""
    if CBOR in accept:
        return CBOR, encode(value)
    return JSON, json.dumps(_to_json(value)).encode()


def parse_query(raw: bytes, allowed: frozenset[str]) -> dict[str, str]:
    """Return the parameters of a query string.

    Raises:
        UsageError: one that the route does not know, or one twice.
        MalformedError: not text, or too large.
    """
    if not raw:
        return {}
    if len(raw) > _QUERY:
        raise MalformedError("too_large", "the query is too long")
    parameters: dict[str, str] = {}
    for part in raw.split(b"&"):
        name, _, value = part.partition(b"=")
        try:
            key, text = (unquote_to_bytes(item).decode("ascii") for item in (name, value))
        except UnicodeDecodeError:
            raise MalformedError("malformed", "a query parameter is not ASCII") from None
        if key not in allowed:
            raise UsageError("bad_argument", "a query parameter that this route does not know")
        if key in parameters:
            raise UsageError("bad_argument", f"the parameter {key} occurs twice")
        parameters[key] = text
    return parameters


def from_hex(text: str, least: int, most: int | None = None) -> bytes:
    """Return the bytes of lowercase hexadecimal digits.

    Raises:
        UsageError: other characters, or a size outside `least` to `most` (by default exactly `least`).
    """
    most = least if most is None else most
    if len(text) > 2 * most or len(text) % 2 or _HEX.fullmatch(text) is None:
        raise UsageError("bad_argument", "not lowercase hexadecimal digits of the expected length")
    if len(text) < 2 * least:
        raise UsageError("bad_argument", "too few hexadecimal digits")
    return bytes.fromhex(text)


def to_uint(text: str, most: int = limits.UINT_MAX) -> int:
    """Return a decimal number without sign or leading zeros.

    Raises:
        UsageError: another form, or over `most`.
    """
    if _DIGITS.fullmatch(text) is None or int(text) > most:
        raise UsageError("bad_argument", f"not a number from 0 to {most}")
    return int(text)


def _cbor_field(body: bytes, name: str) -> bytes:
    """Return the byte string of the map's one field.

    The map has one deterministic encoding: the same head for each name, then a byte string to the end. Comparing that
    costs a tenth of decoding the body and encoding it again.
    """
    before = _map_of_one(name)
    at = len(before)
    if not body.startswith(before):
        raise MalformedError("malformed", f"the body must be a map with the field {name} alone")
    more = _MORE.get(body[at], 0) if at < len(body) else 0
    field = body[at + 1 + more :]
    if not body.startswith(head(2, len(field)), at) or len(field) + 1 + more != len(body) - at:
        raise MalformedError("malformed", f"{name} is not the one encoding of a byte string")
    return field


@cache
def _map_of_one(name: str) -> bytes:
    return b"\xa1" + encode(name)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise MalformedError("malformed", "not valid JSON") from None


def _json_field(body: bytes, name: str) -> bytes:
    value = _json(body)
    if type(value) is not dict or set(value) != {name}:
        raise MalformedError("malformed", f"the body must be a map with the field {name} alone")
    return _from_base64(value[name])


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def _from_base64(text: Any) -> bytes:
    if type(text) is not str:
        raise MalformedError("malformed", "a byte string must be base64 text")
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise MalformedError("malformed", "not valid base64") from None
    # Padding bits that are not zero are another encoding of the same bytes.
    if base64.b64encode(data).decode() != text:
        raise MalformedError("malformed", "not the one base64 of its bytes")
    return data


def _to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_json(item) for item in value]
    return value
