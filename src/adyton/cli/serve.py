"""`adyton serve`: offer confidential computing from this machine."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.output import Output
from adyton.cli.settings import json_parent, settings_of
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.host.serve import ServerFacts
    from adyton.protocol.genesis import EpochPolicy, TaskPolicy

_PORT: Final = 8384
_DESCRIPTION = """\
Serve from a data directory; the first start makes a chain in it, every later one continues it.
Prints `fingerprint: HEX64`: give it to clients by another way than this server, they pin it.

Admission, epochs and the limits of tasks are fixed when the chain is made, and part of the fingerprint.
This build knows the simulated platform only: nothing protects it from whoever runs it. It says so
at each start, in the chain's genesis and in its fingerprint, and clients must allow it explicitly.
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "serve",
        help="offer confidential computing from this machine",
        description=_DESCRIPTION,
        epilog="example:\n  adyton serve --data ./adyton-data --port 8384",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("--data", metavar="DIR", required=True, help="all that the server keeps")
    parser.add_argument(
        "--port", metavar="N", type=int, default=_PORT, help=f"default {_PORT}; 0 takes a free one"
    )
    parser.add_argument(
        "--host", metavar="ADDRESS", default="127.0.0.1", help="to listen on; default 127.0.0.1"
    )
    parser.add_argument("--admission", choices=("open", "invite"), help="default open")
    parser.add_argument("--wall", metavar="S", type=int, help="longest that a task may run")
    parser.add_argument("--memory", metavar="MB", type=int, help="most memory a task may have")
    parser.add_argument("--workers", metavar="N", type=int, help="tasks that run at once")
    parser.add_argument(
        "--extra",
        metavar="NAME",
        action="append",
        help="what the enclave has besides, fixed at the first start: zk, for range proofs",
    )
    parser.add_argument(
        "--epoch-blocks",
        metavar="N",
        type=int,
        help="blocks after which the keys of traffic are replaced; default 10000; 0: never",
    )
    parser.add_argument(
        "--epoch-grace",
        metavar="N",
        type=int,
        help="blocks that the replaced keys still open; default a tenth of an epoch",
    )
    parser.add_argument(
        "--allow-simulated",
        action="store_true",
        help="state the consent that genesis records (ADYTON_ALLOW_SIMULATED=1)",
    )
    parser.add_argument(
        "--access-log", action="store_true", help="log requests, with clients' addresses"
    )
    parser.set_defaults(handler=_serve, parser=parser)


def _serve(args: argparse.Namespace, out: Output) -> int:
    import logging

    from adyton.host.config import ServeSettings
    from adyton.host.serve import serve

    if not 0 <= args.port <= 65535:
        raise UsageError("usage", "a port is a number from 0 to 65535")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    out.progress("starting")
    serve(
        ServeSettings(
            data=Path(args.data),
            host=args.host,
            port=args.port,
            admission=args.admission,
            tasks=_tasks(args),
            epochs=_epochs(args),
            allow_simulated=settings_of(args).allow_simulated or None,
            access_log=args.access_log,
            extras=tuple(args.extra) if args.extra else None,
        ),
        lambda facts: _say(facts, out),
    )
    return 0


def _say(facts: ServerFacts, out: Output) -> None:
    """Print what clients need, at once: scripts wait for the fingerprint."""
    if facts.simulated:
        out.warn_simulated()
    out.text(
        f"serving: {facts.url}",
        f"fingerprint: {facts.fingerprint}",
        f"chain: {facts.chain_id.hex()}",
        f"measurement: {facts.measurement.hex()}",
        f"admission: {facts.admission}; sandbox: {facts.sandbox}; platform: {facts.platform}",
    )
    out.json(
        {
            "url": facts.url,
            "port": facts.port,
            "fingerprint": facts.fingerprint,
            "chain_id": facts.chain_id.hex(),
            "measurement": facts.measurement.hex(),
            "platform": facts.platform,
            "simulated": facts.simulated,
            "admission": facts.admission,
            "sandbox": facts.sandbox,
        }
    )
    sys.stdout.flush()
    if not out.as_json:
        anywhere = facts.url.replace("//0.0.0.0:", "//HOST:").replace("//[::]:", "//HOST:")
        out.note(
            "adyton: give the fingerprint to your clients by another way than this server; they run:",
            f"  adyton trust {anywhere} --fingerprint {facts.fingerprint}",
        )


def _epochs(args: argparse.Namespace) -> EpochPolicy | None:
    """Return how keys are replaced, or None where nothing was said: then what is stored holds."""
    from adyton.protocol.genesis import EpochPolicy

    blocks, grace = args.epoch_blocks, args.epoch_grace
    if blocks is None:
        if grace is not None:
            raise UsageError("usage", "--epoch-grace goes with --epoch-blocks")
        return None
    least = limits.EPOCH_BLOCKS_LEAST
    if blocks and not least <= blocks < 2**32:
        raise UsageError("usage", f"--epoch-blocks must be 0 or at least {least}")
    if grace is None:
        grace = min(blocks, max(least, blocks // 10))
    if not min(1, blocks) <= grace <= blocks:
        raise UsageError("usage", "--epoch-grace must be from 1 to --epoch-blocks")
    return EpochPolicy(blocks, grace)


def _tasks(args: argparse.Namespace) -> TaskPolicy | None:
    """Return the limits of tasks, or None where none was given: then the stored ones hold."""
    from dataclasses import replace

    from adyton.host.config import DEFAULT_TASKS, load_fixed

    bounds = (
        ("--wall", args.wall, limits.TASK_WALL_S),
        ("--memory", args.memory, limits.TASK_MEMORY // limits.MIB),
        ("--workers", args.workers, 64),
    )
    for name, value, most in bounds:
        if value is not None and not 1 <= value <= most:
            raise UsageError("usage", f"{name} must be from 1 to {most}")
    if args.wall is args.memory is args.workers is None:
        return None
    try:
        base = load_fixed(Path(args.data)).configuration.tasks
    except UsageError as problem:
        if problem.code != "not_found":
            raise
        base = DEFAULT_TASKS
    return replace(
        base,
        wall_s=base.wall_s if args.wall is None else args.wall,
        memory=base.memory if args.memory is None else args.memory * limits.MIB,
        workers=base.workers if args.workers is None else args.workers,
    )
