"""Receipts of verdicts: made by the relying party, who opens as much as it chooses; verified by anybody, offline."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from adyton.client.certificate import CertificatePolicy
from adyton.client.identity_age import date_text, policy_cutoff
from adyton.client.identity_verdict import CHECKED, NOT_CHECKED, Judged
from adyton.client.opened_claims import openings_of, verify_claims
from adyton.client.range_check import verify_range_proof
from adyton.client.recorded_entry import verdict_of, verify_recorded
from adyton.client.session import Session
from adyton.client.steps import IDENTITY_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, message
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import IDENTITY_FIELDS
from adyton.protocol.credentials.range_proof import TOP, RangeProof, Statement
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.identity.answers import COARSE, NO, YES
from adyton.protocol.identity.record import proof_bound
from adyton.protocol.identity.registries import PolicyRecord
from adyton.protocol.ledger import EntryProof

_HEX: Final = ("party", "request", "policy", "pseudonym")
_LEAST_AT: Final = slice(2, 10)  # of a proof: the least value, big-endian


@message("identity-receipt/1", max_bytes=4 * limits.ENTRY)
class IdentityReceipt(Message):
    """One file that shows how a request for a credential was answered, as far as its holder opens it.

    Attributes:
        genesis: encoded genesis of the chain.
        recorder: evidence of the key that signed.
        proof: of the entry.
        policy: encoded `PolicyRecord`, so that a reader sees what was asked; empty where its hash is not opened.
        commitments: to the fields of `claims.IDENTITY_FIELDS`, in their order.
        openings: those that the relying party shows, in the same order.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    recorder: EvidenceBundle
    proof: EntryProof
    policy: Annotated[bytes, AtMost(limits.IDENTITY_RECORD)]
    commitments: Annotated[tuple[Bytes32, ...], AtMost(16)]
    openings: Annotated[tuple[Opening, ...], AtMost(16)]


def make_identity_receipt(
    session: Session, judged: Judged, show: Collection[str] = IDENTITY_FIELDS
) -> IdentityReceipt:
    """Return the receipt of a verdict.

    Args:
        session: who has brought the presentation.
        judged: verified.
        show: names of the fields to open.

    Raises:
        UsageError: no field of such a name, or a policy without the party that it names.
    """
    _require_party(show)
    commitments, openings = openings_of(judged.accepted, IDENTITY_FIELDS, judged.fields, show)
    return IdentityReceipt(
        session.pin.genesis,
        NodeEvidence.decode(judged.accepted.entry.node.evidence).recorder,
        judged.accepted.entry.proof,
        judged.policy.encode() if "policy" in show else b"",
        commitments,
        openings,
    )


def narrow(receipt: IdentityReceipt, show: Collection[str]) -> IdentityReceipt:
    """Return a copy of a receipt that opens these fields alone.

    Raises:
        UsageError: a field that is not open in it, or a policy without the party that it names.
    """
    opened = [opening.field for opening in receipt.openings]
    for name in show:
        if name not in opened:
            raise UsageError("usage", f"no open field {name!r}; there are {', '.join(opened)}")
    if receipt.policy:
        _require_party(show)
    return replace(
        receipt,
        policy=receipt.policy if "policy" in show else b"",
        openings=tuple(opening for opening in receipt.openings if opening.field in show),
    )


def _require_party(show: Collection[str]) -> None:
    if "policy" in show and "party" not in show:
        raise UsageError("usage", "a policy says whose it is: add party, or leave policy out")


