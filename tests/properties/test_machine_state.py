"""The state against a plain dictionary: whatever is set, removed, undone, expired and loaded again."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adyton.core import limits
from adyton.core.errors import InvariantError, VerificationError
from adyton.enclave.keys import Keys
from adyton.enclave.sealing import EpochSecret, Root
from adyton.enclave.state import Loaded, State
from adyton.enclave.state_tree import StateTree
from adyton.enclave.state_value import DURABLE, TRANSIENT
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import stored_digest, write_set_digest
from tests.host_simulator import MEASUREMENT, NOW_MS, configuration

GENESIS = Genesis(configuration(), MEASUREMENT, bytes(32), True, bytes(32), NOW_MS)
ROOT = Root(GENESIS.encode(), 0, b"r" * 32, (EpochSecret(0, b"e" * 32, 0, None),), b"n" * 32)
BATCH = 3

apps = st.sampled_from(["intake", "tasks", "x"])
names = st.binary(max_size=2) | st.binary(min_size=32, max_size=64)
values = st.binary(max_size=40)
lifetimes = st.none() | st.integers(0, 12)
kinds = st.sampled_from([DURABLE, TRANSIENT])


class Store:
    """The host's part: what was written, by stored name."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def state_get(self, name: bytes) -> bytes | None:
        return self.values.get(name)

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        listed = sorted(self.values)
        start = 0 if after is None else bisect.bisect_right(listed, after)
        return tuple((name, self.values[name]) for name in listed[start : start + 3])

    def write(self, writes: dict[bytes, bytes | None]) -> None:
        for name, value in writes.items():
            if value is None:
                self.values.pop(name, None)
            else:
                self.values[name] = value


def from_scratch(values: dict[bytes, bytes]) -> bytes:
    """The root over stored values, computed by a new tree."""
    tree = StateTree()
    for name, value in values.items():
        tree.set(name, stored_digest(value))
    return tree.root()


@contextmanager
def small_batches() -> Iterator[None]:
    with mock.patch.object(limits, "EXPIRED_PER_BLOCK", BATCH):
        yield


Key = tuple[str, bytes]
Value = tuple[bytes, int | None]


