"""base64url without padding (RFC 4648, section 5; RFC 7515): one text for each byte string."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

from adyton.protocol.credentials.reasons import Reason, refused

_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]*")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_PADDING: Final = {0: b"", 2: b"==", 3: b"="}
# The last character of a text whose bytes end within it: what lies beyond the bytes is zero.
_LAST: Final = {0: None, 2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")}


def decode(unverified: str, what: str) -> bytes:
    """Return the bytes that a text stands for.

    Args:
        unverified: the text.
        what: its name, for the error.

    Raises:
        CredentialError: `base64url`, another alphabet, padding, whitespace, or bits beyond the bytes.
    """
    rest = len(unverified) & 3
    if rest == 1 or _ALPHABET.fullmatch(unverified) is None:
        raise refused(Reason.BASE64URL, what)
    last = _LAST[rest]
    if last is not None and unverified[-1] not in last:
        raise refused(Reason.BASE64URL, what)
    standard = unverified.encode("ascii").translate(_STANDARD)
    return binascii.a2b_base64(standard + _PADDING[rest])


def encode(value: bytes) -> str:
    """Return the text that stands for bytes."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
