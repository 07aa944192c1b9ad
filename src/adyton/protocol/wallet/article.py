"""Transactions in the form of a published example of 2018: JSON whose values are bare hex.

    {"nonce": "00", "gasPrice": "01", "gasLimit": "0186a0", "to": "f125…2a34", "value": "0401",
     "data": "fe3d61b7cd6eff03698c0303b056e0fe3116206e", "chainId": "04"}

Devices in the field write it, and whoever guesses is trapped: `value` is 1025 wei and not 401, and `data` is text,
whose UTF-8 is the calldata: forty characters are forty bytes, though they look like the hex of twenty. So nothing is
guessed here. Every value is a string, every number is hex without `0x`, and only this profile reads it so.
"""

from __future__ import annotations

import re
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import SIZE, checksummed
from adyton.protocol.ethereum.quantities import read_object, read_text, refused
from adyton.protocol.ethereum.transaction import LEGACY, Transaction
from adyton.protocol.ethereum.transaction_json import read_transaction

_PATH: Final = "transaction"
_DEPTH: Final = 1
_NUMBERS: Final = ("nonce", "gasPrice", "gas", "value", "chainId")
_REQUIRED: Final = ("gasPrice", "gas", "to", "chainId")
_KNOWN: Final = (*_NUMBERS, "gasLimit", "to", "data")
_NUMBER: Final = re.compile(r"[0-9a-fA-F]{1,64}")
_ADDRESS: Final = re.compile(r"[0-9a-fA-F]{40}")


def article_fields(document: bytes) -> dict[str, Any]:
    """Return the document's fields as `read_transaction` takes them; without `nonce` where it has none.

    Trust: the document is whoever's asks for a signature.

    Args:
        document: JSON, UTF-8.

    Raises:
        UsageError: a field is missing, unknown or not in this form; the text names it.
        MalformedError: not JSON, a member twice, or over `limits.WALLET_DOCUMENT`.
    """
    said = strict_json.read(document, most=limits.WALLET_DOCUMENT, depth=_DEPTH)
    fields = dict(read_object(said, _PATH, _KNOWN))
    if "gasLimit" in fields:
        if "gas" in fields:
            raise refused(_PATH, "has 'gas' and 'gasLimit'; they mean the same, give one")
        fields["gas"] = fields.pop("gasLimit")
    for name in _REQUIRED:
        if name not in fields:
            raise refused(_PATH, f"lacks {name!r}")
    made: dict[str, Any] = {"type": LEGACY, "to": _address(fields["to"])}
    for name in _NUMBERS:
        if name in fields:
            made[name] = _number(fields[name], f"{_PATH}.{name}")
    if "data" in fields:
        text = read_text(fields["data"], f"{_PATH}.data")
        made["data"] = "0x" + text.encode().hex()
    return made


def read_article(document: bytes) -> Transaction:
    """Return the legacy transaction that a document describes, which says its nonce.

    Raises:
        UsageError: as `article_fields`, or a value is outside of its range.
        MalformedError: as `article_fields`.
    """
    return read_transaction(article_fields(document), _PATH)


def _number(value: Any, path: str) -> int:
    if type(value) is not str:
        raise refused(path, 'must be a string of bare hex in this profile: 1025 is "0401"')
    if value.startswith("0x"):
        raise refused(path, "begins with 0x; this profile has bare hex, the other one JSON-RPC's")
    if not _NUMBER.fullmatch(value):
        raise refused(path, "must be 1 to 64 hex digits")
    return int(value, 16)


def _address(value: Any) -> str:
    """Return an address with its checksum; without one it is taken here, since the example has none."""
    path = f"{_PATH}.to"
    if type(value) is not str or not _ADDRESS.fullmatch(value):
        if type(value) is str and value.startswith("0x"):
            raise refused(
                path, "begins with 0x; this profile has bare hex, the other one JSON-RPC's"
            )
        raise refused(path, f"must be an address: {2 * SIZE} hex digits")
    right = checksummed(bytes.fromhex(value))
    if value not in (value.lower(), right.removeprefix("0x")):
        what = "is all uppercase" if value == value.upper() else "has a wrong checksum (EIP-55)"
        raise UsageError(
            "bad_argument", f"{path} {what}; write it in lowercase or with its checksum"
        )
    return right
