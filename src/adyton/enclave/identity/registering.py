"""Which records are taken into the registries, and by whom they are changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adyton.core.errors import MalformedError, PolicyError, UsageError
from adyton.core.schema import decode_one_of
from adyton.enclave.apps.base import Call
from adyton.enclave.identity.book import Book
from adyton.enclave.identity.issuers import IssuerKeys
from adyton.protocol.identity.answers import Registered
from adyton.protocol.identity.giving_up import is_given_up, require_last, require_used
from adyton.protocol.identity.naming import did_of, document_of, name_of
from adyton.protocol.identity.registries import (
    RECORDS,
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)
from adyton.protocol.identity.requests import Register
from adyton.protocol.words import require_ordering

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_WORD: Final = re.compile(r"[!-~]+")
# What many share, and what is to be kept from the party: one acquaintance of the same age or birthday, and it knows.
_OF_BIRTH: Final = frozenset({"birthdate", "birth_date", "age_in_years", "age_birth_year"})


class Registrar:
    """Takes records into the book.

    Args:
        chain_id: 32 bytes.
        book: of records.
        range_proofs: whether this enclave can make them.
    """

    def __init__(self, chain_id: bytes, book: Book, *, range_proofs: bool) -> None:
        self._chain_id = chain_id
        self._book = book
        self._range_proofs = range_proofs

    def register(self, call: Call) -> tuple[Registered, Record]:
        """Take in a new or changed record.

        1. it is the one encoding of a record, and of the client that asks
        2. its name is not taken, and its version 1; or its version follows the held one
        3. what it says has the form of its kind, and fits what is registered and what the chain offers; or it gives
           the held one up

        Returns:
            Name and version, and the record.

        Raises:
            MalformedError: not a record, or a part of it has not its form.
            PolicyError: `not_owner`, `version_conflict`, `record_given_up`, `ordering_unavailable`.
            UsageError: `not_found`, it names a record that is not there; `bad_argument`, `zk_unavailable`.
            VerificationError: a key or document is not what it should be.
        """
        # 1.
        record = decode_one_of(Register.decode(call.request.arguments).record, RECORDS)
        if record.owner != call.request.client_key:
            raise PolicyError("not_owner", "a record is registered by the client that it names")
        # 2.
        name = name_of(self._chain_id, record)
        held = self._book.held(name)
        if held is not None:
            require_used(held, "the record")
        following = 1 if held is None else held.version + 1
        if record.version != following:
            raise PolicyError("version_conflict", f"the record's next version is {following}")
        # 3.
        if is_given_up(record):
            require_last(record, held)
        elif isinstance(record, DidRecord):
            self._require_did(record, held)
        elif isinstance(record, IssuerRecord):
            _require_issuer(record, held)
        elif isinstance(record, PartyRecord):
            _require_party(record)
        else:
            self._require_policy(record, held, call.genesis.configuration.ordering)
        self._book.write(name, record)
        return Registered(name, record.version), record

    def _require_did(self, record: DidRecord, held: Record | None) -> None:
        document_of(self._chain_id, record)
        if isinstance(held, DidRecord) and did_of(held) != did_of(record):
            raise UsageError("bad_argument", "a record stays with its did; pin another anew")

    def _require_policy(self, record: PolicyRecord, held: Record | None, offered: str) -> None:
        _require_name(record.name)
        party = self._book.record(record.party, PartyRecord)
        if party.owner != record.owner:
            raise PolicyError("not_owner", "a policy is registered by the owner of its party")
        require_used(party, "the relying party")
        if isinstance(held, PolicyRecord) and held.party != record.party:
            raise UsageError("bad_argument", "a policy stays with its party; register another")
        require_ordering(offered, record.ordering)
        _require_words(record.types, "a policy's types (vct)")
        _require_claims(record)
        issuers = [self._book.record(issuer, IssuerRecord) for issuer in record.issuers]
        for issuer in issuers:
            require_used(issuer, "an issuer of the policy")
        if len({issuer.iss for issuer in issuers}) != len(issuers):
            raise UsageError(
                "bad_argument", "two issuers of a policy call themselves the same; choose one"
            )
        if record.range_proof and not self._range_proofs:
            raise UsageError(
                "zk_unavailable", "range proofs need the extra zk; build the image with it"
            )
        if record.range_proof and not record.age_over:
            raise UsageError("bad_argument", "a range proof is about an age; state age_over")


def _require_issuer(record: IssuerRecord, held: Record | None) -> None:
    _require_name(record.name)
    _require_words((record.iss,), "an issuer's iss")
    if isinstance(held, IssuerRecord) and held.iss != record.iss:
        raise UsageError("bad_argument", "an issuer's iss stays; register another issuer")
    IssuerKeys(record).require_all()
    if len(set(record.lists)) != len(record.lists):
        raise MalformedError("malformed", "an issuer's status lists have an address each")
    if any(_ADDRESS.fullmatch(address) is None for address in record.lists):
        raise MalformedError("malformed", "a status list's address is a URI of ASCII characters")


def _require_party(record: PartyRecord) -> None:
    _require_name(record.name)
    for keys in (record.senders, record.developers):
        if len(set(keys)) != len(keys):
            raise MalformedError("malformed", "a relying party names a client key once")
    if record.response and _ADDRESS.fullmatch(record.response) is None:
        raise MalformedError("malformed", "the response address is a URI of ASCII characters")


def _require_claims(record: PolicyRecord) -> None:
    if any(
        not claim.isprintable() or not claim for claim in (*record.claims, record.pseudonym or "-")
    ):
        raise MalformedError("malformed", "a claim's name is printable and not empty")
    if record.pseudonym in _OF_BIRTH:
        raise UsageError(
            "bad_argument", "a birthday tells nobody apart; name a claim that one holder has alone"
        )
    if len(set(record.claims)) != len(record.claims):
        raise MalformedError("malformed", "a policy names a claim once")


def _require_words(words: Sequence[str], what: str) -> None:
    """Refuse texts that look like others, or of which nothing is to be seen."""
    if not words or len(set(words)) != len(words):
        raise MalformedError("malformed", f"{what}: at least one, and each once")
    if any(_WORD.fullmatch(word) is None for word in words):
        raise MalformedError("malformed", f"{what}: visible ASCII characters, and no space")


def _require_name(name: str) -> None:
    """Refuse names that people cannot read as they stand: empty, or with characters that turn the text around."""
    if not name.isprintable() or not name.strip() or name != name.strip():
        raise MalformedError(
            "malformed", "a name is printable, not empty, and has no space around it"
        )
