"""`adyton results`: fetch a task's result again, verify it, write its files and certificate."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session
from adyton.cli.failures import OURS
from adyton.cli.output import Output
from adyton.cli.run import add_certificate_options
from adyton.cli.settings import home_parent, json_parent, server_parent, settings_of
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.finished_task import FinishedTask
    from adyton.client.records import RequestRecord
    from adyton.client.session import Session
    from adyton.protocol.task import TaskResult

_WAIT_S: Final = 60
_DESCRIPTION = """\
Print the result of a task: what it printed, how the run went, where its certificate is. TASK is a
name, or at least eight digits from the start of a task hash; without it the newest task is meant.
Exits with 0 when the result is there and verified, whatever the program's own status was.
"""
_SIGNALLED = 128


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "results",
        help="fetch a task's result again",
        description=_DESCRIPTION,
        epilog="examples:\n  adyton results\n  adyton results 3f2a9c01 --out results/ --json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[json_parent(), home_parent(), server_parent()],
        allow_abbrev=False,
    )
    parser.add_argument("task", metavar="TASK", nargs="?", help="name or hash; default the newest")
    parser.add_argument("--out", metavar="DIR", help="where to write the files it left in out/")
    parser.add_argument(
        "--wait",
        metavar="S",
        type=int,
        default=_WAIT_S,
        help=f"longest to wait for its end; default {_WAIT_S}; 0 asks once",
    )
    add_certificate_options(parser)
    parser.set_defaults(handler=_results, parser=parser)


def _results(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.problems import error_of
    from adyton.client.records import REFUSED
    from adyton.client.tasks import fetch

    if args.wait < 0:
        raise UsageError("usage", "--wait is a number of seconds")
    shown_fields(args.show)
    with open_session(settings_of(args), out) as session:
        record = _find(session, args.task)
        if record.state == REFUSED:
            raise error_of(record.code, "the enclave refused this task")
        with out.waiting("fetching"):
            finished = fetch(session, record, timeout_s=float(args.wait))
        present(finished, session, args, out)
    return 0


def _find(session: Session, named: str | None) -> RequestRecord:
    from adyton.protocol.task import APP

    if named is not None:
        try:
            return session.store.find(named)
        except UsageError as problem:
            if problem.code != "not_found":
                raise
            raise UsageError(
                "not_found", f"no task {named} in your list; `adyton tasks` prints it"
            ) from None
    tasks = [record for record in session.store.requests() if record.app == APP]
    if not tasks:
        raise UsageError("not_found", "no task yet; `adyton tasks --recover` rebuilds a lost list")
    return tasks[-1]


def shown_fields(named: str) -> tuple[str, ...]:
    """Return the fields that the option --show names.

    Raises:
        UsageError: there is no such field.
    """
    from adyton.protocol.claims import TASK_FIELDS

    if named in ("all", "none"):
        return TASK_FIELDS if named == "all" else ()
    fields = tuple(named.split(","))
    unknown = [field for field in fields if field not in TASK_FIELDS]
    if unknown:
        raise UsageError("usage", f"no field {unknown[0]}; there are {', '.join(TASK_FIELDS)}")
    return fields


def exit_status(result: TaskResult) -> int:
    """Return the status that `adyton run` exits with."""
    if result.state != "done":
        return OURS
    if result.exit_code is not None:
        return result.exit_code
    return OURS if result.signal is None else _SIGNALLED + result.signal


def present(
    finished: FinishedTask, session: Session, args: argparse.Namespace, out: Output
) -> None:
    """Write a finished task's files and certificate, and print the rest.

    Args:
        args: `out`, `certificate`, `show` and perhaps `local` of the command line.
    """
    from adyton.client.outputs import save_outputs
    from adyton.client.shown import run_info_to_json, text_or_base64

    result, info = finished.result, finished.run_info
    local = getattr(args, "local", False)
    certificate = None if local else _certificate(finished, session, args, out)
    if args.out is None:
        outputs = [output.path for output in result.outputs]
    else:
        outputs = [str(path) for path in save_outputs(result.outputs, args.out)]
    out.raw(result.stdout, result.stderr)
    for line in _summary(finished, outputs, certificate, written=args.out is not None):
        if not out.as_json:
            out.note(line)
    value: dict[str, Any] = {
        "task": finished.record.task_hash.hex(),
        "state": result.state,
        "exit_code": result.exit_code,
    }
    for name, content in (("stdout", result.stdout), ("stderr", result.stderr)):
        value[name], encoding = text_or_base64(content)
        if encoding != "utf-8":
            value[f"{name}_encoding"] = encoding
    value["outputs"] = outputs
    value["run_info"] = run_info_to_json(info)
    value["certificate"] = None if certificate is None else str(certificate)
    if local:
        value["local"] = True
    out.json(value)


def _summary(
    finished: FinishedTask, outputs: list[str], certificate: Path | None, *, written: bool
) -> list[str]:
    from adyton.cli.output import printable

    result, info = finished.result, finished.run_info
    if result.state != "done":
        ended = f"could not be run [{result.code}]"
    elif result.exit_code is not None:
        ended = f"exit code {result.exit_code}"
    else:
        ended = f"ended by signal {result.signal}"
    killed = f", over its limit: {result.killed}" if result.killed else ""
    used = f"{info.wall_us / 1e6:.3f} s, {info.peak_memory / 1e6:.1f} MB at most"
    lines = [f"adyton: task {finished.record.task_hash.hex()[:16]}: {ended}{killed}; {used}"]
    if outputs:
        listed = ", ".join(map(printable, outputs))
        lines.append(f"adyton: {'wrote' if written else 'left, for --out DIR:'} {listed}")
    if result.refused_outputs:
        listed = ", ".join(map(printable, result.refused_outputs))
        lines.append(f"adyton: no regular file or too large, left behind: {listed}")
    if certificate is not None:
        lines.append(f"adyton: certificate {certificate}")
    return lines


def _certificate(
    finished: FinishedTask, session: Session, args: argparse.Namespace, out: Output
) -> Path | None:
    """Write the certificate; None where the client has lost what it submitted."""
    from adyton.client.certificate import make_certificate

    if not finished.values:
        out.note(
            "adyton: no certificate: this list was rebuilt, and its claims cannot be opened any more"
        )
        return None
    certificate = make_certificate(
        genesis=finished.genesis,
        evidence=finished.evidence,
        accepted=finished.accepted,
        finished=finished.finished,
        result_key=finished.result_key,
        values=finished.values,
        show=shown_fields(args.show),
    )
    if args.certificate:
        path = Path(args.certificate)
    else:
        directory = session.keystore.home / "certificates"
        directory.mkdir(mode=0o700, exist_ok=True)
        path = directory / f"{finished.record.task_hash.hex()}.certificate"
    path.write_bytes(certificate.encode())
    return path
