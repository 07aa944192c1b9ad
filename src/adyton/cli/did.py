"""`adyton did`: identifiers of this client on the network, with the keys of its credentials."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import hex_bytes, open_session
from adyton.cli.identity_parts import agree, made_json, noun
from adyton.cli.output import Output
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.credentials.multikey import Multikey
    from adyton.protocol.identity.registries import DidRecord

_DESCRIPTION = """\
A DID has a key that credentials are bound to, and one to which it is told, for your eyes alone, when one of them was
used. Both follow from the secret of this client's directory; the network keeps their public halves.

  adyton did new
  adyton did show
  adyton did update --renew uses
  adyton did deactivate DID

A document of a did:web that you have looked at is pinned, and vouched for by you, with `adyton did pin FILE`.
"""
_LATER = (
    "Credentials stay bound to the key that they were issued to, and uses that were sealed to a former key can still "
    "be read here."
)
_FOR_GOOD = (
    "It cannot be taken back. Credentials that are bound to it stay valid until their issuers revoke them: ask for "
    "that too. Their uses are told to nobody any more; those of before can still be read."
)


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
    show.add_argument(
        "did",
        metavar="DID",
        nargs="?",
        help="or the name of its record; default: those of this client",
    )
    update = verb(
        verbs, "update", "put other keys into a did of this client", _update, about=_LATER
    )
    update.add_argument(
        "did", metavar="DID", nargs="?", help="which; default the only one there is"
    )
    update.add_argument(
        "--renew",
        choices=("credentials", "uses"),
        action="append",
        help="make a new key: for credentials to come, or to which uses are sealed",
    )
    update.add_argument(
        "--add",
        metavar="FILE",
        action="append",
        help="a public JWK (Ed25519 or P-256) of another wallet of yours: uses of its credentials are told here",
    )
    update.add_argument(
        "--drop",
        metavar="KEY",
        action="append",
        help="take a key out, by the first characters of its name (`adyton did show DID`); uses of credentials that "
        "are bound to it are told no more",
    )
    deactivate = verb(verbs, "deactivate", "give up a did, for good", _deactivate, about=_FOR_GOOD)
    deactivate.add_argument("did", metavar="DID", help="which, or the name of its record")
    deactivate.add_argument("--yes", action="store_true", help="do not ask")
    pin = verb(
        verbs,
        "pin",
        "vouch for the document of a did:web, and print the record's name",
        _pin,
        about="Nothing is fetched: look at the document yourself first.",
    )
    pin.add_argument("file", metavar="FILE", help="the document, JSON; - for stdin")
    pin.add_argument(
        "--change", metavar="NAME", help="put it in the place of what this record pins"
    )


def _new(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_dids import new_did

    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        own, made = new_did(session)
    out.text(own.did)
    out.json({"did": own.did, **made_json(made)})
    return 0


def _show(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_dids import own_dids, resolve_did
    from adyton.protocol.identity.naming import did_of

    with open_session(settings_of(args), out) as session, out.waiting("asking"):
        if args.did is None:
            records = [own.record for own in own_dids(session, given_up=True)]
        else:
            records = [resolve_did(session, args.did)[0]]
    told = [
        {
            "did": str(did_of(record)),
            "owner": record.owner.hex(),
            "version": record.version,
            "active": record.active,
            "document": _read(record),
        }
        for record in records
    ]
    for one in told:
        ended = args.did is None and not one["active"]
        out.text(f"{one['did']}{' (given up)' if ended else ''}")
        if args.did is not None:
            state = "active" if one["active"] else "given up"
            out.text(f"  registered by {one['owner']}, version {one['version']}, {state}")
            out.text(*map(str, _keys(one["document"])))
    out.json({"dids": told})
    return 0


def _update(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_changes import change_did
    from adyton.client.identity_dids import own_dids, require_own

    renew = args.renew or ()
    added = [_key(named) for named in args.add or ()]
    if not (renew or added or args.drop):
        raise UsageError("usage", "say what changes: --renew, --add or --drop")
    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        own = require_own(own_dids(session, given_up=args.did is not None), args.did)
        own, made = change_did(
            session,
            own,
            new_key="credentials" in renew,
            new_agreement="uses" in renew,
            add=added,
            drop=args.drop or (),
        )
    document = _read(own.record)
    out.text(own.did, *_keys(document))
    out.json({"did": own.did, "document": document, **made_json(made)})
    return 0


def _deactivate(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_changes import give_up, require_owner
    from adyton.client.identity_dids import resolve_did
    from adyton.protocol.identity.giving_up import require_used

    with open_session(settings_of(args), out) as session:
        record, _ = resolve_did(session, args.did)
        require_used(record, "the did")
        require_owner(session, record)
        agree(args, out, "give it up for good?")
        with out.waiting("registering"):
            made = give_up(session, record)
    out.text(args.did)
    out.json({"did": args.did, "active": False, **made_json(made)})
    return 0


def _pin(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import fresh_salt, own_key, register, resolve
    from adyton.client.identity_changes import require_owner
    from adyton.protocol.identity.naming import did_of
    from adyton.protocol.identity.registries import DidRecord

    document = read_file(args.file, limits.IDENTITY_JSON)
    with open_session(settings_of(args), out) as session, out.waiting("registering"):
        salt, version = fresh_salt(), 1
        if args.change is not None:
            before = resolve(session, hex_bytes(args.change, 32, "a record's name"), DidRecord)
            require_owner(session, before)
            salt, version = before.salt, before.version + 1
        record = DidRecord(own_key(session), salt, document, version, True)
        if did_of(record).method != "web":
            raise UsageError(
                "bad_argument",
                "only a did:web is pinned: `adyton did new` makes one of the network's own",
            )
        made = register(session, record)
    out.text(made.name.hex())
    out.json({"did": str(did_of(record)), **made_json(made)})
    return 0


def _key(named: str) -> Multikey:
    """Return the key of a file.

    Raises:
        CredentialError, MalformedError: it holds no public JWK.
    """
    from adyton.protocol.credentials import strict_json
    from adyton.protocol.credentials.did_jwk import read_public_jwk

    jwk = strict_json.read_object(read_file(named, limits.JWK), "the key", most=limits.JWK)
    return read_public_jwk(jwk, "the key")[0]


def _read(record: DidRecord) -> Any:
    from adyton.protocol.credentials import strict_json

    return strict_json.read_object(record.document, "the did document", most=len(record.document))


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
