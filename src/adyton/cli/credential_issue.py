"""`adyton credential issue`, `revoke` and `status`: what issuers do; the one that is run here is a DEMO."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import found_record, write_new
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.protocol.credentials.strict_json import Json

DEMO: Final = "adyton: this is a DEMO issuer: it believes whatever it is told, and proves nothing about anybody"
_DEMO_HELP: Final = "default the only demo issuer there is"


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    issue = verb(
        verbs,
        "issue",
        "as a DEMO issuer, issue a credential that says what you tell it to",
        _issue,
        about="It believes whatever it is told.",
    )
    issue.add_argument(
        "--to",
        metavar="DID",
        required=True,
        help="the holder's did; a did:key or did:jwk too, of a did:web its record's name",
    )
    issue.add_argument(
        "--birthdate", metavar="YYYY-MM-DD", help="a birthday, and which ages are reached today"
    )
    issue.add_argument(
        "--claim", metavar="NAME=VALUE", action="append", help="another claim; JSON, or else text"
    )
    issue.add_argument("--type", metavar="VCT", help="type of the credential; default a demo's")
    issue.add_argument(
        "--days", metavar="N", type=int, default=365, help="valid for so many; negative has expired"
    )
    issue.add_argument("--out", metavar="FILE", help="write it there; default to stdout")
    revoke = verb(verbs, "revoke", "as a DEMO issuer, revoke a credential", _revoke)
    revoke.add_argument("credential", metavar="CREDENTIAL", help="the first digits of its name")
    for parser in (issue, revoke):
        parser.add_argument("--issuer", metavar="ISSUER", help=_DEMO_HELP)
    status = verb(
        verbs,
        "status",
        "bring an issuer's status list to the network; anybody may",
        _status,
    )
    status.add_argument("issuer", metavar="ISSUER", help="name of its record")
    status.add_argument("uri", metavar="URI", help="the list's address")
    status.add_argument("file", metavar="FILE", help="the list, as fetched from there; - for stdin")


def _issue(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.demo_issuer import TYPE, demo_issuer, issue_demo
    from adyton.client.identity_dids import binding_key, keys_of

    out.note(DEMO)
    with open_session(settings_of(args), out) as session:
        claims = _claims(args, session.now_ms())
        document = keys_of(session, args.to)
        if document is None:
            raise PolicyError("record_given_up", "the did was given up; ask the holder for another")
        issued = issue_demo(
            session,
            demo_issuer(session, args.issuer),
            (str(document.did), binding_key(document)),
            claims,
            vct=args.type or TYPE,
            days=args.days,
        )
    if args.out is None:
        out.text(issued.text)
    else:
        write_new(args.out, issued.text.encode() + b"\n", out, "the credential", private=True)
        out.text(issued.entry.name)
    said = {"credential": issued.entry.name, "holder": args.to, "demo": True}
    out.json({**said, "path": args.out} if args.out else {**said, "text": issued.text})
    return 0


def _revoke(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.demo_issuer import demo_issuer, revoke_demo

    out.note(DEMO)
    with open_session(settings_of(args), out) as session, out.waiting("revoking"):
        entry = revoke_demo(session, demo_issuer(session, args.issuer), args.credential)
    out.text(entry.name)
    out.json({"revoked": entry.name, "index": entry.index, "demo": True})
    return 0


def _status(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import bring_status
    from adyton.protocol.identity.registries import IssuerRecord

    content = read_file(args.file, limits.STATUS_TOKEN)
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise UsageError("usage", f"{args.file}: a status list is text in ASCII") from None
    with open_session(settings_of(args), out) as session, out.waiting("bringing it"):
        name, _ = found_record(session, IssuerRecord, args.issuer)
        kept = bring_status(session, name, args.uri, token)
    out.text(f"{kept.entries} entries")
    out.json(
        {"issuer": name.hex(), "uri": args.uri, "entries": kept.entries, "until_ms": kept.until_ms}
    )
    return 0


def _claims(args: argparse.Namespace, now_ms: int) -> dict[str, Json]:
    from adyton.client.demo_issuer import age_claims

    claims: dict[str, Json] = {}
    if args.birthdate is not None:
        claims |= age_claims(args.birthdate, now_ms)
    for given in args.claim or ():
        name, sign, value = given.partition("=")
        if not sign or not name:
            raise UsageError("usage", f"--claim {given}: write NAME=VALUE")
        try:
            claims[name] = json.loads(value)
        except ValueError:
            claims[name] = value
    if not claims:
        raise UsageError("usage", "nothing is claimed: add --birthdate or --claim")
    return claims
