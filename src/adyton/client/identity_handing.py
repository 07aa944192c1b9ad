"""The way of a sealed presentation from holder to relying party: one HTTP request, and what it is answered with.

POST <response address of the party>    application/cbor    identity-present/1
200    application/json    {"request", "code", "message", "answer", "reason"}
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from adyton.client.identity_answering import Reply
from adyton.client.transport import CBOR, HttpTransport
from adyton.core import limits
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.credentials import strict_json
from adyton.protocol.identity.answers import COARSE, NO, YES
from adyton.protocol.identity.requests import Present

JSON: Final = "application/json"
ANSWER: Final = 16 * limits.KIB  # bytes
_WHAT: Final = "the relying party's answer"
_TIMEOUT_S: Final = 60.0


def send(address: str, presented: Present) -> Reply:
    """Hand a sealed presentation over, and return what the relying party says.

    Trust: runs at the holder; whoever answers there says what it likes.

    Raises:
        UsageError: no http or https address. UnavailableError: no answer. VerificationError: another answer than
        expected.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "bad_argument",
            "the relying party has no http address: write it to a file with --out, and give it that",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    transport = HttpTransport(f"{parts.scheme}://{host}:{port}", accept=JSON)
    try:
        reply = transport.exchange(
            "POST",
            target,
            presented.encode(),
            content_type=CBOR,
            max_bytes=ANSWER,
            timeout_s=_TIMEOUT_S,
        )
    finally:
        transport.close()
    if reply.content_type != JSON:
        raise _invalid(f"status {reply.status}, and no JSON")
    return read_reply(reply.body, presented)


def write_reply(request: bytes, reply: Reply) -> bytes:
    """Return a reply as it is sent."""
    return strict_json.write(
        {
            "request": request.hex(),
            "code": reply.code,
            "message": reply.message,
            "answer": reply.answer,
            "reason": reply.reason,
        }
    )


def read_reply(unverified: bytes, presented: Present) -> Reply:
    """Return a reply as it came.

    Raises:
        CredentialError: not JSON in its one reading. VerificationError: another form, or of another request.
    """
    told = strict_json.read_object(unverified, _WHAT, most=ANSWER)
    texts: dict[str, Any] = {
        name: told.get(name) for name in ("request", "code", "message", "answer", "reason")
    }
    if any(type(text) is not str for text in texts.values()):
        raise _invalid("it lacks request, code, message, answer or reason")
    request, reply = texts.pop("request"), Reply(**texts)
    if reply.code:
        return reply
    if request != presented.request.nonce:
        raise _invalid("it is of another request")
    if (
        reply.answer not in (YES, NO)
        or reply.reason not in COARSE
        or (reply.answer == YES) == bool(reply.reason)
    ):
        raise _invalid("it is neither yes, nor no with a reason")
    return reply


def _invalid(reason: str) -> VerificationError:
    return VerificationError("answer_invalid", f"the relying party's answer: {reason}")
