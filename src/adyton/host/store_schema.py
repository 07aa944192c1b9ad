"""The store's tables.

No column links two tasks of one client: there is no client key, no ticket, no address and no envelope in them.
What the enclave writes under HMAC'd names is opaque here.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 1

TABLES: Final = (
    # genesis, sealed root, sealed head
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    # `leaves` holds the block's leaf hashes again, so that the log is rebuilt without reading every entry.
    """CREATE TABLE blocks (height INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL,
        first_leaf INTEGER NOT NULL, count INTEGER NOT NULL, header BLOB NOT NULL,
        checkpoint BLOB NOT NULL, leaves BLOB NOT NULL)""",
    """CREATE TABLE entries (leaf_index INTEGER PRIMARY KEY, height INTEGER NOT NULL,
        position INTEGER NOT NULL, writes_digest BLOB NOT NULL, leaf_hash BLOB NOT NULL,
        public BLOB NOT NULL)""",
    """CREATE TABLE task_index (task_hash BLOB NOT NULL, leaf_index INTEGER NOT NULL,
        PRIMARY KEY (task_hash, leaf_index)) WITHOUT ROWID""",
    "CREATE TABLE state (name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    # recorder's and runner's keys, and the start entry that announced them
    "CREATE TABLE announced (key_id BLOB PRIMARY KEY, leaf_index INTEGER NOT NULL) WITHOUT ROWID",
)

INSERT_BLOCK: Final = "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_ENTRY: Final = "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)"
INSERT_INDEX: Final = "INSERT OR IGNORE INTO task_index VALUES (?, ?)"
INSERT_ANNOUNCED: Final = "INSERT OR REPLACE INTO announced VALUES (?, ?)"
UPSERT_STATE: Final = "INSERT OR REPLACE INTO state VALUES (?, ?)"
UPSERT_META: Final = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
DELETE_STATE: Final = "DELETE FROM state WHERE name = ?"

SELECT_LEAVES: Final = "SELECT height, first_leaf, count, leaves FROM blocks ORDER BY height"
SELECT_BLOCK: Final = (
    "SELECT height, time_ms, first_leaf, count, header, checkpoint FROM blocks WHERE height = ?"
)
SELECT_ENTRIES: Final = (
    "SELECT public, writes_digest FROM entries WHERE leaf_index >= ? AND leaf_index < ? "
    "ORDER BY leaf_index"
)
SELECT_ENTRY: Final = (
    "SELECT leaf_index, height, position, public, writes_digest FROM entries WHERE leaf_index = ?"
)
SELECT_TASK: Final = (
    "SELECT leaf_index, height, position, public, writes_digest FROM task_index "
    "JOIN entries USING (leaf_index) WHERE task_hash = ? AND leaf_index < ? ORDER BY leaf_index"
)
SELECT_HASHES: Final = "SELECT substr(task_hash, 1, ?) FROM task_index"
SELECT_ANNOUNCED: Final = "SELECT leaf_index FROM announced WHERE key_id = ?"
SELECT_STATE: Final = "SELECT value FROM state WHERE name = ?"
SCAN_STATE: Final = "SELECT name, value FROM state WHERE name > ? ORDER BY name LIMIT ?"
