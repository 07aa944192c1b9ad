"""Nothing public, and no column on the host, links two tasks of one client."""

from __future__ import annotations

import sqlite3
from collections import Counter
from pathlib import Path

from adyton.client import Keystore
from tests.e2e.command import Client, Server

COMMON = 12  # bytes; shorter runs are equal by chance or by form


def _cells(server: Server) -> list[tuple[str, bytes]]:
    (database,) = server.data.glob("*.sqlite")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = [
            row[0]
            for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        return [
            (table, bytes(cell))
            for table in tables
            for row in connection.execute(f"SELECT * FROM {table}")
            for cell in row
            if isinstance(cell, bytes)
        ]


def test_no_cell_holds_a_client_key(client: Client, server: Server, tmp_path: Path) -> None:
    script = tmp_path / "task.py"
    script.write_text("print('x')")
    for _ in range(3):
        client.ok("run", str(script))
    key = Keystore(client.home).identity.signing_key.public
    cells = _cells(server)
    assert cells
    assert not [table for table, cell in cells if key in cell]


def test_tasks_of_one_client_share_no_more_than_tasks_of_two(
    server: Server, tmp_path: Path
) -> None:
    """Entries are cut in pieces of 12 bytes; a piece in several entries of one client alone would link them."""
    script = tmp_path / "task.py"
    script.write_text("print('x')")
    entries: dict[str, list[bytes]] = {}
    for name in ("one", "two"):
        who = Client(tmp_path / name, server)
        who.trust()
        tasks = [bytes.fromhex(who.json("run", str(script))["task"]) for _ in range(3)]
        entries[name] = [b"".join(_entries(server, task)) for task in tasks]
    for name, other in (("one", "two"), ("two", "one")):
        counted = Counter(piece for entry in entries[name] for piece in _pieces(entry, COMMON))
        form = {piece for entry in entries[other] for piece in _pieces(entry, COMMON // 2)}
        # A piece that overlaps the form which all entries have is equal by chance in its last bytes.
        linking = [
            piece
            for piece, count in counted.items()
            if count > 1 and not _pieces(piece, COMMON // 2) & form
        ]
        assert not linking


def _pieces(data: bytes, size: int) -> set[bytes]:
    return {data[at : at + size] for at in range(len(data) - size + 1)}


def _entries(server: Server, task: bytes) -> list[bytes]:
    (database,) = server.data.glob("*.sqlite")
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT e.public FROM entries e JOIN task_index t USING (leaf_index) WHERE t.task_hash = ?",
            (task,),
        ).fetchall()
    assert len(rows) == 2
    return [bytes(row[0]) for row in rows]
