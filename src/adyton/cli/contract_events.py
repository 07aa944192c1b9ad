"""`adyton contract events`: what contracts have told, out of the client's own verified copy."""

from __future__ import annotations

from typing import Any

from adyton.cli.chain_copy import bring_up_to_date
from adyton.cli.connect import open_session
from adyton.cli.output import Output, shown_json
from adyton.cli.settings import Settings
from adyton.client.contract_events import EventReader, SeenEvent
from adyton.client.contracts import Contract, describe
from adyton.client.session import Session
from adyton.core.errors import MalformedError, UsageError, VerificationError


def show_events(
    settings: Settings, out: Output, address: bytes | None, start: int, *, key_only: bool
) -> int:
    """List events, public and sealed to this client; first the copy is brought up to date."""
    with open_session(settings, out) as session:
        identity = session.keystore.identity
        if key_only:
            key = identity.events_key()[1].hex()
            out.text(key)
            out.json({"events_key": key})
            return 0
        reader = EventReader(identity)
        seen: list[SeenEvent] = []
        bring_up_to_date(session, settings, out, lambda block: seen.extend(reader.read(block)))
        wanted = [
            one for one in seen if one.height >= start and address in (None, one.event.address)
        ]
        known: dict[bytes, Contract | None] = {}
        for one in wanted:
            if one.event.address not in known:
                known[one.event.address] = _described(session, reader, one.event.address)
    told = [_told(one, known[one.event.address]) for one in wanted]
    out.table(
        ("block", "contract", "topic", "data", "for"),
        [
            (
                str(one["height"]),
                one["address"][:16],
                one["topic"],
                shown_json(one["data"]),
                "me" if one["sealed"] else "all",
            )
            for one in told
        ],
    )
    out.json({"events": told})
    return 0


def _described(session: Session, reader: EventReader, address: bytes) -> Contract | None:
    """Return a contract; None where it cannot be described, its events are then shown as they are.

    Raises:
        VerificationError: the description is not what the ledger has of it. Error: as `Session.read`.
    """
    try:
        described = describe(session, address)
    except (MalformedError, UsageError):
        return None
    ours, theirs = reader.contracts.get(address), described.description.contract
    # It may have been upgraded since the copy was brought up to date.
    if ours is None or (theirs != ours and theirs.version <= ours.version):
        raise VerificationError(
            "answer_invalid", "a contract is not described as the ledger has it"
        )
    return described


def _told(seen: SeenEvent, contract: Contract | None) -> dict[str, Any]:
    event = seen.event
    data: Any = None
    # Code that was put in its place since may call the same bytes something else.
    told_by_it = contract is not None and contract.description.contract.code_hash == seen.code_hash
    if contract is not None and contract.interface is not None and told_by_it:
        try:
            data = contract.interface.event(event.topic, event.data)
        except MalformedError:
            data = None  # not what its own description says
    return {
        "height": seen.height,
        "time_ms": seen.time_ms,
        "task": seen.task_hash.hex(),
        "address": event.address.hex(),
        "topic": event.topic,
        "data": {"hex": event.data.hex()} if data is None else data,
        "sealed": seen.sealed,
    }
