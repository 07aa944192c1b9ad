"""An Ethereum node, asked over JSON-RPC: its answers are believed as far as they agree with each other, no further."""

from __future__ import annotations

import itertools
import json
from typing import Any, Final

from adyton.core import limits, strict_json
from adyton.core.errors import Error, UnavailableError, VerificationError
from adyton.host.gateways.reports import Mined, printable, require_hash
from adyton.host.gateways.upstream import Upstream
from adyton.protocol.ethereum.quantities import read_integer
from adyton.protocol.ethereum.transaction import SignedTransaction

_ANSWER: Final = 8 * limits.MIB  # a block's list of hashes
_DEPTH: Final = 24
_TIMEOUT_S: Final = 15.0
_COUNT_MAX: Final = 2**64 - 1
_HEADERS: Final = {"Content-Type": "application/json"}
_KNOWN: Final = ("already known", "already imported", "known transaction", "already in mempool")


class RefusedError(Exception):
    """The node answers a call with an error of its own.

    Attributes:
        text: its words, unverified, printable and short.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class EthereumNode:
    """A node of one chain.

    Args:
        url: of its JSON-RPC, http or https.
        chain: the only chain id that is right.

    Every call raises `UnavailableError` when there is no answer, and `VerificationError` (`answer_invalid`) when the
    answer has another form than the method's or contradicts what was asked.
    """

    def __init__(self, url: str, chain: int) -> None:
        self._upstream = Upstream(url, with_path=True)
        self._chain = chain
        self._numbers = itertools.count(1)

    def close(self) -> None:
        """Close connections."""
        self._upstream.close()

    def require_chain(self) -> None:
        """Let a node pass that is of the pinned chain."""
        if self._integer("eth_chainId") != self._chain:
            raise VerificationError("answer_invalid", f"the node is not of chain {self._chain}")

    def send(self, transaction: SignedTransaction) -> None:
        """Have a transaction broadcast; one that the node knows already is no error.

        Raises:
            RefusedError: the node does not take it.
        """
        try:
            answered = self._call("eth_sendRawTransaction", ["0x" + transaction.raw.hex()])
        except RefusedError as problem:
            if any(words in problem.text.lower() for words in _KNOWN):
                return
            raise
        if self._hash(answered, "the transaction's hash") != transaction.hash:
            raise VerificationError("answer_invalid", "the node names another transaction")

    def head(self) -> int:
        """Return the number of the newest block."""
        return self._integer("eth_blockNumber")

    def knows(self, transaction: SignedTransaction) -> bool:
        """Say whether the node has the transaction, mined or waiting."""
        return self._call("eth_getTransactionByHash", ["0x" + transaction.hash.hex()]) is not None

    def next_nonce(self, sender: bytes, block: int) -> int:
        """Return how many transactions a sender has had in the chain up to a block."""
        return self._integer("eth_getTransactionCount", "0x" + sender.hex(), hex(block))

    def mined(self, transaction: SignedTransaction) -> Mined | None:
        """Return where the chain has the transaction, or None; receipt and block must tell one story."""
        receipt = self._call("eth_getTransactionReceipt", ["0x" + transaction.hash.hex()])
        if receipt is None:
            return None
        if type(receipt) is not dict:
            raise _contradiction("a receipt is no object")
        if self._hash(receipt.get("transactionHash"), "a receipt's hash") != transaction.hash:
            raise _contradiction("the receipt is another transaction's")
        sender = receipt.get("from")
        if type(sender) is not str or sender.lower() != "0x" + transaction.sender.hex():
            raise _contradiction("the receipt names another sender")
        block = self._number(receipt.get("blockNumber"), "a receipt's block")
        block_hash = self._hash(receipt.get("blockHash"), "a receipt's block hash")
        status = self._number(receipt.get("status"), "a receipt's status")
        if status > 1:
            raise _contradiction("a receipt's status is 0 or 1")
        gas = self._number(receipt.get("gasUsed"), "a receipt's gas")
        if gas > transaction.transaction.gas:
            raise _contradiction("the receipt has more gas than the transaction")
        self._require_in_block(transaction, block, block_hash)
        return Mined(block, block_hash, status == 1, gas)

    def _require_in_block(
        self, transaction: SignedTransaction, block: int, block_hash: bytes
    ) -> None:
        found = self._call("eth_getBlockByNumber", [hex(block), False])
        if type(found) is not dict or type(found.get("transactions")) is not list:
            raise _contradiction("the receipt's block is not there")
        if self._hash(found.get("hash"), "a block's hash") != block_hash:
            # The chain may have moved between the two questions; the next round asks again.
            raise UnavailableError("unreachable", "the chain moved while it was asked")
        if "0x" + transaction.hash.hex() not in found["transactions"]:
            raise _contradiction("the receipt's block has not the transaction")

    def _integer(self, method: str, *params: Any) -> int:
        return self._number(self._call(method, list(params)), method)

    def _number(self, unverified: Any, what: str) -> int:
        if type(unverified) is not str or not unverified.startswith("0x"):
            raise _contradiction(f"{what} is no quantity")
        try:
            return read_integer(unverified, what, 0, _COUNT_MAX)
        except Error as problem:
            raise _contradiction(problem.message) from None

    def _hash(self, unverified: Any, what: str) -> bytes:
        try:
            return require_hash(unverified, what)
        except Error as problem:
            raise _contradiction(problem.message) from None

    def _call(self, method: str, params: list[Any]) -> Any:
        number = next(self._numbers)
        call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        answered = self._upstream.ask(
            "POST",
            self._upstream.path,
            json.dumps(call).encode(),
            _HEADERS,
            most=_ANSWER,
            timeout_s=_TIMEOUT_S,
        )
        if answered.status in (429, 502, 503, 504):
            raise UnavailableError("unreachable", f"the node answers with status {answered.status}")
        try:
            said = strict_json.read(answered.body, most=_ANSWER, depth=_DEPTH, fraction=str)
        except Error as problem:
            raise _contradiction(problem.message) from None
        if type(said) is not dict or said.get("id") != number:
            raise _contradiction("the answer is not that of the call")
        told = said.get("error")
        if told is not None:
            words = told.get("message") if type(told) is dict else None
            raise RefusedError(printable(words if type(words) is str else "no reason given"))
        if "result" not in said:
            raise _contradiction("the answer has no result")
        return said["result"]


def _contradiction(why: str) -> VerificationError:
    return VerificationError("answer_invalid", f"the node's answer does not hold: {why}")
