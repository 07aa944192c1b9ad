"""The functions of vectors of appraisal: of one role's evidence, and of a node."""

from typing import Any, Final

from adyton.attestation.node import appraise_node
from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.attestation.verifier import appraise
from adyton.protocol.evidence import Attested, EvidenceBundle, NodeEvidence

Given = dict[str, Any]
_Hex = bytes.fromhex

# Functions whose refusals carry the number of their step.
APPRAISALS: Final = frozenset(("appraise", "appraise_node"))


def policy_in(given: Given) -> AppraisalPolicy:
    """Return the appraisal policy of a vector."""
    root = given.get("simulated_root")
    return AppraisalPolicy(
        allow_simulated=given["allow_simulated"],
        simulated_root=None if root is None else _Hex(root),
        max_age_s=given["max_age_s"],
        least_svn=given.get("least_svn", 0),
    )


def challenge(given: Given) -> bytes | None:
    """Return the nonce that was drawn, if one was."""
    return None if given["nonce"] is None else _Hex(given["nonce"])


def _appraise(given: Given) -> Given:
    bundle = EvidenceBundle(
        Attested.decode(_Hex(given["attested"])),
        _Hex(given["shown_nonce"]),
        _Hex(given["evidence"]),
        tuple(map(_Hex, given["endorsements"])),
    )
    result = appraise(
        bundle,
        reference_values=ReferenceValues.of(*map(_Hex, given["measurements"])),
        policy=policy_in(given),
        nonce=challenge(given),
        now_ms=given["now_ms"],
    )
    return {
        "verdict": result.verdict,
        "stale": result.stale,
        "measurement": result.measurement.hex(),
        "issued_ms": result.issued_ms,
    }


def _appraise_node(given: Given) -> Given:
    appraisal = appraise_node(
        NodeEvidence.decode(_Hex(given["evidence"])),
        fingerprint=_Hex(given["fingerprint"]),
        policy=policy_in(given),
        nonce=challenge(given),
        now_ms=given["now_ms"],
    )
    return {
        "verdict": appraisal.verdict,
        "stale": appraisal.recorder.stale or appraisal.runner.stale,
        "chain_id": appraisal.chain_id.hex(),
        "recorder_key": appraisal.recorder_key.hex(),
        "runner_key": appraisal.runner_key.hex(),
        "epoch": appraisal.epoch.epoch,
    }
