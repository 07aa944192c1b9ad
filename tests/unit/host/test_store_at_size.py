"""No statement that a request waits for walks a table, and a start takes up what is stored, piece by piece."""

import sqlite3
from pathlib import Path

import pytest

from adyton.host import store, store_schema
from adyton.host.store import Store
from adyton.protocol.envelope import task_hash
from tests.host_kit import Chain, verify_whole

KEYED = {
    "SELECT_BLOCK": (1,),
    "SELECT_ENTRIES": (0, 5),
    "SELECT_ENTRY": (0,),
    "SELECT_TASK": (bytes(32), 5),
    "SELECT_ANNOUNCED": (bytes(8),),
    "SELECT_STATE": (bytes(32),),
    "SCAN_STATE": (bytes(32), 10),
    "DELETE_STATE": (bytes(32),),
}


def plan(reader: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> list[str]:
    return [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("name", KEYED)
def test_no_statement_of_a_request_walks_a_table(tmp_path: Path, name: str) -> None:
    Store(tmp_path / "x.sqlite").close()
    with sqlite3.connect(tmp_path / "x.sqlite") as reader:
        steps = plan(reader, getattr(store_schema, name), KEYED[name])
        assert steps
        assert all(step.startswith("SEARCH") for step in steps), steps


def test_such_a_statement_would_be_told(tmp_path: Path) -> None:
    Store(tmp_path / "x.sqlite").close()
    with sqlite3.connect(tmp_path / "x.sqlite") as reader:
        steps = plan(reader, "SELECT leaf_index FROM entries WHERE public = ?", (b"",))
        assert any(step.startswith("SCAN") for step in steps)


def test_only_these_statements_walk() -> None:
    """Every other SELECT is run once, at start."""
    selects = {name for name in vars(store_schema) if name.startswith(("SELECT_", "SCAN_"))}
    assert selects - set(KEYED) == {"SELECT_LEAVES", "SELECT_HASHES"}


def test_a_lookup_costs_two_statements_at_most(tmp_path: Path) -> None:
    chain = Chain()
    made = Store(tmp_path / "x.sqlite")
    envelope = chain.envelope(b"x")
    made.commit_block(chain.block(chain.start_entry(), envelope))
    made.close()
    again = Store(tmp_path / "x.sqlite")
    made_of: list[str] = []
    again._reader.set_trace_callback(made_of.append)
    again._blocks.pop(again.height)  # as after many others
    assert len(again.find(task_hash(envelope))) == 1
    assert len(made_of) == 2, made_of
    assert len(again.find(task_hash(envelope))) == 1
    assert len(made_of) == 3, made_of
    assert again.find(bytes(32)) == []  # the filter knows
    assert len(made_of) == 3, made_of
    again.close()
    chain.close()


@pytest.mark.parametrize("at_once", [1, 3, 7, 8, 100])
def test_a_start_takes_up_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    chain = Chain()
    made = Store(tmp_path / "x.sqlite")
    made.keep_root(chain.genesis, b"sealed")
    envelopes = [chain.envelope(b"%d" % i) for i in range(20)]
    made.commit_block(chain.block(chain.start_entry(), *envelopes[:6]))
    for first in range(6, 20, 2):
        made.commit_block(chain.block(*envelopes[first : first + 2]))
    made.close()
    monkeypatch.setattr(store, "_AT_ONCE", at_once)
    again = Store(tmp_path / "x.sqlite")
    assert verify_whole(again, chain.chain_id) == 21
    assert again.tree.root() == made.tree.root()
    for envelope in envelopes:
        (entry,) = again.find(task_hash(envelope))
        assert entry.proof(again.tree) == entry.proof(made.tree)
    assert again.find(bytes(32)) == []
    again.close()
    chain.close()
