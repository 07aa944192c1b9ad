"""Which of two signed checkpoints is the older, and whether both can be of one history."""

from __future__ import annotations

from dataclasses import replace

from adyton.core.errors import ReceiptError
from adyton.core.merkle import consistency_roots
from adyton.protocol.ledger import Checkpoint, CheckpointFacts


def order(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return what grows from checkpoint to checkpoint."""
    # A block without entries adds no leaf: then the height decides.
    return checkpoint.facts.size, checkpoint.facts.height


def by_order(one: Checkpoint, other: Checkpoint) -> tuple[Checkpoint, Checkpoint]:
    """Return both, the older one first."""
    return (other, one) if order(one) > order(other) else (one, other)


def same_block(one: Checkpoint, other: Checkpoint) -> bool:
    """Tell whether both say the same, whoever signed."""
    return _said(one) == _said(other)


def contradiction(one: Checkpoint, other: Checkpoint) -> str:
    """Return why both cannot be of one history, by what they say alone; nothing where they can.

    One history has one block of each height; each begins where the one before it ended; time and
    epoch never go back. Every reason is proof to whoever trusts the signatures.
    """
    if one.facts.size == other.facts.size and one.root != other.root:
        return f"two logs of {one.facts.size} entries with different roots"
    if one.facts.height == other.facts.height:
        return "" if same_block(one, other) else f"two blocks of height {one.facts.height}"
    low, high = sorted((one.facts, other.facts), key=lambda facts: facts.height)
    if low.size > high.first or (low.height + 1 == high.height and low.size != high.first):
        return f"block {high.height} does not begin where block {low.height} ended, or later"
    if low.time_ms > high.time_ms or low.epoch > high.epoch:
        return f"time or epoch went backwards from height {low.height} to height {high.height}"
    return ""


def divergence(one: Checkpoint, other: Checkpoint, nodes: tuple[bytes, ...]) -> str:
    """Return why the larger log does not continue the smaller, as `nodes` show; nothing where they
    show no such thing.

    Args:
        nodes: as `merkle.consistency_roots` takes them, for the two sizes.
    """
    older, newer = by_order(one, other)
    old, size = older.facts.size, newer.facts.size
    try:
        began, root = consistency_roots(old, size, nodes)
    except ReceiptError:
        return ""
    if root != newer.root or began == older.root:
        return ""
    return f"the log of {size} entries does not begin with the {old} entries signed before"


def _said(checkpoint: Checkpoint) -> tuple[bytes, CheckpointFacts]:
    return checkpoint.root, replace(checkpoint.facts, key_id=b"")
