"""`adyton verifier register` and `policy`: who asks, and for what."""

from __future__ import annotations

import argparse
from typing import Any

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import (
    client_keys,
    found_record,
    made_json,
    policy_json,
    policy_lines,
    record_to_change,
)
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import verb
from adyton.core.errors import UsageError
from adyton.protocol.words import ORDERING_LEVELS


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    register = verb(
        verbs,
        "register",
        "register a relying party, or change it",
        _register,
        about="Everything of it is public. This client may bring presentations for it, and see which check failed. "
        "A change says all anew: what is not named is not kept.",
    )
    register.add_argument("title", metavar="NAME", help="for people: holders are shown it")
    register.add_argument("--change", metavar="PARTY", help="put it in the place of this record")
    register.add_argument(
        "--response", metavar="URL", default="", help="where holders hand over what they seal"
    )
    register.add_argument(
        "--sender",
        metavar="KEY",
        action="append",
        help="another client that may bring presentations",
    )
    register.add_argument(
        "--developer", metavar="KEY", action="append", help="another client that may see checklists"
    )
    policy = verb(
        verbs,
        "policy",
        "register what is asked for, or change it",
        _policy,
        about="Everything of it is public. A change says all anew, and ends the requests that were made before.",
    )
    policy.add_argument("title", metavar="NAME", help="for people: holders are shown it")
    policy.add_argument("--change", metavar="POLICY", help="put it in the place of this record")
    policy.add_argument("--party", metavar="PARTY", help="whose; default the only one there is")
    policy.add_argument(
        "--age-over",
        metavar="YEARS",
        type=int,
        default=0,
        help="that the holder must have completed",
    )
    policy.add_argument(
        "--type", metavar="VCT", action="append", help="of the credential; default a demo's"
    )
    policy.add_argument(
        "--issuer", metavar="ISSUER", action="append", required=True, help="whose credentials count"
    )
    policy.add_argument("--claim", metavar="NAME", action="append", help="must be disclosed")
    policy.add_argument("--status", action="store_true", help="must have a status: not revoked")
    policy.add_argument("--no-expiry", action="store_true", help="may be valid for ever")
    policy.add_argument(
        "--pseudonym", metavar="CLAIM", default="", help="know a holder again by this stable claim"
    )
    policy.add_argument("--range-proof", action="store_true", help="have the age proven, too")
    policy.add_argument(
        "--feb29",
        choices=("28feb", "1mar"),
        default="1mar",
        help="birthday of those born on 29 February in other years; default 1mar",
    )
    policy.add_argument(
        "--offset", metavar="MINUTES", type=int, default=0, help="of local time from UTC; default 0"
    )
    policy.add_argument(
        "--skew", metavar="SECONDS", type=int, default=60, help="that clocks may differ; default 60"
    )
    policy.add_argument(
        "--binding", metavar="SECONDS", type=int, default=600,
        help="greatest age of the holder's signature; default 600",
    )  # fmt: skip
    policy.add_argument(
        "--ordering",
        choices=ORDERING_LEVELS,
        default=ORDERING_LEVELS[0],
        help=f"least ordering level; default {ORDERING_LEVELS[0]}",
    )


def _register(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import fresh_salt, own_key, register
    from adyton.protocol.identity.registries import PartyRecord

    senders = client_keys(args.sender, "--sender")
    developers = client_keys(args.developer, "--developer")
    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        salt, version = fresh_salt(), 1
        if args.change is not None:
            _, before = record_to_change(session, PartyRecord, args.change)
            salt, version = before.salt, before.version + 1
        own = own_key(session)
        record = PartyRecord(
            own,
            salt,
            args.title,
            tuple(dict.fromkeys((own, *senders))),
            tuple(dict.fromkeys((own, *developers))),
            args.response,
            version,
        )
        made = register(session, record)
    out.text(made.name.hex())
    out.json({"party": made.name.hex(), **made_json(made)})
    return 0


def _policy(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.demo_issuer import TYPE
    from adyton.client.identity import fresh_salt, own_key, register
    from adyton.client.identity_age import offset_field
    from adyton.protocol.credentials.age import AGE_MOST
    from adyton.protocol.identity.forms import require_apart
    from adyton.protocol.identity.registries import (
        BINDING_MOST,
        SKEW_MOST,
        IssuerRecord,
        PartyRecord,
        PolicyRecord,
    )

    for option, given, most in (
        ("--age-over", args.age_over, AGE_MOST),
        ("--skew", args.skew, SKEW_MOST),
        ("--binding", args.binding, BINDING_MOST),
    ):
        if not 0 <= given <= most:
            raise UsageError("usage", f"{option} is a number from 0 to {most}")
    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        salt, version = fresh_salt(), 1
        if args.change is not None:
            _, before = record_to_change(session, PolicyRecord, args.change)
            salt, version = before.salt, before.version + 1
            party = before.party
        else:
            party, _ = found_record(session, PartyRecord, args.party)
        issuers = [found_record(session, IssuerRecord, one) for one in args.issuer]
        require_apart([issuer for _, issuer in issuers])
        record = PolicyRecord(
            owner=own_key(session),
            salt=salt,
            party=party,
            name=args.title,
            age_over=args.age_over,
            types=tuple(args.type or (TYPE,)),
            issuers=tuple(name for name, _ in issuers),
            claims=tuple(args.claim or ()),
            feb29=args.feb29,
            offset_minutes=offset_field(args.offset),
            skew_s=args.skew,
            binding_s=args.binding,
            expiry=not args.no_expiry,
            status=args.status,
            pseudonym=args.pseudonym,
            range_proof=args.range_proof,
            ordering=args.ordering,
            version=version,
        )
        made = register(session, record)
    out.text(*policy_lines(made.name, record))
    out.json({**policy_json(made.name, record), **made_json(made)})
    return 0
