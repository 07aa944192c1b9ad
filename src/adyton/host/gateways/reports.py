"""What devices hand over to be broadcast, and what they are told of it, in JSON.

`docs/spec/mqtt-events.schema.json` says the same. Numbers that may be large are hex quantities, as in JSON-RPC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_data, read_object, refused
from adyton.protocol.ethereum.transaction import SignedTransaction

VERSION: Final = 1
BROADCAST: Final = "broadcast"
CONFIRMED: Final = "confirmed"
FAILED: Final = "failed"

# Why something failed. After the first four the same transaction may be handed over again.
OVERLOADED: Final = "overloaded"  # too many of this device, or of all, are under way
NODE_FAULT: Final = "node-fault"  # the node contradicts itself, the chain or the transaction
REFUSED: Final = "refused"  # the node does not take it: no funds, too low a fee
NO_CHAIN: Final = "no-chain"  # this gateway broadcasts nothing
MALFORMED: Final = "malformed"
WRONG_CHAIN: Final = "wrong-chain"
REPLACED: Final = "replaced"  # another transaction of the sender has its nonce, and is confirmed
REVERTED: Final = "reverted"  # it is in the chain, has paid its gas, and did nothing else
RETRIED: Final = frozenset((OVERLOADED, NODE_FAULT, REFUSED, NO_CHAIN))

TRANSACTION_ID: Final = 256  # bytes of `data` that are shown as a transaction id
DETAIL: Final = 200
MESSAGE: Final = 2 * limits.ETHEREUM_TRANSACTION + limits.KIB


@dataclass(frozen=True)
class Mined:
    """Where the chain has a transaction, as the node says.

    Attributes:
        block_hash: 32 bytes.
        success: whether it did what it should.
    """

    block: int
    block_hash: bytes
    success: bool
    gas_used: int


def read_handed(unverified: bytes) -> bytes:
    """Return the raw transaction of a message of the form `tx`.

    Trust: a device's message, which came through the broker.

    Raises:
        MalformedError: not JSON. UsageError: not such a message.
    """
    said = strict_json.read(unverified, most=MESSAGE, depth=1)
    fields = read_object(said, "tx", ("v", "raw"))
    if type(fields.get("v")) is not int or fields["v"] != VERSION:
        raise refused("tx.v", f"must be {VERSION}")
    if "raw" not in fields:
        raise refused("tx", "lacks 'raw'")
    return read_data(fields["raw"], "tx.raw", limits.ETHEREUM_TRANSACTION)


def transaction_id(data: bytes) -> str | None:
    """Return the text that a payment is traced by: the calldata, where it is short printable UTF-8."""
    if not 1 <= len(data) <= TRANSACTION_ID:
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def event(
    name: str,
    transaction: SignedTransaction,
    *,
    mined: Mined | None = None,
    confirmations: int = 0,
    reason: str = "",
    detail: str = "",
) -> bytes:
    """Return the event that tells what became of a transaction."""
    inner = transaction.transaction
    said: dict[str, Any] = {
        "v": VERSION,
        "event": name,
        "hash": "0x" + transaction.hash.hex(),
        "chainId": hex(inner.chain_id),
        "from": checksummed(transaction.sender),
        "nonce": hex(inner.nonce),
    }
    text = transaction_id(inner.data)
    if text is not None:
        said["transactionId"] = text
    if mined is not None:
        said["blockNumber"] = hex(mined.block)
        said["blockHash"] = "0x" + mined.block_hash.hex()
        said["status"] = "0x1" if mined.success else "0x0"
        said["gasUsed"] = hex(mined.gas_used)
        said["confirmations"] = confirmations
    return _encoded(said, reason, detail)


def refusal(reason: str, detail: str, hash_: bytes | None = None) -> bytes:
    """Return the event for what was handed over and is not tracked."""
    said: dict[str, Any] = {"v": VERSION, "event": FAILED}
    if hash_ is not None:
        said["hash"] = "0x" + hash_.hex()
    return _encoded(said, reason, detail)


def status(name: str, boot: str, chain: int | None) -> bytes:
    """Return what the retained message of a gateway says.

    Args:
        name: `online` or `offline`.
        boot: differs with each start.
        chain: chain id of what it broadcasts, or None.
    """
    said = {
        "v": VERSION,
        "status": name,
        "boot": boot,
        "chainId": None if chain is None else hex(chain),
    }
    return json.dumps(said).encode()


def printable(text: str) -> str:
    """Return somebody's words without what steers a terminal, cut short."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)[
        :DETAIL
    ]


def _encoded(said: dict[str, Any], reason: str, detail: str) -> bytes:
    if reason:
        said["reason"] = reason
    if detail:
        said["detail"] = printable(detail)
    return json.dumps(said, ensure_ascii=False).encode()


def require_hash(value: Any, what: str) -> bytes:
    """Return 32 bytes out of their hex.

    Raises:
        UsageError: it is no such thing.
    """
    if type(value) is not str:
        raise UsageError("bad_argument", f"{what} is no hash")
    return read_data(value, what, 32, exactly=32)
