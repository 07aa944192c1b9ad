"""Which of two signed checkpoints is the older, and whether both can be of one chain."""

from __future__ import annotations

from adyton.protocol.ledger import Checkpoint


def order(checkpoint: Checkpoint) -> tuple[int, int]:
    """Return what grows from checkpoint to checkpoint."""
    # A block without entries adds no leaf: then the height decides.
    return checkpoint.facts.size, checkpoint.facts.height


def contradiction(older: Checkpoint, newer: Checkpoint) -> str:
    """Return why both cannot be of one chain, or nothing; the proof is the caller's to check."""
    low, high = older.facts, newer.facts
    if low.size == high.size and older.root != newer.root:
        return f"two logs of {low.size} entries"
    if low.height == high.height:
        same = (low.size, low.block_hash, low.state_root, low.time_ms, low.epoch) == (
            high.size,
            high.block_hash,
            high.state_root,
            high.time_ms,
            high.epoch,
        )
        return "" if same else f"two blocks of height {low.height}"
    if low.height > high.height:
        return "more entries at a smaller height"
    if low.time_ms > high.time_ms or low.epoch > high.epoch:
        return "time or epoch went backwards while the ledger grew"
    return ""
