"""Requests that this relying party has made, and what became of each; on its own disk.

HOME/chains/<chain id>/asked/<name of the request, 64 hex digits>      AskedFile
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

from adyton.client.identity import resolve
from adyton.client.identity_receipt import make_identity_receipt
from adyton.client.identity_verdict import Judged
from adyton.client.private_files import load, make_directory, write
from adyton.client.session import Session
from adyton.core import limits
from adyton.core.errors import PolicyError, UsageError
from adyton.core.fields import AtMost
from adyton.core.schema import Message, Uint, message
from adyton.protocol.identity.giving_up import require_used
from adyton.protocol.identity.registries import PartyRecord, PolicyRecord
from adyton.protocol.identity.requests import PresentationRequest

OPEN: Final = "open"
EXPIRED: Final = "expired"
_NAME: Final = re.compile(r"[0-9a-f]{64}")


@message("asked-request/1", max_bytes=8 * limits.ENTRY)
class AskedFile(Message):
    """A request as its relying party keeps it.

    Attributes:
        request: as holders get it.
        policy: that it names.
        made_ms: when.
        answer: `yes` or `no`; empty until there is a verdict.
        reason: one coarse word; empty with `yes`.
        receipt: that opens everything; empty until there is a verdict.
    """

    request: PresentationRequest
    policy: PolicyRecord
    made_ms: Uint
    answer: Annotated[str, AtMost(8)]
    reason: Annotated[str, AtMost(32)]
    receipt: Annotated[bytes, AtMost(7 * limits.ENTRY)]

    def state(self, now_ms: int) -> str:
        """Return `yes`, `no`, `open` or `expired`."""
        if self.answer:
            return self.answer
        return OPEN if now_ms < self.request.deadline_ms else EXPIRED


def keep_asked(session: Session, request: PresentationRequest, policy: PolicyRecord) -> AskedFile:
    """Keep a request that was made."""
    asked = AskedFile(request, policy, session.now_ms(), "", "", b"")
    make_directory(_directory(session))
    write(_directory(session) / request.nonce, asked.encode())
    return asked


def keep_verdict(session: Session, judged: Judged) -> None:
    """Keep the first verdict on a request; one that comes later is of somebody who repeats it."""
    path = _directory(session) / judged.verdict.request.hex()
    asked = load(path, AskedFile.decode)
    if asked is None or asked.answer:
        return
    verdict = judged.verdict
    receipt = make_identity_receipt(session, judged).encode()
    done = replace(asked, answer=verdict.answer, reason=verdict.reason, receipt=receipt)
    write(path, done.encode())


def asked_requests(session: Session) -> list[AskedFile]:
    """Return what was asked for, the latest first.

    Raises:
        UsageError: `keystore`, a file is damaged, or others may read it.
    """
    place = _directory(session)
    if not place.is_dir():
        return []
    files = [load(path, AskedFile.decode) for path in place.iterdir() if _NAME.fullmatch(path.name)]
    found = [file for file in files if file is not None]
    return sorted(found, key=lambda file: (file.made_ms, file.request.nonce), reverse=True)


def asked_request(session: Session, named: str | None) -> AskedFile:
    """Return the request that is meant: by the first digits of its name, or the latest.

    Raises:
        UsageError: there is none, or several are meant.
    """
    found = [file for file in asked_requests(session) if file.request.nonce.startswith(named or "")]
    if not found:
        raise UsageError("not_found", "no such request was made here: `adyton verifier request`")
    if named is not None and len(found) > 1:
        raise UsageError("usage", "several requests begin so; give more digits of the name")
    return found[0]


def why_unanswerable(session: Session, file: AskedFile) -> PolicyError | None:
    """Return why a request without a verdict cannot be answered any more; None where it can, or has been.

    An ended epoch is no reason: what is sealed for it dies with that, and is sealed anew for the same request.

    Raises:
        Error: as `identity.resolve`.
    """
    if file.answer:
        return None
    if session.now_ms() >= file.request.deadline_ms:
        return PolicyError("deadline_passed", "the request's deadline has passed")
    policy = resolve(session, file.request.policy, PolicyRecord)
    try:
        require_used(resolve(session, file.request.party, PartyRecord), "the relying party")
        require_used(policy, "the policy")
    except PolicyError as problem:
        return problem
    if policy.hash() != file.request.policy_hash:
        return PolicyError("policy_changed", "the policy was changed since the request was made")
    return None


def policy_of(session: Session, request: PresentationRequest) -> PolicyRecord | None:
    """Return the policy of a request that was made here; None where it was not."""
    file = load(_directory(session) / request.nonce, AskedFile.decode)
    return None if file is None else file.policy


def _directory(session: Session) -> Path:
    return session.keystore.home / "chains" / session.pin.chain_id.hex() / "asked"
