"""What everybody may know: DID documents, issuers, relying parties, and what they ask for.

A record belongs to the client that made it, who alone can change it; its name commits to that client. Whom a relying
party believes is the say of its own policy, which names records of issuers: so anybody may register.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.fields import AtMost, OneOf
from adyton.core.schema import Bytes16, Bytes32, Message, Name, Uint32, message
from adyton.protocol.credentials.age import AGE_MOST
from adyton.protocol.words import Ordering

FEBRUARY: Final = "28feb"
MARCH: Final = "1mar"
SKEW_MOST: Final = 3600  # seconds
BINDING_MOST: Final = 24 * 3600  # seconds

Text = Annotated[str, AtMost(limits.IDENTITY_TEXT)]
Json = Annotated[bytes, AtMost(limits.IDENTITY_JSON)]
ClientKeys = Annotated[tuple[Bytes32, ...], AtMost(limits.IDENTITY_KEYS)]


@message("identity-did/1", max_bytes=limits.IDENTITY_RECORD)
class DidRecord(Message):
    """A DID of the network's own method, or a did:web that its registrar vouches for.

    Attributes:
        owner: client key that made it.
        salt: of its name.
        document: DID document, JSON (`naming.document_of`).
        version: from 1; a change names the one that it replaces.
        active: False once it is given up, for good; then its document is `naming.given_up` (`giving_up.py`).
    """

    owner: Bytes32
    salt: Bytes16
    document: Json
    version: Uint32
    active: bool


@message("identity-issuer/1", max_bytes=limits.IDENTITY_RECORD)
class IssuerRecord(Message):
    """An issuer of credentials.

    Attributes:
        owner: client key that made it.
        salt: of its name.
        name: for people.
        iss: as its credentials name it; it never changes.
        keys: public keys as JWK, JSON, each with a `kid` of its own if there are several; none once it is given up.
        lists: addresses of the status lists that it signs.
        version: from 1.
    """

    owner: Bytes32
    salt: Bytes16
    name: Name
    iss: Text
    keys: Annotated[tuple[Json, ...], AtMost(limits.IDENTITY_KEYS)]
    lists: Annotated[tuple[Text, ...], AtMost(limits.IDENTITY_KEYS)]
    version: Uint32


@message("identity-party/1", max_bytes=limits.IDENTITY_RECORD)
class PartyRecord(Message):
    """A relying party.

    Attributes:
        owner: client key that made it.
        salt: of its name.
        name: for people: holders are shown it.
        senders: client keys that may bring presentations; none once it is given up.
        developers: client keys that may see which check failed.
        response: address that presentations are handed to; empty where another way is agreed.
        version: from 1.
    """

    owner: Bytes32
    salt: Bytes16
    name: Name
    senders: ClientKeys
    developers: ClientKeys
    response: Text
    version: Uint32


@message("identity-policy/1", max_bytes=limits.IDENTITY_RECORD)
class PolicyRecord(Message):
    """What a relying party asks of a credential.

    Attributes:
        owner: client key that made it: the party's owner.
        salt: of its name.
        party: whose; it never changes.
        name: for people.
        age_over: years that the holder must have reached; 0 asks for none.
        types: values of `vct`, one of which it must have.
        issuers: records of issuers, one of which must have issued it; none once it is given up.
        claims: names of claims that must be disclosed besides.
        feb29: birthday of those born on 29 February in other years.
        offset_minutes: of local time from UTC, plus 840, so from 0 to 1680.
        skew_s: that clocks may differ.
        binding_s: greatest age of the holder's signature.
        expiry: whether a credential must have an end.
        status: whether it must have a status that says it is valid.
        pseudonym: name of a stable claim by which the party knows a holder again; empty for none.
        range_proof: whether the verdict carries a proof about the birthday.
        ordering: least ordering level.
        version: from 1.
    """

    owner: Bytes32
    salt: Bytes16
    party: Bytes32
    name: Name
    age_over: Annotated[int, AtMost(AGE_MOST)]
    types: Annotated[tuple[Text, ...], AtMost(16)]
    issuers: Annotated[tuple[Bytes32, ...], AtMost(limits.IDENTITY_KEYS)]
    claims: Annotated[tuple[Text, ...], AtMost(16)]
    feb29: Annotated[str, OneOf.of(FEBRUARY, MARCH)]
    offset_minutes: Annotated[int, AtMost(1680)]
    skew_s: Annotated[int, AtMost(SKEW_MOST)]
    binding_s: Annotated[int, AtMost(BINDING_MOST)]
    expiry: bool
    status: bool
    pseudonym: Text
    range_proof: bool
    ordering: Ordering
    version: Uint32

    def hash(self) -> bytes:
        """Return what requests and receipts name it by, 32 bytes."""
        return digest(Context.IDENTITY_POLICY, self.encode())


Record = DidRecord | IssuerRecord | PartyRecord | PolicyRecord
RECORDS: Final[dict[str, type[Record]]] = {
    record.WIRE_NAME: record for record in (DidRecord, IssuerRecord, PartyRecord, PolicyRecord)
}


def record_name(chain_id: bytes, record: Record) -> bytes:
    """Return the name of an issuer, party, policy or pinned did:web, 32 bytes; `naming.name_of` is for all records."""
    return digest(
        Context.IDENTITY_RECORD, chain_id, record.WIRE_NAME.encode(), record.owner, record.salt
    )
