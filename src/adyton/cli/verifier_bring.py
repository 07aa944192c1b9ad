"""`adyton verifier present` and `serve`: what holders have sealed is brought to the network."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from adyton.cli.connect import open_session
from adyton.cli.output import Output
from adyton.cli.receipt_options import WantedReceipt, add_options, wanted_receipt
from adyton.cli.settings import settings_of
from adyton.cli.wallet_parts import read_file, verb
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.identity_receiving import Received
    from adyton.client.identity_verdict import Judged

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
    from adyton.client.identity_asked import keep_verdict, policy_of
    from adyton.client.identity_receipt import make_identity_receipt
    from adyton.client.identity_verdict import CredentialRefused, present
    from adyton.protocol.claims import IDENTITY_FIELDS
    from adyton.protocol.identity.requests import Present

    # One answer is given for a request: what cannot be saved is refused before it is asked for.
    wanted = wanted_receipt(args, IDENTITY_FIELDS, WantedReceipt)
    asked = Present.decode(_bytes(read_file(args.file, Present.MAX_BYTES)))
    with open_session(settings_of(args), out) as session:
        policy = policy_of(session, asked.request)
        if policy is None:
            # The holder has given it, and could have made it as well: of a policy that anybody fulfils.
            raise UsageError("not_found", "no request of that name was made here")
        with out.waiting("checking"):
            judged = present(session, asked, policy)
        keep_verdict(session, judged)
        said = judged_json(judged)
        if wanted.path is not None:
            wanted.save(make_identity_receipt(session, judged, wanted.show).encode())
            said["receipt"] = args.receipt
    try:
        judged.require_yes()
    except CredentialRefused:
        args.explained = said
        out.note(f"adyton: `adyton verifier status {said['request'][:16]}` lists the checks")
        raise
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


def _bytes(content: bytes) -> bytes:
    """Return what was sealed, which may have come as text in base64."""
    from base64 import b64decode
    from binascii import Error

    from adyton.protocol.identity.requests import Present

    if Present.WIRE_NAME.encode() in content[:64]:
        return content
    try:
        return b64decode(content.strip(), validate=True)
    except Error:
        return content
