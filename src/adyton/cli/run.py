"""`adyton run`: a code file goes in, a verified result comes out."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session
from adyton.cli.failures import OURS
from adyton.cli.output import Output
from adyton.cli.settings import (
    home_parent,
    json_parent,
    ordering_parent,
    server_parent,
    settings_of,
)
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.records import RequestRecord
    from adyton.client.session import Session

_WAIT_S: Final = 7 * 24 * 3600.0
_DESCRIPTION = """\
Run a file in a trusted server's enclave and print what it prints: a Python script, or any program
that begins with #! or is an ELF executable. Its working directory holds the inputs under their base
names; files that it leaves in out/ come back. Code, data and result are readable to you alone; the
run is recorded, and a certificate says so.

With --local it runs the same way in a throw-away node on this machine, for a dry run: no server, no
trust, no certificate, and nothing is kept.

Exits with the program's own exit status, 128 + N when signal N ended it, and 125 when something of
ours failed. The task goes on when this command is interrupted: fetch it with `adyton results`.
"""
_EXAMPLES = """\
examples:
  adyton run hello.py
  adyton run fit.py measurements.csv --input measurements.csv --out results/
  adyton run fit.py --input measurements.csv -- --fast     (what follows -- is the program's)
  adyton run --local fit.py --input measurements.csv       (a dry run)
  cat data.csv | adyton run stats.py --stdin - --timeout 30 --memory 256
"""


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "run",
        help="run a file in the enclave, get a verified result",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent(), ordering_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="the code")
    parser.add_argument("arguments", metavar="ARGS", nargs="*", default=[], help="for the program")
    parser.add_argument(
        "--input", metavar="PATH", nargs="+", action="extend", default=[], help="files it may read"
    )
    parser.add_argument("--stdin", metavar="PATH", help="its standard input; - takes this one's")
    parser.add_argument("--out", metavar="DIR", help="where to write the files it leaves in out/")
    parser.add_argument("--timeout", metavar="S", type=int, help="most seconds that it may run")
    parser.add_argument("--memory", metavar="MB", type=int, help="most memory that it may use")
    parser.add_argument("--name", metavar="N", default="", help="to find it by; default the file's")
    parser.add_argument("--no-wait", action="store_true", help="return as soon as it is accepted")
    parser.add_argument(
        "--local", action="store_true", help="a dry run, in a throw-away node on this machine"
    )
    add_certificate_options(parser)
    # Every failure before the program has a status of its own is ours, wrong usage too.
    parser.usage_status = OURS
    parser.set_defaults(handler=_run, parser=parser, failure_status=OURS)


def add_certificate_options(parser: argparse.ArgumentParser) -> None:
    """Add where the certificate goes, and what it shows."""
    parser.add_argument(
        "--certificate", metavar="FILE", help="where to write it; default below the home directory"
    )
    parser.add_argument(
        "--show",
        metavar="FIELDS",
        default="limits,exit_code",
        help="what the certificate opens to whoever holds it: all, none, or some of code, inputs, "
        "arguments, stdin, limits, exit_code, stdout, stderr, outputs, run_info; "
        "default limits,exit_code",
    )


def _run(args: argparse.Namespace, out: Output) -> int:
    from adyton.cli.results import exit_status, present, shown_fields
    from adyton.client.tasks import fetch

    # What is wrong with the options is said before anything runs.
    _require_directory(args.out)
    shown_fields(args.show)
    with _session(args, out) as session:
        with out.waiting("submitting"):
            record = _submit(session, args)
        if args.no_wait:
            _say_accepted(record, out)
            return 0
        try:
            with out.waiting("running"):
                finished = fetch(session, record, timeout_s=_WAIT_S)
        except KeyboardInterrupt:
            if args.local:
                raise
            out.note(f"the task goes on; fetch it: adyton results {record.task_hash.hex()[:16]}")
            raise
        present(finished, session, args, out)
    return exit_status(finished.result)


def _session(args: argparse.Namespace, out: Output) -> AbstractContextManager[Session]:
    """Return the session in which the task runs: with the trusted server, or a node of its own."""
    if not args.local:
        return open_session(settings_of(args), out)
    from adyton.cli.local_node import local_session, require_local_options

    require_local_options(args)
    return local_session(out)


def _submit(session: Session, args: argparse.Namespace) -> RequestRecord:
    from adyton.client.task_files import prepare_task, read_file, read_inputs, task_limits
    from adyton.client.tasks import submit
    from adyton.protocol.genesis import Genesis

    granted = Genesis.decode(session.pin.genesis).configuration.tasks
    _require_within("--timeout", args.timeout, granted.wall_s, "seconds")
    _require_within("--memory", args.memory, granted.memory // limits.MIB, "MB")
    memory = None if args.memory is None else args.memory * limits.MIB
    path = Path(args.file)
    prepared = prepare_task(
        path.name,
        read_file(path),
        task_limits=task_limits(granted, wall_s=args.timeout, memory=memory),
        created_ms=session.now_ms(),
        arguments=args.arguments,
        stdin=_stdin(args.stdin),
        inputs=read_inputs([Path(one) for one in args.input]),
        name=args.name,
    )
    return submit(session, prepared, ordering=args.ordering)


def _stdin(named: str | None) -> bytes | None:
    """Return the program's standard input.

    Raises:
        UsageError: over the limit, or not readable.
    """
    if named is None:
        return None
    if named == "-":
        content = sys.stdin.buffer.read(limits.BLOB + 1)
        if len(content) > limits.BLOB:
            raise UsageError("too_large", f"standard input is over {limits.BLOB} bytes")
        return content
    from adyton.client.task_files import read_file

    return read_file(Path(named))


def _require_within(option: str, value: int | None, most: int, unit: str) -> None:
    """Refuse a limit that the chain does not grant, in the option's own words."""
    if value is not None and not 1 <= value <= most:
        raise UsageError("bad_argument", f"{option} must be from 1 to {most} {unit} on this server")


def _require_directory(named: str | None) -> None:
    """Refuse an output directory that is a file."""
    if named is not None and Path(named).exists() and not Path(named).is_dir():
        raise UsageError("usage", f"{named} is not a directory")


def _say_accepted(record: RequestRecord, out: Output) -> None:
    name = record.task_hash.hex()
    out.text(f"accepted: {name}", f"fetch it: adyton results {name[:16]}")
    out.json(
        {
            "task": name,
            "state": record.state,
            "exit_code": None,
            "stdout": "",
            "stderr": "",
            "outputs": [],
            "run_info": None,
            "certificate": None,
        }
    )
