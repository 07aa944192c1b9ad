"""The ledger and the enclave's ciphertext state, in one SQLite file.

One writer connection on one thread, and readers. A block goes in as one transaction with `synchronous=FULL`; nothing
is answered before it is in. The log's leaf hashes are also held in memory, for proofs.

Trust: runs in the untrusted host. What is stored is public, or sealed by the enclave; the schema's own page says what
is never stored.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from adyton.core import limits
from adyton.core.errors import InvariantError, UnavailableError, UsageError
from adyton.core.merkle import HASH, Tree
from adyton.core.recent import Recent
from adyton.host import splice
from adyton.host import store_schema as sql
from adyton.host.bounds import BLOCK_CACHE
from adyton.host.database import Transaction, open_database, prepare
from adyton.host.records import BlockRecord, Recorded, announced_keys
from adyton.host.seen import PREFIX, Seen
from adyton.protocol.boundary import BlockResult
from adyton.protocol.ledger import BlockHeader

GENESIS = "genesis"
SEALED_ROOT = "sealed_root"
SEALED_HEAD = "sealed_head"
_AT_ONCE: Final = 2**12  # leaves and hashes taken up at start: what fits a cache


class Store:
    """Blocks, entries, index and state.

    Every method but `commit` blocks; all are called from one thread, except where they say otherwise.

    Args:
        path: of the SQLite file, made when missing; its directory exists.

    Raises:
        UnavailableError: another schema version, or a file that cannot be opened.
        InvariantError: the stored log is not whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = open_database(path)
        self._reader = open_database(path)
        self._write_thread = ThreadPoolExecutor(1, "store-writer")
        self._blocks = Recent[int, BlockRecord](BLOCK_CACHE)
        self._seen = Seen()
        self.tree = Tree()
        self.height = 0
        try:
            prepare(self._writer)
            self._rebuild()
        except BaseException:
            self.close()
            raise

    # --- meta -----------------------------------------------------------------------------------

    def meta(self, name: str) -> bytes | None:
        """Return a stored singleton: genesis, sealed root or sealed head."""
        row = self._reader.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else bytes(row[0])

    def keep_root(self, genesis: bytes, sealed_root: bytes) -> None:
        """Store genesis and sealed root, before anything stands on them.

        Raises:
            InvariantError: another genesis is stored already.
            UnavailableError: `commit_failed`.
        """
        known = self.meta(GENESIS)
        if known is not None and known != genesis:
            raise InvariantError("invariant", "the store belongs to another chain")
        try:
            with Transaction(self._writer) as writer:
                writer.execute(sql.UPSERT_META, (GENESIS, genesis))
                writer.execute(sql.UPSERT_META, (SEALED_ROOT, sealed_root))
        except sqlite3.Error as problem:
            raise UnavailableError("commit_failed", f"not stored: {problem}") from None

    # --- blocks ---------------------------------------------------------------------------------

    async def commit(self, result: BlockResult) -> BlockRecord:
        """Store a block off the event loop; when this returns it is on disk and in the log.

        Raises:
            InvariantError: not the successor of the last block.
            UnavailableError: `commit_failed`; nothing of the block is stored.
        """
        record = self._record(result)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._write_thread, self._write, record, result)
        self._adopt(record, result)
        return record

    def commit_block(self, result: BlockResult) -> BlockRecord:
        """Store a block, as `commit` does, and wait for it."""
        record = self._record(result)
        self._write(record, result)
        self._adopt(record, result)
        return record

    def _record(self, result: BlockResult) -> BlockRecord:
        header = BlockHeader.decode(result.header)
        if header.height != self.height + 1:
            raise InvariantError("wrong_height", "the block is not the successor of the last one")
        return BlockRecord(
            header.height,
            header.time_ms,
            self.tree.size,
            len(result.entries),
            result.header,
            result.checkpoint,
            splice.signed_root(result.checkpoint),
        )

    def _write(self, record: BlockRecord, result: BlockResult) -> None:
        """Write a block in one transaction; runs on the writer's thread."""
        entries, index, announced = [], [], []
        leaf_index = record.first_leaf
        for position, entry in enumerate(result.entries):
            entries.append(
                (leaf_index, record.height, position, entry.writes, entry.leaf, entry.public)
            )
            if entry.index_hash is not None:
                index.append((entry.index_hash, leaf_index))
            announced += [(name, leaf_index) for name in announced_keys(entry.public)]
            leaf_index += 1
        leaves = b"".join(entry.leaf for entry in result.entries)
        # A name that is written and removed in one block ends as its last write says.
        final = dict(result.writes)
        try:
            with Transaction(self._writer) as writer:
                writer.execute(
                    sql.INSERT_BLOCK,
                    (
                        record.height,
                        record.time_ms,
                        record.first_leaf,
                        record.count,
                        record.header,
                        record.encoded_checkpoint,
                        leaves,
                    ),
                )
                writer.executemany(sql.INSERT_ENTRY, entries)
                writer.executemany(sql.INSERT_INDEX, index)
                writer.executemany(sql.INSERT_ANNOUNCED, announced)
                writer.executemany(
                    sql.UPSERT_STATE, [item for item in final.items() if item[1] is not None]
                )
                writer.executemany(
                    sql.DELETE_STATE, [(name,) for name, value in final.items() if value is None]
                )
                writer.execute(sql.UPSERT_META, (SEALED_HEAD, result.sealed_head))
                if result.sealed_root is not None:
                    writer.execute(sql.UPSERT_META, (SEALED_ROOT, result.sealed_root))
        except sqlite3.Error as problem:
            raise UnavailableError("commit_failed", f"the block is not stored: {problem}") from None

    def _adopt(self, record: BlockRecord, result: BlockResult) -> None:
        for entry in result.entries:
            self.tree.append(entry.leaf)
            if entry.index_hash is not None:
                self._seen.add(entry.index_hash)
        self.height = record.height
        self._blocks.put(record.height, record)

    def block(self, height: int) -> BlockRecord:
        """Return a committed block.

        Raises:
            UsageError: `not_found`.
        """
        known = self._blocks.get(height)
        if known is not None:
            return known
        row = None
        if 1 <= height <= self.height:
            row = self._reader.execute(sql.SELECT_BLOCK, (height,)).fetchone()
        if row is None:
            raise UsageError("not_found", "no block of that height")
        height, time_ms, first_leaf, count, header, checkpoint = row
        parts = splice.signed_root(checkpoint)
        record = BlockRecord(height, time_ms, first_leaf, count, header, checkpoint, parts)
        self._blocks.put(height, record)
        return record

    def last_block(self) -> BlockRecord | None:
        """Return the newest block, or None before the first."""
        return self.block(self.height) if self.height else None

    def entries(self, block: BlockRecord) -> list[tuple[bytes, bytes]]:
        """Return public part and write-set digest of a block's entries, in order."""
        bounds = (block.first_leaf, block.size)
        return [(row[0], row[1]) for row in self._reader.execute(sql.SELECT_ENTRIES, bounds)]

    # --- entries --------------------------------------------------------------------------------

    def find(self, task_hash: bytes) -> list[Recorded]:
        """Return the entries of a task: its request, then its end if there is one; empty when unknown."""
        if task_hash not in self._seen:
            return []
        # Rows past the tree are of a block that is written and not yet adopted: not there yet.
        rows = self._reader.execute(sql.SELECT_TASK, (task_hash, self.tree.size)).fetchall()
        return [self._recorded(row) for row in rows]

    def entry(self, leaf_index: int) -> Recorded:
        """Return the entry at a place of the log.

        Raises:
            UsageError: `not_found`.
        """
        row = None
        if 0 <= leaf_index < self.tree.size:
            row = self._reader.execute(sql.SELECT_ENTRY, (leaf_index,)).fetchone()
        if row is None:
            raise UsageError("not_found", "no such entry")
        return self._recorded(row)

    def _recorded(self, row: tuple[int, int, int, bytes, bytes]) -> Recorded:
        _, height, position, public, writes = row
        return Recorded(self.block(height), position, public, writes)

    def announced(self, key_id: bytes) -> Recorded:
        """Return the start entry that announced a recorder's or runner's key.

        Raises:
            UsageError: `not_found`.
        """
        row = self._reader.execute(sql.SELECT_ANNOUNCED, (key_id,)).fetchone()
        if row is None:
            raise UsageError("not_found", "no node has announced that key")
        return self.entry(row[0])

    # --- state ----------------------------------------------------------------------------------

    def state(self, name: bytes) -> bytes | None:
        """Return a committed state value, as the enclave sealed it."""
        row = self._reader.execute(sql.SELECT_STATE, (name,)).fetchone()
        return None if row is None else row[0]

    def scan(self, after: bytes | None, most: int) -> list[tuple[bytes, bytes]]:
        """Return state values in the order of their names, bounded in count and bytes; empty at the end."""
        page: list[tuple[bytes, bytes]] = []
        size = 0
        for name, value in self._reader.execute(sql.SCAN_STATE, (after or b"", most)):
            size += len(value)
            if page and size > limits.STATE_PAGE_BYTES:
                break
            page.append((name, value))
        return page

    # --- life -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Wait for the writer and close the file."""
        self._write_thread.shutdown()
        self._reader.close()
        self._writer.close()

    def _rebuild(self) -> None:
        """Fill the log from the stored leaf hashes, and refuse a store with holes."""
        size, held = 0, bytearray()
        for height, first_leaf, count, leaves in self._reader.execute(sql.SELECT_LEAVES):
            whole = len(leaves) == count * HASH and first_leaf == size
            if height != self.height + 1 or not whole:
                raise InvariantError("chain_invalid", f"the stored block {height} is not whole")
            self.height, size = height, size + count
            held += leaves
            if len(held) >= _AT_ONCE * HASH:
                self.tree.extend(held)
                held.clear()
        self.tree.extend(held)
        hashes = self._reader.execute(sql.SELECT_HASHES, (PREFIX,))
        while rows := hashes.fetchmany(_AT_ONCE):
            self._seen.update(b"".join([row[0] for row in rows]))
        last = self.last_block()
        if last is not None and last.checkpoint.root != self.tree.root():
            raise InvariantError("chain_invalid", "the stored leaves are not what was signed")
