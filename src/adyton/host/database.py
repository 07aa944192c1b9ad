"""One SQLite file: how it is opened, made, and written in transactions."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from adyton.core.errors import UnavailableError
from adyton.host import store_schema as sql


class Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when anything is raised, the commit itself included."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def open_database(path: Path) -> sqlite3.Connection:
    """Return a connection that may be handed to another thread.

    Raises:
        UnavailableError: the file cannot be opened or is no database.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=5000")
    except sqlite3.Error as problem:
        raise UnavailableError("commit_failed", f"the store cannot be opened: {problem}") from None
    return connection


def prepare(writer: sqlite3.Connection) -> None:
    """Make the tables in a new file.

    Raises:
        UnavailableError: the file is of another version.
    """
    version = writer.execute("PRAGMA user_version").fetchone()[0]
    if version == sql.VERSION:
        return
    if version != 0 or writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise UnavailableError(
            "config_mismatch", f"the store has schema {version}, this program reads {sql.VERSION}"
        )
    with Transaction(writer):
        for table in sql.TABLES:
            writer.execute(table)
        # Inside the transaction: a file with tables always has its version.
        writer.execute(f"PRAGMA user_version = {sql.VERSION}")
