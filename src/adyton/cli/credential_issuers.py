"""`adyton credential issuer`, `issuers` and `retire`: records of those whom policies may name; a DEMO one lies here."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import hex_bytes, open_session
from adyton.cli.credential_issue import DEMO
from adyton.cli.identity_parts import made_json, record_to_change
from adyton.cli.identity_retire import retire, retire_verb
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.identity.registries import IssuerRecord

_RETIRED: Final = (
    "All its credentials are refused from then on, also those issued before, and policies that name no other issuer "
    "can only say no. It cannot be taken back."
)


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    issuer = verb(
        verbs,
        "issuer",
        "register an issuer: a DEMO one whose key lies here, or a real one by its public keys",
        _issuer,
        about="With --jwk a real one is registered as somebody vouches for it: policies name the record, and so you.",
    )
    issuer.add_argument("title", metavar="NAME", help="for people; that of a demo begins with DEMO")
    issuer.add_argument(
        "--jwk",
        metavar="FILE",
        action="append",
        help="a public key as JWK; several need a kid each",
    )
    issuer.add_argument("--iss", metavar="TEXT", help="as its credentials name it; with --jwk")
    issuer.add_argument(
        "--list", metavar="URI", action="append", help="a status list that it signs; with --jwk"
    )
    issuer.add_argument(
        "--change",
        metavar="ISSUER",
        help="put these keys and lists in the place of what this record says; with --jwk",
    )
    issuers = verb(
        verbs, "issuers", "list the issuers that this client has registered, or show any", _issuers
    )
    issuers.add_argument("issuer", metavar="ISSUER", nargs="?", help="name of its record")
    retire_verb(verbs, "give up an issuer, for good", _retire, "ISSUER", _RETIRED)


def _issuer(args: argparse.Namespace, out: Output) -> int:
    if args.jwk is None and (args.iss is not None or args.list is not None or args.change):
        raise UsageError("usage", "--iss, --list and --change go with --jwk")
    if args.jwk is not None and args.iss is None and args.change is None:
        raise UsageError("usage", "--jwk goes with --iss, as its credentials name the issuer")
    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        if args.jwk is None:
            from adyton.client.demo_issuer import new_demo_issuer

            out.note(DEMO)
            _, made = new_demo_issuer(session, args.title)
        else:
            from adyton.client.demo_issuer import require_no_demo
            from adyton.client.identity import fresh_salt, own_key, register
            from adyton.protocol.identity.registries import IssuerRecord

            keys = tuple(read_file(named, limits.IDENTITY_JSON) for named in args.jwk)
            salt, iss, version = fresh_salt(), args.iss, 1
            if args.change is not None:
                name, before = record_to_change(session, IssuerRecord, args.change)
                require_no_demo(session, name)
                salt, iss, version = before.salt, args.iss or before.iss, before.version + 1
            lists = tuple(args.list or ())
            record = IssuerRecord(own_key(session), salt, args.title, iss, keys, lists, version)
            made = register(session, record)
    out.text(made.name.hex())
    out.json({"issuer": made.name.hex(), "demo": args.jwk is None, **made_json(made)})
    return 0


def _issuers(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import own_records, resolve
    from adyton.protocol.identity.giving_up import is_given_up
    from adyton.protocol.identity.registries import IssuerRecord

    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        if args.issuer is not None and len(args.issuer) == 64:
            name = hex_bytes(args.issuer, 32, "an issuer's name")
            found = [(name, resolve(session, name, IssuerRecord))]
        else:
            found = [
                (name, record)
                for name, record in own_records(session)
                if isinstance(record, IssuerRecord) and name.hex().startswith(args.issuer or "")
            ]
    if args.issuer is not None and not found:
        raise UsageError(
            "not_found", "no issuer of that name here: `adyton credential issuers` lists yours"
        )
    for name, record in found:
        state = "given up" if is_given_up(record) else f"version {record.version}"
        out.text(f"{name.hex()}  {printable(record.name)}, {state}")
        if args.issuer is not None:
            out.text(
                f"  calls itself   {printable(record.iss)}",
                f"  registered by  {record.owner.hex()}",
                *(
                    f"  key            {printable(key.decode('utf-8', 'replace'))}"
                    for key in record.keys
                ),
                *(f"  status list    {printable(uri)}" for uri in record.lists),
            )
    out.json({"issuers": [_issuer_json(name, record) for name, record in found]})
    return 0


def _issuer_json(name: bytes, record: IssuerRecord) -> dict[str, Any]:
    return {
        "issuer": name.hex(),
        "title": record.name,
        "iss": record.iss,
        "owner": record.owner.hex(),
        "keys": [json.loads(key) for key in record.keys],
        "lists": list(record.lists),
        "version": record.version,
        "active": bool(record.keys),
    }


def _retire(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.demo_issuer import forget_demo
    from adyton.protocol.identity.registries import IssuerRecord

    what = "its credentials are refused from then on"
    return retire(args, out, (IssuerRecord,), what, forget_demo)
