"""The client's own directory: identity, pins, and a store for each chain.

    identity               the seed that every key of this client follows from
    pins/HASH              one server's pin
    chains/CHAIN/          see `chain_keeping.py`

Everything is 0600 below directories of 0700, replaced whole, and refused when somebody else could
read it: whoever can write here decides what the client believes. Keys are never shown.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from adyton.client.chain_keeping import ChainStore
from adyton.client.private_files import load, make_directory, write
from adyton.client.records import Pin
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, derive, hpke_public
from adyton.core.encoding import decode, encode
from adyton.core.errors import UsageError

_IDENTITY: Final = "adyton-client/1"


class Identity:
    """The client's keys, all of them from one seed; none of them ever shown."""

    __slots__ = ("_secret", "signing_key")

    def __init__(self, seed: bytes) -> None:
        self.signing_key = SigningKey(derive(seed, Context.KDF_CLIENT_SIGNING))
        self._secret = derive(seed, Context.KDF_CLIENT_SECRET)

    def __repr__(self) -> str:
        return f"<Identity {self.signing_key.public.hex()[:16]}>"

    def result_key(self, chain_id: bytes, request_id: bytes) -> bytes:
        """Return the key of a request's result; it can always be derived again."""
        return derive(self._secret, Context.KDF_CLIENT_RESULT, chain_id, request_id)

    def events_key(self) -> tuple[bytes, bytes]:
        """Return secret and public X25519 key that contracts seal events to; the public one may be given away."""
        secret = derive(self._secret, Context.KDF_CLIENT_EVENTS)
        return secret, hpke_public(secret)

    def holder_key(self, chain_id: bytes, salt: bytes, version: int = 1) -> bytes:
        """Return the seed of the Ed25519 key that credentials of the DID with this salt are bound to.

        Args:
            version: of the DID's record that brought the key.
        """
        return derive(
            self._secret, Context.KDF_CLIENT_HOLDER, chain_id, salt, *_of_version(version)
        )

    def agreement_key(self, chain_id: bytes, salt: bytes, version: int = 1) -> tuple[bytes, bytes]:
        """Return secret and public X25519 key to which uses are sealed for the DID with this salt.

        Args:
            version: of the DID's record that brought the key.
        """
        secret = derive(
            self._secret, Context.KDF_CLIENT_AGREEMENT, chain_id, salt, *_of_version(version)
        )
        return secret, hpke_public(secret)

    def issuer_key(self, chain_id: bytes, salt: bytes) -> bytes:
        """Return the seed of the Ed25519 key of the demo issuer with this salt."""
        return derive(self._secret, Context.KDF_CLIENT_ISSUER, chain_id, salt)

    def response_key(self, chain_id: bytes, request_id: bytes) -> bytes:
        """Return the key under which a request's response comes back."""
        return derive(self._secret, Context.KDF_CLIENT_RESPONSE, chain_id, request_id)


def _of_version(version: int) -> tuple[bytes, ...]:
    """Return what keys that came with a later version of a record are derived by besides."""
    return () if version == 1 else (version.to_bytes(4, "big"),)


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
        make_directory(self.home)
        make_directory(self.home / "pins")
        make_directory(self.home / "chains")
        self.identity = Identity(self._seed(entropy))

    def __repr__(self) -> str:
        return f"<Keystore {self.home}>"

    def pin(self, server: str) -> Pin | None:
        """Return what a server is held to; `server` is its normalised URL."""
        found = load(self._pin_path(server), Pin.decode)
        if found is not None and found.server != server:
            raise UsageError("keystore", "a pin lies under another server's name")
        return found

    def put_pin(self, pin: Pin) -> None:
        """Pin a server."""
        write(self._pin_path(pin.server), pin.encode())

    def pins(self) -> list[Pin]:
        """Return all pins, by server."""
        # A dot begins what another process is writing, or was killed over.
        paths = [path for path in (self.home / "pins").iterdir() if not path.name.startswith(".")]
        found = [load(path, Pin.decode) for path in paths]
        return sorted((pin for pin in found if pin is not None), key=lambda pin: pin.server)

    def chain(self, chain_id: bytes) -> ChainStore:
        """Return what is kept of one chain."""
        return ChainStore(self.home / "chains" / chain_id.hex())

    def _pin_path(self, server: str) -> Path:
        # A URL is no file name; the hash of one is.
        return self.home / "pins" / hashlib.sha256(server.encode()).hexdigest()

    def _seed(self, entropy: Callable[[int], bytes]) -> bytes:
        path = self.home / "identity"
        seed = load(path, _decoded_identity)
        if seed is None:
            write(path, encode([_IDENTITY, entropy(32)]), replace=False)
            seed = load(path, _decoded_identity)
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
