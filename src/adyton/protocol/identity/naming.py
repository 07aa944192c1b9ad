"""What records are named by, and what a record of a DID says of it.

A name commits to the chain, to the client that made the record, and to its salt; so nobody can take another's, and a
record that is changed keeps its own. That of a DID of the network's own method is a part of the DID's text; a did:web
is pinned by whoever vouches for it, under a name that is that client's.
"""

from __future__ import annotations

from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.did import OWN, WEB, Did, own_did, own_name, read_did
from adyton.protocol.credentials.did_document import DidDocument
from adyton.protocol.credentials.did_json import own_document, parsed, pinned_document
from adyton.protocol.credentials.strict_json import Object
from adyton.protocol.identity.registries import DidRecord, Record, record_name


def name_of(chain_id: bytes, record: Record) -> bytes:
    """Return the name of a record, 32 bytes.

    Raises:
        CredentialError: a DID's document is not JSON in its one reading.
        MalformedError: a DID's document names no DID.
    """
    if isinstance(record, DidRecord) and did_of(record).method == OWN:
        return own_name(chain_id, record.owner, record.salt)
    return record_name(chain_id, record)


def did_of(record: DidRecord) -> Did:
    """Return the DID that a record's document says it is of: of the network's own method, or a did:web.

    Raises:
        CredentialError: the document is not JSON in its one reading.
        MalformedError: no DID, or one of a method that needs no registry.
    """
    return _named(parsed(record.document))


def _named(document: Object) -> Did:
    said = document.get("id")
    did = read_did(said if type(said) is str else "")
    if did.method not in (OWN, WEB):
        raise MalformedError(
            "malformed",
            f"only did:{OWN} and did:{WEB} are registered; others say it all themselves",
        )
    return did


def document_of(chain_id: bytes, record: DidRecord) -> DidDocument | None:
    """Return the keys of a DID's record; None where it is given up.

    Raises:
        CredentialError: the document is not JSON in its one reading.
        MalformedError: it has not the form that its method asks for.
        VerificationError: `not_found`, it is the document of another DID than the record's.
    """
    document = parsed(record.document)
    did = _named(document)
    name = own_name(chain_id, record.owner, record.salt)
    if did.method == OWN and did != own_did(chain_id, name):
        raise VerificationError("not_found", "the document is another did's: id differs")
    if not record.active:
        if record.document != given_up(did):
            raise MalformedError("malformed", "the document of a did that is given up is its id")
        return None
    return own_document(document, did) if did.method == OWN else pinned_document(document, did)


def given_up(did: Did) -> bytes:
    """Return the document that the record of a DID has once it is given up."""
    return strict_json.write({"id": str(did)})
