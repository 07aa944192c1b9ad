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


def close_openings(
    fields: Sequence[str],
    openings: Sequence[Opening],
    close: Collection[str],
    tells: Mapping[str, Collection[str]],
) -> tuple[Opening, ...]:
    """Return the openings of a copy in which these fields are closed: neither their values nor their salts are in it.

    What is not opened cannot be guessed from the copy, since each commitment has a salt of its own; what was opened
    cannot be taken back from whoever has the original.

    Args:
        fields: that there are.
        openings: of the original.
        close: names of fields that it opens.
        tells: by field, others that are known to whoever reads it: while it is open, closing those hides nothing.

    Raises:
        UsageError: no field of that name, it is closed already, or a field that stays open tells the same.
    """
    opened = [opening.field for opening in openings]
    for name in close:
        if name not in fields:
            raise UsageError("usage", f"no field {name}; there are {', '.join(fields)}")
        if name not in opened:
            raise UsageError("usage", f"{name} is not open; open are {', '.join(opened) or 'none'}")
    for name in opened:
        told = [] if name in close else [one for one in close if one in tells.get(name, ())]
        if told:
            raise UsageError("usage", f"{name} says {' and '.join(told)} too: close it as well")
    return tuple(opening for opening in openings if opening.field not in close)


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
