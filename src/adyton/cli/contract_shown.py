"""Contracts, results and events for people and programs; arguments from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from adyton.cli.output import printable, shown_json
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.borsh import Fields
    from adyton.client.contract_calls import AnswerUnreadable, Called, ContractFailed
    from adyton.client.contract_interface import Method
    from adyton.client.contracts import Contract
    from adyton.protocol.contract import Result


def arguments_of(text: str | None) -> Any:
    """Return a method's arguments: a JSON value, bytes behind `hex:` or `text:`, None where there are none.

    Raises:
        UsageError: it is none of these.
    """
    if text is None:
        return None
    if text.startswith("text:"):
        return text[5:].encode()
    if text.startswith("hex:"):
        try:
            return bytes.fromhex(text[4:])
        except ValueError:
            raise UsageError("bad_argument", "behind hex: come bytes in hex") from None
    try:
        return json.loads(text, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):
        raise UsageError(
            "bad_argument", "arguments are a JSON object, as in '{\"amount\": 5}', or hex:BYTES"
        ) from None


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise UsageError("bad_argument", "a name occurs twice in one JSON object")
    return made


def result_lines(result: Result, value: Any) -> list[str]:
    """Return a result for people: its value, then what the contract had to say, then what it cost."""
    lines = [] if value is None else [_brief(value)]
    lines += [f"log: {printable(line)}" for line in result.logs]
    usage = result.usage
    return [
        *lines,
        f"fuel {usage.fuel:,}, stored {usage.stored:,} bytes, read {usage.reads} value{'s'[: usage.reads != 1]}",
    ]


def result_json(called: Called | Result, value: Any = None) -> dict[str, Any]:
    """Return a result for programs."""
    from adyton.client.contract_calls import Called

    result = called.result if isinstance(called, Called) else called
    shown = called.value if isinstance(called, Called) else value
    told: dict[str, Any] = {
        "address": result.address.hex(),
        "status": result.status,
        "value": {"hex": shown.hex()} if isinstance(shown, bytes) else shown,
        "fuel": result.usage.fuel,
        "stored": result.usage.stored,
        "reads": result.usage.reads,
        "logs": list(result.logs),
    }
    if isinstance(called, Called):
        facts = called.accepted.entry.proof.facts()
        told |= {"task": called.accepted.task_hash.hex(), "height": facts.height}
    return told


def failure_json(problem: AnswerUnreadable | ContractFailed) -> dict[str, Any]:
    """Return what is known of a call that ended badly, for programs; its output as it came."""
    result = problem.result
    told = result_json(problem.called or result)
    return {**told, "reason": result.reason, "value": {"hex": result.output.hex()}}


def description_lines(contract: Contract) -> list[str]:
    """Return what a contract is, a line each."""
    made, interface = contract.description.contract, contract.interface
    lines = [
        f"contract  {made.address.hex()}",
        f"code      {made.code_hash.hex()}, version {made.version}, block {made.height}",
        f"deployer  {made.deployer.hex()}, who {_can(made.upgrade)}",
        f"ordering  {made.ordering} or better",
        f"padding   {made.padding or 'none beyond what everything has'}",
    ]
    if interface is not None:
        if interface.name:
            lines.append(f"its word   {interface.name}: {interface.about}")
        lines += [f"type {name}   {_fields(fields)}" for name, fields in interface.structs.items()]
        lines += [f"event {topic}   {kind}" for topic, kind in interface.events.items()]
        for entry, method in (("init", interface.init), ("migrate", interface.migrate)):
            lines += [] if method is None else [_method(entry, method)]
    # What the module has is shown, whatever it says of itself.
    offered = contract.description
    calls = {} if interface is None else interface.calls
    queries = {} if interface is None else interface.queries
    for kind, names, told in (
        ("call", offered.calls, calls),
        ("query", offered.queries, queries),
    ):
        for name in sorted(names, key=[*told, *names].index):
            quiet = "" if interface is None else "   (not in its description)"
            known = name in told
            lines.append(
                _method(f"{kind} {name}", told[name]) if known else f"{kind} {name}{quiet}"
            )
    return lines


def _method(name: str, method: Method) -> str:
    given = "" if method.returns is None else f" -> {method.returns}"
    about = f"   {method.about}" if method.about else ""
    return f"{name}({_fields(method.arguments)}){given}{about}"


def _fields(fields: Fields) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in fields)


def description_json(contract: Contract) -> dict[str, Any]:
    """Return what a contract is, for programs."""
    made = contract.description.contract
    raw = contract.description.interface
    return {
        "address": made.address.hex(),
        "code_hash": made.code_hash.hex(),
        "deployer": made.deployer.hex(),
        "upgrade": made.upgrade,
        "ordering": made.ordering,
        "padding": made.padding,
        "version": made.version,
        "height": made.height,
        "calls": list(contract.description.calls),
        "queries": list(contract.description.queries),
        "interface": raw.decode() if contract.interface is not None else None,
    }


def _can(upgrade: str) -> str:
    return "can put other code in its place" if upgrade == "deployer" else "cannot change it"


def _brief(value: Any) -> str:
    if isinstance(value, bytes):
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return f"hex:{value.hex()}"
        return text if text.isprintable() else f"hex:{value.hex()}"
    # Quotes and escapes tell that it is not all there as it is.
    return value if isinstance(value, str) and value.isprintable() else shown_json(value)
