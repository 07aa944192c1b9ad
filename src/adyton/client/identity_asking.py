"""A relying party's request, and the text that carries it to a holder: made without asking anybody."""

from __future__ import annotations

import secrets
from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, MalformedError, UsageError
from adyton.protocol.credentials import base64url
from adyton.protocol.identity.registries import PolicyRecord
from adyton.protocol.identity.requests import PresentationRequest

SCHEME: Final = "adyton:present?"
_MOST: Final = 2048  # characters


def make_request(
    chain_id: bytes, policy_name: bytes, policy: PolicyRecord, *, epoch: int, deadline_ms: int
) -> PresentationRequest:
    """Return a new request of the policy's relying party.

    Args:
        chain_id: of the network.
        policy_name: record of the policy.
        policy: as it is now.
        epoch: of the network now.
        deadline_ms: block time from which it is not answered any more; at most a week ahead.
    """
    return PresentationRequest(
        chain_id,
        policy.party,
        policy_name,
        policy.hash(),
        epoch,
        deadline_ms,
        secrets.token_bytes(16),
    )


def require_deadline(deadline_ms: int, now_ms: int) -> None:
    """Refuse a deadline that the network would refuse.

    Raises:
        UsageError: it has passed, or is over a week ahead.
    """
    if not 0 < deadline_ms - now_ms <= limits.IDENTITY_AHEAD_S * 1000:
        raise UsageError("bad_argument", "a request is open for a moment at least, a week at most")


def to_uri(request: PresentationRequest) -> str:
    """Return the text of a request, as a QR code or a link carries it."""
    return SCHEME + base64url.encode(request.encode())


def read_uri(unverified: str) -> PresentationRequest:
    """Return the request of a text.

    Trust: it comes from anybody; what it asks for is resolved on the network, and shown before it is answered.

    Raises:
        MalformedError: no such text.
    """
    text = unverified.strip()
    if len(text) > _MOST or not text.startswith(SCHEME):
        raise MalformedError("malformed", f"not a request: its text begins with {SCHEME}")
    encoded = text.removeprefix(SCHEME)
    try:
        return PresentationRequest.decode(base64url.decode(encoded, "the request"))
    except Error as problem:
        raise MalformedError(
            "malformed", "not a whole request: copy its text, or scan its code, again"
        ) from problem
