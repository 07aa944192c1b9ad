"""Invitations: the operator's key that signs them, and their making.

The private key lies in the data directory with mode 0600; its public half is fixed in genesis.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path
from typing import Final

from adyton.core.crypto import SigningKey
from adyton.core.errors import UsageError
from adyton.host.datadir import STORE
from adyton.protocol.envelope import Invite
from adyton.protocol.genesis import Genesis

FILE: Final = "invite.key"
MOST_DAYS: Final = 3660
_DAY_MS: Final = 24 * 3600 * 1000


def make_invite_key(data: Path) -> SigningKey:
    """Return the key of this data directory, made when missing."""
    try:
        descriptor = os.open(data / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return load_invite_key(data)
    seed = secrets.token_bytes(32)
    with os.fdopen(descriptor, "wb") as file:
        file.write(seed)
        file.flush()
        os.fsync(file.fileno())
    return SigningKey(seed)


def load_invite_key(data: Path) -> SigningKey:
    """Return the key of this data directory.

    Raises:
        UsageError: there is none, or the file is not one.
    """
    try:
        seed = (data / FILE).read_bytes()
    except OSError as problem:
        raise UsageError("not_found", "this server has no key for invitations") from problem
    if len(seed) != 32:
        raise UsageError("keystore", "the key for invitations is damaged")
    return SigningKey(seed)


def issue_invite(data: Path, client_key: bytes, days: int, *, now_ms: int) -> Invite:
    """Invite one client to the chain of a data directory, whether its server runs or not; see `make_invite`.

    Raises:
        UsageError: the chain does not admit by invitation, or there is no chain yet.
    """
    key = load_invite_key(data)
    try:
        with contextlib.closing(
            sqlite3.connect(f"{(data / STORE).as_uri()}?mode=ro", uri=True)
        ) as db:
            row = db.execute("SELECT value FROM meta WHERE name = 'genesis'").fetchone()
    except sqlite3.Error as problem:
        raise UsageError("not_found", f"the chain cannot be read: {problem}") from None
    if row is None:
        raise UsageError("not_found", "the server has not made its chain yet")
    genesis = Genesis.decode(row[0])
    if genesis.configuration.invite_key != key.public:
        raise UsageError("not_found", "this chain does not admit by these invitations")
    return make_invite(client_key, days, chain_id=genesis.chain_id(), key=key, now_ms=now_ms)


def make_invite(
    client_key: bytes, days: int, *, chain_id: bytes, key: SigningKey, now_ms: int
) -> Invite:
    """Invite one client.

    Args:
        client_key: Ed25519 public key, 32 bytes.
        days: for which the invitation holds, 1 to 3660.
        chain_id: of this server.
        key: the operator's invite key.
        now_ms: milliseconds since 1970.

    Raises:
        UsageError: a key of another size, or days out of range.
    """
    if len(client_key) != 32:
        raise UsageError("bad_argument", "a client key has 32 bytes")
    if not 1 <= days <= MOST_DAYS:
        raise UsageError("bad_argument", f"days must be from 1 to {MOST_DAYS}")
    return Invite.sign(chain_id, client_key, now_ms + days * _DAY_MS, key)
