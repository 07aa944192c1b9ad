"""`adyton notarize`: have a trusted server record that a file existed."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.settings import (
    home_parent,
    json_parent,
    ordering_parent,
    server_parent,
    settings_of,
)
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.notary import NotaryReceipt

_DESCRIPTION = """\
Record a salted commitment to each file's digest, and save the receipts. Neither a file nor its digest leaves this
machine unsealed; whoever gets file and receipt can check both with `adyton verify`. Many files go in one round trip.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "notarize",
        help="have it recorded that a file existed",
        description=_DESCRIPTION,
        epilog="example:\n  adyton notarize contract.pdf && adyton verify contract.pdf.receipt\n"
        "  adyton notarize photos/*.jpg",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent(), ordering_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="any files")
    parser.add_argument(
        "--out", metavar="FILE", help="the receipt; default FILE.receipt, beside it"
    )
    parser.set_defaults(handler=_notarize, parser=parser)


def _notarize(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.notary import notarize_all
    from adyton.core.errors import ConflictError, Error

    paths = [Path(name) for name in args.files]
    if args.out and len(paths) > 1:
        raise UsageError("bad_argument", "--out names one receipt, and there are several files")
    targets = [_target(path, args.out) for path in paths]
    if len(set(targets)) != len(targets):
        raise UsageError("bad_argument", "a file is named twice")
    for target in targets:
        if target.is_dir() or not os.access(target.parent, os.W_OK):
            raise UsageError("usage", f"{target} cannot be written; name another with --out")
    contents = [path.read_bytes() for path in paths]
    with open_session(settings_of(args), out) as session, out.waiting("recording"):
        names = [path.name[:200] for path in paths]
        outcomes = notarize_all(session, contents, ordering=args.ordering, names=names)
    told: list[dict[str, Any]] = []
    refused: Error | None = None
    unwritten: OSError | None = None
    for path, target, outcome in zip(paths, targets, outcomes, strict=True):
        if isinstance(outcome, Error):
            # A server must not hide a conflict behind a refusal of another file.
            if refused is None or (
                isinstance(outcome, ConflictError) and not isinstance(refused, ConflictError)
            ):
                refused = outcome
            told.append({"file": str(path), "error": outcome.code})
            if len(paths) > 1:
                out.text(f"{path}: not recorded: {outcome.message}")
        else:
            try:
                target.write_bytes(outcome.encode())
            except OSError as problem:
                # The others' receipts are only here: no later run can make them again.
                unwritten = unwritten or problem
                out.note(f"adyton: {target}: the receipt could not be written, and is lost")
                continue
            told.append({"file": str(path), **_told(outcome, target)})
            out.text(*_lines(outcome, target))
    # What was recorded is saved and told, whatever happened to the others.
    if refused is not None:
        raise refused
    if unwritten is not None:
        raise unwritten
    out.json(told[0] if len(told) == 1 else {"receipts": told})
    return 0


def _target(path: Path, out: str | None) -> Path:
    return Path(out) if out else path.with_name(f"{path.name}.receipt")


def _lines(receipt: NotaryReceipt, target: Path) -> tuple[str, str]:
    from adyton.client.verdict import utc

    facts = receipt.proof.facts()
    return (
        f"recorded: block {facts.height}, {utc(facts.time_ms)} (the host's word)",
        f"receipt: {target} ({len(receipt.encode())} bytes)",
    )


def _told(receipt: NotaryReceipt, target: Path) -> dict[str, Any]:
    facts, part = receipt.proof.facts(), receipt.proof.part()
    return {
        "receipt": str(target),
        "task": part.task_hash.hex() if part.task_hash else None,
        "digest": receipt.digest.hex(),
        "height": facts.height,
        "time_ms": facts.time_ms,
        "time_source": facts.time_source,
        "ordering": facts.ordering,
    }
