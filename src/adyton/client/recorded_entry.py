"""What receipts of every kind have in common: an entry of a pinned chain, by attested code, and the verdict of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adyton.client.certificate import (
    CertificatePolicy,
    require_accepted,
    require_age,
    require_code,
    require_entry,
    require_pinned,
)
from adyton.client.evidence_of_record import KeyOfRecord, appraise_of_record
from adyton.client.steps import Steps
from adyton.client.verdict import Verdict
from adyton.core.errors import VerificationError
from adyton.protocol.evidence import EvidenceBundle
from adyton.protocol.genesis import Genesis
from adyton.protocol.ledger import Checkpoint, EntryProof, PublicPart


@dataclass(frozen=True)
class RecordedEntry:
    """A request that was carried out, verified as far as every receipt is.

    Attributes:
        genesis: of its chain.
        pinned: fingerprint, which the policy pins.
        recorder: evidence of the key that signed.
        key: that key.
        part: what everybody may read of the entry.
        task_hash: public name of the request.
        checkpoint: of its block.
    """

    genesis: Genesis
    pinned: bytes
    recorder: EvidenceBundle
    key: KeyOfRecord
    part: PublicPart
    task_hash: bytes
    checkpoint: Checkpoint


def verify_recorded(
    unverified_genesis: bytes,
    recorder: EvidenceBundle,
    proof: EntryProof,
    *,
    policy: CertificatePolicy,
    now_ms: int,
    steps: Steps,
) -> RecordedEntry:
    """Verify steps 2 to 4 of a receipt.

    Trust: runs at the relying party; all of it comes from anybody.

    Steps, as in `docs/spec/certificate.md` and `docs/spec/contract.md`:
      2. genesis has a pinned fingerprint, and a platform and ordering that the policy accepts;
      3. the evidence is the recorder's that signed, and passes the appraisal;
      4. the entry lies in this chain, executed by the pinned code, and was carried out.

    Raises:
        PolicyError: step 2. VerificationError: any step.
    """
    steps.reach(2)
    genesis, pinned = require_pinned(unverified_genesis, policy)
    require_accepted(genesis, policy)
    steps.reach(3)
    key = appraise_of_record(
        recorder,
        genesis,
        role="recorder",
        allow_simulated=policy.allow_simulated,
        now_ms=now_ms,
    )
    steps.reach(4)
    part, checkpoint = proof.verify(key.public, genesis.chain_id())
    require_entry(part, checkpoint, "request", genesis)
    require_code(part, genesis)
    if part.task_hash is None or part.code:
        raise VerificationError("receipt_invalid", "the request was not carried out")
    return RecordedEntry(genesis, pinned, recorder, key, part, part.task_hash, checkpoint)


def verdict_of(
    entry: RecordedEntry,
    subject: str,
    policy: CertificatePolicy,
    now_ms: int,
    shown: Mapping[str, Any],
    closed: tuple[str, ...] = (),
) -> Verdict:
    """Verify the last step, the age of the evidence, and return what the receipt means.

    Raises:
        PolicyError: the evidence was too old. VerificationError: the block is from the future.
    """
    stale_ms = require_age(entry.key, entry.checkpoint, policy, now_ms)
    facts = entry.checkpoint.facts
    return Verdict(
        subject=subject,
        fingerprint=entry.pinned,
        chain_id=facts.chain_id,
        measurement=entry.genesis.measurement,
        task_hash=entry.task_hash,
        platform=entry.genesis.configuration.platform,
        hardware_rooted=entry.key.hardware_rooted,
        stale_ms=stale_ms,
        ordering=facts.ordering,
        time_source=facts.time_source,
        sandbox=entry.recorder.attested.sandbox,
        accepted_height=facts.height,
        accepted_ms=facts.time_ms,
        finished_height=facts.height,
        finished_ms=facts.time_ms,
        attempt=0,
        shown=shown,
        closed=closed,
    )
