"""Addresses: 20 bytes, written with the checksum of EIP-55 in the case of their letters."""

from __future__ import annotations

import re
from typing import Any, Final

from adyton.core.errors import InvariantError
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.quantities import refused
from adyton.protocol.ethereum.rlp import encode_bytes, encode_integer, join_list

SIZE: Final = 20
_HEX: Final = re.compile(r"0x[0-9a-fA-F]{40}")
# What tells a small letter from a capital one, where a hex digit is a letter, and where one is 8 or more.
_CASE: Final = 0x20
_LETTERS: Final = bytes(_CASE if chr(sign) in "abcdef" else 0 for sign in range(256))
_RAISED: Final = bytes(_CASE if chr(sign) in "89abcdef" else 0 for sign in range(256))


def address_of(public_key: bytes) -> bytes:
    """Return the address of a public key: the last 20 bytes of Keccak-256 of its coordinates.

    Args:
        public_key: uncompressed, 65 bytes that begin with 0x04.

    Raises:
        InvariantError: another form of a key.
    """
    if len(public_key) != 65 or public_key[0] != 4:
        raise InvariantError("invariant", "an address is made of an uncompressed public key")
    return keccak(public_key[1:])[12:]


def checksummed(address: bytes) -> str:
    """Return an address as people read it: hex behind 0x, its letters' case a checksum (EIP-55)."""
    if len(address) != SIZE:
        raise InvariantError("invariant", "an address has 20 bytes")
    digits = address.hex().encode()
    signs = keccak(digits)[:SIZE].hex().encode()
    # All digits at once: this is done for every address that is read.
    letters = int.from_bytes(digits.translate(_LETTERS), "big")
    raised = int.from_bytes(signs.translate(_RAISED), "big")
    capitals = int.from_bytes(digits, "big") ^ (letters & raised)
    return "0x" + capitals.to_bytes(2 * SIZE, "big").decode("ascii")


def read_address(value: Any, path: str, *, unchecked_case: bool = False) -> bytes:
    """Return the 20 bytes of an address with a right checksum.

    Args:
        value: as JSON has it.
        path: the field, for error texts.
        unchecked_case: let an address pass whose letters are all of one case, so without a checksum.

    Raises:
        UsageError: no address, without a checksum, or with a wrong one; the text says which.
    """
    if type(value) is not str or not _HEX.fullmatch(value):
        raise refused(path, "must be an address: 0x and 40 hex digits")
    digits = value[2:]
    address = bytes.fromhex(digits)
    right = checksummed(address)
    if value == right:
        return address
    if digits in (digits.lower(), digits.upper()):
        if unchecked_case:
            return address
        case = "lowercase" if digits == digits.lower() else "uppercase"
        raise refused(
            path, f"is all {case}, so it has no checksum; compare it and write it as {right}"
        )
    # The right form is not shown here: an address whose checksum is wrong is another address.
    raise refused(path, "has a wrong checksum (EIP-55), so it is mistyped or altered")


def create_address(sender: bytes, nonce: int) -> bytes:
    """Return the address of the contract that `sender` makes with the transaction of this nonce."""
    return keccak(join_list((encode_bytes(sender), encode_integer(nonce))))[12:]


def create2_address(sender: bytes, salt: bytes, code_hash: bytes) -> bytes:
    """Return the address of a contract that a contract makes with CREATE2 (EIP-1014).

    Args:
        sender: the contract that makes it, 20 bytes.
        salt: 32 bytes.
        code_hash: Keccak-256 of its init code.
    """
    return keccak(b"\xff" + sender + salt + code_hash)[12:]
