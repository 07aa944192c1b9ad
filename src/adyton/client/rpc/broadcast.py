"""Signed transactions on their way to the chain: the same bytes again until the node has them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Final

from adyton.client.rpc.jsonrpc import SERVER, RpcError
from adyton.client.rpc.node import Node, NodeError
from adyton.core.errors import Error, UnavailableError
from adyton.protocol.ethereum.transaction import SignedTransaction

_log = logging.getLogger("adyton.rpc")
_PAUSES_S: Final = (0.1, 0.3, 1.0, 2.0)
# What nodes say of a transaction that they have: geth and erigon, anvil, nethermind, besu, openethereum.
_KNOWN: Final = re.compile(r"already ?known|already imported|known transaction|already in", re.I)
_LOW: Final = re.compile(r"nonce.{0,20}too low|nonce too low|old ?nonce|nonce is lower", re.I)
_GAP: Final = re.compile(r"nonce.{0,20}too high|nonce ?gap|nonce is higher", re.I)


class Broadcaster:
    """Sends signed transactions to a node.

    Args:
        node: which.
        wait: waits so many seconds between attempts; True where there is to be no other one.
    """

    def __init__(self, node: Node, wait: Callable[[float], bool | None] = time.sleep) -> None:
        self._node = node
        self._wait = wait

    def send(self, signed: SignedTransaction) -> None:
        """Send it, again where there is no answer; that the node has it already is success.

        Raises:
            RpcError: the node does not take it, or does not answer; the transaction stays valid.
        """
        problem: Error | None = None
        for pause in (0.0, *_PAUSES_S):
            if self._wait(pause):
                break
            try:
                self.send_once(signed)
                return
            except UnavailableError as silent:
                problem = silent
            except NodeError as refusal:
                problem = refusal
                # Another one of this account may be on its way still.
                if not _GAP.search(refusal.message):
                    break
            except Error as wrong:
                problem = wrong
                break
        raise _kept(signed, problem)

    def send_once(self, signed: SignedTransaction) -> None:
        """Send it once.

        Raises:
            NodeError: the node does not take it. Else as `Node.call`.
        """
        try:
            told = self._node.call("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
        except NodeError as refusal:
            if _KNOWN.search(refusal.message):
                return
            if is_too_low(refusal) and self.is_mined(signed):
                return
            raise
        if told != "0x" + signed.hash.hex():
            # The hash is a function of the bytes: what the node calls it changes nothing.
            _log.warning("the node names another hash than 0x%s", signed.hash.hex())

    def is_mined(self, signed: SignedTransaction) -> bool:
        """Tell whether the node says that a block has it."""
        receipt = self._node.call("eth_getTransactionReceipt", ["0x" + signed.hash.hex()])
        return type(receipt) is dict and receipt.get("blockNumber") is not None

    def is_known(self, signed: SignedTransaction) -> bool:
        """Tell whether the node says that it has it."""
        return self._node.call("eth_getTransactionByHash", ["0x" + signed.hash.hex()]) is not None


def is_too_low(problem: Error) -> bool:
    """Tell whether a node says that the nonce is used already."""
    return isinstance(problem, NodeError) and _LOW.search(problem.message) is not None


def _kept(signed: SignedTransaction, problem: Error | None) -> RpcError:
    nonce, name = signed.transaction.nonce, "0x" + signed.hash.hex()
    said = "no answer" if problem is None else problem.message
    data: dict[str, Any] = {
        "code": "node_refused" if problem is None else problem.code,
        "signed": True,
        "hash": name,
        "nonce": hex(nonce),
    }
    return RpcError(
        SERVER,
        f"signed as {name} with nonce {nonce}, but not broadcast: {said}; it is kept and sent again, "
        "so do not pay a second time; later nonces wait for it",
        data,
        code=str(data["code"]),
    )
