"""Transactions out of bytes: the signed form of the network, and the unsigned form that is hashed."""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.ethereum.address import SIZE
from adyton.protocol.ethereum.rlp import Item, decode, decode_integer
from adyton.protocol.ethereum.signature import Signature
from adyton.protocol.ethereum.transaction import (
    DYNAMIC_FEE,
    LEGACY,
    AccessList,
    SignedTransaction,
    Transaction,
    join,
    require_type,
)

_LEGACY_FIELDS: Final = ("nonce", "gasPrice", "gas", "to", "value", "data")
_FIELDS: Final = {
    LEGACY: (*_LEGACY_FIELDS, "v", "r", "s"),
    1: ("chainId", *_LEGACY_FIELDS, "accessList"),
    DYNAMIC_FEE: (
        *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas"),
        *("gas", "to", "value", "data", "accessList"),
    ),
}
_SIGNATURE: Final = ("yParity", "r", "s")


def decode_signed(unverified: bytes) -> SignedTransaction:
    """Return the signed transaction that these bytes are the one encoding of, and who has signed it.

    Trust: the bytes are anybody's. The sender is who can have made the signature, nothing more.

    Raises:
        MalformedError: no transaction, a type that is not carried, or a field outside of its range.
        VerificationError: `bad_signature`, no key can have made its signature.
    """
    kind, fields = _read(unverified, signed=True)
    if kind == LEGACY:
        v = decode_integer(fields["v"], "v")
        if v in (27, 28):
            raise MalformedError(
                "malformed", "v is 27 or 28: no chain id (EIP-155); sign it for one chain"
            )
        if v < 35:
            raise MalformedError("malformed", "v is not twice a chain id and 35 or 36 (EIP-155)")
        chain_id, parity = divmod(v - 35, 2)
    else:
        chain_id = decode_integer(fields["chainId"], "chainId")
        parity = decode_integer(fields["yParity"], "yParity")
    signature = Signature(
        decode_integer(fields["r"], "r"), decode_integer(fields["s"], "s"), parity
    )
    return join(_transaction(kind, chain_id, fields), signature)


def decode_unsigned(unverified: bytes) -> Transaction:
    """Return the transaction that these bytes are the unsigned form of.

    Raises:
        MalformedError: no transaction, a type that is not carried, or a field outside of its range.
    """
    kind, fields = _read(unverified, signed=False)
    if kind != LEGACY:
        return _transaction(kind, decode_integer(fields["chainId"], "chainId"), fields)
    if fields["r"] != b"" or fields["s"] != b"":
        raise MalformedError("malformed", "an unsigned legacy transaction ends in chainId, 0, 0")
    return _transaction(kind, decode_integer(fields["v"], "chainId"), fields)


def _read(unverified: bytes, *, signed: bool) -> tuple[int, dict[str, Item]]:
    if len(unverified) > limits.ETHEREUM_TRANSACTION:
        raise MalformedError("too_large", f"over {limits.ETHEREUM_TRANSACTION} bytes")
    if not unverified:
        raise MalformedError("malformed", "a transaction of no bytes")
    head = unverified[0]
    if head == LEGACY:
        raise MalformedError(
            "malformed", "a legacy transaction has no type byte; it begins as a list"
        )
    if head < 0xC0:
        try:
            require_type(head)
        except UsageError as problem:
            raise MalformedError("malformed", problem.message) from None
        kind, item = head, decode(unverified[1:])
    else:
        kind, item = LEGACY, decode(unverified)
    names = _FIELDS[kind] + (_SIGNATURE if signed and kind != LEGACY else ())
    if kind == LEGACY and isinstance(item, list) and len(item) == len(_LEGACY_FIELDS):
        raise MalformedError(
            "malformed", "no chain id (EIP-155); a legacy transaction has nine fields"
        )
    if not isinstance(item, list) or len(item) != len(names):
        raise MalformedError("malformed", f"type {kind} is a list of {len(names)} fields")
    return kind, dict(zip(names, item, strict=True))


def _transaction(kind: int, chain_id: int, fields: dict[str, Item]) -> Transaction:
    def integer(name: str) -> int:
        return decode_integer(fields[name], name)

    to = _bytes(fields["to"], "to")
    if len(to) not in (0, SIZE):
        raise MalformedError("malformed", f"to is {len(to)} bytes; an address has 20")
    try:
        return Transaction(
            kind=kind,
            chain_id=chain_id,
            nonce=integer("nonce"),
            gas=integer("gas"),
            to=to or None,
            value=integer("value"),
            data=_bytes(fields["data"], "data"),
            max_fee=integer("maxFeePerGas" if kind == DYNAMIC_FEE else "gasPrice"),
            tip=integer("maxPriorityFeePerGas") if kind == DYNAMIC_FEE else None,
            access_list=() if kind == LEGACY else _access_list(fields["accessList"]),
        )
    except UsageError as problem:
        raise MalformedError("malformed", problem.message) from None


def _access_list(item: Item) -> AccessList:
    if not isinstance(item, list):
        raise MalformedError("malformed", "accessList is not a list")
    return tuple(_access(entry) for entry in item)


def _access(entry: Item) -> tuple[bytes, tuple[bytes, ...]]:
    if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[1], list):
        raise MalformedError("malformed", "accessList: an entry is an address and a list of keys")
    keys = tuple(_bytes(key, "accessList: a key") for key in entry[1])
    return _bytes(entry[0], "accessList: an address"), keys


def _bytes(item: Item, path: str) -> bytes:
    if not isinstance(item, bytes):
        raise MalformedError("malformed", f"{path} is a list, not a byte string")
    return item
