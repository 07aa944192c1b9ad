"""Changes of what a client has registered: other keys for a DID, and giving a record up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adyton.client.credentials.signing import EdDsaKey
from adyton.client.identity import Made, own_key, register
from adyton.client.identity_dids import OwnDid, multikey_of, own_of
from adyton.client.session import Session
from adyton.core.errors import PolicyError, UsageError
from adyton.protocol.credentials.did_document import AUTHENTICATION
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import X25519, Multikey
from adyton.protocol.identity.giving_up import last_version, require_used
from adyton.protocol.identity.naming import did_of, document_of
from adyton.protocol.identity.registries import Record


def change_did(
    session: Session,
    own: OwnDid,
    *,
    new_key: bool = False,
    new_agreement: bool = False,
    add: Sequence[Multikey] = (),
    drop: Sequence[str] = (),
) -> tuple[OwnDid, Made]:
    """Register other keys for a DID of this client.

    What was bound to a former key stays bound to it, and what was sealed to a former one can still be read.

    Args:
        own: the DID.
        new_key: credentials are bound to a new key from now on; the former stays in the document, so that uses of
            credentials that are bound to it are told.
        new_agreement: uses are sealed to a new key from now on.
        add: keys of another wallet of the holder, Ed25519 or P-256.
        drop: names of keys within the document, or their first characters.

    Raises:
        UsageError: nothing changes, a key is not there, or none of this client would be left.
        PolicyError: `record_given_up`. Error: as `identity.register`.
    """
    require_used(own.record, "the did")
    chain_id, identity = session.pin.chain_id, session.keystore.identity
    salt, version = own.record.salt, own.record.version + 1
    document = document_of(chain_id, own.record)
    methods = () if document is None else document.methods
    before = [method.key for method in methods if AUTHENTICATION in method.purposes]
    signing = [*before]
    for name in drop:
        signing.remove(_named(signing, name))
    signing += [key for key in add if key not in signing]
    if new_key:
        signing.insert(0, multikey_of(EdDsaKey(identity.holder_key(chain_id, salt, version))))
    elif not {multikey_of(key) for key in own.keys} & set(signing):
        raise UsageError("bad_argument", "a did has a key of this client; add a new one as well")
    agreement = own.agreement
    if new_agreement:
        agreement = identity.agreement_key(chain_id, salt, version)
    if signing == before and not new_agreement:
        raise UsageError("bad_argument", "nothing changes: these are the keys that the did has")
    written = write_own_document(did_of(own.record), signing, Multikey(X25519, agreement[1]))
    record = replace(own.record, document=written, version=version)
    made = register(session, record)
    return own_of(session, record), made


def require_owner(session: Session, held: Record) -> None:
    """Refuse to change a record of another client.

    Raises:
        PolicyError: `not_owner`.
    """
    if held.owner != own_key(session):
        raise PolicyError("not_owner", "the record is another client's, who alone changes it")


def give_up(session: Session, held: Record) -> Made:
    """Give up a record of this client, for good.

    Raises:
        PolicyError: `not_owner`, `record_given_up`. Error: as `identity.register`.
    """
    require_owner(session, held)
    return register(session, last_version(held))


def _named(keys: Sequence[Multikey], name: str) -> Multikey:
    found = [key for key in keys if name and key.multikey().startswith(name)]
    if len(found) != 1:
        raise UsageError("not_found", f"not the name of one key of the did: {name}")
    return found[0]
