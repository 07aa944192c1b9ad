"""`adyton verifier show` and `retire`: relying parties and policies of this client, looked at and given up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import hex_bytes, open_session
from adyton.cli.identity_parts import policy_json, policy_lines
from adyton.cli.identity_retire import retire, retire_verb
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import verb
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.identity.registries import PartyRecord, PolicyRecord

_RETIRED: Final = (
    "Requests of a party or by a policy that was given up are not opened any more; a party's policies end with it. It "
    "cannot be taken back."
)
_WHOLE: Final = 64  # hex digits of a name


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    show = verb(
        verbs, "show", "list relying parties and policies of this client, or show any", _show
    )
    show.add_argument(
        "record", metavar="RECORD", nargs="?", help="its name, or of one's own the title"
    )
    retire_verb(verbs, "give up a relying party or a policy, for good", _retire, "RECORD", _RETIRED)


def _show(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import own_records, resolve_any
    from adyton.protocol.identity.registries import PartyRecord, PolicyRecord

    kinds = (PartyRecord, PolicyRecord)
    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        if args.record is not None and len(args.record) == _WHOLE:
            name = hex_bytes(args.record, 32, "a record's name")
            record = resolve_any(session, name)
            found = [(name, record)] if isinstance(record, kinds) else []
        else:
            found = [
                (name, record)
                for name, record in own_records(session)
                if isinstance(record, kinds)
                and (
                    args.record in (None, record.name) or name.hex().startswith(args.record or "-")
                )
            ]
    if args.record is not None and not found:
        raise UsageError(
            "not_found",
            "no relying party or policy of that name: `adyton verifier show` lists yours",
        )
    parties = [(name, one) for name, one in found if isinstance(one, PartyRecord)]
    policies = [(name, one) for name, one in found if isinstance(one, PolicyRecord)]
    if args.record is None:
        out.table(
            ("name", "kind", "title", "state"),
            [
                (name.hex(), kind, one.name, _state(one))
                for kind, some in (("party", parties), ("policy", policies))
                for name, one in some
            ],
        )
    else:
        for name, party in parties:
            out.text(*_party_lines(name, party))
        for name, policy in policies:
            out.text(*policy_lines(name, policy), *(() if policy.issuers else ("given up",)))
    out.json(
        {
            "parties": [_party_json(name, party) for name, party in parties],
            "policies": [
                {**policy_json(name, policy), "active": bool(policy.issuers)}
                for name, policy in policies
            ],
        }
    )
    return 0


def _state(record: PartyRecord | PolicyRecord) -> str:
    from adyton.protocol.identity.giving_up import is_given_up

    return "given up" if is_given_up(record) else f"version {record.version}"


def _party_lines(name: bytes, party: PartyRecord) -> list[str]:
    return [
        f"party     {printable(party.name)}, {_state(party)}",
        f"name      {name.hex()}",
        f"owner     {party.owner.hex()}",
        f"handed to {printable(party.response) or 'by another way than HTTP'}",
        *(f"sender    {key.hex()}" for key in party.senders),
        *(f"developer {key.hex()}" for key in party.developers),
    ]


def _party_json(name: bytes, party: PartyRecord) -> dict[str, Any]:
    return {
        "party": name.hex(),
        "title": party.name,
        "owner": party.owner.hex(),
        "response": party.response,
        "senders": [key.hex() for key in party.senders],
        "developers": [key.hex() for key in party.developers],
        "version": party.version,
        "active": bool(party.senders),
    }


def _retire(args: argparse.Namespace, out: Output) -> int:
    from adyton.protocol.identity.registries import PartyRecord, PolicyRecord

    return retire(args, out, (PartyRecord, PolicyRecord), "nobody can ask by it from then on")
