"""Giving up what this client has registered: an issuer, a relying party, a policy; said before, and asked."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import agree, made_json
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import verb
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.client.session import Session
    from adyton.protocol.identity.registries import IssuerRecord, PartyRecord, PolicyRecord

    Kinds = tuple[type[IssuerRecord | PartyRecord | PolicyRecord], ...]

_HEX: Final = re.compile(r"[0-9a-f]{4,64}")


def retire_verb(verbs: Any, what: str, handler: Any, metavar: str, about: str) -> None:
    """Add the verb that gives up a record."""
    parser = verb(verbs, "retire", what, handler, about=about)
    parser.add_argument(
        "record", metavar=metavar, help="its name, the first digits of it, or its title"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")


def retire(
    args: argparse.Namespace,
    out: Output,
    kinds: Kinds,
    what: str,
    then: Callable[[Session, bytes], None] = lambda _session, _name: None,
) -> int:
    """Give up the record that `args.record` names, after it was said what ends with it.

    Args:
        kinds: of records that are meant.
        what: ends with it.
        then: is called with its name once it is given up.
    """
    from adyton.client.identity_changes import give_up

    with open_session(settings_of(args), out) as session:
        name, record = _own(session, kinds, args.record)
        out.note(f"{printable(record.name)} ({name.hex()}): {what}")
        agree(args, out, "give it up for good?")
        with out.waiting("registering"):
            made = give_up(session, record)
        then(session, name)
    out.text(name.hex())
    out.json({"given_up": name.hex(), "title": record.name, **made_json(made)})
    return 0


def _own(
    session: Session, kinds: Kinds, named: str
) -> tuple[bytes, IssuerRecord | PartyRecord | PolicyRecord]:
    """Return a record of this client that is to be given up: by its name, its first digits, or its title.

    Raises:
        UsageError: `not_found`, or several could be meant. PolicyError: `not_owner`, `record_given_up`.
    """
    from adyton.client.identity import own_records
    from adyton.protocol.identity.giving_up import is_given_up, require_used

    meant = [
        (name, record)
        for name, record in own_records(session)
        if isinstance(record, kinds)
        and (record.name == named or (_HEX.fullmatch(named) and name.hex().startswith(named)))
    ]
    found = [(name, record) for name, record in meant if not is_given_up(record)]
    if not meant and len(named) == 64 and _HEX.fullmatch(named):
        raise PolicyError(
            "not_owner", "no record of this client has that name; its owner gives it up"
        )
    if not meant:
        raise UsageError("not_found", f"no record of this client has that name: {printable(named)}")
    if not found:
        require_used(meant[0][1], printable(meant[0][1].name))
    if len(found) > 1:
        listed = ", ".join(
            f"{name.hex()[:16]} ({printable(record.name)})" for name, record in found
        )
        raise UsageError("usage", f"several could be meant; name one by its digits: {listed}")
    return found[0]
