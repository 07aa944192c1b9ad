"""`adyton measure`: the measurement of the enclave that these sources make."""

from __future__ import annotations

import argparse
from typing import Any

from adyton.cli.output import Output
from adyton.cli.settings import json_parent

_DESCRIPTION = """\
Print the measurement of the enclave image that the installed sources make on this machine, and how
many lines of code are trusted. The same sources and interpreter give the same measurement; a
server's fingerprint covers it.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "measure",
        help="print the measurement of the enclave image",
        description=_DESCRIPTION,
        epilog="example:\n  adyton measure --manifest | less",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("--manifest", action="store_true", help="print every measured file too")
    parser.add_argument(
        "--extra",
        metavar="NAME",
        action="append",
        default=[],
        help="as `adyton serve --extra`: zk, for range proofs",
    )
    parser.set_defaults(handler=_measure, parser=parser)


def _measure(args: argparse.Namespace, out: Output) -> int:
    from adyton.host.image import measure

    measured = measure(extras=args.extra)
    lines = measured.trusted_lines
    if args.manifest:
        out.text(measured.manifest.decode("utf-8").rstrip("\n"))
    out.text(
        f"measurement: {measured.measurement.hex()}",
        f"trusted lines: {lines.own} own, {lines.libraries} of libraries; "
        f"{lines.native // 1024} KiB of machine code",
    )
    value: dict[str, Any] = {
        "measurement": measured.measurement.hex(),
        "trusted_lines": {
            "own": lines.own,
            "libraries": lines.libraries,
            "native_bytes": lines.native,
        },
    }
    if args.manifest:
        value["manifest"] = measured.manifest.decode("utf-8")
    out.json(value)
    return 0
