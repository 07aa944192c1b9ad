"""The store: what is committed is found again, proven, and nothing else is."""

import asyncio
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adyton.core.crypto import key_id
from adyton.core.errors import InvariantError, UnavailableError, UsageError
from adyton.host import store_schema
from adyton.host.pages import PageReader
from adyton.host.records import is_finish, view_consistency
from adyton.host.store import SEALED_HEAD, SEALED_ROOT, Store
from adyton.protocol.envelope import task_hash
from tests.host_kit import Chain, verify_whole


@pytest.fixture
def chain() -> Iterator[Chain]:
    made = Chain()
    yield made
    made.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "ledger.sqlite")
    yield made
    made.close()


def test_blocks_are_found_again_after_reopening(tmp_path: Path, chain: Chain) -> None:
    store = Store(tmp_path / "x.sqlite")
    store.keep_root(chain.genesis, b"sealed")
    envelopes = [chain.envelope(b"%d" % i) for i in range(20)]
    store.commit_block(chain.block(chain.start_entry(), envelopes[0]))
    for item in envelopes[1:]:
        store.commit_block(chain.block(item))
    last = store.commit_block(chain.block())  # an empty block is one too
    store.close()
    again = Store(tmp_path / "x.sqlite")
    assert again.height == last.height == 21
    assert again.meta("genesis") == chain.genesis
    assert verify_whole(again, chain.chain_id) == 21
    for item in envelopes:
        (entry,) = again.find(task_hash(item))
        assert not entry.finished
    again.close()


def test_a_task_and_its_end_are_found_by_one_hash(store: Store, chain: Chain) -> None:
    item = chain.envelope(b"task")
    name = task_hash(item)
    store.commit_block(chain.block(chain.start_entry(), item))
    assert [entry.finished for entry in store.find(name)] == [False]
    store.commit_block(chain.block(chain.enclave.finish(name, bytes(32))))
    assert [entry.finished for entry in store.find(name)] == [False, True]
    assert is_finish(store.find(name)[1].public)
    assert store.find(bytes(32)) == []


def test_announced_keys_lead_to_their_start_entry(store: Store, chain: Chain) -> None:
    store.commit_block(chain.block(chain.start_entry()))
    found = store.announced(key_id(chain.enclave.key.public))
    assert found.block.height == 1
    with pytest.raises(UsageError, match="announced"):
        store.announced(bytes(8))


def test_writes_replace_and_remove_values(store: Store, chain: Chain) -> None:
    one, two = b"\x01" * 32, b"\x02" * 32
    store.commit_block(chain.block(chain.start_entry(), writes=((one, b"a"), (two, b"b"))))
    store.commit_block(chain.block(writes=((one, b"c"), (two, None))))
    assert (store.state(one), store.state(two)) == (b"c", None)
    assert store.scan(None, 10) == [(one, b"c")]
    assert store.scan(one, 10) == []


