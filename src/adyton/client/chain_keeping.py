"""What a client keeps of one chain: the appraised node, tickets, the verified view, its requests.

SQLite in WAL mode: every write is whole, and survives the end of the process. A power failure may
take the last writes back; only a pending request waits for the disk, for whatever else is lost can
be asked of the ledger again.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from adyton.client.private_files import make_directory, make_file
from adyton.client.records import PENDING, AppraisedNode, RequestRecord, Tickets
from adyton.core.errors import Error, UsageError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS held (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (
    request_id BLOB PRIMARY KEY, created_ms INTEGER NOT NULL, record BLOB NOT NULL
);
"""
_BUSY_S: Final = 30.0
_T = TypeVar("_T")


class ChainStore:
    """What is kept of one chain; several threads and processes may use one directory.

    Args:
        directory: of this chain; made when it is absent. Also an attribute.

    Raises:
        UsageError: `keystore`, here and in every method: not private, damaged, or not writable.
    """

    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        self.directory = directory
        self._lock_path = directory / "lock"
        database = directory / "chain.sqlite"
        make_file(self._lock_path)
        # Made first, so that SQLite opens a private file, and makes its companions alike.
        make_file(database)
        self._lock = threading.Lock()
        self._tickets: tuple[bytes, Tickets] | None = None  # as they lay in the file last
        try:
            self._database = sqlite3.connect(
                database, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            with self.locked():
                self._database.execute("PRAGMA journal_mode=WAL")
                self._database.execute("PRAGMA synchronous=NORMAL")
                # A request may hold a secret, and is forgotten when it is answered.
                self._database.execute("PRAGMA secure_delete=ON")
                self._database.executescript(_SCHEMA)
        except sqlite3.Error as problem:
            raise UsageError("keystore", f"{database} is damaged or in use") from problem

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            self._database.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude every other thread and process that reads and then writes; not to be nested."""
        try:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as problem:
            raise UsageError("keystore", "the lock file cannot be opened") from problem
        try:
            # Each call has an open file of its own, so that the lock holds between threads too.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def node(self) -> AppraisedNode | None:
        """Return the node that was appraised last."""
        return self._held("node", AppraisedNode.decode)

    def put_node(self, node: AppraisedNode) -> None:
        """Replace the node that was appraised last."""
        self._hold("node", node.encode())

    def tickets(self) -> Tickets | None:
        """Return server key and tickets; to be called under `locked` when one is taken."""
        return self._held("tickets", self._parsed_tickets)

    def put_tickets(self, tickets: Tickets | None) -> None:
        """Replace or forget server key and tickets."""
        if tickets is None:
            self._run("DELETE FROM held WHERE name = 'tickets'")
        else:
            encoded = tickets.encode()
            self._hold("tickets", encoded)
            self._tickets = (encoded, tickets)

    def _parsed_tickets(self, kept: bytes) -> Tickets:
        # Two reads a request, of what mostly was written here: the same bytes are not parsed again.
        known = self._tickets
        if known is None or known[0] != kept:
            known = self._tickets = (kept, Tickets.decode(kept))
        return known[1]

    def view(self) -> bytes | None:
        """Return the encoded verified view."""
        return self._held("view", bytes)

    def put_view(self, encoded: bytes) -> None:
        """Replace the verified view."""
        self._hold("view", encoded)

    def put_request(self, record: RequestRecord) -> None:
        """Add or replace the record of one request; one that is pending is on disk on return."""
        self._run(
            "INSERT OR REPLACE INTO requests VALUES (?, ?, ?)",
            record.request_id,
            record.created_ms,
            record.encode(),
            durable=record.state == PENDING,
        )

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return the record of one request."""
        rows = self._run("SELECT record FROM requests WHERE request_id = ?", request_id)
        return _parsed(rows[0][0], RequestRecord.decode) if rows else None

    def drop_request(self, request_id: bytes) -> None:
        """Forget one request."""
        self._run("DELETE FROM requests WHERE request_id = ?", request_id)

    def scrub(self) -> None:
        """Let nothing that was forgotten lie in the files, as far as no other process reads them now."""
        self._run("PRAGMA wal_checkpoint(TRUNCATE)")

    def requests(self) -> list[RequestRecord]:
        """Return every request of this chain, oldest first."""
        rows = self._run("SELECT record FROM requests ORDER BY created_ms, request_id")
        return [_parsed(row[0], RequestRecord.decode) for row in rows]

    def find(self, name: str) -> RequestRecord:
        """Return the request whose task hash, request id or name is meant.

        Args:
            name: at least eight hex digits from the start of a task hash, a whole request id, or a
                whole name; of equal names the newest.

        Raises:
            UsageError: none, or more than one of those digits.
        """
        records = self.requests()
        short = name.lower()
        by_hash = [
            record
            for record in records
            if (len(short) >= 8 and record.task_hash.hex().startswith(short))
            or record.request_id.hex() == short
        ]
        if len(by_hash) > 1:
            raise UsageError("usage", "more than one task begins with these digits")
        found = by_hash or [record for record in records if record.name == name][-1:]
        if not found:
            raise UsageError("not_found", "no task of that name or hash in the keystore")
        return found[0]

    def _held(self, name: str, parse: Callable[[bytes], _T]) -> _T | None:
        rows = self._run("SELECT value FROM held WHERE name = ?", name)
        return _parsed(rows[0][0], parse) if rows else None

    def _hold(self, name: str, value: bytes) -> None:
        self._run("INSERT OR REPLACE INTO held VALUES (?, ?)", name, value)

    def _run(
        self, sql: str, *values: bytes | str | int, durable: bool = False
    ) -> list[tuple[bytes]]:
        try:
            with self._lock:
                if durable:
                    self._database.execute("PRAGMA synchronous=FULL")
                try:
                    return self._database.execute(sql, values).fetchall()
                finally:
                    if durable:
                        self._database.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error as problem:
            raise UsageError("keystore", "the chain's store is damaged or in use") from problem


def _parsed(kept: bytes, parse: Callable[[bytes], _T]) -> _T:
    try:
        return parse(kept)
    except Error as problem:
        raise UsageError("keystore", "a record in the chain's store is damaged") from problem
