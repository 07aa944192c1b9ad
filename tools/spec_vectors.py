"""Write the vectors of docs/spec, and the examples that its pages show.

    python -m tools.spec_vectors            write docs/spec/vectors/*.json and the pages' examples
    python -m tools.spec_vectors --check    exit status 1 when something of it is not as it would be

A page shows an example between two marks; what is between them is replaced:

    <!-- example: envelope | a request | given.envelope | message -->
    <!-- /example -->

The last word is `hex`, `value` (diagnostic notation), `message` (both), `cwt` (both, and what is signed decoded) or
`json`. Between `<!-- contexts -->` and
`<!-- /contexts -->` stands the table of all contexts; so with `codes`, `reasons`, `presentation-steps`,
`limits: A B` and `messages: a/1 b/1`.
"""

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.encoding import decode
from adyton.core.errors import CODES
from adyton.core.fields import Exactly, OneOf
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import STEPS
from adyton.sandbox.wasm import abi
from tests.message_forms import annotations, every_message, is_optional, not_none, parts
from tools.spec_case import Case
from tools.spec_cases import (
    channel_cases,
    encoding_cases,
    envelope_cases,
    http_cases,
    key_delivery_cases,
)
from tools.spec_cases_answer import answer_cases
from tools.spec_cases_conflict import conflict_cases
from tools.spec_cases_contract import contract_cases
from tools.spec_cases_credential import credential_cases
from tools.spec_cases_end import end_cases
from tools.spec_cases_epoch import epoch_cases
from tools.spec_cases_evidence import evidence_cases
from tools.spec_cases_identity import did_cases, range_proof_cases, status_list_cases
from tools.spec_cases_ledger import ledger_cases
from tools.spec_cases_mqtt import mqtt_cases
from tools.spec_cases_notary import notary_cases
from tools.spec_cases_presenting import identity_cases
from tools.spec_cases_task import certificate_cases, task_cases
from tools.spec_cases_wallet import wallet_cases
from tools.spec_diagnostic import diagnostic, opened_cwt
from tools.spec_world import SEALED, World

SPEC = SEALED.parent.parent
CHAPTERS: dict[str, Callable[[World], list[Case]]] = {
    "encoding": encoding_cases,
    "evidence": evidence_cases,
    "key-delivery": key_delivery_cases,
    "envelope": lambda world: [*envelope_cases(world), *answer_cases(world)],
    "epoch": epoch_cases,
    "ledger": ledger_cases,
    "task": lambda world: [*task_cases(world), *end_cases(world)],
    "certificate": lambda world: [*certificate_cases(world), *notary_cases(world)],
    "conflict": conflict_cases,
    "contract": contract_cases,
    "credential": lambda _: credential_cases(),
    "wallet": wallet_cases,
    "did": lambda _: did_cases(),
    "status-list": lambda _: status_list_cases(),
    "range-proof": lambda _: range_proof_cases(),
    "identity": identity_cases,
    "channel": channel_cases,
    "http": http_cases,
    "mqtt": mqtt_cases,
}
_MARKED = re.compile(
    r"(?P<open><!-- (?P<kind>example|contexts|limits|codes|messages|fuel|reasons|presentation-steps)"
    r"(?:: (?P<what>[^>]*?))? -->\n)"
    r"(?P<body>.*?)(?P<close><!-- /(?P=kind) -->)",
    re.DOTALL,
)
_TYPES = {
    "hash": "hash",
    "mac": "MAC",
    "sign": "signature",
    "kdf": "key derivation",
    "hpke": "HPKE info",
}

Vectors = dict[str, list[dict[str, Any]]]


