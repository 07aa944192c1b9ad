"""`adyton did`: identifiers of this client on the network, with the keys of its credentials."""

from __future__ import annotations

import argparse
from typing import Any

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import made_json, noun
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import verb

_DESCRIPTION = """\
A DID has a key that credentials are bound to, and one to which it is told, for your eyes alone, when one of them was
used. Both follow from the secret of this client's directory; the network keeps their public halves.

  adyton did new
  adyton did show
"""


def add(nouns: Any) -> None:
    """Add the command and its verbs."""
    verbs = noun(nouns, "did", "identifiers that credentials are bound to", _DESCRIPTION)
    verb(
        verbs,
        "new",
        "register a did, and print it",
        _new,
        about="Whoever knows two dids of one client can see that: both name the client's key.",
    )
    show = verb(verbs, "show", "show dids of this client, or the keys of any", _show)
    show.add_argument("did", metavar="DID", nargs="?", help="default: those of this client")


def _new(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_dids import new_did

    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        own, made = new_did(session)
    out.text(own.did)
    out.json({"did": own.did, **made_json(made)})
    return 0


def _show(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_dids import own_dids, resolve_did
    from adyton.protocol.credentials import strict_json
    from adyton.protocol.identity.naming import did_of

    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        if args.did is None:
            records = [own.record for own in own_dids(session)]
        else:
            records = [resolve_did(session, args.did)[0]]
    told = [
        {
            "did": str(did_of(record)),
            "owner": record.owner.hex(),
            "version": record.version,
            "active": record.active,
            "document": strict_json.read_object(
                record.document, "the did document", most=len(record.document)
            ),
        }
        for record in records
    ]
    for one in told:
        out.text(str(one["did"]))
        if args.did is not None:
            state = "active" if one["active"] else "given up"
            out.text(f"  registered by {one['owner']}, version {one['version']}, {state}")
            out.text(*map(str, _keys(one["document"])))
    out.json({"dids": told})
    return 0


def _keys(document: Any) -> list[str]:
    lines = []
    for method in document.get("verificationMethod", []):
        name = method["id"].rpartition("#")[2]
        uses = [
            purpose
            for purpose in ("authentication", "assertionMethod", "keyAgreement")
            if any(str(entry).endswith(f"#{name}") for entry in document.get(purpose, []))
        ]
        lines.append(f"  key {name}: {', '.join(uses)}")
    return lines
