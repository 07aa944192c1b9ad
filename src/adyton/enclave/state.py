"""Encrypted key-value state: ciphertext on the host, its index in the enclave, every read verified.

A value lies under HMAC(name key, app ‖ name), as

    class (1 byte) ‖ epoch (4) ‖ height (8) ‖ entry (4) ‖ AES-SIV(app, name, expiry, value)

with the stored name and those 17 bytes as associated data. Durable values are keyed by the durable root, transient
ones by their epoch's secret; when an epoch has begun, every block seals a few of the older ones anew. A padded value
is a durable one whose size is a class; it has the smallest class in the place of the epoch.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SIV_OVERHEAD, MacKey, SivKey, equal
from adyton.core.errors import Error, InvariantError, VerificationError
from adyton.core.schema import Message
from adyton.enclave.generations import Generations
from adyton.enclave.hot_values import HotValues
from adyton.enclave.keys import Keys
from adyton.enclave.state_tree import StateTree
from adyton.enclave.state_value import DURABLE, PADDED, TRANSIENT, Pending, Value, generation
from adyton.protocol.ledger import stored_digest
from adyton.protocol.padding import pad, unpad

_M = TypeVar("_M", bound=Message)
_HEADER: Final = struct.Struct(">BIQI")  # class, epoch, height, entry
_NO_ENTRY: Final = 2**32 - 1  # in the place of the entry: sealed anew for a new epoch
# The one stored name that is not an HMAC: it holds the key of the others.
_NAMES_SLOT: Final = bytes(32)
_NAMES_APP: Final = "names"
_NAMES_KEPT: Final = 8192


@dataclass(slots=True)
class Loaded:
    """A value met while the state is loaded."""

    app: str
    name: bytes
    value: bytes
    _message: Message | None = None

    def message(self, cls: type[_M]) -> _M:
        """Return the message that the value encodes; decoded once, however many parts take it up.

        Raises:
            MalformedError: another message.
        """
        known = self._message
        if not isinstance(known, cls):
            known = self._message = cls.decode(self.value)
        return known


class StateHost(Protocol):
    """What the state asks of the host; every answer is untrusted."""

    def state_get(self, name: bytes) -> bytes | None:
        """Return the stored value, or what the host says it is."""

    def state_scan(self, after: bytes | None) -> tuple[tuple[bytes, bytes], ...]:
        """Return the next page of names and stored values."""


class State:
    """The state of one chain.

    Args:
        keys: of the chain.
        host: answers reverse calls.
    """

    def __init__(self, keys: Keys, host: StateHost) -> None:
        self._keys = keys
        self._host = host
        self._tree = StateTree()
        self._name_key: MacKey | None = None
        self._names: dict[tuple[str, bytes], bytes] = {}  # stored names of those used lately
        self._height = 0
        self._entry: dict[bytes, Pending] = {}
        # Values of blocks that the host may not have stored yet, with the height that wrote them.
        self._uncommitted: dict[bytes, tuple[int, bytes | None]] = {}
        self._block_writes: dict[bytes, bytes | None] = {}
        self._hot = HotValues()
        self._generations = Generations(keys.epoch)
        self._expiry: dict[bytes, int] = {}
        self._expiry_queue: list[tuple[int, bytes]] = []

    @property
    def size(self) -> int:
        """Number of values."""
        return self._tree.size

    def root(self) -> bytes:
        """Return the state root."""
        return self._tree.root()

    # --- loading --------------------------------------------------------------------------------

    def load(self, expected_root: bytes, visit: Callable[[Loaded], None]) -> None:
        """Read every value from the host, and verify the whole against the root.

        Nothing that `visit` builds may be used before this returns.

        Raises:
            VerificationError: the host's values are not the state that was written.
        """
        stored = self._host.state_get(_NAMES_SLOT)
        if stored is None:
            raise VerificationError("state_mismatch", "the key of the names is missing")
        self._name_key = MacKey(self._open(_NAMES_SLOT, stored).value)
        after: bytes | None = None
        while page := self._host.state_scan(after):
            for name, value in page:
                # Invariant: names come strictly ascending, so none comes twice and the scan ends.
                if after is not None and name <= after:
                    raise VerificationError("state_mismatch", "names out of order")
                after = name
                opened = self._open(name, value)
                if name != _NAMES_SLOT and not equal(
                    name, self._stored_name(opened.app, opened.name)
                ):
                    raise VerificationError("state_mismatch", "a value under another's name")
                self._tree.set(name, stored_digest(value))
                self._generations.set(name, generation(value))
                self._remember_expiry(name, opened.expires_ms)
                visit(Loaded(opened.app, opened.name, opened.value))
        if not equal(self._tree.root(), expected_root):
            raise VerificationError(
                "state_mismatch", "the stored state is not the one written last"
            )

    # --- one block ------------------------------------------------------------------------------

    def begin_block(self, height: int) -> None:
        """Start collecting writes of the block at `height`."""
        self._height = height
        self._block_writes = {}

    def end_block(self, time_ms: int) -> dict[bytes, bytes | None]:
        """Remove what has expired, seal stale values anew, and return all writes by stored name, as they were made."""
        removed = 0
        while self._expiry_queue and removed < limits.EXPIRED_PER_BLOCK:
            expires, name = self._expiry_queue[0]
            if expires > time_ms:
                break
            heapq.heappop(self._expiry_queue)
            if self._expiry.get(name) == expires:
                del self._expiry[name]
                self._put(name, None)
                removed += 1
        self._generations.reach(self._keys.epoch)
        if self._generations.stale:
            self._seal_anew()
        return self._block_writes

    @property
    def stale(self) -> int:
        """Values still to be sealed anew, at most, as of the last `end_block`; 0 only where there is none."""
        return self._generations.stale

    def _seal_anew(self) -> None:
        """Seal the next few stale values under the current epoch's key, in the order of stored names."""
        size = 0
        for _ in range(limits.EPOCH_REWRAP):
            name = self._generations.take() if size < limits.EPOCH_REWRAP_BYTES else None
            if name is None:
                break
            value = self._committed(name)
            if value is None:
                raise InvariantError("invariant", "a transient value that is not in the tree")
            sealed = self._seal(name, Pending(value, TRANSIENT), value, _NO_ENTRY)
            self._put(name, sealed)
            size += len(sealed)
        self._generations.settle()

    def committed(self, height: int) -> None:
        """The host says that it has stored the blocks up to `height`."""
        self._uncommitted = {
            name: held for name, held in self._uncommitted.items() if held[0] > height
        }

    # --- one entry ------------------------------------------------------------------------------

    def savepoint(self) -> dict[bytes, Pending]:
        """Return a mark of the entry's writes so far, for `rollback`."""
        return dict(self._entry)

    def rollback(self, mark: dict[bytes, Pending]) -> None:
        """Forget the entry's writes since the mark."""
        self._entry = mark

    def get(self, app: str, name: bytes) -> bytes | None:
        """Return the value, or None; asks the host, and verifies its answer.

        Raises:
            InvariantError: the host's answer is not the value that was written.
        """
        stored_name = self._stored_name(app, name)
        pending = self._entry.get(stored_name)
        if pending is not None:
            return None if pending.value is None else pending.value.value
        return self.committed_value(stored_name)

    def get_hot(self, app: str, name: bytes) -> bytes | None:
        """Return the value as `get` does, from enclave memory where it was used lately.

        For values that many requests use, in block execution and between blocks, on the enclave's own thread alone.

        Raises:
            InvariantError: the host's answer is not the value that was written.
        """
        stored_name = self._stored_name(app, name)
        if stored_name in self._entry:
            return self.get(app, name)
        expected = self._tree.get(stored_name)
        if expected is None:
            return None
        value = self._hot.value(stored_name, expected)
        if value is None:
            value = self.committed_value(stored_name)
            if value is not None:
                self._hot.keep(stored_name, expected, value)
        return value

    def is_hot(self, app: str, name: bytes) -> bool:
        """Say whether `get_hot` would ask nobody."""
        stored_name = self._stored_name(app, name)
        if stored_name in self._entry:
            return True
        expected = self._tree.get(stored_name)
        return expected is None or self._hot.value(stored_name, expected) is not None

    def has(self, app: str, name: bytes) -> bool:
        """Say whether there is a value as of the last executed block; asks nobody."""
        return self._tree.get(self._stored_name(app, name)) is not None

    def read(self, app: str, name: bytes) -> bytes | None:
        """Return the value as of the last executed block; for use outside of block execution, from any thread.

        Raises:
            InvariantError: the host's answer is not the value that was written.
        """
        return self.committed_value(self._stored_name(app, name))

    def committed_value(self, stored_name: bytes) -> bytes | None:
        """Return the value under a stored name, verified against the index.

        Raises:
            InvariantError: the host's answer is not the value that was written, or there is none. Were it another
                error, a host could choose which requests fail.
        """
        value = self._committed(stored_name)
        return None if value is None else value.value

    def _committed(self, stored_name: bytes) -> Value | None:
        while (expected := self._tree.get(stored_name)) is not None:
            try:
                return self._verified(stored_name, expected)
            except (InvariantError, VerificationError):
                # Another thread than the executing one may have looked while the value was written anew.
                if self._tree.get(stored_name) == expected:
                    raise
        return None

    def _verified(self, stored_name: bytes, expected: bytes) -> Value:
        held = self._uncommitted.get(stored_name)
        try:
            unverified = self._host.state_get(stored_name) if held is None else held[1]
        except Error as problem:
            raise InvariantError("state_mismatch", "the host gives no value") from problem
        if unverified is None or not equal(stored_digest(unverified), expected):
            raise InvariantError("state_mismatch", "the host's value is not the one written last")
        return self._open(stored_name, unverified)

    def set(
        self,
        app: str,
        name: bytes,
        value: bytes,
        *,
        kind: int = DURABLE,
        expires_ms: int | None = None,
        least: int = 0,
        hot: bool = False,
    ) -> None:
        """Write a value; it is removed in the first block at or after `expires_ms`.

        Args:
            app: who writes.
            name: the app's own.
            value: what to keep.
            kind: `DURABLE`, `TRANSIENT` or `PADDED`.
            expires_ms: None keeps it.
            least: smallest size class of a padded value.
            hot: whether `get_hot` will be asked for it.
        """
        made = Value(app, name, expires_ms, value)
        self._entry[self._stored_name(app, name)] = Pending(made, kind, least, hot)

    def remove(self, app: str, name: bytes) -> None:
        """Remove a value."""
        self._entry[self._stored_name(app, name)] = Pending(None, DURABLE)

    def end_entry(self, position: int) -> list[tuple[bytes, bytes | None]]:
        """Seal the entry's writes; return each stored name, ascending, with the hash of what it now holds, or None."""
        if self._name_key is not None and self._tree.get(_NAMES_SLOT) is None:
            made = Value(_NAMES_APP, b"", None, self._keys.state_names_seed)
            self._entry[_NAMES_SLOT] = Pending(made, DURABLE)
        writes: list[tuple[bytes, bytes | None]] = []
        for name in sorted(self._entry):
            pending = self._entry[name]
            sealed = None
            if pending.value is not None:
                sealed = self._seal(name, pending, pending.value, position)
                self._remember_expiry(name, pending.value.expires_ms)
            elif self._tree.get(name) is None:
                continue
            hashed = self._put(name, sealed)
            if pending.hot and hashed is not None and pending.value is not None:
                self._hot.keep(name, hashed, pending.value.value)
            writes.append((name, hashed))
        self._entry = {}
        return writes

    # --- details --------------------------------------------------------------------------------

    def _put(self, name: bytes, sealed: bytes | None) -> bytes | None:
        hashed = None if sealed is None else stored_digest(sealed)
        self._tree.set(name, hashed)
        self._generations.set(name, generation(sealed))
        if sealed is None:
            self._expiry.pop(name, None)
        self._block_writes[name] = sealed
        self._uncommitted[name] = (self._height, sealed)
        return hashed

    def _remember_expiry(self, name: bytes, expires_ms: int | None) -> None:
        if expires_ms is None:
            self._expiry.pop(name, None)
        elif self._expiry.get(name) != expires_ms:
            self._expiry[name] = expires_ms
            heapq.heappush(self._expiry_queue, (expires_ms, name))

    def _stored_name(self, app: str, name: bytes) -> bytes:
        if self._name_key is None:
            # A new chain: the key becomes a state value with the first entry.
            self._name_key = MacKey(self._keys.state_names_seed)
        # A value is asked for, then written, in this request or a later one. Other threads read here as well: a
        # dictionary's own operations are whole.
        named = (app, name)
        stored = self._names.get(named)
        if stored is None:
            stored = self._name_key.mac(Context.STATE_NAME, app.encode(), name)
            if len(self._names) >= _NAMES_KEPT:
                self._names.clear()
            self._names[named] = stored
        return stored

    def _key(self, kind: int, epoch: int) -> SivKey:
        if kind == PADDED or (kind == DURABLE and epoch == 0):
            return self._keys.durable
        if kind == TRANSIENT:
            return self._keys.transient(epoch)
        raise VerificationError("state_mismatch", "a stored value of an unknown class")

    def _seal(self, name: bytes, pending: Pending, value: Value, position: int) -> bytes:
        kind = pending.kind
        epoch = 0
        if kind == TRANSIENT:
            epoch = self._keys.epoch
        elif kind == PADDED:
            epoch = pending.least
        header = _HEADER.pack(kind, epoch, self._height, position)
        encoded = value.encode()
        if kind == PADDED:
            encoded = pad(encoded, least=pending.least)
        if len(encoded) + _HEADER.size + SIV_OVERHEAD > limits.STATE_VALUE:
            raise InvariantError("invariant", "a state value over its bound")
        return header + self._key(kind, epoch).seal(encoded, Context.AD_STATE, name, header)

    def _open(self, name: bytes, unverified: bytes) -> Value:
        header, sealed = unverified[: _HEADER.size], unverified[_HEADER.size :]
        if len(header) != _HEADER.size:
            raise VerificationError("state_mismatch", "a stored value is too short")
        try:
            _, epoch, _, _ = _HEADER.unpack(header)
            key = self._key(header[0], epoch)
            opened = key.open(sealed, Context.AD_STATE, name, header)
            return Value.decode(unpad(opened, least=epoch) if header[0] == PADDED else opened)
        except Error as problem:
            raise VerificationError("state_mismatch", "a stored value does not open") from problem
