"""What a gateway relays: the routes that clients need, each with its query, and nothing else of a node."""

from __future__ import annotations

import re
from typing import Final

from adyton.core.errors import UsageError

CBOR: Final = "application/cbor"
OCTETS: Final = "application/octet-stream"

_QUERY: Final = r"(\?[a-z_]{1,16}=[0-9a-f]{0,64}(&[a-z_]{1,16}=[0-9a-f]{0,64}){0,3})?"
_ALLOWED: Final = tuple(
    (method, re.compile(path + _QUERY), body)
    for method, path, body in (
        ("POST", "/key", CBOR),
        ("POST", "/task", CBOR),
        ("POST", "/tasks", CBOR),
        ("POST", "/read", CBOR),
        ("GET", "/block", ""),
        ("GET", "/evidence", ""),
        ("GET", "/checkpoint", ""),
        ("GET", "/receipt", ""),
        ("GET", "/health", ""),
        ("GET", "/blob/[0-9a-f]{64}", ""),
        ("PUT", "/blob/[0-9a-f]{64}", OCTETS),
    )
)
_LONG_POLL: Final = re.compile(r"[?&]wait=0*[1-9a-f]")


def require_allowed(method: str, target: str, content_type: str, *, has_body: bool) -> None:
    """Let a request pass that clients make.

    Raises:
        UsageError: `not_found`: any other.
    """
    for allowed, pattern, kind in _ALLOWED:
        if method == allowed and pattern.fullmatch(target):
            if content_type != kind or has_body != bool(kind):
                raise UsageError("bad_argument", "the request has not the body of its route")
            return
    raise UsageError("not_found", "the gateway does not relay that")


def waits_long(target: str) -> bool:
    """Say whether a request asks the server to hold its answer back."""
    return _LONG_POLL.search(target) is not None
