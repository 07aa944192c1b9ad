"""What a program leaves out of a transaction: chain, type, gas and fees. Never the nonce, which is the enclave's.

Trust: the node answers what is asked here, and it may lie. A lie about gas or fees ends at the caps; one that makes
them too low makes a transaction that is not mined, and can be replaced; one about the balance makes a refusal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from adyton.client.rpc.caps import ETHER, Caps, shown
from adyton.client.rpc.fees import base_fee, dynamic_fees, legacy_price
from adyton.client.rpc.jsonrpc import SERVER, RpcError
from adyton.client.rpc.node import Node
from adyton.core.errors import PolicyError, UsageError, VerificationError
from adyton.protocol.ethereum.address import checksummed, read_address
from adyton.protocol.ethereum.gas import require_gas
from adyton.protocol.ethereum.quantities import read_integer, refused
from adyton.protocol.ethereum.transaction import (
    ACCESS_LIST,
    CHAIN_ID_MAX,
    DYNAMIC_FEE,
    GAS_MAX,
    LEGACY,
    NONCE_MAX,
    WEI_MAX,
    Transaction,
    require_type,
)
from adyton.protocol.ethereum.transaction_json import read_transaction, write_transaction

_PATH: Final = "transaction"
_DYNAMIC: Final = ("maxFeePerGas", "maxPriorityFeePerGas")


@dataclass(frozen=True, slots=True)
class Filled:
    """A transaction in which nothing is left out but the nonce.

    Attributes:
        account: whose, 20 bytes.
        transaction: it; its nonce is 0 where `nonce` is None.
        nonce: that the program gave, or None.
    """

    account: bytes
    transaction: Transaction
    nonce: int | None

    @property
    def document(self) -> dict[str, Any]:
        """What the signer is asked to sign."""
        written = write_transaction(self.transaction)
        if self.nonce is None:
            del written["nonce"]
        return written


def sender_of(request: Any) -> bytes:
    """Return the account that a transaction is to be sent from, 20 bytes.

    Raises:
        UsageError: not an object, or without `from`.
    """
    if type(request) is not dict:
        raise refused(_PATH, "must be an object")
    if request.get("from") is None:
        raise refused(_PATH, "lacks 'from'; eth_accounts lists who can pay")
    return read_address(request["from"], f"{_PATH}.from", unchecked_case=True)


def fill(request: dict[str, Any], chain_id: int, node: Node, caps: Caps) -> Filled:
    """Return a program's transaction with what was left out of it.

    Args:
        request: in JSON-RPC's words; members that are null count as left out.
        chain_id: the pinned one.
        node: asked for gas, fees and balance.
        caps: that the result stays within.

    Raises:
        UsageError: it is no transaction. PolicyError: `payment_refused`, over the caps.
        RpcError: the account's balance is too low. Else as `Node.call`.
    """
    account = sender_of(request)
    fields = {name: value for name, value in request.items() if value is not None}
    del fields["from"]
    _settle_chain(fields, chain_id)
    nonce = None
    if "nonce" in fields:
        nonce = read_integer(fields["nonce"], f"{_PATH}.nonce", 0, NONCE_MAX)
    fields.setdefault("nonce", "0x0")
    _settle_receiver(fields)
    _settle_fees(fields, node, caps)
    gas_given = "gas" in fields or "gasLimit" in fields
    if not gas_given:
        # Checked as a whole before the node is asked: it says less well what is wrong.
        checked = read_transaction({**fields, "gas": "0x0"}, _PATH)
        fields["gas"] = hex(_estimate(checked, account, node, caps))
    transaction = read_transaction(fields, _PATH)
    caps.require(transaction)
    _require_enough_gas(transaction, gas_given)
    _require_balance(transaction, account, node)
    return Filled(account, transaction, nonce)


def _settle_chain(fields: dict[str, Any], chain_id: int) -> None:
    given = fields.setdefault("chainId", hex(chain_id))
    if read_integer(given, f"{_PATH}.chainId", 1, CHAIN_ID_MAX) != chain_id:
        raise UsageError("wrong_chain", f"{_PATH}.chainId is not {chain_id}, which is pinned here")


def _settle_receiver(fields: dict[str, Any]) -> None:
    if "to" not in fields:
        if fields.get("data", fields.get("input", "0x")) in ("0x", ""):
            raise refused(_PATH, "has neither 'to' nor 'data': whom to pay, or what to make")
        fields["to"] = None
    else:
        fields["to"] = _address(fields["to"], f"{_PATH}.to")
    for name in ("data", "input"):
        if fields.get(name) == "":
            del fields[name]
    entries = fields.get("accessList")
    if type(entries) is list:
        fields["accessList"] = [
            {**entry, "address": _address(entry.get("address"), f"{_PATH}.accessList.address")}
            if type(entry) is dict
            else entry
            for entry in entries
        ]


def _address(value: Any, path: str) -> str:
    # Programs write addresses in lowercase: a wrong checksum is refused, none at all is not.
    return checksummed(read_address(value, path, unchecked_case=True))


def _settle_fees(fields: dict[str, Any], node: Node, caps: Caps) -> None:
    dynamic = any(name in fields for name in _DYNAMIC)
    if "type" in fields:
        kind = read_integer(fields["type"], f"{_PATH}.type", 0, 127)
        require_type(kind)
    elif "gasPrice" in fields:
        # With both kinds of fees, the reader of transactions says so.
        if dynamic:
            return
        kind = ACCESS_LIST if "accessList" in fields else LEGACY
    else:
        kind = DYNAMIC_FEE
    if kind == DYNAMIC_FEE:
        kind = _settle_dynamic(fields, node, caps, dynamic)
    if kind != DYNAMIC_FEE and "gasPrice" not in fields and not dynamic:
        fields["gasPrice"] = hex(legacy_price(node, caps))
    fields["type"] = hex(kind)


def _settle_dynamic(fields: dict[str, Any], node: Node, caps: Caps, dynamic: bool) -> int:
    if all(name in fields for name in _DYNAMIC) or "gasPrice" in fields:
        return DYNAMIC_FEE
    base = base_fee(node)
    if base is None:
        if dynamic or "type" in fields:
            raise refused(_PATH, "is of type 2, but the node's chain has no base fee; use gasPrice")
        return ACCESS_LIST if "accessList" in fields else LEGACY
    max_fee, tip = (
        read_integer(fields[name], f"{_PATH}.{name}", 0, WEI_MAX) if name in fields else None
        for name in _DYNAMIC
    )
    max_fee, tip = dynamic_fees(node, caps, base, max_fee, tip)
    fields["maxFeePerGas"], fields["maxPriorityFeePerGas"] = hex(max_fee), hex(tip)
    return DYNAMIC_FEE


def _estimate(transaction: Transaction, account: bytes, node: Node, caps: Caps) -> int:
    written = write_transaction(transaction)
    asked = {
        name: written[name]
        for name in ("to", "value", "data", "accessList")
        if written.get(name) not in (None, [])
    }
    gas = node.quantity("eth_estimateGas", [{"from": checksummed(account), **asked}], GAS_MAX)
    try:
        caps.require_gas(gas)
    except PolicyError as problem:
        raise PolicyError(problem.code, f"the node says that {problem.message}") from None
    return gas


def _require_enough_gas(transaction: Transaction, gas_given: bool) -> None:
    try:
        # The floor for calldata is a rule of some chains alone; where it holds, the node estimates by it.
        require_gas(transaction, floor=False)
    except UsageError as problem:
        if gas_given:
            raise
        text = f"the node's estimate cannot be: {problem.message}"
        raise VerificationError("answer_invalid", text) from None


def _require_balance(transaction: Transaction, account: bytes, node: Node) -> None:
    # A signed transaction that nobody can pay for holds up all that come after it.
    balance = node.quantity("eth_getBalance", [checksummed(account), "latest"], WEI_MAX)
    if balance < transaction.max_cost:
        raise RpcError(
            SERVER,
            f"insufficient funds for gas * price + value: {checksummed(account)} has "
            f"{shown(balance, ETHER)} ether, it takes up to {shown(transaction.max_cost, ETHER)}",
            {"code": "payment_refused"},
            code="payment_refused",
        )
