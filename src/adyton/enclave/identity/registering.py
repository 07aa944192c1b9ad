"""Which records are taken into the registries, and by whom they are changed."""

from __future__ import annotations

from adyton.core.errors import PolicyError, UsageError
from adyton.core.schema import decode_one_of
from adyton.enclave.apps.base import Call
from adyton.enclave.identity.book import Book
from adyton.protocol.identity.answers import Registered
from adyton.protocol.identity.forms import require_apart, require_form
from adyton.protocol.identity.giving_up import is_given_up, require_last, require_used
from adyton.protocol.identity.naming import did_of, name_of
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
        else:
            require_form(self._chain_id, record)
            _require_same(record, held)
            if isinstance(record, PolicyRecord):
                self._require_policy(record, call.genesis.configuration.ordering)
        self._book.write(name, record)
        return Registered(name, record.version), record

    def _require_policy(self, record: PolicyRecord, offered: str) -> None:
        party = self._book.record(record.party, PartyRecord)
        if party.owner != record.owner:
            raise PolicyError("not_owner", "a policy is registered by the owner of its party")
        require_used(party, "the relying party")
        require_ordering(offered, record.ordering)
        require_apart([self._book.record(issuer, IssuerRecord) for issuer in record.issuers])
        if record.range_proof and not self._range_proofs:
            raise UsageError(
                "zk_unavailable", "range proofs need the extra zk; build the image with it"
            )


def _require_same(record: Record, held: Record | None) -> None:
    """Refuse a change of what a record keeps."""
    if (
        isinstance(held, DidRecord)
        and isinstance(record, DidRecord)
        and did_of(held) != did_of(record)
    ):
        raise UsageError("bad_argument", "a record stays with its did; pin another anew")
    if (
        isinstance(held, IssuerRecord)
        and isinstance(record, IssuerRecord)
        and held.iss != record.iss
    ):
        raise UsageError("bad_argument", "an issuer's iss stays; register another issuer")
    if (
        isinstance(held, PolicyRecord)
        and isinstance(record, PolicyRecord)
        and held.party != record.party
    ):
        raise UsageError("bad_argument", "a policy stays with its party; register another")
