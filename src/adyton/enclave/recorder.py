"""The blockchain recorder: the log, the chain of blocks, one signed checkpoint per block."""

from __future__ import annotations

from collections.abc import Sequence

from adyton.core.crypto import SigningKey, key_id
from adyton.core.errors import InvariantError, UsageError
from adyton.core.merkle import EMPTY_ROOT, Frontier
from adyton.enclave.sealing import Head
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import BlockHeader, Checkpoint, CheckpointFacts, app_hash, data_hash


class Recorder:
    """The head of one chain, which only moves forward.

    Args:
        genesis: of the chain.
        head: where it stands; None before the first block.
        state_root: root of the empty state, for the first block.
        root_digest: of the sealed root, for the first block.
    """

    def __init__(
        self, genesis: Genesis, head: Head | None, state_root: bytes, root_digest: bytes
    ) -> None:
        self._genesis = genesis
        self._chain_id = genesis.chain_id()
        if head is None:
            first = app_hash(state_root, EMPTY_ROOT)
            head = Head(
                self._chain_id, 0, 0, self._chain_id, state_root, first, 0, (), 0, root_digest
            )
        self.head = head
        self._log = Frontier(head.log_size, head.peaks)
        self._key: SigningKey | None = None

    def use_key(self, key: SigningKey) -> None:
        """Sign from now on with this start's node key."""
        self._key = key

    def require_next(self, height: int, time_ms: int) -> None:
        """Refuse a block that cannot be the next one.

        Raises:
            UsageError: not the next height, or time runs backwards.
        """
        head = self.head
        if height != head.height + 1:
            raise UsageError("wrong_height", f"the next block is {head.height + 1}, not {height}")
        if time_ms < head.time_ms:
            raise UsageError("time_decreased", "block time must not decrease")

    def next_header(self, height: int, time_ms: int, transactions: Sequence[bytes]) -> BlockHeader:
        """Return the header of the next block; `require_next` has accepted height and time."""
        head = self.head
        return BlockHeader(
            self._chain_id, height, time_ms, head.block_hash, data_hash(transactions), head.app_hash
        )

    def append(self, leaf: bytes) -> None:
        """Append an entry's leaf to the log."""
        self._log.append(leaf)

    def close_block(
        self, header: BlockHeader, state_root: bytes, epoch: int, root_digest: bytes
    ) -> Checkpoint:
        """Sign the block's checkpoint and move the head."""
        if self._key is None:
            raise InvariantError("invariant", "a block before the node has a key")
        log_root = self._log.root()
        first = self.head.log_size
        self.head = Head(
            self._chain_id,
            header.height,
            header.time_ms,
            header.hash(),
            state_root,
            app_hash(state_root, log_root),
            self._log.size,
            self._log.peaks,
            epoch,
            root_digest,
        )
        facts = CheckpointFacts(
            key_id(self._key.public),
            self._chain_id,
            header.height,
            self._log.size,
            first,
            header.time_ms,
            state_root,
            self.head.block_hash,
            epoch,
            self._genesis.configuration.ordering,
            self._genesis.configuration.time_source,
        )
        return Checkpoint.sign(facts, log_root, self._key)
