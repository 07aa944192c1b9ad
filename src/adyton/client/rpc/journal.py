"""What was signed and is not yet mined, on disk: one file for each transaction, so that none is lost on the way."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adyton.client import private_files
from adyton.client.rpc import strict_json
from adyton.core import limits
from adyton.core.errors import MalformedError, UnavailableError, UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.quantities import read_data, read_integer
from adyton.protocol.ethereum.transaction import SignedTransaction
from adyton.protocol.ethereum.transaction_bytes import decode_signed


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction that was signed.

    Attributes:
        signed: it.
        signed_ms: when, milliseconds since 1970.
    """

    signed: SignedTransaction
    signed_ms: int


class Journal:
    """The transactions of one chain; usable from several threads.

    Args:
        directory: made if need be, for this user alone.

    Raises:
        UsageError: `keystore`, others may use it, or a file in it is damaged.
    """

    def __init__(self, directory: Path) -> None:
        private_files.make_directory(directory)
        self._directory = directory
        self._lock = threading.Lock()
        self._entries: dict[bytes, Entry] = {}
        for path in sorted(directory.glob("[0-9]*.json")):
            entry = private_files.load(path, _read)
            if entry is not None:
                self._entries[entry.signed.hash] = entry

    def entries(self) -> list[Entry]:
        """Return all of them, by account and nonce."""
        with self._lock:
            found = list(self._entries.values())
        return sorted(
            found, key=lambda entry: (entry.signed.sender, entry.signed.transaction.nonce)
        )

    def of_nonce(self, account: bytes, nonce: int) -> list[Entry]:
        """Return those of one account and nonce: several, where one is to replace another."""
        return [
            entry
            for entry in self.entries()
            if (entry.signed.sender, entry.signed.transaction.nonce) == (account, nonce)
        ]

    def require_room(self) -> None:
        """Refuse to sign more where too much waits already.

        Raises:
            UnavailableError: `overloaded`.
        """
        with self._lock:
            if len(self._entries) >= limits.RPC_JOURNAL:
                raise UnavailableError(
                    "overloaded", "too many signed transactions wait to be mined; see to the node"
                )

    def put(self, signed: SignedTransaction, now_ms: int) -> None:
        """Keep a transaction durably.

        Raises:
            UsageError: `keystore`, it cannot be written.
        """
        entry = Entry(signed, now_ms)
        private_files.write(self._path(signed), _written(entry))
        with self._lock:
            self._entries[signed.hash] = entry

    def drop(self, entry: Entry) -> None:
        """Forget a transaction."""
        with self._lock:
            self._entries.pop(entry.signed.hash, None)
        self._path(entry.signed).unlink(missing_ok=True)

    def _path(self, signed: SignedTransaction) -> Path:
        return self._directory / f"{signed.transaction.nonce}-{signed.hash.hex()}.json"


def _written(entry: Entry) -> bytes:
    signed = entry.signed
    told: dict[str, Any] = {
        "from": checksummed(signed.sender),
        "nonce": signed.transaction.nonce,
        "hash": "0x" + signed.hash.hex(),
        "signedMs": entry.signed_ms,
        "raw": "0x" + signed.raw.hex(),
    }
    return strict_json.write(told)


def _read(encoded: bytes) -> Entry:
    value = strict_json.parse(encoded)
    if type(value) is not dict:
        raise MalformedError("malformed", "not an entry of the journal")
    raw = read_data(value.get("raw"), "raw", limits.ETHEREUM_TRANSACTION)
    signed_ms = read_integer(value.get("signedMs"), "signedMs", 0, 2**63)
    entry = Entry(decode_signed(raw), signed_ms)
    if value.get("hash") != "0x" + entry.signed.hash.hex():
        raise UsageError("keystore", "an entry of the journal whose hash is not its own")
    return entry
