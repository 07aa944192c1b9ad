"""Recovery of secp256k1 public keys, over libsecp256k1."""

from __future__ import annotations

from typing import Final

from coincurve import PublicKey

_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def recover_secp256k1(digest: bytes, signature: bytes) -> bytes | None:
    """Return the compressed public key (33 bytes) that has signed a digest of 32 bytes; None where none has.

    Args:
        digest: what was signed, already hashed.
        signature: r, s (32 bytes each, big-endian) and the recovery id, 0 or 1. A high s is refused, so that nobody
            can make a second signature from a first.
    """
    if len(digest) != 32 or len(signature) != 65 or signature[64] > 1:
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    try:
        return PublicKey.from_signature_and_message(signature, digest, hasher=None).format()
    except ValueError:
        return None
    except Exception as problem:
        # The library raises its own bare exception where no point fits.
        if type(problem) is Exception:
            return None
        raise
