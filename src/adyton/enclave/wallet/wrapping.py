"""A wallet's secret, wrapped: what the state holds instead of it, so that no cache or decoder meets the secret.

    wrapped = AES-SIV(kind (1 byte) ‖ body), with the wallet's id as associated data
    body    = seed (32)                                                 random
            | key (32)                                                  key
            | size of entropy (1) ‖ entropy ‖ seed (64) ‖ passphrase    hd, mnemonic

The seed of a phrase lies beside it because stretching it takes a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SIV_OVERHEAD
from adyton.core.errors import UsageError, VerificationError
from adyton.enclave.wallet.locked_hash import LockedHash
from adyton.enclave.wallet.locked_memory import LockedMemory

RANDOM: Final = "random"
HD: Final = "hd"
KEY: Final = "key"
MNEMONIC: Final = "mnemonic"
KINDS: Final = (RANDOM, HD, KEY, MNEMONIC)
WALLET_ID: Final = 32
SECRET: Final = limits.WALLET_SECRET - SIV_OVERHEAD  # kind and body, at the most
STRETCHED: Final = 64


class Wrapping:
    """Wraps and unwraps under one key, which lies in locked memory but for the length of an operation.

    Args:
        memory: where secrets are unwrapped to.
        hashing: derives the key.
        secret: of all wallets, 32 bytes.
    """

    def __init__(self, memory: LockedMemory, hashing: LockedHash, secret: memoryview) -> None:
        self._memory = memory
        self._key = memory.take(64)
        hashing.derive(secret, self._key, Context.KDF_WALLET_WRAP)

    def __repr__(self) -> str:
        return "<Wrapping>"

    def wrap(self, wallet_id: bytes, kind: str, body: memoryview) -> bytes:
        """Return the secret of this wallet, wrapped."""
        with self._memory.slot(1 + len(body)) as plain:
            plain[0] = KINDS.index(kind)
            plain[1:] = body
            wrapped = bytearray(len(plain) + SIV_OVERHEAD)
            # The cipher object holds a copy of its key, and wipes it when it goes: it is not kept.
            AESSIV(self._key).encrypt_into(plain, _associated(wallet_id), wrapped)
        return bytes(wrapped)

    @contextmanager
    def unwrapped(self, wallet_id: bytes, unverified: bytes) -> Iterator[tuple[str, memoryview]]:
        """Lend the kind and the body of a wrapped secret, in locked memory.

        Raises:
            VerificationError: `unopenable`, of another wallet or chain, or altered.
        """
        size = len(unverified) - SIV_OVERHEAD
        if not 1 < size <= SECRET:
            raise VerificationError("unopenable", "a wallet's secret has another size")
        with self._memory.slot(size) as plain:
            try:
                AESSIV(self._key).decrypt_into(unverified, _associated(wallet_id), plain)
            except InvalidTag as problem:
                raise VerificationError(
                    "unopenable", "a wallet's secret does not open"
                ) from problem
            yield KINDS[plain[0]], plain[1:]


def _associated(wallet_id: bytes) -> list[bytes]:
    if len(wallet_id) != WALLET_ID:
        raise UsageError("bad_argument", f"a wallet's id has {WALLET_ID} bytes")
    return [Context.AD_WALLET_SECRET.label, wallet_id]
