"""RFC 9162 log hashing: roots, inclusion and consistency proofs, and their verification.

`Frontier` holds what appending needs (the roots of the perfect subtrees, at most 63 hashes); `Tree` holds every
leaf and can prove. Both compute the same root. A hash is 32 bytes of SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from adyton.core.errors import ReceiptError, UsageError

EMPTY_ROOT: Final = sha256(b"").digest()
HASH: Final = 32


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf that holds `data`."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: enough to append and to compute the root.

    Args:
        size: number of leaves.
        peaks: roots of the perfect subtrees from left to right, one for each set bit of `size`.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count() or any(len(peak) != HASH for peak in self._peaks):
            raise UsageError("bad_argument", "the peaks do not fit the size")

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """Roots of the perfect subtrees, left to right."""
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> None:
        """Append a leaf's hash."""
        # Each trailing one bit of the size is a perfect subtree that the new leaf completes.
        size = self.size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root over all leaves."""
        if not self._peaks:
            return EMPTY_ROOT
        result = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            result = node_hash(peak, result)
        return result

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self.size, self._peaks)


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over the given leaf hashes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


class Tree:
    """A whole log in memory, 64 bytes a leaf, as levels of perfect-subtree hashes."""

    __slots__ = ("_levels", "size")

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Append a leaf's hash."""
        levels = self._levels
        levels[0] += leaf
        position, level = self.size, 0
        while position & 1:
            parent = sha256(b"\x01" + levels[level][-2 * HASH :]).digest()
            level += 1
            if level == len(levels):
                levels.append(bytearray())
            levels[level] += parent
            position >>= 1
        self.size += 1

    def extend(self, leaves: bytes | bytearray) -> None:
        """Append the hashes of many leaves, joined: level by level, in two thirds of the time."""
        if len(leaves) % HASH:
            raise UsageError("bad_argument", "not a whole number of hashes")
        levels = self._levels
        levels[0] += leaves
        self.size += len(leaves) // HASH
        below, count = levels[0], self.size >> 1
        level = 1
        while count:
            if level == len(levels):
                levels.append(bytearray())
            known = levels[level]
            # A slice of bytes is hashed sooner than one of a bytearray.
            pairs = bytes(below[2 * len(known) : 2 * HASH * count])
            known += b"".join(
                [
                    sha256(b"\x01" + pairs[at : at + 2 * HASH]).digest()
                    for at in range(0, len(pairs), 2 * HASH)
                ]
            )
            below, count, level = known, count >> 1, level + 1

    def truncate(self, size: int) -> None:
        """Forget every leaf from index `size` on."""
        if not 0 <= size <= self.size:
            raise UsageError("bad_argument", "cannot truncate to more than there is")
        self.size = size
        for level, hashes in enumerate(self._levels):
            del hashes[(size >> level) * HASH :]

    def leaf(self, index: int) -> bytes:
        """Return the leaf hash at `index`."""
        if not 0 <= index < self.size:
            raise UsageError("bad_argument", "no such leaf")
        return bytes(self._levels[0][index * HASH : (index + 1) * HASH])

    def _subtree(self, start: int, end: int) -> bytes:
        """Root of the leaves start..end, where RFC 9162's splitting yields that range."""
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            at = (start >> level) * HASH
            return bytes(self._levels[level][at : at + HASH])
        middle = start + _split(width)
        return node_hash(self._subtree(start, middle), self._subtree(middle, end))

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first `size` leaves, by default over all."""
        size = self._checked(size)
        return self._subtree(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the path of leaf `index` in the tree of the first `size` leaves."""
        size = self._checked(size)
        if not 0 <= index < size:
            raise UsageError("bad_argument", "the leaf is not in the tree")
        path: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        path.reverse()
        return path

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        """Return the proof that the first `old` leaves are a prefix of the first `size`."""
        size = self._checked(size)
        if not 0 <= old <= size:
            raise UsageError("bad_argument", "the old tree is larger than the new one")
        if old in (0, size):
            return []
        path: list[bytes] = []
        start, end, known = 0, size, True
        while old != end - start:
            width = _split(end - start)
            if old <= width:
                path.append(self._subtree(start + width, end))
                end = start + width
            else:
                path.append(self._subtree(start, start + width))
                start, old, known = start + width, old - width, False
        if not known:
            path.append(self._subtree(start, end))
        path.reverse()
        return path

    def _checked(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise UsageError("bad_argument", "no tree of that size")
        return size


def _split(width: int) -> int:
    """Return the greatest power of two below `width`, which is at least 2."""
    return 1 << ((width - 1).bit_length() - 1)


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Return the root that the inclusion proof leads to (RFC 9162, 2.1.3.2).

    Trust: index, size and path come from the other side; only a signature over the root gives them weight.

    Raises:
        ReceiptError: the path has not the length that index and size demand.
    """
    if not 0 <= index < size:
        raise ReceiptError("receipt_invalid", "the leaf index is outside the tree")
    position, last, result = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ReceiptError("receipt_invalid", "the inclusion path is too long")
        if position & 1 or position == last:
            result = node_hash(sibling, result)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            result = node_hash(result, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ReceiptError("receipt_invalid", "the inclusion path is too short")
    return result


def verify_consistency(
    old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]
) -> None:
    """Verify that the tree of `old` leaves is a prefix of the tree of `size` leaves (RFC 9162, 2.1.4.2).

    Raises:
        ReceiptError: the proof does not hold.
    """
    if old > size:
        raise ReceiptError("receipt_invalid", "the old tree is larger than the new one")
    if old == size:
        if path or old_root != root:
            raise ReceiptError("receipt_invalid", "equal sizes with different roots or a path")
        return
    if old == 0:
        if path or old_root != EMPTY_ROOT:
            raise ReceiptError("receipt_invalid", "the empty tree needs no path and has one root")
        return
    nodes = list(path)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if consistency_roots(old, size, nodes) != (old_root, root):
        raise ReceiptError("receipt_invalid", "the consistency proof does not lead to both roots")


def consistency_roots(old: int, size: int, nodes: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return both roots that a consistency proof leads to, for 0 < old < size.

    Where the second is the root of a log, the first is the root of that log's first `old` leaves,
    whatever anybody else says of them.

    Args:
        nodes: the proof; where `old` is a power of two it begins with the old root itself, which
            RFC 9162 leaves out.

    Raises:
        ReceiptError: the proof has not the length that the sizes demand.
    """
    if not 0 < old < size:
        raise ReceiptError("receipt_invalid", "a consistency path joins two sizes of a log")
    if not nodes:
        raise ReceiptError("receipt_invalid", "the consistency path is empty")
    position, last = old - 1, size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first = second = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise ReceiptError("receipt_invalid", "the consistency path is too long")
        if position & 1 or position == last:
            first = node_hash(sibling, first)
            second = node_hash(sibling, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ReceiptError("receipt_invalid", "the consistency path is too short")
    return first, second
