"""base64url without padding (RFC 4648, section 5; RFC 7515): one text for each byte string."""

from __future__ import annotations

import binascii
from typing import Final

from adyton.protocol.credentials.reasons import Reason, refused

_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
# To the standard alphabet; whatever is not of ours becomes what is of neither, and is refused.
_STANDARD: Final = bytes(byte if byte in _ALPHABET else ord("!") for byte in range(256)).translate(
    bytes.maketrans(b"-_", b"+/")
)
_PADDING: Final = (b"", b"", b"==", b"=")
# The last character of a text whose bytes end within it: what lies beyond the bytes is zero. No text has one over.
_LAST: Final = (
    frozenset(_ALPHABET.decode()), frozenset[str](), frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"),
)  # fmt: skip


def decode(unverified: str, what: str) -> bytes:
    """Return the bytes that a text stands for.

    Args:
        unverified: the text.
        what: its name, for the error.

    Raises:
        CredentialError: `base64url`, another alphabet, padding, whitespace, or bits beyond the bytes.
    """
    rest = len(unverified) & 3
    if unverified and unverified[-1] not in _LAST[rest]:
        raise refused(Reason.BASE64URL, what)
    try:
        standard = unverified.encode("ascii").translate(_STANDARD)
        return binascii.a2b_base64(standard + _PADDING[rest], strict_mode=True)
    except ValueError:
        raise refused(Reason.BASE64URL, what) from None


def encode(value: bytes) -> str:
    """Return the text that stands for bytes."""
    standard = binascii.b2a_base64(value, newline=False)
    return standard.rstrip(b"=").translate(_URL_SAFE).decode("ascii")
