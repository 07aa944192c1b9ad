"""`adyton verifier present` and `serve`: what holders have sealed is brought to the network."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.identity_parts import warn_of_told
from adyton.cli.output import Output
from adyton.cli.receipt_options import WantedReceipt, add_options, wanted_receipt
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core.errors import Error, MalformedError, PolicyError, UsageError

if TYPE_CHECKING:
    from adyton.client.identity_receiving import Received
    from adyton.client.identity_verdict import Judged
    from adyton.protocol.identity.requests import Present

_PORTS = 65535


def add_verbs(verbs: Any) -> None:
    """Add the verbs."""
    present = verb(
        verbs,
        "present",
        "have what a holder has sealed checked",
        _present,
        about="Exits with 0 for yes and with 5 for no.",
    )
    present.add_argument("file", metavar="FILE", help="what was sealed; - for stdin")
    add_options(present)
    serve = verb(
        verbs,
        "serve",
        "receive what holders hand over, on loopback, and tell them the verdict",
        _serve,
        about="Put a server with a certificate in front of it to reach others.",
    )
    serve.add_argument("--port", metavar="N", type=int, default=0, help="default a free one")
    serve.add_argument("--once", action="store_true", help="end after the first verdict")


def _present(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_asked import asked_request, keep_verdict, policy_of
    from adyton.client.identity_receipt import make_identity_receipt
    from adyton.client.identity_verdict import CredentialRefused, present
    from adyton.protocol.claims import IDENTITY_FIELDS

    # One answer is given for a request: what cannot be saved is refused before it is asked for.
    wanted = wanted_receipt(args, IDENTITY_FIELDS, WantedReceipt)
    asked = _sealed(args.file)
    with open_session(settings_of(args), out) as session:
        policy = policy_of(session, asked.request)
        if policy is None:
            # The holder has given it, and could have made it as well: of a policy that anybody fulfils.
            raise UsageError(
                "not_found",
                "no request of that name was made here: `adyton verifier status` lists those that were",
            )
        before = asked_request(session, asked.request.nonce).answer
        with out.waiting("checking"):
            judged = present(session, asked, policy)
        keep_verdict(session, judged)
        said = judged_json(judged)
        if wanted.path is not None:
            receipt = make_identity_receipt(session, judged, wanted.show)
            wanted.save(receipt.encode())
            warn_of_told(receipt, out)
            said["receipt"] = args.receipt
    try:
        judged.require_yes()
    except CredentialRefused as refusal:
        args.explained = said
        status = f"`adyton verifier status {said['request'][:16]}`"
        if before:
            # The checklist that is kept is that of the first answer.
            why = f"it was answered {before} before, {status} shows how; a request is answered once, make another"
        else:
            why = f"{status} lists the checks"
        raise PolicyError(refusal.code, f"{refusal.message}; {why}") from refusal
    out.text(judged.verdict.answer)
    if judged.verdict.pseudonym is not None:
        out.text(f"pseudonym {judged.verdict.pseudonym.hex()}")
    if judged.range_check:
        out.text(f"range proof {judged.range_check}")
    out.json(said)
    return 0


def judged_json(judged: Judged) -> dict[str, Any]:
    """Return a verdict for programs."""
    verdict = judged.verdict
    return {
        "request": verdict.request.hex(),
        "party": verdict.party.hex(),
        "policy_hash": verdict.policy_hash.hex(),
        "epoch": verdict.epoch,
        "answer": verdict.answer,
        "reason": verdict.reason,
        "pseudonym": None if verdict.pseudonym is None else verdict.pseudonym.hex(),
        "range_proof": judged.range_check or None,
        "task": judged.accepted.task_hash.hex(),
        "recorded": judged.accepted.entry.proof.facts().height,
    }


def _serve(args: argparse.Namespace, out: Output) -> int:
    from adyton.client.identity_receiving import Receiver

    if not 0 <= args.port <= _PORTS:
        raise UsageError("usage", f"a port is a number up to {_PORTS}")
    ended = threading.Event()

    def told(received: Received) -> None:
        reply = received.reply
        what = f"{reply.answer} {reply.reason}".strip() or f"{reply.code}: {reply.message}"
        out.note(f"adyton: {received.request.hex()[:16]} {what}")
        if args.once and reply.answer:
            ended.set()

    with open_session(settings_of(args), out) as session:
        session.first_contact()
        receiver = Receiver(session, args.port, told)
        serving = threading.Thread(target=receiver.run, name="receiver", daemon=True)
        serving.start()
        before = signal.signal(signal.SIGTERM, lambda *_: ended.set())
        out.text(f"receiving: {receiver.url}")
        out.json({"url": receiver.url})
        sys.stdout.flush()
        try:
            # Not without end: a wait that never wakes would keep signals out.
            while not ended.wait(1.0):
                pass
        finally:
            receiver.stop()
            serving.join()
            signal.signal(signal.SIGTERM, before)
    return 0


def _sealed(named: str) -> Present:
    """Return what a holder has sealed, which may have come as text in base64.

    Raises:
        UsageError: the file cannot be read. MalformedError: it holds something else.
    """
    from base64 import b64decode
    from binascii import Error as NotBase64

    from adyton.protocol.identity.requests import Present

    content = read_file(named, 2 * Present.MAX_BYTES)
    if Present.WIRE_NAME.encode() not in content[:64]:
        try:
            content = b64decode(content.strip(), validate=True)
        except NotBase64:
            content = b""
    try:
        return Present.decode(content)
    except Error as problem:
        raise MalformedError(
            "malformed",
            f"{named} is not what a holder seals with `adyton credential present`: ask for it again",
        ) from problem
