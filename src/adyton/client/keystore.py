"""The client's own directory: identity, pins, and what it holds of each chain.

    identity               the seed that every key of this client follows from
    pins/HASH              one server's pin
    chains/CHAIN/node      the node that was appraised last
    chains/CHAIN/tickets   server key and unused tickets
    chains/CHAIN/view      the verified view
    chains/CHAIN/requests/REQUEST_ID

Everything is 0600 below directories of 0700, replaced whole, and refused when somebody else could read it: whoever
can write here decides what the client believes. Several processes may share a directory; `locked` excludes them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from adyton.client.records import AppraisedNode, Pin, RequestRecord, Tickets
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, derive
from adyton.core.encoding import decode, encode
from adyton.core.errors import Error, UsageError

_IDENTITY: Final = "adyton-client/1"
_FILE: Final = 8 * limits.MIB
_T = TypeVar("_T")


class Identity:
    """The client's keys, all of them from one seed; none of them ever shown."""

    __slots__ = ("_secret", "signing_key")

    def __init__(self, seed: bytes) -> None:
        self.signing_key = SigningKey(derive(seed, Context.KDF_CLIENT_SIGNING))
        self._secret = derive(seed, Context.KDF_CLIENT_SECRET)

    def __repr__(self) -> str:
        return f"<Identity {self.signing_key.public.hex()[:16]}>"

    def result_key(self, chain_id: bytes, request_id: bytes) -> bytes:
        """Return the key under which a request's result comes back; it can always be derived again."""
        return derive(self._secret, Context.KDF_CLIENT_RESULT, chain_id, request_id)

    def response_key(self, chain_id: bytes, request_id: bytes) -> bytes:
        """Return the key under which a request's response comes back."""
        return derive(self._secret, Context.KDF_CLIENT_RESPONSE, chain_id, request_id)


class ChainStore:
    """What is kept of one chain.

    Args:
        directory: of this chain; made when it is absent.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._requests = directory / "requests"
        _make_directory(directory)
        _make_directory(self._requests)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude every other thread and process from this chain's files; not to be nested."""
        flags = os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(self._directory / "lock", flags, 0o600)
        except OSError as problem:
            raise UsageError("keystore", "the lock file cannot be opened") from problem
        try:
            # Each call has an open file of its own, so that the lock holds between threads too.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def node(self) -> AppraisedNode | None:
        """Return the node that was appraised last."""
        return _load(self._directory / "node", AppraisedNode.decode)

    def put_node(self, node: AppraisedNode) -> None:
        """Replace the node that was appraised last."""
        _write(self._directory / "node", node.encode())

    def tickets(self) -> Tickets | None:
        """Return server key and tickets; to be called under `locked` when one is taken."""
        return _load(self._directory / "tickets", Tickets.decode)

    def put_tickets(self, tickets: Tickets | None) -> None:
        """Replace or forget server key and tickets."""
        path = self._directory / "tickets"
        if tickets is None:
            path.unlink(missing_ok=True)
        else:
            # Not synced: after a power failure an old list makes the server refuse a ticket, no worse.
            _write(path, tickets.encode(), durable=False)

    def view(self) -> bytes | None:
        """Return the encoded verified view."""
        return _load(self._directory / "view", bytes)

    def put_view(self, encoded: bytes) -> None:
        """Replace the verified view."""
        _write(self._directory / "view", encoded)

    def put_request(self, record: RequestRecord) -> None:
        """Add or replace the record of one request."""
        _write(self._requests / record.request_id.hex(), record.encode())

    def request(self, request_id: bytes) -> RequestRecord | None:
        """Return the record of one request."""
        return _load(self._requests / request_id.hex(), RequestRecord.decode)

    def drop_request(self, request_id: bytes) -> None:
        """Forget one request."""
        (self._requests / request_id.hex()).unlink(missing_ok=True)

    def requests(self) -> list[RequestRecord]:
        """Return every request of this chain, oldest first."""
        found = [
            _load(path, RequestRecord.decode)
            for path in self._requests.iterdir()
            if len(path.name) == 64
        ]
        records = [record for record in found if record is not None]
        return sorted(records, key=lambda record: (record.created_ms, record.request_id))

    def find(self, name: str) -> RequestRecord:
        """Return the request whose task hash, request id or name is meant; of equal names the newest.

        Args:
            name: at least eight hex digits from the start of a hash or id, or a whole name.

        Raises:
            UsageError: none, or more than one of that hash.
        """
        records = self.requests()
        named = [record for record in records if record.name == name]
        short = name.lower()
        by_hash = [
            record
            for record in records
            if len(short) >= 8
            and (record.task_hash.hex().startswith(short) or record.request_id.hex() == short)
        ]
        if len(by_hash) > 1:
            raise UsageError("usage", "more than one task begins with these digits")
        found = by_hash or named[-1:]
        if not found:
            raise UsageError("not_found", "no task of that name or hash in the keystore")
        return found[0]


