"""Phrases (BIP-39) in locked memory: words out of entropy, and the seed that is stretched from them."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from adyton.enclave.wallet.locked_memory import LockedMemory
from adyton.protocol.ethereum.english import ENGLISH
from adyton.protocol.ethereum.mnemonic import ROUNDS, places_of

PHRASE: Final = 24 * 8 + 23  # bytes of the longest phrase: words have at most eight letters
# Made once, so that no phrase leaves its words behind in the order it has them.
_WORDS: Final = tuple(word.encode() for word in ENGLISH)


def write_phrase(entropy: memoryview, out: memoryview) -> int:
    """Write the phrase of 16 to 32 bytes to `out`, `PHRASE` bytes of room, and return its size."""
    end = 0
    for place in places_of(entropy):
        if end:
            out[end] = 0x20
            end += 1
        word = _WORDS[place]
        start, end = end, end + len(word)
        out[start:end] = word
    return end


def stretch(memory: LockedMemory, entropy: memoryview, salt: bytes, out: memoryview) -> None:
    """Write the seed of a phrase, 64 bytes, to `out`.

    Args:
        memory: where the phrase lies meanwhile.
        entropy: what the phrase stands for.
        salt: `mnemonic.passphrase_salt` of the passphrase.
        out: 64 bytes.
    """
    with memory.slot(PHRASE) as phrase:
        size = write_phrase(entropy, phrase)
        stretching = PBKDF2HMAC(hashes.SHA512(), len(out), salt, ROUNDS)
        stretching.derive_into(phrase[:size], out)
