"""What a presentation is answered with: brought by the relying party, verified against what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from adyton.client.exchange import Accepted
from adyton.client.identity_age import policy_cutoff
from adyton.client.problems import error_of
from adyton.client.range_check import verify_range_proof
from adyton.client.records import PENDING
from adyton.client.session import Session
from adyton.core.errors import PolicyError, UsageError, VerificationError
from adyton.protocol.claims import IDENTITY_FIELDS, claims_digest, commit
from adyton.protocol.envelope import Request, SignedRequest
from adyton.protocol.identity import requests as protocol
from adyton.protocol.identity.answers import (
    ANSWER_LEAST,
    YES,
    Answer,
    Checklist,
    IdentityEntry,
    Verdict,
)
from adyton.protocol.identity.record import claimed_values, proven, refused_values
from adyton.protocol.identity.registries import PolicyRecord
from adyton.protocol.identity.requests import Present
from adyton.protocol.padding import unpad

CHECKED: Final = "checked"
NOT_CHECKED: Final = "not checked here"
NO_PROOF: Final = ""

COARSE_TEXTS: Final[Mapping[str, str]] = {
    "untrusted_issuer": "the credential is not signed by an issuer that the policy takes",
    "expired": "the credential is not valid at this time",
    "revoked": "the credential was revoked or suspended by its issuer",
    "not_bound": "it is not the credential's holder who presents it",
    "malformed": "what was sealed is no presentation in its one form",
    "wrong_request": "it answers another request or network, was answered before, or is not fresh",
    "policy": "the credential does not show what the policy asks for",
}


class CredentialRefused(PolicyError):
    """The verdict is no.

    Attributes:
        judged: the verdict with its proof.
    """

    def __init__(self, judged: Judged) -> None:
        reason = judged.verdict.reason
        super().__init__("credential_refused", f"no: {reason}: {COARSE_TEXTS[reason]}")
        self.judged = judged


@dataclass(frozen=True)
class Judged:
    """A verdict, all of it verified.

    Attributes:
        accepted: entry, response and keys.
        verdict: what it says.
        policy: that it was asked by.
        fields: value of each of `claims.IDENTITY_FIELDS`, as the entry commits to them.
        range_check: `checked`, `not checked here` where the library for it is missing, or empty without a proof.
    """

    accepted: Accepted
    verdict: Verdict
    policy: PolicyRecord
    fields: Mapping[str, bytes]
    range_check: str

    def __repr__(self) -> str:
        return f"<Judged {self.verdict.request.hex()[:16]} {self.verdict.answer}>"

    def require_yes(self) -> None:
        """Refuse a no.

        Raises:
            CredentialRefused: the verdict is no.
        """
        if self.verdict.answer != YES:
            raise CredentialRefused(self)


def present(session: Session, asked: Present, policy: PolicyRecord) -> Judged:
    """Have a presentation checked, and return the verdict, whatever it is.

    Where the answer to these bytes was lost before, the same request is asked again, in identical bytes: else it would
    look like a repetition, and be refused.

    Trust: runs at the relying party, which can read nothing of what it brings.

    Args:
        session: of a client that the party lists as a sender.
        asked: its own request, which it has kept, and what the holder has sealed for it. Whoever takes the request
            from what is handed over lets anybody ask: a stranger's party can list this client, its policy ask nothing.
        policy: that the request names.

    Raises:
        PolicyError: `epoch_ended`, `deadline_passed`, `not_sender` or `policy_changed`: nothing was opened.
        VerificationError: the answer is another than was asked for. Error: as `Session.request`.
    """
    if asked.request.policy_hash != policy.hash():
        raise UsageError("bad_argument", "the request is made by another version of the policy")
    encoded = asked.encode()
    lost = _without_answer(session, encoded)
    if lost is not None:
        return judged(session.resume(lost, keep=False), asked, policy)
    accepted = session.request(
        protocol.APP,
        protocol.PRESENT,
        encoded,
        ordering=policy.ordering,
        name=asked.request.nonce[:16],
    )
    return judged(accepted, asked, policy)


def _without_answer(session: Session, arguments: bytes) -> bytes | None:
    """Return the id of a request with these arguments whose answer was lost."""
    for record in session.store.requests():
        if (record.app, record.method, record.state) != (protocol.APP, protocol.PRESENT, PENDING):
            continue
        if record.signed is not None:
            request = Request.decode(SignedRequest.decode(record.signed).body)
            if request.arguments == arguments:
                return record.request_id
    return None


def judged(accepted: Accepted, asked: Present, policy: PolicyRecord) -> Judged:
    """Verify what a presentation was answered with.

    1. the answer opens, is padded, and is public in the one form that all such entries have;
    2. the entry commits to it: to the verdict, or to why there is none;
    3. the verdict is on this request, party and policy, of the entry's epoch;
    4. it says yes without a reason, or no with one and with nothing else;
    5. pseudonym and range proof are there where the policy asks for them, and only there;
    6. the proof is about the policy's cutoff at block time, and holds.

    Raises:
        Error: there is no verdict; by its code. VerificationError: a step does not hold.
    """
    # 1.
    answer = Answer.decode(unpad(accepted.response.result, least=ANSWER_LEAST))
    part = accepted.entry.part
    body = IdentityEntry.decode(part.body or b"")
    if body.record or not body.sealed_uses:
        raise _invalid("the entry is not that of a presentation")
    # 2.
    if answer.code:
        _require_claims(accepted, refused_values(answer.code))
        raise error_of(answer.code, answer.reason)
    verdict = Verdict.decode(answer.verdict)
    fields = claimed_values(verdict)
    _require_claims(accepted, fields)
    # 3.
    request = asked.request
    if (verdict.request, verdict.party, verdict.policy_hash, verdict.epoch) != (
        request.name(),
        request.party,
        request.policy_hash,
        part.epoch,
    ):
        raise _invalid("the verdict is on another request, policy or epoch")
    # 4.
    yes = verdict.answer == YES
    told = verdict.pseudonym is not None or verdict.range_proof != b"" or verdict.cutoff_day != 0
    if yes == bool(verdict.reason) or (told and not yes):
        raise _invalid("the verdict contradicts itself")
    # 5.
    if yes and (
        (verdict.pseudonym is not None) != bool(policy.pseudonym)
        or (verdict.range_proof != b"") != policy.range_proof
    ):
        raise _invalid("the verdict does not carry what the policy asks for")
    # 6.
    check = _check_range(accepted, verdict, policy)
    return Judged(accepted, verdict, policy, fields, check)


def read_checklist(session: Session, request: bytes) -> Checklist:
    """Return every check of a request, passed, failed or not reached.

    Raises:
        UsageError: `not_found`, no such request, or not for this client. Error: as `Session.read`.
    """
    asked = protocol.OfRecord(request).encode()
    found = Checklist.decode(session.read(protocol.APP, protocol.CHECKLIST, asked))
    if found.request != request:
        raise _invalid("the checklist of another request")
    return found


def _check_range(accepted: Accepted, verdict: Verdict, policy: PolicyRecord) -> str:
    claimed = proven(verdict, accepted.result_key, accepted.exec_id)
    if claimed is None:
        return NO_PROOF
    statement, proof = claimed
    time_ms = accepted.entry.proof.header.time_ms
    if statement.cutoff_day != policy_cutoff(policy, time_ms):
        raise VerificationError(
            "range_proof_invalid", "the range proof is about another day than the policy's"
        )
    try:
        verify_range_proof(proof, statement)
    except UsageError:
        return NOT_CHECKED
    return CHECKED


def _require_claims(accepted: Accepted, values: Mapping[str, bytes]) -> None:
    made = commit(IDENTITY_FIELDS, values, accepted.result_key, accepted.exec_id)
    if claims_digest(made) != accepted.entry.part.claims:
        raise _invalid("the entry does not commit to this answer")


def _invalid(reason: str) -> VerificationError:
    return VerificationError("answer_invalid", reason)
