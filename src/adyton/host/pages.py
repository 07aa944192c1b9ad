"""Pages of the chain, read on a thread of their own: the event loop does not wait for megabytes."""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from adyton.core import limits
from adyton.core.errors import UnavailableError
from adyton.host import store_schema as sql


class PageReader:
    """Reads consecutive blocks with their entries.

    Args:
        path: of the store's file, whose tables exist.
    """

    def __init__(self, path: Path) -> None:
        self._thread = ThreadPoolExecutor(1, "store-pages")
        self._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    async def blocks(self, start: int, most: int, height: int) -> list[dict[str, Any]]:
        """Return blocks from height `start` on, as `GET /block` shows them.

        Args:
            start: first height, at least 1.
            most: greatest number of blocks; `limits.PAGE_BLOCKS` and `limits.PAGE_BYTES` bound it further.
            height: newest committed height: what is past it is not shown yet.

        Raises:
            UnavailableError: the store cannot be read.
        """
        end = min(height, start + min(most, limits.PAGE_BLOCKS) - 1)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._blocks, start, end
        )

    def _blocks(self, start: int, end: int) -> list[dict[str, Any]]:
        page: list[dict[str, Any]] = []
        size = 0
        try:
            for height in range(start, end + 1):
                row = self._reader.execute(sql.SELECT_BLOCK, (height,)).fetchone()
                _, _, first_leaf, count, header, checkpoint = row
                bounds = (first_leaf, first_leaf + count)
                entries = [list(e) for e in self._reader.execute(sql.SELECT_ENTRIES, bounds)]
                size += len(header) + len(checkpoint) + sum(len(e[0]) + 40 for e in entries)
                if page and size > limits.PAGE_BYTES:
                    break
                page.append({"header": header, "checkpoint": checkpoint, "entries": entries})
        except sqlite3.Error as problem:
            raise UnavailableError("overloaded", f"the store is not read: {problem}") from None
        return page

    def close(self) -> None:
        """Wait for the page that is being read and close the file."""
        self._thread.shutdown()
        self._reader.close()
