"""`adyton contract`: deploy a confidential contract, call it, ask it, and read what it tells."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli import contract_project
from adyton.cli.connect import hex_bytes, open_session
from adyton.cli.contract_receipts import told, wanted, without_answer
from adyton.cli.contract_shown import (
    arguments_of,
    description_json,
    description_lines,
    result_json,
    result_lines,
)
from adyton.cli.output import Output
from adyton.cli.receipt_options import add_options, require_new
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
    from adyton.client.contracts import Contract
    from adyton.client.session import Session

_DESCRIPTION = """\
Contracts are small WebAssembly programs that run inside the server's enclave: their code and rules are public, what
they store and what they are called with is not.

  adyton contract new hello && cd hello && adyton contract test && adyton contract build
  adyton contract deploy hello.wasm
  adyton contract call ADDRESS add '{"amount": 2}'
  adyton contract query ADDRESS get
"""
_ARGUMENTS_HELP = (
    "arguments by name, a JSON object; without interface description: hex:BYTES or text:STRING"
)


def add(nouns: Any) -> None:
    """Add the command."""
    parser = nouns.add_parser(
        "contract",
        help="confidential contracts",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    online = [json_parent(), home_parent(), server_parent()]
    contract_project.add(verbs)
    _add_deploy(verbs, [*online])
    _add_call(verbs, [*online, ordering_parent()])
    _add_query(verbs, online)
    _add_upgrade(verbs, online)
    _add_resume(verbs, online)
    _add_describe(verbs, online)
    _add_events(verbs, online)


def _verb(verbs: Any, name: str, what: str, parents: list[Any], handler: Any) -> Any:
    parser = verbs.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        parents=parents,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler, parser=parser)
    return parser


def _fuel(parser: Any) -> None:
    parser.add_argument(
        "--fuel", type=int, metavar="N", help="the most it may use; default 200000000"
    )


def _add_deploy(verbs: Any, parents: list[Any]) -> None:
    from adyton.protocol.words import ORDERING_LEVELS

    parser = _verb(
        verbs, "deploy", "make a contract of a module, and print its address", parents, _deploy
    )
    parser.add_argument("file", metavar="FILE", help="the module, *.wasm")
    parser.add_argument(
        "arguments_json", metavar="JSON", nargs="?", help=f"for init: {_ARGUMENTS_HELP}"
    )
    parser.add_argument(
        "--upgradable", action="store_true", help="let me put other code in its place later"
    )
    parser.add_argument(
        "--ordering",
        choices=ORDERING_LEVELS,
        default=ORDERING_LEVELS[0],
        help="least ordering level under which it will answer calls",
    )
    parser.add_argument(
        "--padding",
        type=int,
        default=0,
        metavar="BYTES",
        help="fill what it stores and tells up to this many bytes, and size classes above",
    )
    _fuel(parser)
    add_options(parser)


def _add_call(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(verbs, "call", "call a method that may change state", parents, _call)
    _target(parser)
    _fuel(parser)
    add_options(parser)


def _add_query(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(
        verbs, "query", "ask a method that changes nothing; recorded nowhere", parents, _query
    )
    _target(parser)
    _fuel(parser)


def _add_upgrade(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(verbs, "upgrade", "put other code in a contract's place", parents, _upgrade)
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("file", metavar="FILE", help="the new module; its migrate is run")
    parser.add_argument(
        "arguments_json", metavar="JSON", nargs="?", help=f"for migrate: {_ARGUMENTS_HELP}"
    )
    _fuel(parser)
    add_options(parser)


def _add_resume(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(
        verbs,
        "resume",
        "ask again for a deployment, call or upgrade whose answer was lost: it has one effect",
        parents,
        _resume,
    )
    parser.add_argument("task", metavar="TASK", nargs="?", help="which, where there are several")
    add_options(parser)


def _add_describe(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(
        verbs, "describe", "say what a contract is and what it can be asked", parents, _describe
    )
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("--code", metavar="FILE", help="save its module, verified against the hash")


def _add_events(verbs: Any, parents: list[Any]) -> None:
    parser = _verb(
        verbs,
        "events",
        "list what contracts have told, out of the verified copy of the chain (adyton chain sync)",
        parents,
        _events,
    )
    parser.add_argument("address", metavar="ADDRESS", nargs="?", help="of this contract only")
    parser.add_argument("--from", dest="start", type=int, default=0, metavar="HEIGHT")
    parser.add_argument(
        "--key", action="store_true", help="print the key that contracts can seal events for you to"
    )


def _target(parser: Any) -> None:
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("method", metavar="METHOD")
    parser.add_argument("arguments_json", metavar="JSON", nargs="?", help=_ARGUMENTS_HELP)


def _deploy(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.contracts import deploy

    receipt, fuel = wanted(args), _fuel_of(args)
    if not 0 <= args.padding <= limits.CONTRACT_PADDING:
        raise UsageError("bad_argument", f"--padding is between 0 and {limits.CONTRACT_PADDING:,}")
    code, given = _module(args.file), arguments_of(args.arguments_json)
    with open_session(settings_of(args), out) as session, out.waiting("deploying"):
        with told(args, out, session, receipt):
            contract, called = deploy(
                session,
                code,
                given,
                upgrade="deployer" if args.upgradable else "never",
                ordering=args.ordering,
                padding=args.padding,
                fuel=fuel,
            )
        made = receipt.made(session, called)
    out.text(f"contract {contract.address.hex()}", *result_lines(called.result, called.value))
    out.json({**description_json(contract), **result_json(called)})
    receipt.save(made)
    return 0


def _call(args: argparse.Namespace, out: Output) -> int:
    receipt, fuel, given = wanted(args), _fuel_of(args), arguments_of(args.arguments_json)
    with open_session(settings_of(args), out) as session, out.waiting("calling"):
        contract = _found(session, args.address)
        with told(args, out, session, receipt):
            called = contract.call(args.method, given, fuel=fuel, ordering=args.ordering)
        made = receipt.made(session, called)
    out.text(*result_lines(called.result, called.value))
    out.json(result_json(called))
    receipt.save(made)
    return 0


def _query(args: argparse.Namespace, out: Output) -> int:
    fuel, given = _fuel_of(args), arguments_of(args.arguments_json)
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        contract = _found(session, args.address)
        with told(args, out, session, None):
            result, value = contract.query_result(args.method, given, fuel=fuel)
    out.text(*result_lines(result, value))
    out.json(result_json(result, value))
    return 0


def _upgrade(args: argparse.Namespace, out: Output) -> int:
    receipt, fuel = wanted(args), _fuel_of(args)
    code, given = _module(args.file), arguments_of(args.arguments_json)
    with open_session(settings_of(args), out) as session, out.waiting("upgrading"):
        contract = _found(session, args.address)
        with told(args, out, session, receipt):
            contract, called = contract.upgrade(code, given, fuel=fuel)
        made = receipt.made(session, called)
    version = contract.description.contract.version
    out.text(
        f"contract {contract.address.hex()}, version {version}",
        *result_lines(called.result, called.value),
    )
    out.json({**description_json(contract), **result_json(called)})
    receipt.save(made)
    return 0


def _resume(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.contracts import resume

    receipt = wanted(args)
    with open_session(settings_of(args), out) as session, out.waiting("asking again"):
        record = without_answer(session, args.task)
        with told(args, out, session, receipt):
            contract, called = resume(session, record)
        made = receipt.made(session, called)
    out.text(
        f"{record.name} of contract {contract.address.hex()}",
        *result_lines(called.result, called.value),
    )
    out.json({**description_json(contract), **result_json(called)})
    receipt.save(made)
    return 0


def _describe(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.contracts import fetch_code

    if args.code is not None:
        require_new(Path(args.code))
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        contract = _found(session, args.address)
        if args.code is not None:
            code = fetch_code(session, contract)
            with Path(args.code).open("xb") as file:
                file.write(code)
    out.text(*description_lines(contract))
    out.json(description_json(contract))
    return 0


def _events(args: argparse.Namespace, out: Output) -> int:
    from adyton.cli.contract_events import show_events

    wanted = None if args.address is None else hex_bytes(args.address, 32, "an address")
    return show_events(settings_of(args), out, wanted, args.start, key_only=args.key)


def _found(session: Session, address: str) -> Contract:
    from adyton.client.contracts import describe

    return describe(session, hex_bytes(address, 32, "an address"))


def _fuel_of(args: argparse.Namespace) -> int:
    from adyton.client.contracts import DEFAULT_FUEL

    fuel: int = DEFAULT_FUEL if args.fuel is None else args.fuel
    if not 0 < fuel <= limits.CONTRACT_FUEL:
        raise UsageError("bad_argument", f"--fuel is between 1 and {limits.CONTRACT_FUEL:,}")
    return fuel


def _module(named: str) -> bytes:
    """Return a file's bytes; of one that no module can be, enough to see that it is too large."""
    with Path(named).open("rb") as file:
        return file.read(limits.CONTRACT_CODE + 1)
