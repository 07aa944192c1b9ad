"""What the state holds of wallets beside the messages that clients see."""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.fields import AtMost, Exactly
from adyton.core.schema import Bytes32, Message, Uint, message
from adyton.protocol.wallet.answers import AuditEntry
from adyton.protocol.wallet.requests import Amount


@message("wallet-signed-entry/1", max_bytes=12 * limits.KIB)
class SignedEntry(Message):
    """The audit entry of a transaction that was signed, and what has to be known of it if its nonce is asked for again.

    Attributes:
        entry: names who asked, account, chain, nonce and what is signed.
        signature: r, s and v.
        max_fee: of one gas; a replacement must pay a tenth more.
        tip: likewise; the price of gas for types without one.
        charges: what it holds of each limit, meter beside amount, so that a replacement is charged for the rest.
    """

    entry: AuditEntry
    signature: Annotated[bytes, Exactly(65)]
    max_fee: Amount
    tip: Amount
    charges: Annotated[tuple[tuple[Bytes32, Amount], ...], AtMost(64)]


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
