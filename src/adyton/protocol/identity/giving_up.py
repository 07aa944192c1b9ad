"""Giving up a record, for good: its last version says whose it was, and names nothing that could be used any more.

A DID is left without keys, an issuer without keys and lists, a relying party without clients and address, a policy
without issuers. All else stays as it was, so there is one such version of each record, and it can be read who it was.
"""

from __future__ import annotations

from dataclasses import replace

from adyton.core.errors import MalformedError, PolicyError, UsageError
from adyton.protocol.identity.naming import did_of, given_up
from adyton.protocol.identity.registries import DidRecord, IssuerRecord, PartyRecord, Record


def is_given_up(record: Record) -> bool:
    """Say whether a record is the last version of its kind."""
    if isinstance(record, DidRecord):
        return not record.active
    if isinstance(record, IssuerRecord):
        return not record.keys
    if isinstance(record, PartyRecord):
        return not record.senders
    return not record.issuers


def last_version(held: Record) -> Record:
    """Return the record by which a held one is given up.

    Raises:
        PolicyError: `record_given_up`, it was already.
    """
    if is_given_up(held):
        raise PolicyError("record_given_up", "the record was given up, for good; make another")
    version = held.version + 1
    if isinstance(held, DidRecord):
        return replace(held, document=given_up(did_of(held)), active=False, version=version)
    if isinstance(held, IssuerRecord):
        return replace(held, keys=(), lists=(), version=version)
    if isinstance(held, PartyRecord):
        return replace(held, senders=(), developers=(), response="", version=version)
    return replace(held, issuers=(), version=version)


def require_last(record: Record, held: Record | None) -> None:
    """Refuse a record that is to give up a held one, and is not its one last version.

    Trust: runs in the enclave; the record is its owner's.

    Raises:
        UsageError: `bad_argument`, there is none to give up. PolicyError: `record_given_up`, it was before.
        MalformedError: it says something else than before.
    """
    if held is None:
        raise UsageError("bad_argument", "a record is made before it is given up")
    if record != last_version(held):
        raise MalformedError(
            "malformed", "a record that is given up is the held one without what it is used by"
        )


def require_used(record: Record, what: str) -> None:
    """Refuse a record that was given up.

    Raises:
        PolicyError: `record_given_up`.
    """
    if is_given_up(record):
        raise PolicyError("record_given_up", f"{what} was given up, for good")
