"""Keccak-256 as Ethereum has it: with the padding from before FIPS 202, so not SHA3-256."""

from __future__ import annotations

from typing import Final

from sha3 import keccak_256

EMPTY: Final = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")


def keccak(data: bytes) -> bytes:
    """Return Keccak-256 of `data`, 32 bytes."""
    digest: bytes = keccak_256(data).digest()
    return digest
