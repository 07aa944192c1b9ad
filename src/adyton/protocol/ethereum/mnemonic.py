"""Phrases of words that stand for a wallet's entropy, and the seed that is made of them (BIP-39).

    phrase = words of 11 bits each over entropy ‖ the first bits of its SHA-256, one for each 32 of entropy
    seed   = PBKDF2-HMAC-SHA-512(NFKD(phrase), "mnemonic" ‖ NFKD(passphrase), 2048 rounds), 64 bytes

Phrases and passphrases are secrets: no error text repeats them, but for the place of a word that is unknown.
"""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.english import ENGLISH

ENTROPY_SIZES: Final = (16, 20, 24, 28, 32)
_ROUNDS: Final = 2048
_PLACES: Final = {word: place for place, word in enumerate(ENGLISH)}


def phrase_of(entropy: bytes) -> str:
    """Return the English phrase of 16, 20, 24, 28 or 32 bytes: 12 to 24 words, single spaces between.

    Raises:
        UsageError: another size.
    """
    if len(entropy) not in ENTROPY_SIZES:
        raise UsageError("bad_argument", "entropy has 16, 20, 24, 28 or 32 bytes")
    check = len(entropy) // 4
    bits = (
        int.from_bytes(entropy, "big") << check | hashlib.sha256(entropy).digest()[0] >> 8 - check
    )
    count = len(entropy) * 3 // 4
    return " ".join(ENGLISH[bits >> 11 * (count - 1 - at) & 2047] for at in range(count))


def entropy_of(phrase: str) -> bytes:
    """Return the entropy of an English phrase.

    Raises:
        UsageError: another count of words, an unknown word, a wrong checksum, or other spaces or letters than
            `phrase_of` writes.
    """
    words = _normal(phrase, "the phrase").split(" ")
    size = len(words) * 4 // 3
    if len(words) % 3 or size not in ENTROPY_SIZES:
        raise UsageError(
            "bad_argument", "a phrase has 12, 15, 18, 21 or 24 words, with single spaces between"
        )
    bits = 0
    for at, word in enumerate(words, start=1):
        place = _PLACES.get(word)
        if place is None:
            raise UsageError("bad_argument", f"word {at} is not in the English list")
        bits = bits << 11 | place
    check = size // 4
    entropy = (bits >> check).to_bytes(size, "big")
    if hashlib.sha256(entropy).digest()[0] >> 8 - check != bits & (1 << check) - 1:
        raise UsageError(
            "bad_argument",
            "the phrase's checksum is wrong: a word is another, or words are swapped",
        )
    return entropy


def seed_of(phrase: str, passphrase: str = "") -> bytes:
    """Return the seed (64 bytes) of an English phrase, after its checksum was checked.

    Raises:
        UsageError: no English phrase, or a text that is too long or has no encoding.
    """
    entropy_of(phrase)
    return stretched(phrase, passphrase)


def stretched(phrase: str, passphrase: str = "") -> bytes:
    """Return the seed (64 bytes) of a phrase in any language, whatever its words and checksum.

    Raises:
        UsageError: a text is too long, or has no encoding.
    """
    secret = _normal(phrase, "the phrase").encode()
    salt = b"mnemonic" + _normal(passphrase, "the passphrase").encode()
    return hashlib.pbkdf2_hmac("sha512", secret, salt, _ROUNDS)


def _normal(text: str, what: str) -> str:
    if len(text) > limits.MNEMONIC:
        raise UsageError("bad_argument", f"{what} is over {limits.MNEMONIC} characters")
    normal = unicodedata.normalize("NFKD", text)
    try:
        normal.encode()
    except UnicodeEncodeError:
        # The library's error holds the text.
        raise UsageError("bad_argument", f"{what} holds half of a surrogate pair") from None
    return normal
