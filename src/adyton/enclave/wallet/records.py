"""What the state holds of wallets beside the messages that clients see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from adyton.core import limits
from adyton.core.fields import AtMost, Exactly
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.protocol.wallet.answers import AuditEntry
from adyton.protocol.wallet.requests import Amount, amount


@message("wallet-signed-entry/1", max_bytes=12 * limits.KIB)
class SignedEntry(Message):
    """The audit entry of a transaction that was signed, and what has to be known of it if its nonce is asked for again.

    Attributes:
        entry: names who asked, account, chain, nonce and what is signed.
        signature: r, s and v.
        max_fee: of one gas; a replacement must pay a tenth more.
        tip: likewise; the price of gas for types without one.
        charges: what it holds of each limit, so that a replacement is charged for the rest; packed (`pack_charges`).
    """

    entry: AuditEntry
    signature: Annotated[bytes, Exactly(65)]
    max_fee: Amount
    tip: Amount
    charges: Annotated[bytes, AtMost(2 * limits.WALLET_LIMITS * 65)]


@message("wallet-floor/1", max_bytes=64)
class Floor(Message):
    """The least nonce that an account may use on a chain."""

    nonce: Uint


@message("wallet-key-record/1", max_bytes=limits.STATE_VALUE)
class KeyRecord(Message):
    """What a request under an idempotency key was answered.

    Attributes:
        content: digest of what was asked.
        answer: encoded `Signed`.
    """

    content: Bytes32
    answer: Annotated[bytes, AtMost(limits.ENTRY - 8192)]


def pack_charges(charges: Mapping[bytes, int]) -> bytes:
    """Return amounts by the keys of their meters (32 bytes), ascending: key ‖ u8(size) ‖ amount of each."""
    parts: list[bytes] = []
    for key in sorted(charges):
        held = amount(charges[key])
        parts += (key, bytes((len(held),)), held)
    return b"".join(parts)


def unpack_charges(packed: bytes) -> dict[bytes, int]:
    """Return what `pack_charges` has packed."""
    charges: dict[bytes, int] = {}
    at = 0
    while at < len(packed):
        start = at + 33
        end = start + packed[start - 1]
        charges[packed[at : at + 32]] = int.from_bytes(packed[start:end], "big")
        at = end
    return charges