def as_json(value: Any) -> str:
    """Return a published file's text."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def build() -> tuple[Vectors, dict[Path, str]]:
    """Return all vectors by chapter, and the text of each file that holds them."""
    world = World()
    vectors = {name: [case.written() for case in cases(world)] for name, cases in CHAPTERS.items()}
    texts = {SPEC / f"vectors/{name}.json": as_json(found) for name, found in vectors.items()}
    texts[SEALED] = as_json(world.once.used)
    return vectors, texts


def contexts_table() -> str:
    """Return the table of contexts."""
    rows = [
        f"| `{context.value.decode()}` | {_TYPES.get(context.value.decode().split('/')[2], 'associated data')} |"
        for context in Context
    ]
    return "\n".join(["| context | kind |", "|---|---|", *rows]) + "\n"


def fuel_table() -> str:
    """Return the table of what imports cost."""
    rows = [f"| `{name}` | {each:,} | {byte} |" for name, (each, byte) in abi.FUEL_COST.items()]
    return (
        "\n".join(["| import | each time | each byte in or out |", "|---|---|---|", *rows]) + "\n"
    )


def codes_table() -> str:
    """Return the table of error codes."""
    rows = [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]
    return "\n".join(["| code | meaning |", "|---|---|", *rows]) + "\n"


def reasons_table() -> str:
    """Return the table of reasons for which a presentation is refused."""
    rows = [f"| `{reason.word}` | `{reason.coarse}` | {reason.text} |" for reason in Reason]
    return (
        "\n".join(["| reason | class | a part of the presentation |", "|---|---|---|", *rows])
        + "\n"
    )


def steps_list() -> str:
    """Return the steps of a check of a presentation."""
    return "".join(f"{step.value}. {what}\n" for step, what in STEPS.items())


def limits_table(names: str) -> str:
    """Return a table of limits."""
    rows = [f"| `{name}` | {getattr(limits, name):,} |" for name in names.split()]
    return "\n".join(["| limit | value |", "|---|---|", *rows]) + "\n"


def wire_form(annotation: Any) -> str:
    """Return what a field may hold, in words."""
    inner, bounds = parts(annotation)
    bound: Any = bounds[0] if bounds else None
    if is_optional(inner):
        return f"{wire_form(not_none(inner))} or null"
    if get_origin(inner) is tuple:
        items = get_args(inner)
        if items[-1] is Ellipsis:
            return f"at most {bound.size:,} of: {wire_form(items[0])}"
        return f"[{', '.join(map(wire_form, items))}]"
    if inner is bool:
        return "boolean"
    if isinstance(bound, OneOf):
        return " \\| ".join(f"`{word}`" for word in sorted(bound.values))
    if isinstance(bound, Exactly):
        return f"{bound.size} bytes"
    if bound is not None:
        words = {bytes: "at most {} bytes", str: "at most {} characters", int: "0 to {}"}
        return words[inner].format(f"{bound.size:,}")
    return f"`{inner.WIRE_NAME}`"


def messages_table(names: str) -> str:
    """Return the tables of messages, one row for each field."""
    found = every_message()
    rows = []
    for name in names.split():
        cls = found[name]
        rows.append(f"| **`{name}`** | at most {cls.MAX_BYTES:,} bytes in all |")
        rows += [
            f"| `{field}` | {wire_form(annotation)} |"
            for field, annotation in annotations(cls).items()
        ]
    return "\n".join(["| message, field | form |", "|---|---|", *rows]) + "\n"


def example(vectors: Vectors, what: str) -> str:
    """Return an example in a fence."""
    chapter, name, path, form = (part.strip() for part in what.split("|"))
    found: Any = next(case for case in vectors[chapter] if case["name"] == name)
    for key in path.split("."):
        found = found[int(key)] if isinstance(found, list) else found[key]
    if form == "json":
        return f"```json\n{json.dumps(found, indent=1, ensure_ascii=False)}\n```\n"
    if form == "text":
        return f"```text\n{found}\n```\n"
    data = bytes.fromhex(found)
    shown = []
    if form == "cwt":
        shown.append(f"```text\n{diagnostic(opened_cwt(data))}\n```\n")
    if form in ("value", "message"):
        value = decode(data, max_bytes=limits.CERTIFICATE, tags=True)
        shown.append(f"```text\n{diagnostic(value)}\n```\n")
    if form in ("hex", "message", "cwt"):
        shown.append(f"```text\n{textwrap.fill(data.hex(), 96)}\n```\n")
    return "\n".join(shown)


def rendered(vectors: Vectors, text: str) -> str:
    """Return a page's text with what its marks ask for."""

    def replaced(match: re.Match[str]) -> str:
        kind, what = match["kind"], match["what"] or ""
        tables = {"contexts": contexts_table, "codes": codes_table, "fuel": fuel_table}
        tables |= {"reasons": reasons_table, "presentation-steps": steps_list}
        if kind == "example":
            body = example(vectors, what)
        elif kind == "messages":
            body = messages_table(what)
        else:
            body = tables[kind]() if kind in tables else limits_table(what)
        return f"{match['open']}{body}{match['close']}"

    return _MARKED.sub(replaced, text)


def differences() -> Iterator[tuple[Path, str]]:
    """Yield each file that is not as it would be written, with its right text."""
    vectors, texts = build()
    for page in sorted(SPEC.glob("*.md")):
        texts[page] = rendered(vectors, page.read_text("utf-8"))
    for path, text in texts.items():
        if not path.exists() or path.read_text("utf-8") != text:
            yield path, text


def main(arguments: list[str]) -> int:
    """Write or check; return the exit status."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    found = list(differences())
    for path, text in found:
        if arguments:
            print(f"{path.relative_to(SPEC.parent.parent)}: not as tools/spec_vectors.py writes it")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {path.relative_to(SPEC.parent.parent)}")
    return 1 if found and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
