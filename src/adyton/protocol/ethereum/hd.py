"""Keys out of a seed (BIP-32, private derivation), and where Ethereum's accounts lie (BIP-44)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Final

from coincurve import PrivateKey

from adyton.core.errors import UsageError

HARDENED: Final = 2**31
DEPTH_MAX: Final = 255
SEED_SIZES: Final = range(16, 65)


@dataclass(frozen=True, slots=True)
class HdKey:
    """An extended private key.

    Attributes:
        secret: the private key, 32 bytes.
        chain_code: 32 bytes, as secret as the key.
        depth: steps from the seed.
        index: the last step; from 2^31 up it is hardened. 0 at the seed.
    """

    secret: bytes = field(repr=False)
    chain_code: bytes = field(repr=False)
    depth: int = 0
    index: int = 0

    def child(self, index: int) -> HdKey:
        """Return the key one step down.

        Args:
            index: from 0 to 2^32 - 1; from 2^31 up it is hardened.

        Raises:
            UsageError: an index outside, the 256th step, or one of the indices (one of 2^127) that have no key.
        """
        if not 0 <= index < 2 * HARDENED:
            raise UsageError("bad_argument", "a step is from 0 to 2^31 - 1, hardened or not")
        if self.depth >= DEPTH_MAX:
            raise UsageError("bad_argument", f"a path has at most {DEPTH_MAX} steps")
        if index >= HARDENED:
            parent = b"\0" + self.secret
        else:
            parent = PrivateKey(self.secret).public_key.format()
        made = hmac.digest(self.chain_code, parent + index.to_bytes(4, "big"), "sha512")
        try:
            secret = PrivateKey(self.secret).add(made[:32]).secret
        except ValueError:
            raise UsageError("bad_argument", "this index has no key; take the next one") from None
        return HdKey(secret, made[32:], self.depth + 1, index)

    def derive(self, steps: tuple[int, ...]) -> HdKey:
        """Return the key at the end of several steps.

        Raises:
            UsageError: as `child` does.
        """
        key = self
        for step in steps:
            key = key.child(step)
        return key


def master(seed: bytes) -> HdKey:
    """Return the key that a seed of 16 to 64 bytes begins with.

    Raises:
        UsageError: another size, or one of the seeds (one of 2^127) that have no key.
    """
    if len(seed) not in SEED_SIZES:
        raise UsageError("bad_argument", "a seed has 16 to 64 bytes")
    made = hmac.digest(b"Bitcoin seed", seed, "sha512")
    try:
        return HdKey(PrivateKey(made[:32]).secret, made[32:])
    except ValueError:
        raise UsageError("bad_argument", "this seed has no key; take another") from None


def account_path(index: int) -> tuple[int, ...]:
    """Return the steps to Ethereum's account of this number: m/44'/60'/0'/0/index.

    Raises:
        UsageError: not from 0 to 2^31 - 1.
    """
    if not 0 <= index < HARDENED:
        raise UsageError("bad_argument", "an account's number is from 0 to 2^31 - 1")
    return (44 + HARDENED, 60 + HARDENED, HARDENED, 0, index)
