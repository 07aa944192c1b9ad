"""Transactions out of JSON, in the words of Ethereum's JSON-RPC.

Everything that is signed must be said: nonce, gas, fees, chain id, and `to` (null makes a contract). Only `value` and
`data` may be left out, for nothing. `gasLimit` and `input` are other words for `gas` and `data`; both must be the same.
Without `type` the fees say which it is. Who signs (`from`) is not part of a transaction; its reader takes that out.
"""

from __future__ import annotations

from typing import Any, Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.quantities import (
    read_data,
    read_integer,
    read_list,
    read_object,
    refused,
)
from adyton.protocol.ethereum.transaction import (
    ACCESS_LIST,
    CHAIN_ID_MAX,
    DYNAMIC_FEE,
    GAS_MAX,
    LEGACY,
    NONCE_MAX,
    WEI_MAX,
    AccessList,
    Transaction,
    require_type,
)

_ALIASES: Final = {"gasLimit": "gas", "input": "data"}
_COMMON: Final = ("type", "chainId", "nonce", "gas", "to", "value", "data")
_FEES: Final = {
    LEGACY: ("gasPrice",),
    ACCESS_LIST: ("gasPrice", "accessList"),
    DYNAMIC_FEE: ("maxFeePerGas", "maxPriorityFeePerGas", "accessList"),
}
# Fields that only types have that are not carried.
_FOREIGN: Final = {
    "maxFeePerBlobGas": 3,
    "blobVersionedHashes": 3,
    "blobs": 3,
    "authorizationList": 4,
}
_KNOWN: Final = frozenset(
    (
        *_COMMON,
        *("gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "accessList"),
        *_ALIASES,
        *_FOREIGN,
    )
)
# Those that a transaction of each type may have, and those that it must have.
_ALLOWED: Final = {kind: frozenset((*_COMMON, *_FEES[kind])) for kind in _FEES}
_NEEDED: Final = {
    kind: tuple(name for name in (*_COMMON[1:5], *fees) if name != "accessList")
    for kind, fees in _FEES.items()
}
_ENTRIES: Final = limits.ETHEREUM_TRANSACTION // 22
_KEYS: Final = limits.ETHEREUM_TRANSACTION // 33


def read_transaction(value: Any, path: str = "transaction") -> Transaction:
    """Return the transaction that a JSON object describes.

    Args:
        value: parsed JSON; duplicate keys were refused by its parser.
        path: where it stands, for error texts.

    Raises:
        UsageError: a field is missing, unknown, of another type of transaction, or outside of its range.
    """
    fields = _renamed(read_object(value, path, _KNOWN), path)
    kind = _kind(fields, path)
    allowed = _ALLOWED[kind]
    if not allowed.issuperset(fields):
        name = next(name for name in fields if name not in allowed)
        raise refused(f"{path}.{name}", f"is not for transactions of type {kind}; leave it out")
    for name in _NEEDED[kind]:
        if name not in fields:
            raise refused(path, f"lacks {name!r}{_hint(name)}")

    fee, tip = (
        ("maxFeePerGas", "maxPriorityFeePerGas") if kind == DYNAMIC_FEE else ("gasPrice", None)
    )
    to = fields["to"]
    try:
        return Transaction(
            kind=kind,
            chain_id=read_integer(fields["chainId"], f"{path}.chainId", 1, CHAIN_ID_MAX),
            nonce=read_integer(fields["nonce"], f"{path}.nonce", 0, NONCE_MAX),
            gas=read_integer(fields["gas"], f"{path}.gas", 0, GAS_MAX),
            to=None if to is None else read_address(to, f"{path}.to"),
            value=(
                read_integer(fields["value"], f"{path}.value", 0, WEI_MAX)
                if "value" in fields
                else 0
            ),
            data=(
                read_data(fields["data"], f"{path}.data", limits.ETHEREUM_TRANSACTION)
                if "data" in fields
                else b""
            ),
            max_fee=read_integer(fields[fee], f"{path}.{fee}", 0, WEI_MAX),
            tip=None if tip is None else read_integer(fields[tip], f"{path}.{tip}", 0, WEI_MAX),
            access_list=(
                _access_list(fields["accessList"], f"{path}.accessList")
                if "accessList" in fields
                else ()
            ),
        )
    except UsageError as problem:
        if problem.message.startswith(path):
            raise
        raise UsageError(problem.code, f"{path}.{problem.message}") from None


def write_transaction(transaction: Transaction) -> dict[str, Any]:
    """Return the JSON object that `read_transaction` reads, with hex quantities as JSON-RPC has them."""
    fields: dict[str, Any] = {
        "type": hex(transaction.kind),
        "chainId": hex(transaction.chain_id),
        "nonce": hex(transaction.nonce),
        "gas": hex(transaction.gas),
        "to": None if transaction.to is None else checksummed(transaction.to),
        "value": hex(transaction.value),
        "data": "0x" + transaction.data.hex(),
    }
    if transaction.tip is None:
        fields["gasPrice"] = hex(transaction.max_fee)
    else:
        fields["maxFeePerGas"] = hex(transaction.max_fee)
        fields["maxPriorityFeePerGas"] = hex(transaction.tip)
    if transaction.kind != LEGACY:
        fields["accessList"] = [
            {"address": checksummed(address), "storageKeys": ["0x" + key.hex() for key in keys]}
            for address, keys in transaction.access_list
        ]
    return fields


def _renamed(fields: dict[str, Any], path: str) -> dict[str, Any]:
    if _ALIASES.keys().isdisjoint(fields):
        return fields
    for alias, name in _ALIASES.items():
        if alias not in fields or name not in fields:
            continue
        one, other = fields[name], fields[alias]
        if type(one) is not type(other) or one != other:
            raise refused(path, f"has {name!r} and another {alias!r}; they mean the same, give one")
    return {_ALIASES.get(name, name): value for name, value in fields.items()}


def _kind(fields: dict[str, Any], path: str) -> int:
    if not _FOREIGN.keys().isdisjoint(fields):
        require_type(next(kind for name, kind in _FOREIGN.items() if name in fields))
    if "type" in fields:
        kind = read_integer(fields["type"], f"{path}.type", 0, 127)
        require_type(kind)
        return kind
    dynamic = "maxFeePerGas" in fields or "maxPriorityFeePerGas" in fields
    if dynamic and "gasPrice" in fields:
        raise refused(path, "has 'gasPrice' and 'maxFeePerGas'; give the fees of one type")
    if dynamic:
        return DYNAMIC_FEE
    if "gasPrice" not in fields:
        raise refused(path, "has no fee: give 'maxFeePerGas' and 'maxPriorityFeePerGas' (type 2)")
    return ACCESS_LIST if "accessList" in fields else LEGACY


def _hint(name: str) -> str:
    hints = {
        "chainId": ": without it a transaction could be replayed on every chain",
        "to": "; give an address, or null to make a contract",
    }
    return hints.get(name, "")


def _access_list(value: Any, path: str) -> AccessList:
    return tuple(
        _access(entry, f"{path}[{at}]") for at, entry in enumerate(read_list(value, path, _ENTRIES))
    )


def _access(value: Any, path: str) -> tuple[bytes, tuple[bytes, ...]]:
    entry = read_object(value, path, ("address", "storageKeys"))
    for name in ("address", "storageKeys"):
        if name not in entry:
            raise refused(path, f"lacks {name!r}")
    keys = read_list(entry["storageKeys"], f"{path}.storageKeys", _KEYS)
    return read_address(entry["address"], f"{path}.address"), tuple(
        read_data(key, f"{path}.storageKeys[{at}]", 32, exactly=32) for at, key in enumerate(keys)
    )
