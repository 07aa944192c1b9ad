"""`adyton contract events`: what contracts have told, out of the client's own verified copy."""

from __future__ import annotations

from typing import Any

from adyton.cli.chain_copy import bring_up_to_date
from adyton.cli.connect import open_session
from adyton.cli.output import Output, shown_json
from adyton.cli.settings import Settings
from adyton.client.contract_events import SeenEvent, events_in
from adyton.client.contract_interface import Interface
from adyton.client.contracts import describe
from adyton.core.errors import Error


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
        seen: list[SeenEvent] = []
        bring_up_to_date(
            session, settings, out, lambda block: seen.extend(events_in(block, identity))
        )
        wanted = [
            one for one in seen if one.height >= start and address in (None, one.event.address)
        ]
        known: dict[bytes, Interface | None] = {}
        for one in wanted:
            if one.event.address not in known:
                try:
                    known[one.event.address] = describe(session, one.event.address).interface
                except Error:
                    known[one.event.address] = None  # its data is shown as it is
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


def _told(seen: SeenEvent, interface: Interface | None) -> dict[str, Any]:
    event = seen.event
    data: Any = None
    try:
        data = None if interface is None else interface.event(event.topic, event.data)
    except Error:
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
