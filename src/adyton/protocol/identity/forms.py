"""The form of records: what each says by itself. Their owner's tool checks it before, the enclave when it takes one in.

What a record says of others, and what the chain offers, is checked where those are at hand (`enclave/identity`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.identity.giving_up import is_given_up, require_used
from adyton.protocol.identity.issuer_keys import IssuerKeys
from adyton.protocol.identity.naming import document_of
from adyton.protocol.identity.registries import (
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)

_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_WORD: Final = re.compile(r"[!-~]+")
# What many share, and what is to be kept from the party: one acquaintance of the same age or birthday, and it knows.
_OF_BIRTH: Final = frozenset({"birthdate", "birth_date", "age_in_years", "age_birth_year"})


def require_form(chain_id: bytes, record: Record) -> None:
    """Refuse a record that says by itself what none may say; one that gives a record up is held against that.

    Args:
        chain_id: 32 bytes.
        record: whole.

    Raises:
        MalformedError: a part of it has not its form. UsageError: `bad_argument`, parts that do not go together.
        CredentialError, VerificationError: a key or document is not what it should be.
    """
    if is_given_up(record):
        return
    if isinstance(record, DidRecord):
        document_of(chain_id, record)
        return
    _require_name(record.name)
    if isinstance(record, IssuerRecord):
        _require_issuer(record)
    elif isinstance(record, PartyRecord):
        _require_party(record)
    else:
        _require_policy(record)


def require_apart(issuers: Sequence[IssuerRecord]) -> None:
    """Refuse issuers of one policy that are given up, or that a credential could not tell apart.

    Raises:
        PolicyError: `record_given_up`. UsageError: `bad_argument`.
    """
    for issuer in issuers:
        require_used(issuer, "an issuer of the policy")
    if len({issuer.iss for issuer in issuers}) != len(issuers):
        raise UsageError(
            "bad_argument", "two issuers of a policy call themselves the same; choose one"
        )


def _require_issuer(record: IssuerRecord) -> None:
    _require_words((record.iss,), "an issuer's iss")
    IssuerKeys(record).require_all()
    if len(set(record.lists)) != len(record.lists):
        raise MalformedError("malformed", "an issuer's status lists have an address each")
    if any(_ADDRESS.fullmatch(address) is None for address in record.lists):
        raise MalformedError("malformed", "a status list's address is a URI of ASCII characters")


def _require_party(record: PartyRecord) -> None:
    for keys in (record.senders, record.developers):
        if len(set(keys)) != len(keys):
            raise MalformedError("malformed", "a relying party names a client key once")
    if record.response and _ADDRESS.fullmatch(record.response) is None:
        raise MalformedError("malformed", "the response address is a URI of ASCII characters")


def _require_policy(record: PolicyRecord) -> None:
    _require_words(record.types, "a policy's types (vct)")
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
    if record.range_proof and not record.age_over:
        raise UsageError("bad_argument", "a range proof is about an age; state age_over")


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
