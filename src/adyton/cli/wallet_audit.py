"""`adyton wallet audit`: every decision of a wallet, in order."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import WALLET_HELP, found_wallet, verb
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.wallet.answers import AuditEntry

_HEADS = ("PLACE", "TIME", "WHAT", "STATUS", "RULE", "CHAIN", "NONCE", "TO", "WEI", "REASON")


def add_verbs(verbs: Any) -> None:
    """Add the verb."""
    parser = verb(verbs, "audit", "list what a wallet was asked, and how it decided", _audit)
    parser.add_argument("wallet", metavar="WALLET", nargs="?", help=WALLET_HELP)
    parser.add_argument(
        "--start", type=int, default=0, metavar="PLACE", help="from this place on; default 0"
    )
    parser.add_argument("--last", type=int, metavar="N", help="only the last N")


def _audit(args: argparse.Namespace, out: Output) -> int:
    if args.start < 0 or (args.last is not None and args.last < 1):
        raise UsageError("usage", "--start is a place from 0, --last a count from 1")
    entries: list[AuditEntry] = []
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        wallet = found_wallet(session, args.wallet)
        page = wallet.audit(args.start)
        if args.last is not None and page.total - args.last > args.start:
            page = wallet.audit(page.total - args.last)
        while page.entries:
            entries += page.entries
            page = wallet.audit(entries[-1].place + 1)
    if entries:
        out.table(_HEADS, map(_row, entries))
    else:
        out.text("nothing was asked of it yet")
    out.json(
        {"wallet": wallet.id.hex(), "total": page.total, "entries": [*map(entry_json, entries)]}
    )
    return 0


def _row(entry: AuditEntry) -> tuple[str, ...]:
    from adyton.client.verdict import utc

    value = int.from_bytes(entry.value, "big")
    return (
        str(entry.place),
        utc(entry.time_ms),
        entry.method,
        entry.status,
        entry.rule or "-",
        "-" if entry.chain_id is None else str(entry.chain_id),
        "-" if entry.nonce is None else str(entry.nonce),
        _address(entry.to) or "-",
        str(value) if entry.chain_id is not None else "-",
        entry.reason,
    )


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    """Return an audit entry for programs."""
    return {
        "place": entry.place,
        "height": entry.height,
        "time_ms": entry.time_ms,
        "task": entry.task_hash.hex(),
        "client": entry.client.hex(),
        "method": entry.method,
        "status": entry.status,
        "reason": entry.reason,
        "rule": entry.rule,
        "version": entry.version,
        "policy_hash": entry.policy_hash.hex(),
        "account": _address(entry.account),
        "chain": entry.chain_id,
        "nonce": entry.nonce,
        "to": _address(entry.to),
        "value": int.from_bytes(entry.value, "big"),
        "max_cost": int.from_bytes(entry.max_cost, "big"),
        "digest": "0x" + entry.digest.hex() if any(entry.digest) else None,
        "proposal": None if entry.proposal is None else entry.proposal.hex(),
    }


def _address(account: bytes) -> str | None:
    from adyton.protocol.ethereum.address import checksummed

    return checksummed(account) if account else None
