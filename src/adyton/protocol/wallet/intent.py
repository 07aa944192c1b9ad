"""What a wallet is asked to sign: one of four things, for one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import SIZE
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.typed_data import TypedData

TRANSACTION: Final = "transaction"
CANCEL: Final = "cancel"
MESSAGE: Final = "message"
TYPED_DATA: Final = "typedData"
METHODS: Final = (TRANSACTION, CANCEL, MESSAGE, TYPED_DATA)
# Which of transaction, message and typed data an intent of each method has.
_PARTS: Final = {
    TRANSACTION: (True, False, False),
    CANCEL: (True, False, False),
    MESSAGE: (False, True, False),
    TYPED_DATA: (False, False, True),
}


@dataclass(frozen=True, slots=True)
class Intent:
    """Something to be signed, read strictly, its nonce chosen.

    Attributes:
        method: one of `METHODS`.
        account: whose key signs, 20 bytes.
        transaction: of the methods `transaction` and `cancel`; a cancel replaces an earlier nonce by a transaction of
            value 0 and without data to the account itself.
        message: of the method `message` (EIP-191).
        typed: of the method `typedData` (EIP-712), made by `read_typed_data`.

    Raises:
        UsageError: the parts are not those of the method.
    """

    method: str
    account: bytes
    transaction: Transaction | None = None
    message: bytes | None = None
    typed: TypedData | None = None

    def __post_init__(self) -> None:
        parts = (self.transaction is not None, self.message is not None, self.typed is not None)
        if len(self.account) != SIZE or parts != _PARTS.get(self.method):
            raise UsageError("bad_argument", "what is to be signed is not of its method")
        if self.method == CANCEL and self.transaction is not None:
            cancelled = self.transaction
            if cancelled.to != self.account or cancelled.value or cancelled.data:
                raise UsageError(
                    "bad_argument",
                    "a cancel sends nothing, without data, to the account itself",
                )
