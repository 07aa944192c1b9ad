"""`adyton verifier request` and `status`: what is shown to a holder, and what became of it."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import found_record, warn_of_told, write_new
from adyton.cli.output import Output, printable
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import verb
from adyton.core.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.client.identity_asked import AskedFile

_MINUTE_MS = 60_000


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    request = verb(
        verbs,
        "request",
        "make a request for a holder, as a QR code and as text",
        _request,
        about="Nobody is asked: the request is this client's own until a holder answers it.",
    )
    request.add_argument(
        "policy", metavar="POLICY", nargs="?", help="which; default the only one there is"
    )
    request.add_argument(
        "--minutes", metavar="N", type=int, default=60, help="that it is open; default 60"
    )
    request.add_argument("--out", metavar="FILE", help="write its text there")
    request.add_argument("--no-qr", action="store_true", help="print the text alone")
    status = verb(
        verbs,
        "status",
        "list requests and their answers, or show one with its checks",
        _status,
    )
    status.add_argument(
        "request", metavar="REQUEST", nargs="?", help="the first digits of its name"
    )
    status.add_argument(
        "--receipt", metavar="FILE", help="write its receipt, for anybody to verify"
    )
    status.add_argument(
        "--show",
        metavar="FIELDS",
        help="fields that the receipt opens, separated by commas; default all",
    )


def _request(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity import own_key, resolve
    from adyton.client.identity_asked import keep_asked
    from adyton.client.identity_asking import make_request, require_deadline, to_uri
    from adyton.protocol.identity.giving_up import require_used
    from adyton.protocol.identity.registries import PartyRecord, PolicyRecord

    with open_session(settings_of(args), out) as session:
        with out.waiting("asking"):
            name, policy = found_record(session, PolicyRecord, args.policy)
            party = resolve(session, policy.party, PartyRecord)
            require_used(party, "the policy's relying party")
            own = own_key(session)
            if own not in party.senders:
                raise PolicyError(
                    "not_sender", "the policy's relying party does not list this client as a sender"
                )
            epoch = session.appraise(fresh=True).epoch.epoch
        if party.owner != own:
            # Anybody can list this client's key, and take any name.
            out.note(
                f"adyton: the policy is of {printable(party.name)}, registered by another client: {policy.party.hex()}"
            )
        deadline_ms = session.now_ms() + args.minutes * _MINUTE_MS
        require_deadline(deadline_ms, session.now_ms())
        request = make_request(
            session.pin.chain_id, name, policy, epoch=epoch, deadline_ms=deadline_ms
        )
        keep_asked(session, request, policy)
    uri = to_uri(request)
    if args.out is not None:
        write_new(args.out, uri.encode("ascii") + b"\n", out, "the request")
    elif not args.no_qr and not out.as_json:
        out.text(_qr(uri))
    out.text(uri)
    out.json(
        {
            "request": request.nonce,
            "uri": uri,
            "policy": name.hex(),
            "party": policy.party.hex(),
            "epoch": epoch,
            "deadline_ms": deadline_ms,
        }
    )
    return 0


def _qr(text: str) -> str:
    import io

    import segno

    drawn = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, compact=True)
    return drawn.getvalue().rstrip("\n")


def _status(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_asked import asked_requests
    from adyton.client.verdict import utc

    if args.request is not None or args.receipt is not None:
        return _one(args, out)
    if args.show is not None:
        raise UsageError("usage", "--show says what a --receipt opens: add --receipt FILE")
    with open_session(settings_of(args), out) as session:
        found = asked_requests(session)
        now_ms = session.now_ms()
    out.table(
        ("request", "asked", "policy", "state", "why"),
        [
            (
                file.request.nonce[:16],
                utc(file.made_ms),
                file.policy.name,
                file.state(now_ms),
                file.reason,
            )
            for file in found
        ],
    )
    out.json({"requests": [_asked_json(file, now_ms) for file in found]})
    return 0


def _one(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_asked import OPEN, asked_request, why_unanswerable
    from adyton.client.identity_verdict import read_checklist
    from adyton.protocol.credentials.steps import STEPS, Step

    with open_session(settings_of(args), out) as session:
        file = asked_request(session, args.request)
        now_ms = session.now_ms()
        lines = []
        if file.answer:
            try:
                lines = [*read_checklist(session, file.request.name()).lines]
            except UsageError as problem:
                out.note(f"adyton: {problem.message}")
        void = why_unanswerable(session, file)
    said = _asked_json(file, now_ms)
    if void is not None:
        said |= {"state": "void" if said["state"] == OPEN else said["state"], "code": void.code}
        said["next"] = f"adyton verifier request {shlex.quote(file.policy.name)}"
        out.note(f"adyton: {void.message}; make another: `{printable(said['next'])}`")
    said["checks"] = [
        {"step": one.step, "mark": one.mark, "reason": one.reason, "text": one.text}
        for one in lines
    ]
    out.text(f"{said['state']}{file.reason and ': ' + file.reason}")
    for one in lines:
        what = STEPS[Step(one.step)] if one.step in STEPS else ""
        why = f": {one.text}" if one.text else ""
        out.text(f"{one.step:>2}. {one.mark:<11}  {printable(what)}{printable(why)}")
    if args.receipt is not None:
        said["receipt"] = _receipt(args, out, file)
    out.json(said)
    return 0


def _receipt(args: argparse.Namespace, out: Output, file: AskedFile) -> str:
    from adyton.client.identity_receipt import IdentityReceipt, narrow

    if not file.receipt:
        raise UsageError("not_found", "there is no verdict on that request")
    receipt = IdentityReceipt.decode(file.receipt)
    if args.show is not None:
        receipt = narrow(receipt, [name.strip() for name in args.show.split(",") if name.strip()])
    write_new(args.receipt, receipt.encode(), out, "the receipt")
    warn_of_told(receipt, out)
    return str(Path(args.receipt))


def _asked_json(file: AskedFile, now_ms: int) -> dict[str, Any]:
    return {
        "request": file.request.nonce,
        "policy": file.request.policy.hex(),
        "policy_name": file.policy.name,
        "party": file.request.party.hex(),
        "made_ms": file.made_ms,
        "deadline_ms": file.request.deadline_ms,
        "epoch": file.request.epoch,
        "state": file.state(now_ms),
        "answer": file.answer,
        "reason": file.reason,
    }
