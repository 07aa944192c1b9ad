"""A vault with a root of its own, for tests of one, and for the bench."""

from __future__ import annotations

from adyton.enclave.keys import Keys
from adyton.enclave.sealing import EpochSecret, Root
from adyton.enclave.wallet.vault import Vault
from adyton.protocol.ethereum.signature import Signature, sign
from adyton.protocol.genesis import Genesis
from tests.host_simulator import MEASUREMENT, NOW_MS, configuration

WALLET, OTHER = b"w" * 32, b"o" * 32
REQUEST, ENTROPY = b"r" * 32, b"e" * 32
PHRASE = "test test test test test test test test test test test junk"


ROOT = b"r" * 32


def genesis() -> Genesis:
    """The genesis of the chain that the vault is of."""
    return Genesis(configuration(), MEASUREMENT, bytes(32), True, bytes(32), NOW_MS)


def vault(root: bytes = ROOT, hot: int = 16) -> Vault:
    """A vault of a chain with this root; to be closed."""
    keys = Keys(Root(genesis().encode(), 0, root, (EpochSecret(0, b"0" * 32, 0, None),), b"n" * 32))
    return Vault(keys, hot=hot)


def sign_with(held: Vault, wrapped: bytes, account: int, digest: bytes) -> Signature:
    """The signature of an account of `WALLET` over 32 bytes, with its key as it is lent."""
    with held.key(WALLET, wrapped, account) as key:
        return sign(digest, key.secret, key.public)
