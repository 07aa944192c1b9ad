"""Personal messages (EIP-191, version 0x45): a prefix makes sure that no message is a transaction."""

from __future__ import annotations

from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.keccak import keccak
from adyton.protocol.ethereum.quantities import read_data

_PREFIX: Final = b"\x19Ethereum Signed Message:\n"


def personal_hash(message: bytes) -> bytes:
    """Return what is signed for a personal message, 32 bytes.

    Raises:
        MalformedError: `too_large`, over `limits.ETHEREUM_MESSAGE`.
    """
    if len(message) > limits.ETHEREUM_MESSAGE:
        raise MalformedError("too_large", f"message is over {limits.ETHEREUM_MESSAGE} bytes")
    return keccak(_PREFIX + str(len(message)).encode() + message)


def read_message(value: Any, path: str = "message") -> bytes:
    """Return the bytes of a message: hex behind 0x, as JSON-RPC's `personal_sign` has it.

    A plain text is refused: "0x12" would be a text of four characters to one, and one byte to another.

    Raises:
        UsageError: not hex behind 0x, or over `limits.ETHEREUM_MESSAGE`.
    """
    if type(value) is str and not value.startswith("0x"):
        raise UsageError("bad_argument", f"{path} must be 0x and the hex of the text's UTF-8 bytes")
    return read_data(value, path, limits.ETHEREUM_MESSAGE)
