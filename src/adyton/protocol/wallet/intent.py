"""What a wallet is asked to sign: one of four things, for one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.typed_data import TypedData

TRANSACTION: Final = "transaction"
CANCEL: Final = "cancel"
MESSAGE: Final = "message"
TYPED_DATA: Final = "typedData"
METHODS: Final = (TRANSACTION, CANCEL, MESSAGE, TYPED_DATA)


@dataclass(frozen=True, slots=True)
class Intent:
    """Something to be signed, read strictly, its nonce chosen.

    Attributes:
        method: one of `METHODS`.
        account: whose key signs, 20 bytes.
        transaction: of the methods `transaction` and `cancel`; a cancel replaces an earlier nonce by a transaction of
            value 0 and without data to the account itself.
        message: of the method `message` (EIP-191).
        typed: of the method `typedData` (EIP-712).
    """

    method: str
    account: bytes
    transaction: Transaction | None = None
    message: bytes | None = None
    typed: TypedData | None = None
