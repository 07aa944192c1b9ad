"""Registries and status lists from a client's side: what is registered, what is held of it, and nothing unverified.

name = register(session, IssuerRecord(owner=own_key(session), salt=fresh_salt(), …)).name
issuer = resolve(session, name, IssuerRecord)
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from adyton.client.exchange import Accepted
from adyton.client.session import Session
from adyton.core.errors import Error, UnavailableError, UsageError, VerificationError
from adyton.core.schema import decode_one_of
from adyton.protocol.credentials.did import SALT
from adyton.protocol.identity import requests as protocol
from adyton.protocol.identity.answers import IdentityEntry, Records, Registered, StatusKept
from adyton.protocol.identity.brought_lists import read_brought_list, require_listed
from adyton.protocol.identity.forms import require_form
from adyton.protocol.identity.issuer_keys import IssuerKeys
from adyton.protocol.identity.naming import name_of
from adyton.protocol.identity.registries import (
    RECORDS,
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)

_R = TypeVar("_R", DidRecord, IssuerRecord, PartyRecord, PolicyRecord)
_WORDS = {
    DidRecord: "did",
    IssuerRecord: "issuer",
    PartyRecord: "relying party",
    PolicyRecord: "policy",
}


@dataclass(frozen=True)
class Made:
    """A record that was made or changed, and the proof.

    Attributes:
        name: of the record, 32 bytes.
        record: as it is now.
        accepted: entry and response.
    """

    name: bytes
    record: Record
    accepted: Accepted


def own_key(session: Session) -> bytes:
    """Return the client key that records of this client name as their owner, 32 bytes."""
    return session.keystore.identity.signing_key.public


def fresh_salt() -> bytes:
    """Return the salt of a new record, 16 bytes."""
    return secrets.token_bytes(SALT)


def register(session: Session, record: Record) -> Made:
    """Make a record, or put another version in the place of one's own.

    What it says by itself is checked here first: of what the enclave refuses everybody sees a code, and no text.

    Raises:
        VerificationError: another record was made. PolicyError: `not_owner`, `version_conflict`, `record_given_up`.
        Error: as `require_form`, nothing was sent; as `Session.request`.
    """
    require_form(session.pin.chain_id, _decoded(record.encode()))
    name = name_of(session.pin.chain_id, record)
    asked = protocol.Register(record.encode())
    title = f"{_WORDS[type(record)]} {name.hex()[:16]}"
    accepted = session.request(protocol.APP, protocol.REGISTER, asked.encode(), name=title)
    told = Registered.decode(accepted.response.result)
    public = IdentityEntry(record.encode(), ()).encode()
    if (told.name, told.version, accepted.entry.part.body) != (name, record.version, public):
        raise VerificationError("answer_invalid", "another record was made than was asked for")
    return Made(name, record, accepted)


def resolve(session: Session, name: bytes, kind: type[_R]) -> _R:
    """Return a record as it is now.

    Raises:
        UsageError: `not_found`, there is none, or one of another kind. VerificationError: of another name.
        Error: as `Session.read`.
    """
    record = resolve_any(session, name)
    if not isinstance(record, kind):
        what = f"{_WORDS[type(record)]}, not {_WORDS[kind]}"
        raise UsageError("not_found", f"the record of that name is of kind {what}")
    return record


def resolve_any(session: Session, name: bytes) -> Record:
    """Return a record of any kind as it is now.

    Raises:
        UsageError: `not_found`. VerificationError: of another name. Error: as `Session.read`.
    """
    asked = protocol.OfRecord(name).encode()
    try:
        record = _decoded(session.read(protocol.APP, protocol.RESOLVE, asked))
    except UsageError as problem:
        if problem.code != "not_found":
            raise
        raise UsageError("not_found", f"no record {name.hex()} is registered there") from problem
    if name_of(session.pin.chain_id, record) != name:
        raise VerificationError("answer_invalid", "another record is shown than asked for")
    return record


def own_records(session: Session) -> Iterator[tuple[bytes, Record]]:
    """Yield this client's records with their names, in the order of names.

    Raises:
        VerificationError: another client's, or not in order. Error: as `Session.read`.
    """
    after = bytes(32)
    while True:
        asked = protocol.OfRecord(after).encode()
        page = Records.decode(session.read(protocol.APP, protocol.LIST, asked)).records
        if not page:
            return
        for encoded in page:
            record = _decoded(encoded)
            name = name_of(session.pin.chain_id, record)
            if record.owner != own_key(session) or name <= after:
                raise VerificationError(
                    "answer_invalid", "records of another client are listed, or out of order"
                )
            after = name
            yield name, record


def bring_status(session: Session, issuer: bytes, uri: str, token: str) -> StatusKept:
    """Bring a status list in, for everybody whose credential is in it.

    Args:
        issuer: record of who signs it.
        uri: its address, which that record has.
        token: as it was fetched from there.

    Raises:
        UsageError: `not_found`, no such issuer or list. VerificationError, MalformedError: it does not verify, or an
        older one than is held. Error: as `Session.request`. The text says why, where that can be seen from here.
    """
    try:
        encoded = token.encode("ascii")
    except UnicodeEncodeError:
        raise UsageError("bad_argument", "a status list is a JWT in ASCII") from None
    asked = protocol.BringStatus(issuer, uri, encoded)
    try:
        accepted = session.request(
            protocol.APP, protocol.STATUS, asked.encode(), name="status list"
        )
    except UnavailableError:
        raise
    except Error as refusal:
        try:
            record = resolve(session, issuer, IssuerRecord)
        except Error as found:  # a server that does not answer now has refused all the same
            raise (found if found.code == refusal.code else refusal) from refusal
        raise why_refused(
            refusal, record, issuer, uri, token, session.now_ms() // 1000
        ) from refusal
    return StatusKept.decode(accepted.response.result)


def why_refused(
    refusal: Error, record: IssuerRecord, issuer: bytes, uri: str, token: str, now_s: int
) -> Error:
    """Return why a list was refused, in words: the enclave tells a code.

    Args:
        refusal: that was told.
        record: the issuer's, of the name `issuer`.
        uri, token: that were brought.
        now_s: clock of this client; that of the network may differ.

    Returns:
        What is found here, where it has the same code; else the refusal.
    """
    try:
        require_listed(record, uri)
        keys = IssuerKeys(record)
        read_brought_list(
            token, uri=uri, issuer=issuer, record=record, key_of=keys.key, now_s=now_s
        )
    except Error as found:
        return found if found.code == refusal.code else refusal
    return refusal


def _decoded(encoded: bytes) -> Record:
    return decode_one_of(encoded, RECORDS)
