"""`adyton credential present`: answer a relying party, after it was said who asks for what."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import agree, write_new
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.client.identity_answering import Asking, Reply
    from adyton.client.identity_disclosure import Choice
    from adyton.protocol.identity.requests import PresentationRequest

_REQUEST = 4096


def add_verb(verbs: Any) -> None:
    """Add the verb."""
    present = verb(
        verbs,
        "present",
        "answer a relying party's request with the least of a credential",
        _present,
        about="It is shown who asks for what; the node is appraised before anything is sealed to it. "
        "Exits with 5 where the answer is no.",
    )
    present.add_argument(
        "request",
        metavar="REQUEST",
        help="its text (adyton:…), a file that holds it, or - for stdin",
    )
    present.add_argument(
        "--credential", metavar="CREDENTIAL", help="which; default the one that fits"
    )
    present.add_argument(
        "--out", metavar="FILE", help="write what is sealed there, and send nothing"
    )
    present.add_argument(
        "--to", metavar="URL", help="hand it over there, not at the party's address"
    )
    present.add_argument("--yes", action="store_true", help="do not ask")


def _present(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_answering import asking_lines, hand_over, read_asking, seal_answer
    from adyton.client.identity_dids import own_dids, require_own
    from adyton.client.identity_disclosure import choose
    from adyton.client.identity_handing import send
    from adyton.client.identity_held import held_credentials

    if args.out is not None and args.to is not None:
        raise UsageError("usage", "--out writes it to a file, --to hands it over: choose one")
    request = _request(args.request)
    with open_session(settings_of(args), out) as session:
        with out.waiting("asking who asks"):
            asking = read_asking(session, request)
            dids = own_dids(session, given_up=True)
        held = held_credentials(session)
        active = {own.did for own in dids if own.record.active}
        usable = [one for one in held if one.did in active]
        choice = choose(
            usable if usable and args.credential is None else held,
            asking.policy,
            asking.by_iss(),
            named=args.credential,
            now_s=session.now_ms() // 1000,
        )
        own = require_own(dids, choice.held.did)
        if not own.record.active:
            raise PolicyError(
                "record_given_up",
                "the did that the credential is bound to was given up; have another issued to another did of yours",
            )
        address = args.to or asking.party.response
        out.note(*asking_lines(asking, choice))
        agree(args, out, "hand it over?")
        said = _said(asking, choice)
        if args.out is not None or not address:
            presented = seal_answer(session, asking, choice, own)
            _hand_out(args, out, presented.encode(), asking, said)
            return 0
        with out.waiting("handing over"):
            reply = hand_over(
                lambda: seal_answer(session, asking, choice, own),
                lambda presented: send(address, presented),
                lambda: out.note("adyton: the epoch has ended; sealed anew to the next one's key"),
            )
    return _tell(args, out, reply, said)


def _request(given: str) -> PresentationRequest:
    from adyton.client.identity_asking import SCHEME, read_uri

    if given.startswith(SCHEME):
        return read_uri(given)
    try:
        text = read_file(given, _REQUEST).decode("ascii")
    except (UnicodeDecodeError, UsageError) as problem:
        raise UsageError("usage", f"{given} holds no request: it is a text, {SCHEME}…") from problem
    except FileNotFoundError as problem:
        raise UsageError(
            "usage", f"{given} is neither a request, {SCHEME}…, nor a file with one"
        ) from problem
    return read_uri(text)


def _said(asking: Asking, choice: Choice) -> dict[str, Any]:
    return {
        "request": asking.request.nonce,
        "party": asking.request.party.hex(),
        "party_name": asking.party.name,
        "policy": asking.policy.name,
        "credential": choice.held.name,
        "disclosed": list(choice.shown),
        "problems": list(choice.problems),
    }


def _hand_out(
    args: argparse.Namespace, out: Output, sealed: bytes, asking: Asking, said: dict[str, Any]
) -> None:
    from base64 import b64encode

    given = "it" if args.out is not None else "this text"
    advice = (
        f"adyton: give {given} to {printable(asking.party.name)}, who brings it by `adyton verifier present` within "
        f"{asking.policy.binding_s} s; after that, seal it again"
    )
    if args.out is not None:
        write_new(args.out, sealed, out, "what was sealed")
        out.note(advice)
        out.text(args.out)
        out.json({**said, "path": args.out})
        return
    text = b64encode(sealed).decode("ascii")
    out.note(advice)
    out.text(text)
    out.json({**said, "sealed": text})


def _tell(args: argparse.Namespace, out: Output, reply: Reply, said: dict[str, Any]) -> int:
    from adyton.client.identity_verdict import COARSE_TEXTS
    from adyton.protocol.identity.answers import YES

    said |= {"answer": reply.answer, "reason": reply.reason}
    if reply.answer != YES:
        args.explained = said
        raise PolicyError("credential_refused", f"no: {reply.reason}: {COARSE_TEXTS[reply.reason]}")
    out.text(reply.answer)
    out.json(said)
    return 0