def test_a_scan_is_bounded_in_count_and_bytes(
    store: Store, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = tuple((bytes([i]) * 32, bytes(100)) for i in range(10))
    store.commit_block(chain.block(chain.start_entry(), writes=writes))
    assert [name[0] for name, _ in store.scan(None, 4)] == [0, 1, 2, 3]
    monkeypatch.setattr("adyton.core.limits.STATE_PAGE_BYTES", 250)
    assert [name[0] for name, _ in store.scan(writes[3][0], 10)] == [4, 5]


def test_a_block_that_does_not_follow_is_refused(store: Store, chain: Chain) -> None:
    first = chain.block(chain.start_entry())
    store.commit_block(first)
    with pytest.raises(InvariantError, match="successor"):
        store.commit_block(first)
    chain.block()
    with pytest.raises(InvariantError, match="successor"):
        store.commit_block(chain.block())
    assert store.height == 1


def test_a_failed_commit_leaves_nothing(store: Store, chain: Chain) -> None:
    store.commit_block(chain.block(chain.start_entry()))
    store.keep_root(chain.genesis, b"old root")
    head = store.meta(SEALED_HEAD)
    result = chain.block(chain.envelope(b"x"), writes=((bytes(32), b"v"),))
    result = replace(result, sealed_root=b"new root")
    with sqlite3.connect(store._path) as other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON state BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    with pytest.raises(UnavailableError) as caught:
        asyncio.run(store.commit(result))
    assert caught.value.code == "commit_failed"
    assert (store.height, store.tree.size, store.meta(SEALED_HEAD)) == (1, 1, head)
    with sqlite3.connect(store._path) as other:
        assert other.execute("SELECT count(*) FROM blocks").fetchone() == (1,)
        other.execute("DROP TRIGGER no")
    assert store.meta(SEALED_ROOT) == b"old root"
    assert store.commit_block(result).height == 2
    assert store.meta(SEALED_ROOT) == b"new root"
    store.commit_block(chain.block(chain.envelope(b"y")))
    assert store.meta(SEALED_ROOT) == b"new root"


def test_another_chain_is_refused(store: Store, chain: Chain) -> None:
    store.keep_root(chain.genesis, b"1")
    store.keep_root(chain.genesis, b"2")
    assert store.meta("sealed_root") == b"2"
    with pytest.raises(InvariantError, match="another chain"):
        store.keep_root(b"other", b"3")


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE blocks SET leaves = zeroblob(32) WHERE height = 2",
        "UPDATE blocks SET count = 2 WHERE height = 2",
        "DELETE FROM blocks WHERE height = 2",
        "UPDATE blocks SET first_leaf = 0 WHERE height = 2",
    ],
)
def test_a_store_with_holes_is_refused(tmp_path: Path, chain: Chain, damage: str) -> None:
    path = tmp_path / "x.sqlite"
    store = Store(path)
    store.commit_block(chain.block(chain.start_entry()))
    store.commit_block(chain.block(chain.envelope(b"a")))
    store.commit_block(chain.block(chain.envelope(b"b")))
    store.close()
    with sqlite3.connect(path) as other:
        other.execute(damage)
    with pytest.raises(InvariantError) as caught:
        Store(path)
    assert caught.value.code == "chain_invalid"


def test_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    Store(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 2")
    with pytest.raises(UnavailableError, match="schema 2"):
        Store(path)
    other_path = tmp_path / "y.sqlite"
    other_path.write_bytes(b"no database at all, " * 100)
    with pytest.raises(UnavailableError, match="opened"):
        Store(other_path)


def test_no_column_names_a_client() -> None:
    columns = " ".join(store_schema.TABLES).lower()
    for word in ("client", "ticket", "address", "envelope", "remote", "request"):
        assert word not in columns


def test_nothing_that_links_clients_is_stored(store: Store, chain: Chain, tmp_path: Path) -> None:
    item = chain.envelope(b"x" * 20)
    store.commit_block(chain.block(chain.start_entry(), item))
    store.close()
    ticket = item[item.index(b"request") + 7 :][2:66]
    assert len(ticket) == 64
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert ticket not in everything
    store.__init__(tmp_path / "ledger.sqlite")  # type: ignore[misc]  # the fixture closes it again


def test_views_are_proven_both_ways(store: Store, chain: Chain) -> None:
    for i in range(7):
        store.commit_block(chain.block(chain.start_entry() if i == 0 else chain.envelope(b"x")))
    tree = store.tree
    assert view_consistency(tree, 0, 5) == view_consistency(tree, 5, 5) == []
    assert view_consistency(tree, 3, 5) == view_consistency(tree, 5, 3) == tree.consistency(3, 5)


def test_pages_are_bounded(store: Store, chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(6):
        store.commit_block(
            chain.block(chain.start_entry() if i == 0 else chain.envelope(b"x" * 500))
        )
    pages = PageReader(store._path)

    def heights(start: int, most: int, height: int) -> int:
        return len(asyncio.run(pages.blocks(start, most, height)))

    assert heights(1, 100, 6) == 6
    assert heights(3, 2, 6) == 2
    assert heights(5, 100, 6) == 2
    assert heights(7, 100, 6) == 0
    assert heights(1, 100, 4) == 4  # what is past the committed height is not shown
    monkeypatch.setattr("adyton.core.limits.PAGE_BYTES", 1)
    assert heights(1, 100, 6) == 1
    pages.close()


def test_an_entry_past_the_log_is_not_there(store: Store, chain: Chain) -> None:
    item = chain.envelope(b"x")
    record = store._record(result := replace(chain.block(chain.start_entry(), item)))
    store._write(record, result)  # on disk, and not adopted yet: the moment between thread and loop
    assert store.find(task_hash(item)) == []
    with pytest.raises(UsageError):
        store.entry(0)
    store._adopt(record, result)
    assert len(store.find(task_hash(item))) == 1
