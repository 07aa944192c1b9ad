"""Errors as problem details (RFC 9457): the one place where an error class gets its HTTP status."""

from __future__ import annotations

import json
from typing import Any, Final

from adyton.core.errors import (
    ConflictError,
    Error,
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)

CONTENT_TYPE: Final = b"application/problem+json"
RETRY_AFTER_S: Final = 1

# The first that fits; a subclass stands before its base.
_BY_CLASS: Final[tuple[tuple[type[Error], int], ...]] = (
    (ConflictError, 409),
    (UsageError, 400),
    (MalformedError, 400),
    (VerificationError, 403),
    (PolicyError, 403),
    (GuestError, 422),
    (UnavailableError, 503),
    (InvariantError, 503),
)
_BY_CODE: Final = {"too_large": 413, "not_found": 404, "wrong_epoch": 409}
_TITLES: Final = {
    400: "Bad request",
    403: "Refused",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    422: "Guest failed",
    431: "Header too large",
    503: "Unavailable",
}


def status_of(error: Error) -> int:
    """Return the HTTP status of an error."""
    by_code = _BY_CODE.get(error.code)
    if by_code is not None:
        return by_code
    return next((status for cls, status in _BY_CLASS if isinstance(error, cls)), 503)


def problem_body(error: Error, status: int) -> bytes:
    """Return the encoded problem details."""
    details: dict[str, Any] = {
        "type": f"urn:adyton:error:{error.code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": error.message,
        "code": error.code,
    }
    return json.dumps(details).encode()


def problem_headers(error: Error, status: int) -> list[tuple[bytes, bytes]]:
    """Return what an answer with this problem carries beside its type and length."""
    if isinstance(error, UnavailableError) or status == 503:
        return [(b"retry-after", str(RETRY_AFTER_S).encode())]
    return []
