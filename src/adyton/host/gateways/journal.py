"""What a gateway has taken on: transactions, who handed them over, and the events that are not delivered yet.

It is on disk before the broker is told that a message was taken, so that no restart loses any of it.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adyton.core.errors import UnavailableError
from adyton.host.database import Transaction, open_database

VERSION: Final = 1
WAITING: Final = "waiting"  # to be given to the node
SENT: Final = "sent"  # the node has it
ENDED: Final = "ended"
KEPT_S: Final = 30 * 24 * 3600  # what has ended is remembered for
_TABLES: Final = (
    """CREATE TABLE tx (
        hash BLOB PRIMARY KEY, raw BLOB NOT NULL, state TEXT NOT NULL, last BLOB, reason TEXT NOT NULL,
        changed_s INTEGER NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX tx_state ON tx (state, changed_s)",
    "CREATE TABLE handed (hash BLOB NOT NULL, device TEXT NOT NULL, PRIMARY KEY (device, hash)) WITHOUT ROWID",
    "CREATE INDEX handed_hash ON handed (hash)",
    "CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, body BLOB NOT NULL)",
)


@dataclass(frozen=True)
class Kept:
    """A transaction of the journal.

    Attributes:
        last: the newest event, encoded; None before the first.
        reason: why it failed; empty where it has not.
    """

    hash: bytes
    raw: bytes
    state: str
    last: bytes | None
    reason: str


class Journal:
    """The file; usable from several threads.

    Raises:
        UnavailableError: it cannot be opened, or is of another version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._file = open_database(path)
        version = self._file.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise UnavailableError("config_mismatch", f"the journal has version {version}")
        if version == 0:
            with Transaction(self._file):
                for table in _TABLES:
                    self._file.execute(table)
                self._file.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def find(self, hash_: bytes) -> Kept | None:
        """Return a transaction."""
        with self._lock:
            row = self._file.execute(
                "SELECT hash, raw, state, last, reason FROM tx WHERE hash = ?", (hash_,)
            ).fetchone()
        return None if row is None else Kept(*row)

    def open_ones(self) -> list[bytes]:
        """Return the hashes of all transactions that have not ended, oldest first."""
        with self._lock:
            rows = self._file.execute(
                "SELECT hash FROM tx WHERE state IN (?, ?) ORDER BY changed_s, hash",
                (WAITING, SENT),
            ).fetchall()
        return [row[0] for row in rows]

    def under_way(self, device: str) -> tuple[int, int]:
        """Return how many transactions of a device have not ended, and how many of all."""
        with self._lock:
            of_device = self._file.execute(
                "SELECT count(*) FROM handed JOIN tx USING (hash) WHERE device = ? AND state IN (?, ?)",
                (device, WAITING, SENT),
            ).fetchone()[0]
            of_all = self._file.execute(
                "SELECT count(*) FROM tx WHERE state IN (?, ?)", (WAITING, SENT)
            ).fetchone()[0]
        return of_device, of_all

    def take(self, hash_: bytes, raw: bytes, device: str) -> None:
        """Take a transaction on, or once more one that failed."""
        with self._lock, Transaction(self._file):
            self._file.execute(
                "INSERT INTO tx VALUES (?, ?, ?, NULL, '', ?) ON CONFLICT (hash) DO UPDATE SET "
                "state = excluded.state, last = NULL, reason = '', changed_s = excluded.changed_s",
                (hash_, raw, WAITING, _now_s()),
            )
            self._hand(hash_, device)

    def join(self, hash_: bytes, device: str, event: bytes | None) -> None:
        """Have a device told of a transaction that is here already, beginning with its newest event."""
        with self._lock, Transaction(self._file):
            self._hand(hash_, device)
            if event is not None:
                self._file.execute(
                    "INSERT INTO event (device, body) VALUES (?, ?)", (device, event)
                )

    def move(
        self, hash_: bytes, state: str, event: bytes, reason: str = "", *, keep: bool = True
    ) -> None:
        """Put a transaction into a state, or forget it, and tell everybody who handed it over."""
        with self._lock, Transaction(self._file):
            self._file.execute(
                "UPDATE tx SET state = ?, last = ?, reason = ?, changed_s = ? WHERE hash = ?",
                (state, event, reason, _now_s(), hash_),
            )
            self._file.execute(
                "INSERT INTO event (device, body) SELECT device, ? FROM handed WHERE hash = ? ORDER BY device",
                (event, hash_),
            )
            if not keep:
                self._file.execute("DELETE FROM tx WHERE hash = ?", (hash_,))
                self._file.execute("DELETE FROM handed WHERE hash = ?", (hash_,))

    def undelivered(self, after: int, most: int) -> list[tuple[int, str, bytes]]:
        """Return events that the broker has not taken: number, device, encoded event."""
        with self._lock:
            return self._file.execute(
                "SELECT seq, device, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                (after, most),
            ).fetchall()

    def delivered(self, seq: int) -> None:
        """Forget an event that the broker has taken."""
        with self._lock:
            try:
                self._file.execute("DELETE FROM event WHERE seq = ?", (seq,))
            except sqlite3.ProgrammingError:
                return  # closed meanwhile; the event is told once more, which harms nobody

    def prune(self) -> None:
        """Forget what ended long ago."""
        with self._lock, Transaction(self._file):
            self._file.execute(
                "DELETE FROM tx WHERE state = ? AND changed_s < ?", (ENDED, _now_s() - KEPT_S)
            )
            self._file.execute("DELETE FROM handed WHERE hash NOT IN (SELECT hash FROM tx)")

    def _hand(self, hash_: bytes, device: str) -> None:
        self._file.execute("INSERT OR IGNORE INTO handed VALUES (?, ?)", (hash_, device))


def _now_s() -> int:
    return int(time.time())
