"""did:key: the identifier is the key (W3C CCG, did:key 0.9)."""

from __future__ import annotations

from typing import Final

from adyton.core.errors import MalformedError
from adyton.protocol.credentials.did import KEY, Did
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    PURPOSES,
    DidDocument,
    Method,
)
from adyton.protocol.credentials.multikey import (
    ED25519,
    X25519,
    Multikey,
    key_agreement_of,
    read_multikey,
)

_SIGNATURES: Final = (AUTHENTICATION, ASSERTION)


def did_of_key(key: Multikey) -> Did:
    """Return the did:key of a key."""
    return Did(KEY, key.multikey())


def resolve_did_key(unverified: Did) -> DidDocument:
    """Return the document that a did:key stands for.

    An Ed25519 key brings its X25519 twin for key agreement; one of P-256 or secp256k1 serves both.

    Raises:
        MalformedError: of another method, or no key.
    """
    if unverified.method != KEY:
        raise MalformedError("malformed", f"not a did:{KEY}")
    key = read_multikey(unverified.identifier)
    name = unverified.identifier
    if key.curve == ED25519:
        twin = key_agreement_of(key)
        methods: tuple[Method, ...] = (
            Method(name, key, _SIGNATURES),
            Method(twin.multikey(), twin, (AGREEMENT,)),
        )
    elif key.curve == X25519:
        methods = (Method(name, key, (AGREEMENT,)),)
    else:
        methods = (Method(name, key, PURPOSES),)
    return DidDocument(unverified, methods)
