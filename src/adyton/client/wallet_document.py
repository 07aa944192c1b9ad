"""What a wallet is asked to sign, as the client reads it itself: to compare, and to say it in words.

The enclave reads the same document again; what it signs is held against what is read here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.messages import read_message
from adyton.protocol.ethereum.quantities import read_integer, read_object, read_text, refused
from adyton.protocol.ethereum.transaction import NONCE_MAX, Transaction
from adyton.protocol.ethereum.transaction_json import read_transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, TYPED_DATA, Intent
from adyton.protocol.wallet.requests import ARTICLE, Sign

_HEX: Final = re.compile(r"[0-9a-fA-F]{1,64}")
_ADDRESS: Final = re.compile(r"(0x)?[0-9a-fA-F]{40}")
_ARTICLE_NAMES: Final = {"gasLimit": "gas"}


def encode_document(document: Mapping[str, Any] | str | bytes) -> bytes:
    """Return a document as it is sent: JSON in UTF-8.

    Args:
        document: its members by name, or JSON as it is.

    Raises:
        UsageError: not JSON, or too large.
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
        UsageError: it is none, a name occurs twice in it, or a number is not an integer.
    """

    def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            raise UsageError("bad_argument", f"{what}: a name occurs twice in one object")
        return made

    def whole(_: str) -> Any:
        raise UsageError(
            "bad_argument",
            f"{what} has a number that is not whole; give integers of the smallest unit (wei)",
        )

    try:
        value = json.loads(
            encoded.decode(),
            object_pairs_hook=once_each,
            parse_float=whole,
            parse_constant=whole,
        )
    except (ValueError, RecursionError):
        raise UsageError("bad_argument", f"{what} is not JSON in UTF-8") from None
    if type(value) is not dict:
        raise UsageError("bad_argument", f"{what} is not a JSON object")
    return value


def read_asked(asked: Sign, nonce: int = 0) -> Intent:
    """Return what a request asks to have signed.

    Args:
        asked: the request.
        nonce: of the transaction, where the document leaves it to the wallet.

    Raises:
        UsageError: the document does not say one thing.
    """
    document = parse_object(asked.document)
    if asked.method == MESSAGE:
        read_object(document, "document", ("message",))
        if "message" not in document:
            raise refused("document", "lacks 'message'")
        return Intent(MESSAGE, asked.account, message=read_message(document["message"]))
    if asked.method == TYPED_DATA:
        return Intent(TYPED_DATA, asked.account, typed=read_typed_data(document))
    if asked.profile == ARTICLE:
        document = _of_article(document)
    sender = document.pop("from", None)
    if sender is not None and read_address(sender, "transaction.from") != asked.account:
        raise refused("transaction.from", "is another account than the one that is to sign")
    document.setdefault("nonce", nonce)
    if asked.method == CANCEL:
        document = _cancelling(document, asked.account)
    return Intent(asked.method, asked.account, transaction=read_transaction(document))


def chosen_nonce(asked: Sign) -> int | None:
    """Return the nonce that a document names; None where the wallet chooses.

    Raises:
        UsageError: no nonce.
    """
    if asked.method not in (TRANSACTION, CANCEL):
        return None
    document = parse_object(asked.document)
    if asked.profile == ARTICLE:
        document = _of_article(document)
    if "nonce" not in document:
        return None
    return read_integer(document["nonce"], "transaction.nonce", 0, NONCE_MAX)


def require_same(asked: Transaction, got: Transaction) -> None:
    """Refuse a transaction that differs from the one that was asked for.

    Raises:
        UsageError: the text names the first field that differs.
    """
    for name in Transaction.__slots__:
        if getattr(asked, name) != getattr(got, name):
            raise UsageError("bad_argument", f"{name} is another one")


def _cancelling(document: dict[str, Any], account: bytes) -> dict[str, Any]:
    own = checksummed(account)
    return {"to": own, "value": 0, "gas": 21_000} | document


def _of_article(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of bare hex in JSON-RPC's words: "0401" is 1025, `data` is text."""
    made: dict[str, Any] = {}
    for name, value in document.items():
        path = f"transaction.{name}"
        text = read_text(value, path)
        if name in ("to", "from"):
            if not _ADDRESS.fullmatch(text):
                raise refused(path, "must be an address of 40 hex digits")
            made[name] = checksummed(bytes.fromhex(text.removeprefix("0x")))
        elif name in ("data", "input"):
            made["data"] = "0x" + text.encode().hex()
        elif not _HEX.fullmatch(text):
            raise refused(path, "must be hex digits without 0x: the article writes 1025 as 0401")
        else:
            made[_ARTICLE_NAMES.get(name, name)] = int(text, 16)
    return made
