"""The log as a machine: whatever is appended or forgotten, tree, frontier and proofs agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adyton.core.errors import ReceiptError, UsageError
from adyton.core.merkle import (
    Frontier,
    Tree,
    leaf_hash,
    root_from_inclusion,
    root_of,
    verify_consistency,
)


class Log(RuleBasedStateMachine):
    """Appends and truncations; every earlier root stays provable while its leaves are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.tree = Tree()
        self.leaves: list[bytes] = []
        self.roots: list[bytes] = [root_of([])]

    @rule(data=st.binary(max_size=4))
    def append(self, data: bytes) -> None:
        self.tree.append(leaf_hash(data))
        self.leaves.append(leaf_hash(data))
        self.roots.append(root_of(self.leaves))

    @rule(count=st.integers(1, 40))
    def append_many(self, count: int) -> None:
        for number in range(count):
            self.append(bytes([number]))

    @rule(count=st.integers(0, 70))
    def extend(self, count: int) -> None:
        added = [leaf_hash(b"%d" % number) for number in range(count)]
        self.tree.extend(b"".join(added))
        for leaf in added:
            self.leaves.append(leaf)
            self.roots.append(root_of(self.leaves))

    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, len(self.leaves)))
        self.tree.truncate(size)
        del self.leaves[size:]
        del self.roots[size + 1 :]

    @rule(data=st.data())
    def prove(self, data: st.DataObject) -> None:
        size = data.draw(st.integers(0, len(self.leaves)))
        old = data.draw(st.integers(0, size))
        proof = self.tree.consistency(old, size)
        verify_consistency(old, self.roots[old], size, self.roots[size], proof)
        if size:
            index = data.draw(st.integers(0, size - 1))
            path = self.tree.inclusion(index, size)
            assert root_from_inclusion(self.leaves[index], index, size, path) == self.roots[size]

    @invariant()
    def the_root_is_that_of_the_leaves(self) -> None:
        assert self.tree.size == len(self.leaves)
        assert self.tree.root() == self.roots[-1]


TestLog = Log.TestCase
TestLog.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)

_NODES = st.lists(st.binary(min_size=32, max_size=32), max_size=8)


def test_a_part_of_a_hash_is_not_appended() -> None:
    tree = Tree()
    with pytest.raises(UsageError, match="whole number"):
        tree.extend(bytes(63))
    assert tree.size == 0


@given(st.integers(-2, 70), st.integers(-2, 70), _NODES)
def test_hostile_inclusion_proofs_raise_receipt_error_alone(
    index: int, size: int, path: list[bytes]
) -> None:
    try:
        root = root_from_inclusion(bytes(32), index, size, path)
    except ReceiptError:
        return
    assert len(root) == 32
    assert 0 <= index < size


@given(st.integers(0, 70), st.integers(0, 70), _NODES)
def test_random_consistency_proofs_are_refused(old: int, size: int, path: list[bytes]) -> None:
    try:
        verify_consistency(old, b"\x01" * 32, size, b"\x02" * 32, path)
    except ReceiptError:
        return
    raise AssertionError("a random proof was believed")


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70))
def test_the_frontier_is_the_tree(leaves: list[bytes]) -> None:
    frontier, tree = Frontier(), Tree()
    for leaf in leaves:
        frontier.append(leaf)
        tree.append(leaf)
    assert frontier.root() == tree.root()
    assert len(frontier.peaks) == len(leaves).bit_count()
