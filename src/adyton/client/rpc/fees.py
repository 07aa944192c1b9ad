"""Fees where the program names none: the node suggests, the caps decide."""

from __future__ import annotations

from typing import Any, Final

from adyton.client.rpc.caps import Caps
from adyton.client.rpc.node import Node, NodeError, is_unknown_method, unverified_quantity
from adyton.core.errors import VerificationError
from adyton.protocol.ethereum.transaction import WEI_MAX

_BLOCKS: Final = "0x5"
_PERCENTILE: Final = 50


def base_fee(node: Node) -> int | None:
    """Return what the node says that the newest block's gas costs, wei; None where its chain has no base fee.

    Raises:
        Error: as `Node.call`.
    """
    block = node.call("eth_getBlockByNumber", ["latest", False])
    if type(block) is not dict:
        raise VerificationError("answer_invalid", "the node has no newest block")
    found = block.get("baseFeePerGas")
    return None if found is None else unverified_quantity(found, "baseFeePerGas", WEI_MAX)


def dynamic_fees(
    node: Node, caps: Caps, base: int, max_fee: int | None, tip: int | None
) -> tuple[int, int]:
    """Return the fee for one gas at the most and the tip in it, wei, those that are given unchanged.

    Suggested ones are within the caps; where the base fee alone is not, there is no suggestion.

    Raises:
        PolicyError: `payment_refused`, what the node says is over the caps. Else as `Node.call`.
    """
    if max_fee is None:
        caps.require_fee(base)
    if tip is None:
        tip = min(_suggested_tip(node), caps.tip, caps.fee if max_fee is None else max_fee)
    if max_fee is None:
        # Twice the base fee: six full blocks in a row, and it still gets in.
        max_fee = max(tip, min(2 * base + tip, caps.fee))
    return max_fee, tip


def legacy_price(node: Node, caps: Caps) -> int:
    """Return the price of one gas that the node suggests, wei.

    Raises:
        PolicyError: `payment_refused`, it is over the caps. Else as `Node.call`.
    """
    price = node.quantity("eth_gasPrice", [], WEI_MAX)
    caps.require_fee(price)
    return price


def _suggested_tip(node: Node) -> int:
    try:
        return node.quantity("eth_maxPriorityFeePerGas", [], WEI_MAX)
    except NodeError as problem:
        if not is_unknown_method(problem):
            raise
    history: Any = node.call("eth_feeHistory", [_BLOCKS, "latest", [_PERCENTILE]])
    rewards = history.get("reward") if type(history) is dict else None
    if type(rewards) is not list or not rewards:
        raise VerificationError("answer_invalid", "the node suggests no tip; give it yourself")
    tips = sorted(
        unverified_quantity(row[0] if type(row) is list and row else None, "reward", WEI_MAX)
        for row in rewards
    )
    return tips[len(tips) // 2]
