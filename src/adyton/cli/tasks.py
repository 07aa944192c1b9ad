"""`adyton tasks`: this client's own list, printed, exported or rebuilt."""

from __future__ import annotations

import argparse
import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session, the_pin
from adyton.cli.output import Output
from adyton.cli.settings import Settings, home_parent, json_parent, server_parent, settings_of

if TYPE_CHECKING:
    from adyton.client.records import RequestRecord

_COLUMNS: Final = ("task", "name", "state", "created", "code", "server")
_DESCRIPTION = """\
List the tasks of this client, oldest first, from its own directory. Nothing public links them.
--recover asks the server for the list instead, sealed to this client: after a lost or restored
directory that still has its keys.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "tasks",
        help="list your tasks",
        description=_DESCRIPTION,
        epilog="examples:\n  adyton tasks\n  adyton tasks --csv tasks.csv",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("--csv", metavar="FILE", help="write the list as CSV")
    parser.add_argument("--recover", action="store_true", help="rebuild the list from the server")
    parser.set_defaults(handler=_tasks, parser=parser)


def _tasks(args: argparse.Namespace, out: Output) -> int:
    settings = settings_of(args)
    rows = _recovered(settings, out) if args.recover else _stored(settings)
    if args.csv:
        with Path(args.csv).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_COLUMNS)
            writer.writerows([row[column] for column in _COLUMNS] for row in rows)
        out.text(f"wrote {len(rows)} tasks to {args.csv}")
    elif rows:
        out.table(
            ("TASK", "NAME", "STATE", "CREATED (UTC)"),
            [
                (row["task"][:16], row["name"], _state(row), row["created"].replace("T", " ")[:19])
                for row in rows
            ],
        )
    else:
        out.text("no tasks yet")
    out.json({"tasks": rows})
    return 0


def _recovered(settings: Settings, out: Output) -> list[dict[str, str]]:
    from adyton.client.tasks import list_account

    with open_session(settings, out) as session:
        with out.waiting("asking for the list"):
            records = list_account(session)
        return [_row(record, session.pin.server) for record in records if _is_task(record)]


def _stored(settings: Settings) -> list[dict[str, str]]:
    from adyton.client.keystore import Keystore

    keystore = Keystore(settings.home)
    pins = [the_pin(keystore, settings)] if settings.server else keystore.pins()
    # Two addresses may be pinned for one chain: its tasks are listed once.
    chains = {pin.chain_id: pin.server for pin in pins}
    return [
        _row(record, server)
        for chain_id, server in chains.items()
        for record in keystore.chain(chain_id).requests()
        if _is_task(record)
    ]


def _is_task(record: RequestRecord) -> bool:
    from adyton.protocol.task import APP

    return record.app == APP


def _row(record: RequestRecord, server: str) -> dict[str, str]:
    return {
        "task": record.task_hash.hex(),
        "name": record.name,
        "state": record.state,
        "created": datetime.fromtimestamp(record.created_ms / 1000, UTC).isoformat(),
        "code": record.code,
        "server": server,
    }


def _state(row: dict[str, str]) -> str:
    return f"{row['state']} ({row['code']})" if row["code"] else row["state"]
