"""HMAC (RFC 2104) and HKDF (RFC 5869) from locked memory into locked memory.

The libraries that offer them answer with Python bytes, which nobody can wipe. libsodium's hashes take pointers and
wipe what they leave on the stack, so the two constructions are made here of SHA-256 and SHA-512.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from nacl._sodium import ffi, lib

from adyton.core.contexts import Context
from adyton.core.crypto import prefixed
from adyton.core.errors import InvariantError
from adyton.enclave.wallet.locked_memory import LockedMemory

MESSAGE: Final = 1024  # bytes of what is hashed, at the most
_INNER: Final = 0x36
_OUTER: Final = 0x5C


class _Hash(NamedTuple):
    function: Callable[[Any, Any, int], int]  # of output, input and its size
    block: int
    size: int


_SHA256: Final = _Hash(lib.crypto_hash_sha256, 64, 32)
_SHA512: Final = _Hash(lib.crypto_hash_sha512, 128, 64)
Piece = bytes | memoryview


class LockedHash:
    """Hashes with scratch space in locked memory; for one thread at a time.

    Args:
        memory: where the scratch space is taken, for as long as it is open.
    """

    def __init__(self, memory: LockedMemory) -> None:
        self._inner = memory.take(_SHA512.block + MESSAGE)
        self._outer = memory.take(_SHA512.block + _SHA512.size)
        self._key = memory.take(_SHA256.size)
        self._block = memory.take(_SHA256.size)

    def __repr__(self) -> str:
        return "<LockedHash>"

    def hmac_sha512(self, key: Piece, pieces: Sequence[Piece], out: memoryview) -> None:
        """Write HMAC-SHA-512 over the pieces, 64 bytes, to `out`; the key has at most 128 bytes."""
        self._hmac(_SHA512, key, pieces, out)

    def derive(self, secret: Piece, out: memoryview, context: Context, *parts: bytes) -> None:
        """Write the bytes that `core.crypto.derive` returns, as many as `out` has.

        Args:
            secret: at most `MESSAGE` bytes.
            out: any size; not the place of the secret.
            context: what they are for.
            parts: what else they depend on.
        """
        info = context.prefix + prefixed(*parts)
        self._hmac(_SHA256, bytes(_SHA256.size), (secret,), self._key)
        before: tuple[Piece, ...] = ()
        for number, at in enumerate(range(0, len(out), _SHA256.size), start=1):
            self._hmac(_SHA256, self._key, (*before, info, bytes((number,))), self._block)
            part = out[at : at + _SHA256.size]
            part[:] = self._block[: len(part)]
            before = (self._block,)
        _wipe(self._key, self._block)

    def _hmac(self, kind: _Hash, key: Piece, pieces: Sequence[Piece], out: memoryview) -> None:
        if len(key) > kind.block:
            raise InvariantError("invariant", "a key is longer than a block")
        # 1. The message behind a block of room.
        end = kind.block
        for piece in pieces:
            start, end = end, end + len(piece)
            if end > len(self._inner):
                raise InvariantError("invariant", f"over {MESSAGE} bytes are hashed at once")
            self._inner[start:end] = piece
        # 2. The key, padded, in that room and before the inner hash.
        for at in range(kind.block):
            byte = key[at] if at < len(key) else 0
            self._inner[at] = byte ^ _INNER
            self._outer[at] = byte ^ _OUTER
        # 3. Both hashes, where they lie.
        _hash(kind, self._inner[:end], self._outer[kind.block : kind.block + kind.size])
        _hash(kind, self._outer[: kind.block + kind.size], out)
        _wipe(self._inner, self._outer)


def _hash(kind: _Hash, message: memoryview, out: memoryview) -> None:
    # The C library writes its size whatever it is given.
    if len(out) != kind.size:
        raise InvariantError("invariant", "a hash has another size")
    with (
        ffi.from_buffer("unsigned char[]", message) as source,
        ffi.from_buffer("unsigned char[]", out) as target,
    ):
        kind.function(target, source, len(message))


def _wipe(*slots: memoryview) -> None:
    for slot in slots:
        slot[:] = bytes(len(slot))