def verify_identity_receipt(
    unverified: bytes, *, policy: CertificatePolicy, now_ms: int, steps: Steps | None = None
) -> Verdict:
    """Verify a saved receipt and return what it means.

    Trust: runs at whoever is shown it; the bytes come from anybody.

    Steps, as in `docs/spec/identity.md`:
      1. the bytes are the one encoding of a receipt;
      2. genesis has a pinned fingerprint, and a platform and ordering that the policy accepts;
      3. the evidence is the recorder's that signed, and passes the appraisal;
      4. the entry lies in this chain, executed by the pinned code;
      5. it commits to these commitments;
      6. each opened field fits its commitment;
      7. the opened fields agree with each other, and the policy shown is that whose hash is opened;
      8. an opened range proof is about this verdict and the policy's day, and holds (where the library is there);
      9. the key was not used longer after its evidence was made than the policy allows.

    Raises:
        MalformedError: step 1. PolicyError: step 2 or 9. VerificationError: any step.
    """
    steps = steps or Steps(IDENTITY_STEPS)
    steps.reach(1)
    receipt = IdentityReceipt.decode(unverified)
    entry = verify_recorded(
        receipt.genesis, receipt.recorder, receipt.proof, policy=policy, now_ms=now_ms, steps=steps
    )
    opened = verify_claims(
        IDENTITY_FIELDS, receipt.commitments, receipt.openings, entry.part.claims, steps, first=5
    )
    steps.reach(7)
    _require_agreement(opened)
    if opened.get("epoch", b"") not in (b"", str(entry.part.epoch).encode()):
        raise _invalid("the opened epoch is not the entry's")
    asked = _policy(receipt, opened)
    shown: dict[str, Any] = {name: _shown(name, value) for name, value in opened.items()}
    if asked is not None:
        shown["policy"] = {"hash": shown["policy"], **_policy_json(asked)}
    steps.reach(8)
    if opened.get("range"):
        shown["range"] = _check_range(receipt, opened["range"], asked)
    steps.reach(9)
    verdict = verdict_of(
        entry,
        "identity verdict",
        policy,
        now_ms,
        shown=shown,
        closed=tuple(name for name in IDENTITY_FIELDS if name not in opened),
    )
    steps.end()
    return verdict


def _require_agreement(opened: Mapping[str, bytes]) -> None:
    """Refuse a yes with a reason, a no with more than one, and an answer that is neither."""
    answer, reason = opened.get("answer"), opened.get("reason")
    if answer is not None and answer not in (YES.encode(), NO.encode(), b""):
        raise _invalid("the opened answer is neither yes nor no")
    if answer is None:
        return
    if reason is not None and (answer == YES.encode()) == bool(reason):
        raise _invalid("the opened answer and reason contradict each other")
    if reason and answer and reason.decode("utf-8", "replace") not in COARSE:
        raise _invalid("the opened reason is not one of the coarse words")
    if answer != YES.encode() and (opened.get("pseudonym") or opened.get("range")):
        raise _invalid("a pseudonym or a range proof is opened without a yes")


def _policy(receipt: IdentityReceipt, opened: Mapping[str, bytes]) -> PolicyRecord | None:
    if not receipt.policy:
        return None
    asked = PolicyRecord.decode(receipt.policy)
    if opened.get("policy") != asked.hash() or opened.get("party", asked.party) != asked.party:
        raise _invalid("the policy shown is not the one that the verdict is by")
    return asked


def _check_range(
    receipt: IdentityReceipt, encoded: bytes, asked: PolicyRecord | None
) -> dict[str, str]:
    proof = RangeProof.decode(encoded)
    bound = proof_bound(receipt.commitments, receipt.proof.exec_id())
    # The proof says by itself which range it is about; whether that is the policy's day, the policy says.
    statement = Statement(TOP - int.from_bytes(proof.proof[_LEAST_AT], "big"), bound)
    statement.require_header(proof)
    if asked is not None and statement.cutoff_day != policy_cutoff(
        asked, receipt.proof.header.time_ms
    ):
        raise VerificationError(
            "range_proof_invalid", "the range proof is about another day than the policy's"
        )
    try:
        verify_range_proof(proof, statement)
    except UsageError:
        checked = NOT_CHECKED
    else:
        checked = CHECKED
    return {"born_by": date_text(statement.cutoff_day), "proof": checked}


def _policy_json(asked: PolicyRecord) -> dict[str, Any]:
    return {
        "name": asked.name,
        "age_over": asked.age_over,
        "types": list(asked.types),
        "issuers": [issuer.hex() for issuer in asked.issuers],
        "claims": list(asked.claims),
        "status": asked.status,
        "version": asked.version,
    }


def _shown(field: str, value: bytes) -> Any:
    if field in _HEX:
        return value.hex()
    if field == "range":
        return ""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise MalformedError("malformed", f"an opened {field} is not text") from None
    return int(text) if field == "epoch" and text.isdecimal() and len(text) < 12 else text


def _invalid(reason: str) -> VerificationError:
    return VerificationError("receipt_invalid", reason)
