"""What `adyton did`, `credential` and `verifier` have in common: which record is meant, texts, where to write."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adyton.cli.output import Output, printable
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.identity import Made
    from adyton.client.identity_receipt import IdentityReceipt
    from adyton.client.session import Session
    from adyton.protocol.identity.registries import IssuerRecord, PartyRecord, PolicyRecord

_R = TypeVar("_R", "IssuerRecord", "PartyRecord", "PolicyRecord")
_HEX: Final = re.compile(r"[0-9a-f]{4,64}")
# By the name of the record's class.
_WORDS: Final = {
    "IssuerRecord": ("issuer", "adyton credential issuer"),
    "PartyRecord": ("relying party", "adyton verifier register"),
    "PolicyRecord": ("policy", "adyton verifier policy"),
}


def noun(nouns: Any, name: str, what: str, description: str) -> Any:
    """Add a noun, and return where its verbs are added."""
    parser = nouns.add_parser(
        name,
        help=what,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser.add_subparsers(metavar="VERB", required=True)


def found_record(session: Session, kind: type[_R], named: str | None) -> tuple[bytes, _R]:
    """Return the record that is meant: any by its whole name, one's own by its first digits or its title.

    Raises:
        UsageError: `not_found`, or several of one's own could be meant. PolicyError: `record_given_up`.
    """
    from adyton.client.identity import own_records, resolve
    from adyton.protocol.identity.giving_up import is_given_up, require_used

    if named is not None and len(named) == 64 and _HEX.fullmatch(named):
        name = bytes.fromhex(named)
        record = resolve(session, name, kind)
        require_used(record, f"the {_WORDS[kind.__name__][0]} {printable(record.name)}")
        return name, record
    what, command = _WORDS[kind.__name__]
    own = [(name, record) for name, record in own_records(session) if isinstance(record, kind)]
    meant = [
        (name, record)
        for name, record in own
        if named is None
        or record.name == named
        or (_HEX.fullmatch(named) and name.hex().startswith(named))
    ]
    found = [(name, record) for name, record in meant if not is_given_up(record)]
    if meant and not found and named is not None:
        require_used(meant[0][1], f"the {what} {printable(meant[0][1].name)}")
    if not found:
        hint = f"no {what} of that name here" if named else f"no {what} of this client yet"
        if meant:
            hint = f"no {what} of this client is left that was not given up"
        raise UsageError("not_found", f"{hint}: make one with `{command}`")
    if len(found) > 1:
        listed = ", ".join(
            f"{name.hex()[:16]} ({printable(record.name)})" for name, record in found
        )
        raise UsageError("usage", f"several could be meant; name one {what}: {listed}")
    return found[0]


def record_to_change(session: Session, kind: type[_R], named: str) -> tuple[bytes, _R]:
    """Return the record of this client that is meant, as `found_record`.

    Raises:
        UsageError: as `found_record`. PolicyError: `not_owner`, `record_given_up`.
    """
    from adyton.client.identity_changes import require_owner

    name, record = found_record(session, kind, named)
    require_owner(session, record)
    return name, record


def agree(args: argparse.Namespace, out: Output, question: str) -> None:
    """Ask before what cannot be taken back; `--yes` answers.

    Raises:
        UsageError: nobody can be asked, or the answer is no.
    """
    import sys

    if args.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("usage", "nobody can be asked here: read the above, and add --yes")
    out.end_progress()
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UsageError("usage", "nothing was done, nothing was sent")


def made_json(made: Made) -> dict[str, Any]:
    """Return where a record is recorded, for programs."""
    return {
        "name": made.name.hex(),
        "version": made.record.version,
        "task": made.accepted.task_hash.hex(),
        "recorded": made.accepted.entry.proof.facts().height,
    }


def write_new(path: str, content: bytes, out: Output, what: str, *, private: bool = False) -> None:
    """Write a file that must not exist.

    Args:
        private: nobody else may read it.

    Raises:
        UsageError: `exists`. OSError: it cannot be written.
    """
    import os

    try:
        descriptor = os.open(
            path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600 if private else 0o644
        )
    except FileExistsError:
        raise UsageError("exists", f"{path} exists; name another file") from None
    with open(descriptor, "wb") as file:
        file.write(content)
    out.note(f"adyton: wrote {what} to {Path(path).name}")


def warn_of_told(receipt: IdentityReceipt, out: Output) -> None:
    """Say where a receipt tells what it does not open."""
    from adyton.client.redaction import told_besides

    for name, told in told_besides(receipt):
        out.note(f"adyton: the receipt opens {name}, which tells {' and '.join(told)} too")


def client_keys(given: list[str] | None, option: str) -> tuple[bytes, ...]:
    """Return client keys, 32 bytes each.

    Raises:
        UsageError: not 64 hex digits.
    """
    from adyton.cli.connect import hex_bytes

    return tuple(hex_bytes(text, 32, f"{option}, a client key,") for text in given or [])


def policy_lines(name: bytes, policy: PolicyRecord) -> list[str]:
    """Return what a policy asks for, a line each."""
    from adyton.client.identity_age import OFFSET_ZERO

    asks = [f"age {policy.age_over} or more"] if policy.age_over else []
    asks += [f"claim {claim}" for claim in policy.claims]
    asks += ["an expiry"] if policy.expiry else []
    asks += ["a status"] if policy.status else []
    asks += [f"a pseudonym of {policy.pseudonym}"] if policy.pseudonym else []
    asks += ["a range proof"] if policy.range_proof else []
    lines = [
        f"policy    {printable(policy.name)}, version {policy.version}",
        f"name      {name.hex()}",
        f"hash      {policy.hash().hex()}",
        f"asks for  {', '.join(map(printable, asks)) or 'a valid credential'}",
        f"types     {', '.join(map(printable, policy.types))}",
        *(f"issuer    {issuer.hex()}" for issuer in policy.issuers),
        f"clocks    may differ by {policy.skew_s} s; a signature of the holder is good for {policy.binding_s} s",
    ]
    if policy.age_over:
        offset = policy.offset_minutes - OFFSET_ZERO
        day = "28 February" if policy.feb29 == "28feb" else "1 March"
        lines.append(f"calendar  UTC{offset:+} min; 29 February counts as {day} in other years")
    return lines


def policy_json(name: bytes, policy: PolicyRecord) -> dict[str, Any]:
    """Return a policy for programs."""
    from adyton.client.identity_age import OFFSET_ZERO

    return {
        "policy": name.hex(),
        "hash": policy.hash().hex(),
        "party": policy.party.hex(),
        "title": policy.name,
        "age_over": policy.age_over,
        "types": list(policy.types),
        "issuers": [issuer.hex() for issuer in policy.issuers],
        "claims": list(policy.claims),
        "feb29": policy.feb29,
        "offset_minutes": policy.offset_minutes - OFFSET_ZERO,
        "skew_s": policy.skew_s,
        "binding_s": policy.binding_s,
        "expiry": policy.expiry,
        "status": policy.status,
        "pseudonym": policy.pseudonym,
        "range_proof": policy.range_proof,
        "ordering": policy.ordering,
        "version": policy.version,
    }
