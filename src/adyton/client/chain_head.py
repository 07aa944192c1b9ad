"""Where a client stands, as one line of text that it can send to another."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from adyton.core.errors import MalformedError
from adyton.protocol.conflict import ChainHead

PREFIX: Final = "adyton-head:"


def head_text(head: ChainHead) -> str:
    """Return the head as text: the prefix, then base64url without padding."""
    return PREFIX + base64.urlsafe_b64encode(head.encode()).rstrip(b"=").decode("ascii")


def parse_head(unverified: str) -> ChainHead:
    """Return the head that a text holds; nothing in it is authentic yet.

    Trust: the text comes from anybody. White space counts for nothing: mail breaks lines.

    Raises:
        MalformedError: not the one text of a head.
    """
    text = "".join(unverified.split())
    if not text.startswith(PREFIX):
        raise MalformedError("malformed", f"a head begins with {PREFIX}")
    if len(text) > 2 * ChainHead.MAX_BYTES:
        raise MalformedError("too_large", "longer than any head")
    body = text[len(PREFIX) :]
    try:
        encoded = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as problem:
        raise MalformedError("malformed", "a head's text is base64url") from problem
    head = ChainHead.decode(encoded)
    # Other spellings of the same bytes are no second form of it.
    if head_text(head) != text:
        raise MalformedError("malformed", "a head has one text")
    return head