class StateAgainstModel(RuleBasedStateMachine):
    """Entries are written into blocks; the model is a dictionary of value and expiry."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Store()
        self.state = State(Keys(ROOT), self.store)
        self.model: dict[Key, Value] = {}
        self.entry: dict[Key, Value | None] = {}
        self.known: set[Key] = set()
        self.height = 0
        self.position = 0
        self.time_ms = 0

    @initialize()
    def begin(self) -> None:
        self.height += 1
        self.position = 0
        self.state.begin_block(self.height)

    @rule(app=apps, name=names, value=values, lifetime=lifetimes, kind=kinds)
    def set(self, app: str, name: bytes, value: bytes, lifetime: int | None, kind: int) -> None:
        expires = None if lifetime is None else self.time_ms + lifetime
        self.state.set(app, name, value, kind=kind, expires_ms=expires)
        self.entry[app, name] = (value, expires)
        self.known.add((app, name))

    @rule(app=apps, name=names)
    def remove(self, app: str, name: bytes) -> None:
        self.state.remove(app, name)
        self.entry[app, name] = None
        self.known.add((app, name))

    @rule(data=st.data())
    def remove_known(self, data: st.DataObject) -> None:
        if self.known:
            self.remove(*data.draw(st.sampled_from(sorted(self.known))))

    @rule(app=apps, name=names, value=values)
    def undo(self, app: str, name: bytes, value: bytes) -> None:
        mark = self.state.savepoint()
        self.state.set(app, name, value)
        self.state.remove(app, value)
        self.state.rollback(mark)

    @rule()
    def undo_all(self) -> None:
        self.state.rollback({})
        self.entry = {}

    @rule()
    def end_entry(self) -> None:
        writes = self.state.end_entry(self.position)
        assert [name for name, _ in writes] == sorted(name for name, _ in writes)
        assert len(write_set_digest(writes)) == 32
        self.position += 1
        for key, value in self.entry.items():
            if value is None:
                self.model.pop(key, None)
            else:
                self.model[key] = value
        self.entry = {}

    @rule(step=st.integers(0, 8), stored=st.booleans())
    def end_block(self, step: int, stored: bool) -> None:
        self.end_entry()
        self.time_ms += step
        ended = sorted(
            (expires, self.state._stored_name(*key), key)
            for key, (_, expires) in self.model.items()
            if expires is not None and expires <= self.time_ms
        )
        with small_batches():
            writes = self.state.end_block(self.time_ms)
        for _, stored_name, key in ended[:BATCH]:
            assert writes[stored_name] is None
            del self.model[key]
        self.store.write(writes)
        if stored:
            self.state.committed(self.height)
        assert self.state.root() == from_scratch(self.store.values)
        self.begin()

    @rule()
    def load_again(self) -> None:
        self.end_block(0, True)
        met: dict[Key, bytes] = {}

        def visit(loaded: Loaded) -> None:
            met[loaded.app, loaded.name] = loaded.value

        again = State(Keys(ROOT), self.store)
        if self.store.values:
            again.load(self.state.root(), visit)
        met.pop(("names", b""), None)
        assert met == {key: value for key, (value, _) in self.model.items()}
        assert again.root() == self.state.root()
        self.state = again
        self.state.begin_block(self.height)

    @invariant()
    def reads_are_what_was_written(self) -> None:
        for key in self.known:
            written = self.entry[key] if key in self.entry else self.model.get(key)
            assert self.state.get(*key) == (None if written is None else written[0])
            outside = self.model.get(key)
            assert self.state.read(*key) == (None if outside is None else outside[0])

    @invariant()
    def nothing_else_is_there(self) -> None:
        assert self.state.size in (len(self.model), len(self.model) + 1)  # the key of the names
        assert self.state.get("x", b"never written, for it is this long") is None


TestStateAgainstModel = StateAgainstModel.TestCase
TestStateAgainstModel.settings = settings(max_examples=50, stateful_step_count=30)


def filled(contents: Mapping[bytes, tuple[bytes, int | None]]) -> tuple[State, Store]:
    """A state of one block with these contents."""
    store = Store()
    state = State(Keys(ROOT), store)
    state.begin_block(1)
    for name, (value, expires) in contents.items():
        state.set("x", name, value, expires_ms=expires)
    state.end_entry(0)
    store.write(state.end_block(0))
    state.committed(1)
    return state, store


@settings(max_examples=15)
@given(st.dictionaries(names, st.tuples(values, st.none()), min_size=1, max_size=8))
def test_order_and_history_do_not_move_the_root(
    contents: dict[bytes, tuple[bytes, int | None]],
) -> None:
    _, store = filled(contents)
    listed = list(store.values.items())
    assert from_scratch(dict(listed[::-1])) == from_scratch(store.values)
    tree = StateTree()
    for name, value in listed:
        tree.set(name, bytes(32))
        tree.root()
        tree.set(name, stored_digest(value))
        tree.set(bytes([name[0] ^ 1]) + name[1:], bytes(32))
        tree.set(bytes([name[0] ^ 1]) + name[1:], None)
    assert tree.root() == from_scratch(store.values)
    assert list(tree.names()) == sorted(store.values)
    assert tree.size == len(store.values)


@settings(max_examples=25)
@given(
    st.dictionaries(names, st.tuples(values, st.none()), min_size=1, max_size=6),
    st.data(),
)
def test_any_change_of_what_is_stored_is_found(
    contents: dict[bytes, tuple[bytes, int | None]], data: st.DataObject
) -> None:
    state, store = filled(contents)
    name = data.draw(st.sampled_from(sorted(store.values)))
    stored = store.values[name]
    place = data.draw(st.integers(0, len(stored) * 8 - 1))
    altered = bytearray(stored)
    altered[place // 8] ^= 1 << place % 8
    store.values[name] = data.draw(
        st.sampled_from([bytes(altered), stored[:-1], stored + b"\x00", b""])
    )
    root = from_scratch({**store.values, name: stored})
    with pytest.raises(VerificationError) as refused:
        State(Keys(ROOT), store).load(root, lambda _: None)
    assert refused.value.code == "state_mismatch"
    with pytest.raises(InvariantError):
        state.committed_value(name)


def test_what_expires_is_removed_in_bounded_batches() -> None:
    contents = {bytes([number]): (b"v", 10) for number in range(2 * BATCH + 1)}
    state, store = filled({**contents, b"kept": (b"v", 11), b"for ever": (b"v", None)})
    removed = []
    with small_batches():
        for height in range(2, 7):
            state.begin_block(height)
            writes = state.end_block(10)
            store.write(writes)
            removed.append(len(writes))
            assert state.root() == from_scratch(store.values)
    assert removed == [BATCH, BATCH, 1, 0, 0]
    assert (state.get("x", b"kept"), state.get("x", b"for ever")) == (b"v", b"v")
    # The key of the names lies among the values.
    assert state.size == 3


def test_batches_are_the_same_after_a_restart() -> None:
    contents = {bytes([number]): (b"v", 10 - number % 3) for number in range(3 * BATCH)}
    state, store = filled(contents)
    again = State(Keys(ROOT), store)
    again.load(state.root(), lambda _: None)
    with small_batches():
        for height in range(2, 6):
            for each in (state, again):
                each.begin_block(height)
            one, two = state.end_block(10), again.end_block(10)
            assert list(one.items()) == list(two.items())
            store.write(one)
    assert state.size == again.size == 1


def test_equal_values_are_stored_unequally() -> None:
    """Neither two names nor two writes of one name show that their values are equal."""
    state, store = filled({b"a": (b"same", None), b"b": (b"same", None)})
    before = dict(store.values)
    state.begin_block(2)
    state.set("x", b"a", b"same")
    state.end_entry(0)
    store.write(state.end_block(0))
    seen = [*before.values(), *(set(store.values.values()) - set(before.values()))]
    bodies = [value[17:] for value in seen]
    assert len(bodies) == 4
    assert len({body[:16] for body in bodies}) == 4


def test_an_old_value_of_the_same_name_is_found() -> None:
    state, store = filled({b"a": (b"old", None)})
    old = dict(store.values)
    state.begin_block(2)
    state.set("x", b"a", b"new")
    state.end_entry(0)
    store.write(state.end_block(0))
    assert state.get("x", b"a") == b"new"  # from memory: the store may lag behind
    state.committed(2)
    assert state.get("x", b"a") == b"new"
    store.values = old
    with pytest.raises(InvariantError) as refused:
        state.get("x", b"a")
    assert refused.value.code == "state_mismatch"
    with pytest.raises(VerificationError):
        State(Keys(ROOT), store).load(state.root(), lambda _: None)


def test_a_value_over_its_bound_is_never_stored() -> None:
    state, _ = filled({})
    state.begin_block(2)
    state.set("x", b"a", bytes(limits.STATE_VALUE))
    with pytest.raises(InvariantError):
        state.end_entry(0)
