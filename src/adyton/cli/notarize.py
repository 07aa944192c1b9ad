"""`adyton notarize`: have a trusted server record that a file existed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.settings import (
    home_parent,
    json_parent,
    ordering_parent,
    server_parent,
    settings_of,
)

_DESCRIPTION = """\
Record a salted commitment to a file's digest, and save the receipt. Neither the file nor its digest
leaves this machine unsealed; whoever gets file and receipt can check both with `adyton verify`.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "notarize",
        help="have it recorded that a file existed",
        description=_DESCRIPTION,
        epilog="example:\n  adyton notarize contract.pdf && adyton verify contract.pdf.receipt",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent(), ordering_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="any file")
    parser.add_argument("--out", metavar="FILE", help="the receipt; default FILE.receipt")
    parser.set_defaults(handler=_notarize, parser=parser)


def _notarize(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.notary import notarize
    from adyton.client.verdict import utc
    from adyton.protocol.ledger import Receipt

    path = Path(args.file)
    content = path.read_bytes()
    target = Path(args.out) if args.out else path.with_name(f"{path.name}.receipt")
    with open_session(settings_of(args), out) as session, out.waiting("recording"):
        receipt = notarize(session, content, ordering=args.ordering, name=path.name[:200])
    encoded = receipt.encode()
    target.write_bytes(encoded)
    facts = Receipt.decode(receipt.proof.receipt).facts
    part = receipt.proof.part()
    out.text(
        f"recorded: block {facts.height}, {utc(facts.time_ms)} (the host's word)",
        f"receipt: {target} ({len(encoded)} bytes)",
    )
    out.json(
        {
            "receipt": str(target),
            "task": part.task_hash.hex() if part.task_hash else None,
            "digest": receipt.digest.hex(),
            "height": facts.height,
            "time_ms": facts.time_ms,
            "time_source": facts.time_source,
            "ordering": facts.ordering,
        }
    )
    return 0
