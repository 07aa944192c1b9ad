"""The appraisal of a node under a pinned fingerprint: what `GET /evidence` answers, or a start
entry announces.

The fingerprint came to the client another way, and covers chain id, measurement, configuration and
simulated root: all reference values follow from it, and no name that the server gives counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adyton.attestation.formats import simulated
from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.attestation.verifier import AttestationResult, appraise, require_simulated
from adyton.core.crypto import equal
from adyton.core.errors import EvidenceError, MalformedError, VerificationError
from adyton.protocol import genesis as genesis_messages
from adyton.protocol.evidence import EpochRecord, EvidenceBundle, NodeEvidence
from adyton.protocol.genesis import Genesis


@dataclass(frozen=True)
class NodeAppraisal:
    """A node that every step accepted.

    Attributes:
        genesis: of the chain it serves.
        chain_id: 32 bytes.
        recorder_key: Ed25519 key that signs checkpoints and answers.
        hpke_key: X25519 key of the node.
        runner_key: Ed25519 key that signs the ends of tasks.
        epoch: the epoch record, signed by the recorder.
        recorder: result for the recorder's evidence.
        runner: result for the runner's evidence.
    """

    genesis: Genesis
    chain_id: bytes
    recorder_key: bytes
    hpke_key: bytes
    runner_key: bytes
    epoch: EpochRecord
    recorder: AttestationResult
    runner: AttestationResult

    @property
    def measurement(self) -> bytes:
        """The measurement that the fingerprint covers, 48 bytes."""
        return self.recorder.measurement

    @property
    def verdict(self) -> str:
        """The weaker verdict of the two roles: `hardware`, `stale` or `simulated`."""
        words = (self.recorder.verdict, self.runner.verdict)
        return next(word for word in ("simulated", "stale", "hardware") if word in words)


def appraise_node(
    evidence: NodeEvidence,
    *,
    fingerprint: bytes,
    policy: AppraisalPolicy,
    nonce: bytes | None,
    now_ms: int,
) -> NodeAppraisal:
    """Appraise both roles of a node, its genesis and its epoch record.

    Trust: runs in the client; `evidence` comes from the host, `fingerprint` came to its user
    another way.

    Args:
        evidence: as it was decoded.
        fingerprint: what is pinned, 32 bytes.
        policy: what is demanded; where it pins a simulated root, genesis must hold the same.
        nonce: the challenge; None for evidence of record.
        now_ms: verification time, milliseconds since 1970.

    Raises:
        EvidenceError: a step refused; `fingerprint_mismatch` where it is not the server that is
            pinned.
    """
    # Step 9: genesis is one, and its platform is acceptable before anything of that platform is
    # parsed.
    genesis = _genesis(evidence.genesis)
    kind = genesis.configuration.platform
    for bundle in (evidence.recorder, evidence.runner):
        if bundle.attested.kind != kind:
            raise EvidenceError("evidence_kind", 9, "not the kind of platform that genesis names")
    node_policy = _with_root_of(genesis, policy)

    # Step 10: chain, code, configuration and root are those of the fingerprint. From here on they
    # are reference values: the claimed measurement is the only one that the roles' evidence may
    # prove.
    chain_id, config_digest = genesis.chain_id(), genesis.configuration.digest()
    measurement = _unverified_measurement(evidence.recorder)
    shown = genesis_messages.fingerprint(
        chain_id, measurement, config_digest, genesis.simulated_root
    )
    if not equal(shown, fingerprint):
        raise EvidenceError("fingerprint_mismatch", 10, "not the server that is pinned")

    # Step 11: both roles' evidence passes steps 1 to 8.
    recorder, runner = (
        appraise(
            bundle,
            reference_values=ReferenceValues.of(measurement),
            policy=node_policy,
            nonce=nonce,
            now_ms=now_ms,
        )
        for bundle in (evidence.recorder, evidence.runner)
    )

    # Step 12: each is the role it was shown as, on this chain, under this configuration, of one
    # incarnation.
    hpke_key = recorder.attested.hpke_key
    if hpke_key is None:
        raise EvidenceError("evidence_binding", 12, "the recorder has no key to seal to")
    for result, role in ((recorder, "recorder"), (runner, "runner")):
        attested = result.attested
        if attested.role != role:
            raise EvidenceError("evidence_binding", 12, f"not the evidence of a {role}")
        if attested.chain_id != chain_id:
            raise EvidenceError("evidence_binding", 12, f"the {role} serves another chain")
        if attested.config_digest != config_digest:
            raise EvidenceError("evidence_binding", 12, f"the {role} has another configuration")
    if recorder.attested.incarnation != runner.attested.incarnation:
        raise EvidenceError("evidence_binding", 12, "the roles are of different incarnations")

    # Step 13: the epoch record is this chain's and incarnation's, under the recorder's key.
    epoch = _epoch(evidence, recorder, chain_id)

    return NodeAppraisal(
        genesis=genesis,
        chain_id=chain_id,
        recorder_key=recorder.attested.signing_key,
        hpke_key=hpke_key,
        runner_key=runner.attested.signing_key,
        epoch=epoch,
        recorder=recorder,
        runner=runner,
    )


def _genesis(unverified: bytes) -> Genesis:
    try:
        return Genesis.decode(unverified)
    except MalformedError as problem:
        raise EvidenceError("evidence_malformed", 9, "genesis is not one") from problem


def _with_root_of(genesis: Genesis, policy: AppraisalPolicy) -> AppraisalPolicy:
    """Return the policy with the root that genesis fixes and step 10 finds in the fingerprint."""
    if genesis.configuration.platform != simulated.KIND:
        return policy
    node_policy = replace(policy, simulated_root=genesis.simulated_root)
    root = require_simulated(node_policy, 9)
    if not genesis.allow_simulated:
        raise EvidenceError("simulated_refused", 9, "genesis does not allow the simulated platform")
    if policy.simulated_root is not None and not equal(policy.simulated_root, root):
        raise EvidenceError("evidence_signature", 9, "genesis holds another root than the policy")
    return node_policy


def _unverified_measurement(bundle: EvidenceBundle) -> bytes:
    """Return the measurement that evidence claims; the kind was checked in step 9."""
    claims = simulated.parse(bundle.evidence, bundle.endorsements).claims
    measurement: bytes = claims[simulated.MEASUREMENT]
    return measurement


def _epoch(evidence: NodeEvidence, recorder: AttestationResult, chain_id: bytes) -> EpochRecord:
    try:
        epoch = evidence.epoch.verify(recorder.attested.signing_key)
    except VerificationError as problem:
        raise EvidenceError(
            "evidence_binding", 13, "the epoch record is not signed by the recorder"
        ) from problem
    if epoch.chain_id != chain_id:
        raise EvidenceError("evidence_binding", 13, "the epoch record is another chain's")
    if epoch.incarnation != recorder.attested.incarnation:
        raise EvidenceError("evidence_binding", 13, "the epoch record is of another incarnation")
    return epoch
