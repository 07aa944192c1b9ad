"""DIDs of this client: each with a key that credentials are bound to, and one to which their uses are sealed.

Both follow from the client's seed, the DID's salt, and the version of its record that brought them; the registry holds
salt and version: a directory that was lost but for its identity finds its DIDs again, with the keys that they had.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adyton.client.credentials.signing import EdDsaKey
from adyton.client.identity import Made, fresh_salt, own_key, own_records, register, resolve
from adyton.client.session import Session
from adyton.core.errors import UsageError, VerificationError
from adyton.core.p256 import P256PublicKey
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.did import WEB, own_did, own_name, read_did, read_own
from adyton.protocol.credentials.did_document import AUTHENTICATION, DidDocument
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.did_jwk import resolve_did_jwk
from adyton.protocol.credentials.did_key import resolve_did_key
from adyton.protocol.credentials.jwk import PublicKey, ed25519_key, p256_key
from adyton.protocol.credentials.multikey import ED25519, P256, X25519, Multikey
from adyton.protocol.identity.naming import document_of
from adyton.protocol.identity.registries import DidRecord

_RECORD_NAME: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class OwnDid:
    """A DID of this client.

    Attributes:
        did: its text.
        record: as it is registered.
        keys: those that its credentials may be bound to, the present one first, then the newest.
        agreements: secret and public X25519 keys to which its uses may be sealed, in the same order.
    """

    did: str
    record: DidRecord
    keys: tuple[EdDsaKey, ...]
    agreements: tuple[tuple[bytes, bytes], ...]

    def __repr__(self) -> str:
        return f"<OwnDid {self.did}>"

    @property
    def key(self) -> EdDsaKey:
        """The key that new credentials are bound to."""
        return self.keys[0]

    @property
    def agreement(self) -> tuple[bytes, bytes]:
        """The key to which uses are sealed now, secret and public."""
        return self.agreements[0]

    def key_of(self, thumbprint: bytes) -> EdDsaKey | None:
        """Return the key, present or former, that a credential is bound to; None where it is another's."""
        return next((key for key in self.keys if key.public.thumbprint() == thumbprint), None)


def new_did(session: Session) -> tuple[OwnDid, Made]:
    """Register a DID of the network's own method under keys of this client.

    Raises:
        Error: as `identity.register`.
    """
    chain_id, owner, salt = session.pin.chain_id, own_key(session), fresh_salt()
    identity = session.keystore.identity
    key = EdDsaKey(identity.holder_key(chain_id, salt))
    _, agreement = identity.agreement_key(chain_id, salt)
    document = write_own_document(
        own_did(chain_id, own_name(chain_id, owner, salt)),
        [multikey_of(key)],
        Multikey(X25519, agreement),
    )
    made = register(session, DidRecord(owner, salt, document, 1, True))
    return own_of(session, DidRecord(owner, salt, document, 1, True)), made


def own_dids(session: Session, *, given_up: bool = False) -> list[OwnDid]:
    """Return this client's DIDs of the network's own method.

    Args:
        given_up: also those that were.

    Raises:
        Error: as `identity.own_records`.
    """
    chain_id = session.pin.chain_id
    return [
        own_of(session, record)
        for name, record in own_records(session)
        if isinstance(record, DidRecord)
        and (given_up or record.active)
        and name == own_name(chain_id, record.owner, record.salt)
    ]


def resolve_did(session: Session, text: str) -> tuple[DidRecord, DidDocument | None]:
    """Return the record of a DID of this network, and its keys; None where it was given up.

    Args:
        text: the DID, or the name of its record in hexadecimal: of a did:web there is one for each who vouches for it.

    Raises:
        MalformedError: no DID. UsageError: `not_found`, or the text of a did:web. VerificationError: of another
            network.
    """
    if _RECORD_NAME.fullmatch(text):
        name = bytes.fromhex(text)
    else:
        did = read_did(text)
        if did.method == WEB:
            raise UsageError(
                "bad_argument",
                "a did:web is what its registrar vouches for: give the name of the record that pins it",
            )
        name = read_own(did, session.pin.chain_id)
    record = resolve(session, name, DidRecord)
    return record, document_of(session.pin.chain_id, record)


def keys_of(session: Session, text: str) -> DidDocument | None:
    """Return the keys of a DID, of this network or one that says them all itself; None where it was given up.

    Raises:
        Error: as `resolve_did`. CredentialError: the key of a did:jwk is none.
    """
    if not _RECORD_NAME.fullmatch(text):
        did = read_did(text)
        if did.method == "key":
            return resolve_did_key(did)
        if did.method == "jwk":
            return resolve_did_jwk(did)
    return resolve_did(session, text)[1]


def binding_key(document: DidDocument) -> PublicKey:
    """Return the key of a DID to which a credential of its holder is bound: its first for authentication.

    Raises:
        VerificationError: `key_purpose`, it has none of Ed25519 or P-256.
    """
    for method in document.methods:
        if AUTHENTICATION in method.purposes and method.key.curve == ED25519:
            return ed25519_key(method.key.data)
        if AUTHENTICATION in method.purposes and method.key.curve == P256:
            point = method.key.uncompressed()
            return p256_key(P256PublicKey(point[1:33], point[33:]))
    raise VerificationError("key_purpose", "the did has no key of Ed25519 or P-256 to be bound to")


def require_own(dids: list[OwnDid], text: str | None) -> OwnDid:
    """Return the own DID that is meant: by its text, or the only one there is.

    Raises:
        UsageError: none, or several could be meant.
    """
    found = [one for one in dids if text in (None, one.did)]
    if not found:
        hint = "not a did of this client" if text else "no did yet: make one with `adyton did new`"
        raise UsageError("not_found", hint)
    if len(found) > 1:
        listed = ", ".join(one.did for one in found)
        raise UsageError("usage", f"several dids could be meant; name one: {listed}")
    return found[0]


def own_of(session: Session, record: DidRecord) -> OwnDid:
    """Return a DID of this client by its record."""
    chain_id, identity = session.pin.chain_id, session.keystore.identity
    name = own_name(chain_id, record.owner, record.salt)
    versions = range(record.version, 0, -1)
    keys = [EdDsaKey(identity.holder_key(chain_id, record.salt, one)) for one in versions]
    agreements = [identity.agreement_key(chain_id, record.salt, one) for one in versions]
    document = document_of(chain_id, record)
    if document is not None:
        named = [method.key for method in document.methods]
        # Stable: behind those of the document, the newest come first.
        keys.sort(key=lambda key: multikey_of(key) not in named)
        agreements.sort(key=lambda pair: Multikey(X25519, pair[1]) not in named)
    return OwnDid(str(own_did(chain_id, name)), record, tuple(keys), tuple(agreements))


def multikey_of(key: EdDsaKey) -> Multikey:
    """Return the public half of a key as a document has it."""
    return Multikey(ED25519, base64url.decode(key.public.members["x"], "the holder's key"))
