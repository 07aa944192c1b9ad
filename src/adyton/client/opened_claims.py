"""The commitments of an entry and what its holder opens of them: what receipts of calls, wallets and verdicts share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from adyton.client.exchange import Accepted
from adyton.client.steps import Steps
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import claims_digest, commit, salt, verify_opening


def openings_of(
    accepted: Accepted, fields: Sequence[str], values: Mapping[str, bytes], show: Collection[str]
) -> tuple[tuple[bytes, ...], tuple[Opening, ...]]:
    """Return the commitments of one's own entry, and openings of the fields to show, both in the order of `fields`.

    Raises:
        UsageError: no field of such a name.
    """
    for name in show:
        if name not in fields:
            raise UsageError("usage", f"no field {name}; there are {', '.join(fields)}")
    key, exec_id = accepted.result_key, accepted.exec_id
    return commit(fields, values, key, exec_id), tuple(
        Opening(name, salt(key, exec_id, name), values[name]) for name in fields if name in show
    )


def verify_claims(
    fields: Sequence[str],
    commitments: Sequence[bytes],
    openings: Sequence[Opening],
    claims: bytes | None,
    steps: Steps,
    *,
    first: int,
) -> dict[str, bytes]:
    """Return what is opened, after the two steps that every such receipt takes.

    Trust: runs at the relying party; commitments and openings come from anybody.

      first      the entry commits to these commitments;
      first + 1  each opened field fits its commitment, in order, each once.

    Raises:
        VerificationError: either step.
    """
    steps.reach(first)
    if len(commitments) != len(fields):
        raise VerificationError("receipt_invalid", "not the commitments of such an entry")
    if claims_digest(commitments) != claims:
        raise VerificationError("receipt_invalid", "the entry commits to something else")
    steps.reach(first + 1)
    places = []
    for opening in openings:
        verify_opening(fields, commitments, opening.field, opening.salt, opening.value)
        places.append(fields.index(opening.field))
    if places != sorted(set(places)):
        raise VerificationError(
            "receipt_invalid", "the openings are not in order, or one occurs twice"
        )
    return {opening.field: opening.value for opening in openings}
