"""The chain that the facade signs for: pinned, whatever the node says later."""

from __future__ import annotations

from adyton.client.rpc.node import Node
from adyton.core.errors import UnavailableError, VerificationError
from adyton.protocol.ethereum.transaction import CHAIN_ID_MAX


class PinnedChain:
    """One chain id, and the check that the node is of that chain.

    Attributes:
        id: it.
    """

    def __init__(self, node: Node, chain_id: int) -> None:
        self.id = chain_id
        self._node = node

    @classmethod
    def pin(cls, node: Node, expected: int | None) -> PinnedChain:
        """Pin the chain that was named; without one, the chain that the node names now.

        Raises:
            VerificationError: `wrong_chain`, the node is of another chain than was named. Else as `Node.call`.
        """
        if expected is None:
            chain = cls(node, _asked(node))
            if not chain.id:
                raise VerificationError("answer_invalid", "the node says that its chain id is 0")
            return chain
        chain = cls(node, expected)
        chain.require()
        return chain

    def require(self) -> None:
        """Refuse to go on with a node of another chain.

        Raises:
            VerificationError: `wrong_chain`. Else as `Node.call`.
        """
        found = _asked(self._node)
        if found != self.id:
            raise VerificationError(
                "wrong_chain",
                f"the node says its chain is {found}, but {self.id} is pinned; nothing is signed: "
                "check --node and --chain",
            )

    def require_unless_silent(self) -> None:
        """As `require`, but a node that does not answer is no obstacle: nothing is sent to it.

        Raises:
            VerificationError: `wrong_chain`.
        """
        try:
            self.require()
        except UnavailableError:
            return


def _asked(node: Node) -> int:
    return node.quantity("eth_chainId", [], CHAIN_ID_MAX)
