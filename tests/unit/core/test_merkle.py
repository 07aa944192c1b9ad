"""The log against an independent recursive reference, RFC 9162's definitions word for word."""

from functools import cache
from hashlib import sha256

import pytest

from adyton.core.errors import ReceiptError, UsageError
from adyton.core.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    consistency_roots,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_of,
    verify_consistency,
)

SIZES = 131
DATA = [bytes([n]) * (n % 7) for n in range(SIZES)]

# The inputs and roots that the certificate-transparency project publishes for its reference tree.
CT_LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CT_CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def split(width: int) -> int:
    """RFC 9162: the largest power of two smaller than n."""
    power = 1
    while power * 2 < width:
        power *= 2
    return power


@cache
def mth(start: int, end: int) -> bytes:
    """RFC 9162, 2.1.1."""
    if end == start:
        return sha256(b"").digest()
    if end - start == 1:
        return sha256(b"\x00" + DATA[start]).digest()
    middle = start + split(end - start)
    return sha256(b"\x01" + mth(start, middle) + mth(middle, end)).digest()


def path(index: int, start: int, end: int) -> list[bytes]:
    """RFC 9162, 2.1.3.1."""
    if end - start == 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*path(index, start, middle), mth(middle, end)]
    return [*path(index, middle, end), mth(start, middle)]


def proof(old: int, start: int, end: int, known: bool = True) -> list[bytes]:
    """RFC 9162, 2.1.4.1: PROOF and SUBPROOF."""
    if old == end - start:
        return [] if known else [mth(start, end)]
    width = split(end - start)
    if old <= width:
        return [*proof(old, start, start + width, known), mth(start + width, end)]
    return [*proof(old - width, start + width, end, False), mth(start, start + width)]


@pytest.fixture(scope="module")
def tree() -> Tree:
    made = Tree()
    for data in DATA:
        made.append(leaf_hash(data))
    return made


def test_certificate_transparency_vectors() -> None:
    made = Tree()
    assert made.root().hex() == CT_ROOTS[0]
    for leaf, root in zip(CT_LEAVES, CT_ROOTS[1:], strict=True):
        made.append(leaf_hash(bytes.fromhex(leaf)))
        assert made.root().hex() == root
    for (index, size), expected in CT_INCLUSION.items():
        assert [node.hex() for node in made.inclusion(index, size)] == expected
    for (old, size), expected in CT_CONSISTENCY.items():
        assert [node.hex() for node in made.consistency(old, size)] == expected


def test_roots_of_every_size(tree: Tree) -> None:
    frontier, growing = Frontier(), Tree()
    for size in range(SIZES):
        expected = mth(0, size)
        assert tree.root(size) == growing.root() == frontier.root() == expected
        assert root_of(map(leaf_hash, DATA[:size])) == expected
        assert Frontier(frontier.size, frontier.peaks).root() == expected
        growing.append(leaf_hash(DATA[size]))
        frontier.append(leaf_hash(DATA[size]))
    assert mth(0, 0) == EMPTY_ROOT


def test_every_inclusion_proof_of_every_size(tree: Tree) -> None:
    for size in range(1, SIZES):
        for index in range(size):
            nodes = tree.inclusion(index, size)
            assert nodes == path(index, 0, size)
            assert root_from_inclusion(tree.leaf(index), index, size, nodes) == mth(0, size)


def test_every_consistency_proof_of_every_size(tree: Tree) -> None:
    for size in range(SIZES):
        for old in range(size + 1):
            nodes = tree.consistency(old, size)
            assert nodes == ([] if old in (0, size) else proof(old, 0, size))
            verify_consistency(old, mth(0, old), size, mth(0, size), nodes)


def test_a_consistency_proof_tells_both_roots_by_itself(tree: Tree) -> None:
    for size in (2, 3, 8, 21, 64, SIZES):
        for old in range(1, size):
            first = [] if old & (old - 1) else [tree.root(old)]
            nodes = [*first, *tree.consistency(old, size)]
            assert consistency_roots(old, size, nodes) == (tree.root(old), tree.root(size))


@pytest.mark.parametrize(("old", "size"), [(0, 5), (5, 5), (6, 5)])
def test_sizes_that_nothing_joins_have_no_roots(tree: Tree, old: int, size: int) -> None:
    with pytest.raises(ReceiptError):
        consistency_roots(old, size, tree.consistency(3, 5))


def test_a_size_is_not_joined_to_itself() -> None:
    # Else any bytes would be both roots of a log whose size is a power of two.
    with pytest.raises(ReceiptError):
        consistency_roots(4, 4, [bytes(32)])


def test_a_tree_truncated_to_what_it_is_stays_the_same() -> None:
    made = Tree()
    for size in range(9):
        made.truncate(size)
        assert (made.size, made.root()) == (size, mth(0, size))
        made.append(leaf_hash(DATA[size]))


def test_a_truncated_tree_is_the_smaller_one() -> None:
    for size in range(0, SIZES, 7):
        made = Tree()
        for data in DATA:
            made.append(leaf_hash(data))
        made.truncate(size)
        assert made.root() == mth(0, size)
        for data in DATA[size:]:
            made.append(leaf_hash(data))
        assert made.root() == mth(0, SIZES)
        assert made.inclusion(size) == path(size, 0, SIZES)


