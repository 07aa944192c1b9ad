"""`adyton credential take`, `list` and `uses`: what this client holds, and who has looked at it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.identity_held import Held
    from adyton.client.identity_uses import SeenUse


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    take = verb(verbs, "take", "keep a credential that an issuer has given", _take)
    take.add_argument("file", metavar="FILE", help="SD-JWT with its disclosures; - for stdin")
    verb(verbs, "list", "list the credentials of this client", _list)
    drop = verb(verbs, "drop", "forget a credential", _drop)
    drop.add_argument("credential", metavar="CREDENTIAL", help="the first digits of its name")
    verb(
        verbs,
        "uses",
        "list who has had credentials of this client checked",
        _uses,
        about="They are sealed to this client on the ledger, and read in its own verified copy of it.",
    )


def _take(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_dids import own_dids
    from adyton.client.identity_held import take

    content = read_file(args.file, limits.CREDENTIAL)
    try:
        text = content.decode("ascii")
    except UnicodeDecodeError:
        raise UsageError("usage", f"{args.file}: a credential is text in ASCII") from None
    with open_session(settings_of(args), out) as session:
        held = take(session, text, own_dids(session))
    out.text(held.name)
    out.json(_held_json(held))
    return 0


def _list(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_held import held_credentials
    from adyton.client.verdict import utc

    with open_session(settings_of(args), out) as session:
        found = held_credentials(session)
    out.table(
        ("credential", "type", "issuer", "expires", "claims"),
        [
            (
                held.name,
                held.text_of("vct"),
                held.text_of("iss"),
                "never" if held.expires_s is None else utc(held.expires_s * 1000),
                ", ".join(_names(held)),
            )
            for held in found
        ],
    )
    out.json({"credentials": [_held_json(held) for held in found]})
    return 0


def _drop(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_held import drop, held_credentials

    with open_session(settings_of(args), out) as session:
        found = [one for one in held_credentials(session) if one.name.startswith(args.credential)]
        if len(found) != 1:
            raise UsageError("not_found", "not the name of one credential that is held here")
        drop(session, found[0])
    out.text(found[0].name)
    out.json({"dropped": found[0].name})
    return 0


def _uses(args: argparse.Namespace, out: Output) -> int:
    from adyton.cli.chain_copy import bring_up_to_date
    from adyton.client.identity_dids import own_dids
    from adyton.client.identity_uses import UseReader
    from adyton.client.verdict import utc

    settings = settings_of(args)
    seen: list[SeenUse] = []
    with open_session(settings, out) as session:
        reader = UseReader(session.pin.chain_id, own_dids(session, given_up=True))
        bring_up_to_date(session, settings, out, lambda block: seen.extend(reader.read(block)))
    out.table(
        ("block", "time", "relying party", "asked", "answer", "credential of"),
        [
            (
                str(one.use.height),
                utc(one.use.time_ms),
                one.use.party_name,
                one.policy or one.use.policy_hash.hex()[:16],
                one.use.answer,
                one.issuer or one.use.issuer.hex()[:16],
            )
            for one in seen
        ],
    )
    out.json({"uses": [_use_json(one) for one in seen]})
    return 0


def _use_json(seen: SeenUse) -> dict[str, Any]:
    use = seen.use
    return {
        "height": use.height,
        "time_ms": use.time_ms,
        "epoch": use.epoch,
        "did": seen.did,
        "request": use.request.hex(),
        "party": use.party.hex(),
        "party_name": use.party_name,
        "policy": seen.policy,
        "policy_hash": use.policy_hash.hex(),
        "answer": use.answer,
        "issuer": use.issuer.hex(),
        "issuer_name": seen.issuer,
        "type": use.type,
    }


def _names(held: Held) -> list[str]:
    from adyton.client.credentials.issuing import shown_path

    return [printable(shown_path(path)) for path in held.credential.places]


def _held_json(held: Held) -> dict[str, Any]:
    return {
        "credential": held.name,
        "did": held.did,
        "type": held.text_of("vct"),
        "issuer": held.text_of("iss"),
        "expires_s": held.expires_s,
        "disclosable": _names(held),
        "claims": held.credential.unverified_claims,
    }
