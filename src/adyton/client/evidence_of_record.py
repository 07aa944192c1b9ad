"""Appraisal of keys long after they were announced: the nonce is the evidence's own.

A certificate and a stored chain carry the evidence of every key that signed. Nobody can be
challenged any more, so
freshness is another question: how old the evidence was when the key was used.
"""

from __future__ import annotations

from dataclasses import dataclass

from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.attestation.verifier import appraise
from adyton.core.errors import VerificationError
from adyton.protocol.evidence import EvidenceBundle
from adyton.protocol.genesis import Genesis, fingerprint


@dataclass(frozen=True)
class KeyOfRecord:
    """A signing key whose evidence was appraised.

    Attributes:
        role: `recorder` or `runner`.
        public: Ed25519 public key, 32 bytes.
        issued_ms: when the platform made the evidence, by the platform's clock.
        hardware_rooted: whether a maker of hardware vouches for the evidence.
    """

    role: str
    public: bytes
    issued_ms: int
    hardware_rooted: bool


def pinned_fingerprint(genesis: Genesis) -> bytes:
    """Return the fingerprint, 32 bytes, that a chain of this genesis has."""
    return fingerprint(
        genesis.chain_id(),
        genesis.measurement,
        genesis.configuration.digest(),
        genesis.simulated_root,
    )


def historic_policy(genesis: Genesis, *, allow_simulated: bool) -> AppraisalPolicy:
    """Return the policy for evidence of record: no greatest age, the root that genesis fixes."""
    return AppraisalPolicy(
        allow_simulated=allow_simulated, simulated_root=genesis.simulated_root, max_age_s=None
    )


def appraise_of_record(
    bundle: EvidenceBundle,
    genesis: Genesis,
    *,
    role: str,
    allow_simulated: bool,
    now_ms: int,
) -> KeyOfRecord:
    """Appraise the evidence of a key that signed in the past.

    Trust: runs in the client; `bundle` comes from anybody, `genesis` fits a pinned fingerprint.

    Args:
        bundle: evidence, with the nonce that it answers.
        genesis: of the chain that the key must serve.
        role: what the key must be for.
        allow_simulated: whether evidence of the simulated platform is accepted.
        now_ms: verification time.

    Raises:
        EvidenceError: a step of the appraisal does not hold.
        VerificationError: the key is another role's or chain's.
    """
    attested = bundle.attested
    if attested.role != role:
        raise VerificationError("evidence_binding", f"the evidence is not of a {role} key")
    configuration = genesis.configuration
    if (attested.kind, attested.chain_id, attested.config_digest) != (
        configuration.platform,
        genesis.chain_id(),
        configuration.digest(),
    ):
        raise VerificationError("evidence_binding", "the evidence is of another chain")
    result = appraise(
        bundle,
        reference_values=ReferenceValues.of(genesis.measurement),
        policy=historic_policy(genesis, allow_simulated=allow_simulated),
        nonce=None,
        now_ms=now_ms,
    )
    return KeyOfRecord(role, attested.signing_key, result.issued_ms, result.hardware_rooted)
