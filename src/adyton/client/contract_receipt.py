"""Receipts of calls: made by the caller, who opens as much as it chooses; verified by anybody, offline."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection
from typing import Annotated, Any

from adyton.client.certificate import CertificatePolicy
from adyton.client.contract_calls import Called
from adyton.client.opened_claims import openings_of, verify_claims
from adyton.client.recorded_entry import verdict_of, verify_recorded
from adyton.client.session import Session
from adyton.client.shown import text_or_base64
from adyton.client.steps import CONTRACT_STEPS, Steps
from adyton.client.verdict import Verdict
from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, message
from adyton.protocol.certificate import Opening
from adyton.protocol.claims import (
    CONTRACT_FIELDS,
)
from adyton.protocol.contract import ContractUsage
from adyton.protocol.evidence import EvidenceBundle, NodeEvidence
from adyton.protocol.ledger import EntryProof


@message("contract-receipt/1", max_bytes=4 * limits.ENTRY)
class ContractReceipt(Message):
    """One file that shows that a call was carried out, and what of it its holder opens.

    Attributes:
        genesis: encoded genesis of the chain.
        recorder: evidence of the key that signed.
        proof: of the entry.
        commitments: to the fields of `claims.CONTRACT_FIELDS`, in their order.
        openings: those that the holder shows, in the same order.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    recorder: EvidenceBundle
    proof: EntryProof
    commitments: Annotated[tuple[Bytes32, ...], AtMost(16)]
    openings: Annotated[tuple[Opening, ...], AtMost(16)]


def make_receipt(
    session: Session, called: Called, show: Collection[str] = CONTRACT_FIELDS
) -> ContractReceipt:
    """Return the receipt of a call.

    Args:
        session: whose call it was.
        called: verified.
        show: names of the fields to open.

    Raises:
        UsageError: no field of such a name.
    """
    commitments, openings = openings_of(called.accepted, CONTRACT_FIELDS, called.fields, show)
    return ContractReceipt(
        session.pin.genesis,
        NodeEvidence.decode(called.accepted.entry.node.evidence).recorder,
        called.accepted.entry.proof,
        commitments,
        openings,
    )


def verify_contract_receipt(
    unverified: bytes, *, policy: CertificatePolicy, now_ms: int, steps: Steps | None = None
) -> Verdict:
    """Verify a saved receipt and return what it means.

    Trust: runs at the relying party; the bytes come from anybody.

    Steps, as in `docs/spec/contract.md`:
      1. the bytes are the one encoding of a receipt;
      2. genesis has a pinned fingerprint, and a platform and ordering that the policy accepts;
      3. the evidence is the recorder's that signed, and passes the appraisal;
      4. the entry lies in this chain, executed by the pinned code;
      5. it commits to these commitments;
      6. each opened field fits its commitment;
      7. the key was not used longer after its evidence was made than the policy allows.

    Raises:
        MalformedError: step 1. PolicyError: step 2 or 7. VerificationError: any step.
    """
    steps = steps or Steps(CONTRACT_STEPS)
    steps.reach(1)
    receipt = ContractReceipt.decode(unverified)
    entry = verify_recorded(
        receipt.genesis, receipt.recorder, receipt.proof, policy=policy, now_ms=now_ms, steps=steps
    )
    opened = verify_claims(
        CONTRACT_FIELDS, receipt.commitments, receipt.openings, entry.part.claims, steps, first=5
    )
    steps.reach(7)
    verdict = verdict_of(
        entry,
        "contract call",
        policy,
        now_ms,
        shown={name: _shown(name, value) for name, value in opened.items()},
        closed=tuple(name for name in CONTRACT_FIELDS if name not in opened),
    )
    steps.end()
    return verdict


def _shown(field: str, value: bytes) -> Any:
    if field in ("address", "code_hash", "caller"):
        return value.hex()
    if field == "usage":
        usage = ContractUsage.decode(value)
        return {"fuel": usage.fuel, "stored": usage.stored, "reads": usage.reads}
    if field in ("method", "status"):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise MalformedError("malformed", f"an opened {field} is not text") from None
    text, form = text_or_base64(value)
    return text if form == "utf-8" and text.isprintable() else {"base64": b64encode(value).decode()}
