"""Accounts' private keys out of a wallet's secret, without leaving locked memory.

random     key_i = HKDF(seed, index ‖ attempt), the first attempt that is a private key
key        the key itself, account 0
the rest   BIP-32 from the seed; account i lies at m/44'/60'/0'/0/i (BIP-44)
"""

from __future__ import annotations

from typing import Any, Final

from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT

from adyton.core.contexts import Context
from adyton.core.errors import InvariantError, UsageError
from adyton.enclave.wallet.locked_hash import LockedHash, Piece
from adyton.enclave.wallet.locked_memory import LockedMemory
from adyton.enclave.wallet.wrapping import KEY, RANDOM, STRETCHED
from adyton.protocol.ethereum.hd import HARDENED, account_path

PRIVATE_KEY: Final = 32
_NODE: Final = 64  # private key, chain code
_ATTEMPTS: Final = 8  # each fails once in 2^128
_CONTEXT: Final = GLOBAL_CONTEXT.ctx


def require_private_key(secret: memoryview) -> None:
    """Refuse what is no private key.

    Args:
        secret: 32 bytes.

    Raises:
        UsageError: not from 1 to the order less 1.
    """
    if not _is_private_key(secret):
        raise UsageError("bad_argument", "a private key is from 1 to the order less 1")


class Derivation:
    """Derives accounts' keys; for one thread at a time.

    Args:
        memory: where keys lie meanwhile.
        hashing: in the same memory.
    """

    def __init__(self, memory: LockedMemory, hashing: LockedHash) -> None:
        self._memory = memory
        self._hashing = hashing

    def __repr__(self) -> str:
        return "<Derivation>"

    def account(self, kind: str, body: memoryview, number: int, out: memoryview) -> None:
        """Write the private key of an account, 32 bytes, to `out`.

        Raises:
            UsageError: the wallet has no such account.
        """
        path = account_path(number)
        if kind == RANDOM:
            self._counted(body, number, out)
        elif kind == KEY:
            if number != 0:
                raise UsageError("bad_argument", "an imported key is one account, number 0")
            out[:] = body
        else:
            at = 1 + body[0]
            self.along(body[at : at + STRETCHED], path, out)

    def _counted(self, seed: memoryview, number: int, out: memoryview) -> None:
        counted = number.to_bytes(4, "big")
        for attempt in range(_ATTEMPTS):
            part = bytes((attempt,))
            self._hashing.derive(seed, out, Context.KDF_WALLET_ACCOUNT, counted, part)
            if _is_private_key(out):
                return
        raise InvariantError("invariant", "no private key was found")

    def along(self, seed: memoryview, steps: tuple[int, ...], out: memoryview) -> None:
        """Write the private key at the end of a path, 32 bytes, to `out`; a step from 2^31 up is hardened.

        Raises:
            UsageError: the seed, or a step, is one of those (one of 2^127) that have no key.
        """
        with self._memory.slot(_NODE) as node, self._memory.slot(_NODE) as made:
            self._hashing.hmac_sha512(b"Bitcoin seed", (seed,), node)
            if not _is_private_key(node[:PRIVATE_KEY]):
                raise UsageError("bad_argument", "this seed has no key; take another")
            for step in steps:
                self._child(node, made, step)
            out[:] = node[:PRIVATE_KEY]

    def _child(self, node: memoryview, made: memoryview, step: int) -> None:
        """Take `node` one step down (BIP-32, CKDpriv); `made` is room for it."""
        key = node[:PRIVATE_KEY]
        parent: tuple[Piece, ...] = (b"\0", key) if step >= HARDENED else (_compressed(key),)
        self._hashing.hmac_sha512(node[PRIVATE_KEY:], (*parent, step.to_bytes(4, "big")), made)
        with _pointer(key) as sum_, _pointer(made[:PRIVATE_KEY]) as tweak:
            if not lib.secp256k1_ec_seckey_tweak_add(_CONTEXT, sum_, tweak):
                raise UsageError("bad_argument", "this index has no key; take the next one")
        node[PRIVATE_KEY:] = made[PRIVATE_KEY:]


def _pointer(secret: memoryview) -> Any:
    return ffi.from_buffer("unsigned char[32]", secret)


def _is_private_key(secret: memoryview) -> bool:
    with _pointer(secret) as pointer:
        return bool(lib.secp256k1_ec_seckey_verify(_CONTEXT, pointer))


def _compressed(secret: memoryview) -> bytes:
    point, output = ffi.new("secp256k1_pubkey *"), ffi.new("unsigned char[33]")
    with _pointer(secret) as pointer:
        if not lib.secp256k1_ec_pubkey_create(_CONTEXT, point, pointer):
            raise InvariantError("invariant", "a derived key is no private key")
    lib.secp256k1_ec_pubkey_serialize(
        _CONTEXT, output, ffi.new("size_t *", 33), point, lib.SECP256K1_EC_COMPRESSED
    )
    return bytes(ffi.buffer(output))