def test_tampered_inclusion_proofs_do_not_lead_to_the_root(tree: Tree) -> None:
    for size in (1, 2, 3, 7, 8, 33, 100):
        for index in range(size):
            leaf, nodes, root = tree.leaf(index), tree.inclusion(index, size), mth(0, size)
            tampered = [(leaf_hash(b"x"), index, size, nodes)]
            for at in range(len(nodes)):
                altered = bytes([nodes[at][0] ^ 1]) + nodes[at][1:]
                tampered.append((leaf, index, size, [*nodes[:at], altered, *nodes[at + 1 :]]))
                tampered.append((leaf, index, size, nodes[:at] + nodes[at + 1 :]))
                tampered.append((leaf, index, size, [*nodes[:at], nodes[at], *nodes[at:]]))
            tampered.append((leaf, index, size, [*nodes, bytes(32)]))
            tampered.append((leaf, index, size + 1, [*nodes, *nodes]))
            tampered += [(leaf, other, size, nodes) for other in range(size) if other != index]
            for wrong in tampered:
                try:
                    assert root_from_inclusion(*wrong) != root
                except ReceiptError:
                    continue


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (8, 8), (9, 8)])
def test_an_index_outside_of_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(ReceiptError):
        root_from_inclusion(bytes(32), index, size, [])


def test_a_path_of_a_wrong_length_is_refused(tree: Tree) -> None:
    for size in range(2, 40):
        for index in range(size):
            nodes = tree.inclusion(index, size)
            for wrong in (nodes[:-1], [*nodes, bytes(32)], []):
                with pytest.raises(ReceiptError):
                    root_from_inclusion(tree.leaf(index), index, size, wrong)


def test_tampered_consistency_proofs_are_refused(tree: Tree) -> None:
    for size in (2, 3, 7, 8, 9, 33, 64):
        for old in range(1, size):
            nodes, first, second = tree.consistency(old, size), mth(0, old), mth(0, size)
            altered_root = bytes([first[0] ^ 1]) + first[1:]
            wrong: list[tuple[int, bytes, int, bytes, list[bytes]]] = [
                (old, altered_root, size, second, nodes),
                (old, first, size, altered_root, nodes),
                (old, first, size, second, []),
                (old, first, size, second, nodes[:-1]),
                (old, first, size, second, nodes[1:]),
                (old, first, size, second, [*nodes, bytes(32)]),
                (size, second, old, first, nodes),
                (0, first, size, second, nodes),
                (size, first, size, second, nodes),
            ]
            for at in range(len(nodes)):
                altered = bytes([nodes[at][0] ^ 1]) + nodes[at][1:]
                wrong.append((old, first, size, second, [*nodes[:at], altered, *nodes[at + 1 :]]))
            for arguments in wrong:
                with pytest.raises(ReceiptError):
                    verify_consistency(*arguments)


def test_a_log_rewritten_behind_the_old_size_is_refused(tree: Tree) -> None:
    other = Tree()
    for number in range(20):
        other.append(leaf_hash(b"rewritten" if number == 3 else DATA[number]))
    for old in range(4, 20):
        nodes = other.consistency(old, 20)
        with pytest.raises(ReceiptError):
            verify_consistency(old, tree.root(old), 20, other.root(), nodes)


def test_consistency_at_the_edges() -> None:
    root = mth(0, 5)
    verify_consistency(0, EMPTY_ROOT, 5, root, [])
    verify_consistency(5, root, 5, root, [])
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    for wrong in (
        (0, EMPTY_ROOT, 5, root, [bytes(32)]),
        (0, root, 5, root, []),
        (5, root, 5, root, [bytes(32)]),
        (0, EMPTY_ROOT, 0, root, []),
    ):
        with pytest.raises(ReceiptError):
            verify_consistency(*wrong)


def test_what_the_caller_cannot_ask_for(tree: Tree) -> None:
    for call in (
        lambda: tree.root(SIZES + 1),
        lambda: tree.root(-1),
        lambda: tree.leaf(SIZES),
        lambda: tree.leaf(-1),
        lambda: tree.inclusion(5, 5),
        lambda: tree.inclusion(-1, 5),
        lambda: tree.inclusion(0, 0),
        lambda: tree.consistency(6, 5),
        lambda: tree.consistency(-1, 5),
        lambda: tree.consistency(0, SIZES + 1),
        lambda: Tree().truncate(1),
        lambda: Tree().truncate(-1),
        lambda: Frontier(3, [bytes(32)]),
        lambda: Frontier(1, [bytes(31)]),
        lambda: Frontier(0, [bytes(32)]),
    ):
        with pytest.raises(UsageError):
            call()


def test_copies_of_a_frontier_are_independent() -> None:
    frontier = Frontier()
    frontier.append(leaf_hash(b"a"))
    copy = frontier.copy()
    copy.append(leaf_hash(b"b"))
    assert frontier.root() == leaf_hash(b"a")
    assert copy.root() == node_hash(leaf_hash(b"a"), leaf_hash(b"b"))


def test_leaves_and_nodes_are_told_apart() -> None:
    one, other = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(one + other) != node_hash(one, other)
