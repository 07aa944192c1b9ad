"""What a wallet is asked to sign, as the client reads it itself: to compare, and to say it in words.

The enclave reads the same document again; what it signs is held against what is read here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.messages import read_message
from adyton.protocol.ethereum.quantities import read_object, refused
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.wallet.article import article_fields
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TYPED_DATA, Intent
from adyton.protocol.wallet.requests import ARTICLE, Sign

TRANSFER_GAS: Final = 21_000
_PATH: Final = "transaction"
_DEPTH: Final = 40


def encode_document(document: Mapping[str, Any] | str | bytes) -> bytes:
    """Return a document as it is sent: JSON in UTF-8.

    Args:
        document: its members by name, or JSON as it is.

    Raises:
        UsageError: not a JSON object, or too large. MalformedError: not JSON.
    """
    if isinstance(document, Mapping):
        try:
            text = json.dumps(dict(document), ensure_ascii=False, separators=(",", ":"))
            encoded = text.encode()
        except (TypeError, ValueError):
            raise UsageError("bad_argument", "the document is not JSON") from None
    else:
        encoded = document.encode() if isinstance(document, str) else document
    if len(encoded) > limits.WALLET_DOCUMENT:
        raise UsageError("bad_argument", f"the document is over {limits.WALLET_DOCUMENT} bytes")
    parse_object(encoded)
    return encoded


def parse_object(encoded: bytes, what: str = "the document") -> dict[str, Any]:
    """Return the JSON object that a text is.

    Raises:
        MalformedError: not JSON, a name occurs twice in it, or a number is not an integer.
        UsageError: not an object.
    """
    value = strict_json.read(encoded, most=limits.WALLET_DOCUMENT, depth=_DEPTH)
    if type(value) is not dict:
        raise UsageError("bad_argument", f"{what} is not a JSON object")
    return value


def read_asked(asked: Sign, nonce: int = 0) -> Intent:
    """Return what a request asks to have signed.

    Args:
        asked: the request.
        nonce: of the transaction, where the document leaves it to the wallet.

    Raises:
        UsageError: the document does not say one thing; the text names the field. MalformedError: not JSON.
    """
    if asked.method == MESSAGE:
        document = read_object(parse_object(asked.document), "document", ("message",))
        if "message" not in document:
            raise refused("document", "lacks 'message'")
        return Intent(MESSAGE, asked.account, message=read_message(document["message"]))
    if asked.method == TYPED_DATA:
        typed = read_typed_data(parse_object(asked.document))
        return Intent(TYPED_DATA, asked.account, typed=typed)
    fields = _fields(asked)
    sender = fields.pop("from", None)
    if sender is not None and read_address(sender, f"{_PATH}.from") != asked.account:
        raise refused(f"{_PATH}.from", "is another account than the one that is asked to sign")
    if asked.method == CANCEL:
        _fill_cancel(asked.account, fields)
    elif fields.get("nonce") is None:
        fields["nonce"] = nonce
    return Intent(asked.method, asked.account, transaction=read_transaction(fields, _PATH))


def _fields(asked: Sign) -> dict[str, Any]:
    if asked.profile == ARTICLE:
        return article_fields(asked.document)
    return dict(parse_object(asked.document))


def _fill_cancel(account: bytes, fields: dict[str, Any]) -> None:
    for name in ("to", "value", "data", "input", "accessList"):
        if name in fields:
            raise refused(f"{_PATH}.{name}", "is not for a cancel: it sends nothing to nobody")
    if fields.get("nonce") is None:
        raise refused(_PATH, "lacks 'nonce': that of the transaction to cancel")
    fields["to"] = checksummed(account)
    if "gas" not in fields and "gasLimit" not in fields:
        fields["gas"] = TRANSFER_GAS


def require_same(asked: Transaction, got: Transaction) -> None:
    """Refuse a transaction that differs from the one that was asked for.

    Raises:
        UsageError: the text names the first field that differs.
    """
    for name in Transaction.__slots__:
        if getattr(asked, name) != getattr(got, name):
            raise UsageError("bad_argument", f"{name} is another one")
