"""DIDs of this client: each with a key that credentials are bound to, and one to which their uses are sealed.

Both follow from the client's seed and the DID's salt, which the registry holds: a directory that was lost but for its
identity finds its DIDs again.
"""

from __future__ import annotations

from dataclasses import dataclass

from adyton.client.credentials.signing import EdDsaKey
from adyton.client.identity import Made, fresh_salt, own_key, own_records, register, resolve
from adyton.client.session import Session
from adyton.core.errors import UsageError, VerificationError
from adyton.core.p256 import P256PublicKey
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.did import own_did, own_name, read_did, read_own
from adyton.protocol.credentials.did_document import AUTHENTICATION, DidDocument
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.jwk import PublicKey, ed25519_key, p256_key
from adyton.protocol.credentials.multikey import ED25519, P256, X25519, Multikey
from adyton.protocol.identity.naming import document_of
from adyton.protocol.identity.registries import DidRecord


@dataclass(frozen=True)
class OwnDid:
    """A DID of this client.

    Attributes:
        did: its text.
        record: as it is registered.
        key: binds credentials.
        agreement: secret and public X25519 key.
    """

    did: str
    record: DidRecord
    key: EdDsaKey
    agreement: tuple[bytes, bytes]

    def __repr__(self) -> str:
        return f"<OwnDid {self.did}>"


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
        [_multikey(key.public)],
        Multikey(X25519, agreement),
    )
    made = register(session, DidRecord(owner, salt, document, 1, True))
    return _own(session, DidRecord(owner, salt, document, 1, True)), made


def own_dids(session: Session) -> list[OwnDid]:
    """Return this client's DIDs of the network's own method that were not given up.

    Raises:
        Error: as `identity.own_records`.
    """
    chain_id = session.pin.chain_id
    return [
        _own(session, record)
        for name, record in own_records(session)
        if isinstance(record, DidRecord)
        and record.active
        and name == own_name(chain_id, record.owner, record.salt)
    ]


def resolve_did(session: Session, text: str) -> tuple[DidRecord, DidDocument | None]:
    """Return the record of a DID of this network, and its keys; None where it was given up.

    Raises:
        MalformedError: no DID. UsageError: `not_found`. VerificationError: of another network.
    """
    did = read_did(text)
    record = resolve(session, read_own(did, session.pin.chain_id), DidRecord)
    return record, document_of(session.pin.chain_id, record)


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


def _own(session: Session, record: DidRecord) -> OwnDid:
    chain_id, identity = session.pin.chain_id, session.keystore.identity
    name = own_name(chain_id, record.owner, record.salt)
    return OwnDid(
        str(own_did(chain_id, name)),
        record,
        EdDsaKey(identity.holder_key(chain_id, record.salt)),
        identity.agreement_key(chain_id, record.salt),
    )


def _multikey(key: PublicKey) -> Multikey:
    return Multikey(ED25519, base64url.decode(key.members["x"], "the holder's key"))
