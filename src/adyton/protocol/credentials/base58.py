"""Base58 with Bitcoin's alphabet: the text of keys in DIDs, behind a `z` that names the base.

The conversion takes time quadratic in the length, so a text is bounded by `limits.BASE58` before it is looked at.
"""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = {character: value for value, character in enumerate(_ALPHABET)}
_BASE58BTC: Final = "z"


def encode_base58(data: bytes) -> str:
    """Return the one text of a byte string; leading zero bytes are leading ones.

    Raises:
        MalformedError: `too_large`, the text would be over `limits.BASE58` characters.
    """
    if len(data) > limits.BASE58:
        raise MalformedError("too_large", f"base58: {limits.BASE58} characters are the most")
    number = int.from_bytes(data, "big")
    characters = []
    while number:
        number, digit = divmod(number, 58)
        characters.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\x00"))
    text = "1" * zeros + "".join(reversed(characters))
    if len(text) > limits.BASE58:
        raise MalformedError("too_large", f"base58: {limits.BASE58} characters are the most")
    return text


def decode_base58(unverified: str) -> bytes:
    """Return the byte string that a text is the one encoding of.

    Raises:
        MalformedError: `malformed`, a character outside of the alphabet; `too_large`.
    """
    if len(unverified) > limits.BASE58:
        raise MalformedError("too_large", f"base58: {limits.BASE58} characters are the most")
    number = 0
    for character in unverified:
        digit = _DIGITS.get(character)
        if digit is None:
            raise MalformedError("malformed", "base58: a character that is not of its alphabet")
        number = number * 58 + digit
    zeros = len(unverified) - len(unverified.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def write_multibase(data: bytes) -> str:
    """Return a byte string as `z` and its base58.

    Raises:
        MalformedError: see `encode_base58`.
    """
    return _BASE58BTC + encode_base58(data)


def read_multibase(unverified: str) -> bytes:
    """Return the byte string behind `z`; other bases are other texts of the same value, and refused.

    Raises:
        MalformedError: another base, or not base58.
    """
    if unverified[:1] != _BASE58BTC:
        raise MalformedError("malformed", "multibase: write it in base58, behind a z")
    return decode_base58(unverified[1:])
