"""Nonces of accounts that signed elsewhere before: the one time that the node is asked for them, when told to."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from adyton.client.rpc.chain import PinnedChain
from adyton.client.rpc.node import Node
from adyton.client.rpc.signer import Signer
from adyton.core.errors import Error, PolicyError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction import NONCE_MAX

_log = logging.getLogger("adyton.rpc")
_FAR = 1_000_000


def warn_of_nonces(
    signer: Signer, node: Node, chain: PinnedChain, accounts: Sequence[bytes]
) -> None:
    """Say which accounts the node counts more transactions of than the wallet has signed; change nothing."""
    for account in accounts:
        try:
            counted = _counted(node, account)
            held = signer.next_nonce(account, chain.id)
        except Error as problem:
            _log.warning("nonces of %s are not compared: %s", checksummed(account), problem.message)
            continue
        if counted > held:
            _log.warning(
                "%s: the node counts %d transactions, the wallet goes on from nonce %d; if the account has signed "
                "elsewhere before, start with --sync-nonce",
                checksummed(account),
                counted,
                held,
            )


def sync_nonces(signer: Signer, node: Node, chain: PinnedChain, accounts: Sequence[bytes]) -> None:
    """Raise each account's next nonce to the count of its mined transactions; never lower it.

    Trust: a node that says too much leaves a gap, behind which transactions wait for ever; no money is lost by it.

    Raises:
        PolicyError: the node's count is so high that it cannot be meant. Else as `Node.call` and `Signer.raise_nonce`.
    """
    chain.require()
    for account in accounts:
        held = signer.next_nonce(account, chain.id)
        counted = _counted(node, account)
        if counted <= held:
            continue
        if counted - held > _FAR:
            raise PolicyError(
                "payment_refused",
                f"the node counts {counted} transactions of {checksummed(account)}; to believe it, "
                "raise the nonce by `adyton wallet nonce`",
            )
        signer.raise_nonce(account, chain.id, counted)
        _log.info("%s goes on from nonce %d", checksummed(account), counted)


def _counted(node: Node, account: bytes) -> int:
    return node.quantity("eth_getTransactionCount", [checksummed(account), "latest"], NONCE_MAX)
