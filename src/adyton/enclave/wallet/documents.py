"""What a client asks to be signed, out of the JSON that it wrote; read here, where it is signed."""

from __future__ import annotations

from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import UsageError
from adyton.enclave.wallet.book import Book
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.messages import read_message
from adyton.protocol.ethereum.quantities import read_integer, read_object, refused
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.wallet.article import article_fields
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, Intent
from adyton.protocol.wallet.requests import ARTICLE, Sign

_PATH: Final = "transaction"
_TRANSFER_GAS: Final = 21_000
_DEPTH: Final = 40


def read_intent(asked: Sign, book: Book) -> Intent:
    """Return what is to be signed, its nonce chosen where the document leaves it open.

    Trust: the document is an authenticated client's.

    Raises:
        UsageError: the document is not what the method takes; the text names the field.
        MalformedError: not JSON, or too large.
    """
    if asked.profile == ARTICLE:
        if asked.method != TRANSACTION:
            raise UsageError("bad_argument", "the article's profile has transactions alone")
        fields = article_fields(asked.document)
    else:
        fields = strict_json.read(asked.document, most=limits.WALLET_DOCUMENT, depth=_DEPTH)
    if asked.method == MESSAGE:
        message = read_object(fields, "document", ("message",))
        if "message" not in message:
            raise refused("document", "lacks 'message'")
        return Intent(asked.method, asked.account, message=read_message(message["message"]))
    if asked.method in (TRANSACTION, CANCEL):
        return _transaction(asked, fields, book)
    return Intent(asked.method, asked.account, typed=read_typed_data(fields))


def _transaction(asked: Sign, value: Any, book: Book) -> Intent:
    if type(value) is not dict:
        raise refused(_PATH, "must be an object")
    fields = dict(value)
    if "from" in fields and read_address(fields.pop("from"), f"{_PATH}.from") != asked.account:
        raise refused(f"{_PATH}.from", "is another account than the one that is asked to sign")
    if asked.method == CANCEL:
        _fill_cancel(asked.account, fields)
    elif fields.get("nonce") is None and "chainId" in fields:
        chain_id = read_integer(fields["chainId"], f"{_PATH}.chainId", 1, limits.UINT_MAX)
        fields["nonce"] = book.next_nonce(asked.account, chain_id)
        fields["chainId"] = chain_id
    transaction = read_transaction(fields, _PATH)
    for name, number in (("chainId", transaction.chain_id), ("nonce", transaction.nonce)):
        if number >= limits.UINT_MAX:
            raise refused(f"{_PATH}.{name}", "is over 2^63 - 2, which no wallet here counts to")
    return Intent(asked.method, asked.account, transaction=transaction)


def _fill_cancel(account: bytes, fields: dict[str, Any]) -> None:
    for name in ("to", "value", "data", "input", "accessList"):
        if name in fields:
            raise refused(f"{_PATH}.{name}", "is not for a cancel: it sends nothing to nobody")
    if fields.get("nonce") is None:
        raise refused(_PATH, "lacks 'nonce': that of the transaction to cancel")
    fields["to"] = checksummed(account)
    if "gas" not in fields and "gasLimit" not in fields:
        fields["gas"] = _TRANSFER_GAS
