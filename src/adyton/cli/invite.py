"""`adyton invite`: an operator's invitation of one client key."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from adyton.cli.connect import hex_bytes
from adyton.cli.output import Output
from adyton.cli.settings import json_parent
from adyton.core.errors import UsageError

_DESCRIPTION = """\
Invite a client to a server that was started with --admission invite. CLIENT_KEY is what the client
reads from `adyton whoami`; the file goes back to it, for `adyton trust … --invite FILE`.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "invite",
        help="invite a client to a server of yours",
        description=_DESCRIPTION,
        epilog="example:\n  adyton invite CLIENT_KEY --data ./adyton-data --out alice.invite",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("client_key", metavar="CLIENT_KEY", help="64 hex digits")
    parser.add_argument("--data", metavar="DIR", required=True, help="the server's data directory")
    parser.add_argument("--days", metavar="N", type=int, default=30, help="default 30")
    parser.add_argument("--out", metavar="FILE", default="adyton.invite", help="where to write it")
    parser.set_defaults(handler=_invite, parser=parser)


def _invite(args: argparse.Namespace, out: Output) -> int:
    from adyton.host.invites import load_invite_key, make_invite

    client_key = hex_bytes(args.client_key, 32, "a client key")
    data = Path(args.data)
    invite = make_invite(
        client_key,
        args.days,
        chain_id=_chain_id(data),
        key=load_invite_key(data),
        now_ms=time.time_ns() // 1_000_000,
    )
    path = Path(args.out)
    path.write_bytes(invite.encode())
    out.text(f"invitation of {client_key.hex()[:16]}… for {args.days} days: {path}")
    out.json({"invite": str(path), "not_after_ms": invite.not_after_ms})
    return 0


def _chain_id(data: Path) -> bytes:
    """Return the chain id of a data directory; a server may run on it meanwhile.

    Raises:
        UsageError: no server has been started on it.
    """
    import sqlite3
    from urllib.parse import quote

    from adyton.host.datadir import STORE
    from adyton.host.store import GENESIS
    from adyton.protocol.genesis import Genesis

    row = None
    if (data / STORE).is_file():
        uri = f"file:{quote(str((data / STORE).absolute()))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            row = connection.execute("SELECT value FROM meta WHERE name = ?", (GENESIS,)).fetchone()
        except sqlite3.Error as problem:
            raise UsageError("not_found", f"{data} holds no chain: {problem}") from problem
        finally:
            connection.close()
    if row is None:
        raise UsageError("not_found", f"no server has been started on {data} yet")
    return Genesis.decode(bytes(row[0])).chain_id()
