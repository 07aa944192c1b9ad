"""From a program's transaction to the chain: fill, have it signed, keep it, broadcast it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adyton.client.rpc.broadcast import Broadcaster
from adyton.client.rpc.caps import Caps
from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.filling import Filled, fill
from adyton.client.rpc.journal import Journal
from adyton.client.rpc.jsonrpc import SERVER, RpcError
from adyton.client.rpc.node import Node
from adyton.client.rpc.recovery import Recovery
from adyton.client.rpc.signer import Signer, Unanswered
from adyton.client.session import wall_clock_ms
from adyton.core.errors import Error, VerificationError
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed

_log = logging.getLogger("adyton.rpc")


class Sending:
    """Signs transactions and sends them.

    Args:
        signer: who signs.
        node: asked for gas, fees and balance, and sent to.
        chain: that is signed for.
        caps: of what it may cost.
        journal: of what was signed.
        broadcaster: to the node.
        recovery: told when an answer was lost.
        now_ms: milliseconds since 1970.
    """

    def __init__(
        self,
        signer: Signer,
        node: Node,
        chain: PinnedChain,
        caps: Caps,
        journal: Journal,
        broadcaster: Broadcaster,
        recovery: Recovery,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self._signer = signer
        self._node = node
        self._chain = chain
        self._caps = caps
        self._journal = journal
        self._broadcaster = broadcaster
        self._recovery = recovery
        self._now_ms = now_ms

    def sign(self, request: dict[str, Any]) -> SignedTransaction:
        """Return a transaction filled and signed, not sent.

        Raises:
            Error: as `PinnedChain.require`, `fill` and `Signer.sign_transaction`; VerificationError: `answer_invalid`,
                the signer has signed something else.
        """
        return self._sign(request, send=False)

    def _sign(self, request: dict[str, Any], *, send: bool) -> SignedTransaction:
        self._chain.require()
        filled = fill(request, self._chain.id, self._node, self._caps)
        replaces = self._replaces(filled)
        answer = self._signer.sign_transaction(
            filled.account, filled.document, replace=replaces, send=send
        )
        return _verified(filled, answer.raw)

    def send(self, request: dict[str, Any]) -> bytes:
        """Return the hash of a transaction that was signed and that the node has taken.

        Raises:
            RpcError: signed, but not broadcast. Unanswered: it may be signed. Else as `sign`.
        """
        self._journal.require_room()
        try:
            signed = self._sign(request, send=True)
        except Unanswered:
            self._recovery.need()
            raise
        _log.info(
            "signed 0x%s: nonce %d on chain %d",
            signed.hash.hex(),
            signed.transaction.nonce,
            signed.transaction.chain_id,
        )
        # Invariant: on disk before it is broadcast, so that it is never unknown here what the chain may hold.
        self._journal.put(signed, self._now_ms())
        try:
            self._broadcaster.send(signed)
        except Error as problem:
            _log.warning("%s", problem.message)
            raise
        return signed.hash

    def _replaces(self, filled: Filled) -> bool:
        """Tell whether a nonce was named in order to replace: the same payment at other fees, or none at all.

        Raises:
            RpcError: the nonce leaves a gap.
        """
        if filled.nonce is None:
            return False
        following = self._signer.next_nonce(filled.account, self._chain.id)
        if filled.nonce > following:
            raise RpcError(
                SERVER,
                f"nonce too high: the wallet goes on from {following}, and a gap would hold up what follows; "
                "leave the nonce out",
                {"code": "nonce_used", "next": hex(following)},
                code="nonce_used",
            )
        if filled.nonce == following:
            return False
        wanted = filled.transaction
        if wanted.to == filled.account and not wanted.value and not wanted.data:
            return True
        return any(
            (held.to, held.value, held.data) == (wanted.to, wanted.value, wanted.data)
            for entry in self._journal.of_nonce(filled.account, filled.nonce)
            for held in (entry.signed.transaction,)
        )


def _verified(filled: Filled, unverified: bytes) -> SignedTransaction:
    signed = decode_signed(unverified)
    nonce = signed.transaction.nonce
    if (
        signed.sender != filled.account
        or signed.transaction != replace(filled.transaction, nonce=nonce)
        or filled.nonce not in (None, nonce)
    ):
        raise VerificationError("answer_invalid", "the signer has signed another transaction")
    return signed
