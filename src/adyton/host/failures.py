"""Errors as they cross the channel: a `Failure`, or the bare code of a transaction that was not carried out."""

from __future__ import annotations

from typing import Final

from adyton.core.errors import (
    CODES,
    Error,
    GuestError,
    InvariantError,
    MalformedError,
    PolicyError,
    ReceiptError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol.boundary import Failure

# EvidenceError and ConflictError take more than a code and a text; their base says as much here.
_KINDS: Final[dict[str, type[Error]]] = {
    cls.__name__: cls
    for cls in (
        UsageError,
        MalformedError,
        VerificationError,
        ReceiptError,
        PolicyError,
        GuestError,
        UnavailableError,
        InvariantError,
    )
}
_KINDS["EvidenceError"] = VerificationError
_KINDS["RollbackError"] = VerificationError
_KINDS["ForkError"] = VerificationError

_CLASSES: Final[tuple[tuple[type[Error], frozenset[str]], ...]] = (
    (MalformedError, frozenset(("malformed", "too_large"))),
    (UsageError, frozenset(("not_found", "method_unknown", "bad_argument"))),
    (
        PolicyError,
        frozenset(
            (
                "wrong_epoch",
                "wrong_incarnation",
                "ticket_expired",
                "ticket_spent",
                "not_yet_valid",
                "expired",
                "window_too_long",
                "replayed",
                "request_id_reused",
                "ordering_unavailable",
                "not_admitted",
                "state_lost",
            )
        ),
    ),
    (UnavailableError, frozenset(("enclave_down", "overloaded", "commit_failed", "timeout"))),
    (InvariantError, frozenset(("invariant", "wrong_state", "wrong_height", "time_decreased"))),
)


def error_from(failure: Failure) -> Error:
    """Return the error that a `Failure` stands for; of an unknown kind, the error that says so."""
    cls = _KINDS.get(failure.kind)
    if cls is None or failure.code not in CODES:
        return InvariantError("invariant", "the enclave refused in an unknown way")
    return cls(failure.code, failure.text)


def error_of_code(code: str) -> Error:
    """Return the error for a transaction that the enclave left out, or recorded as void, with `code`."""
    text = CODES.get(code)
    if text is None:
        return InvariantError("invariant", "the enclave refused in an unknown way")
    for cls, codes in _CLASSES:
        if code in codes:
            return cls(code, text)
    return VerificationError(code, text)


def failure_of(error: Error) -> Failure:
    """Return the `Failure` that tells the enclave of this side's error."""
    return Failure(type(error).__name__, error.code, error.message[:1000])