class Keystore:
    """The directory of one client.

    Args:
        home: the directory; made when it is absent.
        entropy: source of the seed.

    Raises:
        UsageError: `keystore`, when others could read or change it, or it is damaged.
    """

    def __init__(
        self, home: str | os.PathLike[str], *, entropy: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        self.home = Path(home).absolute()
        _make_directory(self.home)
        _make_directory(self.home / "pins")
        _make_directory(self.home / "chains")
        self.identity = Identity(self._seed(entropy))

    def __repr__(self) -> str:
        return f"<Keystore {self.home}>"

    def pin(self, server: str) -> Pin | None:
        """Return what a server is held to; `server` is its normalised URL."""
        found = _load(self._pin_path(server), Pin.decode)
        if found is not None and found.server != server:
            raise UsageError("keystore", "a pin lies under another server's name")
        return found

    def put_pin(self, pin: Pin) -> None:
        """Pin a server."""
        _write(self._pin_path(pin.server), pin.encode())

    def pins(self) -> list[Pin]:
        """Return all pins, by server."""
        found = [_load(path, Pin.decode) for path in (self.home / "pins").iterdir()]
        return sorted((pin for pin in found if pin is not None), key=lambda pin: pin.server)

    def chain(self, chain_id: bytes) -> ChainStore:
        """Return what is kept of one chain."""
        return ChainStore(self.home / "chains" / chain_id.hex())

    def _pin_path(self, server: str) -> Path:
        # A URL is no file name; the hash of one is.
        return self.home / "pins" / hashlib.sha256(server.encode()).hexdigest()

    def _seed(self, entropy: Callable[[int], bytes]) -> bytes:
        path = self.home / "identity"
        seed = _load(path, _decoded_identity)
        if seed is not None:
            return seed
        encoded = encode([_IDENTITY, entropy(32)])
        temporary = _write_beside(path, encoded, durable=True)
        try:
            # A link, unlike a rename, never replaces: two first starts agree on one seed.
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink()
        _sync_directory(self.home)
        seed = _load(path, _decoded_identity)
        if seed is None:
            raise UsageError("keystore", "the identity file vanished")
        return seed


def _decoded_identity(encoded: bytes) -> bytes:
    value = decode(encoded, max_bytes=256)
    if type(value) is not list or len(value) != 2 or value[0] != _IDENTITY:
        raise UsageError("keystore", "not an identity file")
    seed = value[1]
    if type(seed) is not bytes or len(seed) != 32:
        raise UsageError("keystore", "not an identity file")
    return seed


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as problem:
        raise UsageError("keystore", f"no directory at {path}") from problem
    if not stat.S_ISDIR(found.st_mode):
        raise UsageError("keystore", f"not a directory: {path}")
    _require_private(found, path)


def _require_private(found: os.stat_result, path: Path) -> None:
    if found.st_mode & 0o077:
        raise UsageError("keystore", f"others may use {path}; chmod go-rwx it, and think who did")
    if found.st_uid != os.geteuid():
        raise UsageError("keystore", f"{path} belongs to another user")


def _load(path: Path, parse: Callable[[bytes], _T]) -> _T | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise UsageError("keystore", f"{path} cannot be read") from problem
    with open(descriptor, "rb") as file:
        _require_private(os.fstat(descriptor), path)
        encoded = file.read(_FILE + 1)
    try:
        return parse(encoded)
    except Error as problem:
        raise UsageError("keystore", f"{path} is damaged") from problem


def _write_beside(path: Path, data: bytes, *, durable: bool) -> Path:
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(8)}")
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    try:
        descriptor = os.open(temporary, flags, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(descriptor)
    except OSError as problem:
        temporary.unlink(missing_ok=True)
        raise UsageError("keystore", f"{path} cannot be written") from problem
    return temporary


def _write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a file whole: a reader sees the old bytes or the new, whatever happens meanwhile."""
    temporary = _write_beside(path, data, durable=durable)
    temporary.replace(path)
    if durable:
        _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
