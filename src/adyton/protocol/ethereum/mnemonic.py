"""Phrases of words that stand for a wallet's entropy, and the seed that is made of them (BIP-39).

    phrase = words of 11 bits each over entropy ‖ the first bits of its SHA-256, one for each 32 of entropy
    seed   = PBKDF2-HMAC-SHA-512(NFKD(phrase), "mnemonic" ‖ NFKD(passphrase), 2048 rounds), 64 bytes

Phrases and passphrases are secrets: no error text repeats them, but for the place of a word that is unknown.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.english import ENGLISH

ENTROPY_SIZES: Final = (16, 20, 24, 28, 32)
ROUNDS: Final = 2048
_PLACES: Final = {word: place for place, word in enumerate(ENGLISH)}


def phrase_of(entropy: bytes) -> str:
    """Return the English phrase of 16, 20, 24, 28 or 32 bytes: 12 to 24 words, single spaces between.

    Raises:
        UsageError: another size.
    """
    return " ".join(ENGLISH[place] for place in places_of(entropy))


def places_of(entropy: bytes | memoryview) -> Iterator[int]:
    """Return the places of a phrase's words in the list; no number on the way holds more than two words.

    Raises:
        UsageError: another size than 16, 20, 24, 28 or 32 bytes.
    """
    if len(entropy) not in ENTROPY_SIZES:
        raise UsageError("bad_argument", "entropy has 16, 20, 24, 28 or 32 bytes")
    return _places(entropy)


def _places(entropy: bytes | memoryview) -> Iterator[int]:
    held = bits = 0
    for byte in chain(entropy, (_check_byte(entropy),)):
        held, bits = held << 8 | byte, bits + 8
        if bits >= 11:
            bits -= 11
            yield held >> bits
            held &= (1 << bits) - 1


def entropy_of(phrase: str) -> bytes:
    """Return the entropy of an English phrase.

    Raises:
        UsageError: another count of words, an unknown word, a wrong checksum, or other spaces or letters than
            `phrase_of` writes.
    """
    entropy = bytearray(ENTROPY_SIZES[-1])
    return bytes(entropy[: read_entropy(phrase, memoryview(entropy))])


def read_entropy(phrase: str, out: memoryview) -> int:
    """Write the entropy of an English phrase to `out`, 32 bytes of room, and return its size.

    Raises:
        UsageError: as `entropy_of` does; what `out` holds then is to be wiped.
    """
    words = _normal(phrase, "the phrase").split(" ")
    size = len(words) * 4 // 3
    if len(words) % 3 or size not in ENTROPY_SIZES:
        raise UsageError(
            "bad_argument", "a phrase has 12, 15, 18, 21 or 24 words, with single spaces between"
        )
    held = bits = written = 0
    for number, word in enumerate(words, start=1):
        place = _PLACES.get(word)
        if place is None:
            raise UsageError("bad_argument", f"word {number} is not in the English list")
        held, bits = held << 11 | place, bits + 11
        while bits >= 8 and written < size:
            bits -= 8
            out[written] = held >> bits
            held &= (1 << bits) - 1
            written += 1
    # What is left are the bits of the checksum, one for each four bytes.
    if _check_byte(out[:size]) >> 8 - bits != held:
        raise UsageError(
            "bad_argument",
            "the phrase's checksum is wrong: a word is another, or words are swapped",
        )
    return size


def _check_byte(entropy: bytes | memoryview) -> int:
    return hashlib.sha256(entropy).digest()[0]


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
    return hashlib.pbkdf2_hmac("sha512", secret, passphrase_salt(passphrase), ROUNDS)


def passphrase_salt(passphrase: str) -> bytes:
    """Return what a phrase is stretched with.

    Raises:
        UsageError: the passphrase is too long, or has no encoding.
    """
    return b"mnemonic" + _normal(passphrase, "the passphrase").encode()


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
