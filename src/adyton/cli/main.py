"""The command `adyton`: finds the noun, runs it, and turns errors into words and an exit status."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from adyton.cli import (
    chain,
    conflicts,
    contract,
    credential,
    did,
    failures,
    gateway,
    invite,
    measure,
    notarize,
    results,
    run,
    serve,
    tasks,
    trust,
    verifier,
    verify,
    wallet,
    whoami,
)
from adyton.cli.output import Output
from adyton.core.errors import ConflictError, Error, InvariantError

NOUNS: Final = (
    serve,
    trust,
    run,
    tasks,
    results,
    chain,
    verify,
    measure,
    notarize,
    contract,
    gateway,
    wallet,
    did,
    credential,
    verifier,
    invite,
    whoami,
)
_BROKEN_PIPE: Final = 141
_DESCRIPTION: Final = """\
Confidential computing you can check: a code file goes in, a verified result comes out.

an operator:
  adyton serve --data ./adyton-data --port 8384

a client:
  adyton trust http://HOST:8384 --fingerprint HEX64
  adyton run script.py --input data.csv --out results/
  adyton tasks
  adyton results

confidential contracts:
  adyton contract new hello
  adyton contract deploy hello.wasm

wallets that pay by policy:
  adyton wallet new --policy policy.json
  adyton wallet send --to ADDRESS --value WEI --chain N --node URL

credentials, of which a relying party learns yes or no:
  adyton credential present REQUEST
  adyton verifier request

anybody:
  adyton verify CERTIFICATE --fingerprint HEX64
  adyton chain sync && adyton chain show
"""


class _Parser(argparse.ArgumentParser):
    """Speaks as the rest of the command does, and exits as the command at hand exits."""

    usage_status = 2

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        more = f"  `{self.prog} --help` says what there is\n"
        self.exit(self.usage_status, f"adyton: {message} [usage]\n{more}")


class _Version(argparse.Action):
    """Prints the version; reads it only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version("adyton")
        except PackageNotFoundError:
            found = "unknown (not installed)"
        print(f"adyton {found}")
        parser.exit()


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    made = _Parser(
        prog="adyton",
        description=_DESCRIPTION,
        epilog=failures.EXIT_HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--version", action=_Version)
    nouns = made.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)
    for noun in NOUNS:
        noun.add(nouns)
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    # What follows `--` belongs to the task alone; argparse would look for options of ours in it.
    literal: list[str] = []
    if "--" in given:
        at = given.index("--")
        given, literal = given[:at], given[at + 1 :]
    made = parser()
    args, left = made.parse_known_args(given)
    takes_arguments = hasattr(args, "arguments")
    if left and (not takes_arguments or any(item.startswith("-") for item in left)):
        wrong = next((item for item in left if item.startswith("-")), left[0])
        args.parser.error(f"unrecognized argument: {wrong}")
    if takes_arguments:
        args.arguments = [*args.arguments, *left, *literal]
    elif literal:
        args.parser.error(f"unrecognized argument: {literal[0]}")
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    out = Output(as_json=args.json)
    ours: int | None = getattr(args, "failure_status", None)
    try:
        status = args.handler(args, out)
        sys.stdout.flush()
        return int(status)
    except Error as problem:
        out.note(*failures.lines(problem))
        said = failures.to_json(problem)
        said.update(getattr(args, "explained", {}))
        if isinstance(problem, ConflictError):
            said["conflict"] = conflicts.keep(problem, args, out)
        out.json(said)
        return ours or failures.exit_code(problem)
    except KeyboardInterrupt:
        out.note("adyton: interrupted")
        return failures.INTERRUPTED
    except BrokenPipeError:
        # The reader has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        out.note(f"adyton: {where}{problem.strerror or problem} [usage]")
        return ours or 2
    except Exception as problem:  # noqa: BLE001  # the last handler there is: a defect still gets words and a status
        defect = InvariantError("invariant", f"internal error: {type(problem).__name__}: {problem}")
        out.note(*failures.lines(defect))
        if os.environ.get("ADYTON_TRACEBACK") == "1":
            import traceback

            traceback.print_exc()
        return ours or failures.INTERNAL


if __name__ == "__main__":
    sys.exit(main())
