"""Sealing to a public key inside of block execution, where nothing may draw randomness.

    ephemeral = HKDF(secret, kdf/derived-ephemeral ‖ exec id ‖ index ‖ recipient)
    key       = HKDF(X25519(ephemeral, recipient), kdf/derived-seal ‖ ephemeral public ‖ recipient)
    sealed    = ephemeral public ‖ AES-SIV(key; plaintext; ad/derived ‖ exec id ‖ index)

Two executions never share a key, since the exec id names one execution; the same execution on two nodes gives the
same bytes.
"""

from __future__ import annotations

from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import SivKey, derive, exchange, exchange_anew

_PUBLIC: Final = 32
DERIVED_OVERHEAD: Final = 48


def seal_derived(
    secret: bytes, exec_id: bytes, index: int, recipient: bytes, plaintext: bytes
) -> bytes:
    """Return `plaintext` sealed to the X25519 key `recipient`, 48 bytes longer.

    Args:
        secret: of the epoch, 32 bytes.
        exec_id: of the execution.
        index: of what is sealed, among all that this execution seals.
        recipient: 32 bytes, a stranger's.

    Raises:
        VerificationError: the recipient is not a usable key; the same on every node.
    """
    place = index.to_bytes(4, "big")
    ephemeral = derive(secret, Context.KDF_DERIVED_EPHEMERAL, exec_id, place, recipient)
    public, shared = exchange_anew(ephemeral, recipient)
    key = _key(shared, public, recipient)
    return public + key.seal(plaintext, Context.AD_DERIVED, exec_id, place)


def open_derived(
    secret: bytes, own_public: bytes, exec_id: bytes, index: int, unverified: bytes
) -> bytes:
    """Return what was sealed to the key of `secret`.

    Args:
        secret: X25519 secret, 32 bytes.
        own_public: its public key.
        exec_id: of the execution that sealed it.
        index: its place.
        unverified: from the ledger.

    Raises:
        VerificationError: it is another's, or altered.
    """
    public = unverified[:_PUBLIC]
    key = _key(exchange(secret, public), public, own_public)
    return key.open(unverified[_PUBLIC:], Context.AD_DERIVED, exec_id, index.to_bytes(4, "big"))


def _key(shared: bytes, ephemeral: bytes, recipient: bytes) -> SivKey:
    return SivKey(shared, Context.KDF_DERIVED_SEAL, ephemeral, recipient)
