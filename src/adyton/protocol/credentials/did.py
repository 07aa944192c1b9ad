"""Decentralized identifiers (W3C DID core 1.0): their syntax, and that of the network's own method.

    did:adyton:<chain>:<name>      chain = the first 8 bytes of the chain id, 16 hex digits
                                   name  = 32 bytes, 64 hex digits
    name = H(did ‖ chain id ‖ client key ‖ salt)

The name commits to the whole chain id and to the client's key, so that nobody can register another's; the salt, 16
bytes of the client's, keeps two DIDs of one client apart. Digits are lowercase: a DID has one text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import MalformedError, VerificationError

OWN: Final = "adyton"
KEY: Final = "key"
JWK: Final = "jwk"
WEB: Final = "web"
CHAIN_BYTES: Final = 8
SALT: Final = 16

_DID: Final = re.compile(r"did:([a-z0-9]+):((?::*+(?:[A-Za-z0-9._-]++|%[0-9A-F]{2}))++)")
_FRAGMENT: Final = re.compile(r"[A-Za-z0-9._~:-]+")
_OWN: Final = re.compile(rf"([0-9a-f]{{{2 * CHAIN_BYTES}}}):([0-9a-f]{{64}})")


@dataclass(frozen=True, slots=True)
class Did:
    """A DID in its two parts.

    Attributes:
        method: lowercase letters and digits.
        identifier: what the method says of it.
    """

    method: str
    identifier: str

    def __str__(self) -> str:
        return f"did:{self.method}:{self.identifier}"


def read_did(unverified: str) -> Did:
    """Return the DID that a text is: no path, query or fragment.

    Raises:
        MalformedError: `malformed`, no DID; `too_large`, over `limits.DID` characters.
    """
    if len(unverified) > limits.DID:
        raise MalformedError("too_large", f"a did has at most {limits.DID} characters")
    found = _DID.fullmatch(unverified)
    if found is None:
        raise MalformedError("malformed", "not a did: write did:, a method, : and its identifier")
    return Did(found[1], found[2])


def read_did_url(unverified: str) -> tuple[Did, str]:
    """Return the DID and the fragment of a text that names a key; relative texts are refused.

    Raises:
        MalformedError: no DID, no fragment, or a path or query between them.
    """
    text, hash_sign, fragment = unverified.partition("#")
    did = read_did(text)
    if not hash_sign or len(fragment) > limits.DID or _FRAGMENT.fullmatch(fragment) is None:
        raise MalformedError("malformed", "a key is named by its did, # and a fragment")
    return did, fragment


def own_name(chain_id: bytes, client_key: bytes, salt: bytes) -> bytes:
    """Return the name (32 bytes) under which a client registers a DID.

    Args:
        chain_id: 32 bytes.
        client_key: the Ed25519 key that signs the client's requests.
        salt: 16 bytes of the client's choice.
    """
    return digest(Context.DID, chain_id, client_key, salt)


def own_did(chain_id: bytes, name: bytes) -> Did:
    """Return the network's own DID of a name."""
    return Did(OWN, f"{chain_id[:CHAIN_BYTES].hex()}:{name.hex()}")


def read_own(unverified: Did, chain_id: bytes) -> bytes:
    """Return the name of a DID of this chain, 32 bytes.

    Raises:
        MalformedError: of another method, or another form.
        VerificationError: `wrong_chain`.
    """
    found = _OWN.fullmatch(unverified.identifier) if unverified.method == OWN else None
    if found is None:
        raise MalformedError(
            "malformed", f"not a did:{OWN}: 16 hex digits of the chain, : and 64 of the name"
        )
    if found[1] != chain_id[:CHAIN_BYTES].hex():
        raise VerificationError("wrong_chain", f"a did:{OWN} of another chain; register one here")
    return bytes.fromhex(found[2])
