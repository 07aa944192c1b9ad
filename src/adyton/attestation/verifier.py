"""The appraisal of one role's evidence, in the numbered steps of docs/spec/evidence.md.

A pure function: no clock, no network, no settings. Whatever a step does not accept is refused, and
nothing but `EvidenceError` leaves it.
"""

from __future__ import annotations

from dataclasses import dataclass

from adyton.attestation.claims import Claims
from adyton.attestation.formats import simulated
from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.core import limits
from adyton.core.crypto import equal
from adyton.core.errors import EvidenceError
from adyton.protocol.evidence import Attested, EvidenceBundle


@dataclass(frozen=True)
class AttestationResult:
    """What an appraisal found; it exists only where every step accepted.

    Attributes:
        kind: of the platform.
        hardware_rooted: whether a hardware vendor's key stands behind it; False on the simulated
            platform.
        measurement: of the code that made the evidence, 48 bytes.
        attested: keys, chain and configuration that the evidence binds.
        issued_ms: the platform's clock when it signed, milliseconds since 1970.
        stale: older than fresh evidence may be, or under certificates that have expired since. Only
            evidence of record, appraised without a greatest age, can be accepted as such.
    """

    kind: str
    hardware_rooted: bool
    measurement: bytes
    attested: Attested
    issued_ms: int
    stale: bool

    @property
    def verdict(self) -> str:
        """One word for people: `hardware`, `stale` or `simulated`."""
        if not self.hardware_rooted:
            return "simulated"
        return "stale" if self.stale else "hardware"


def appraise(
    bundle: EvidenceBundle,
    *,
    reference_values: ReferenceValues,
    policy: AppraisalPolicy,
    nonce: bytes | None,
    now_ms: int,
) -> AttestationResult:
    """Appraise evidence and return what it proves.

    Trust: runs in the client, and in the enclave for its peers; the bundle comes from the host.

    Args:
        bundle: evidence as it was decoded.
        reference_values: the code that is accepted.
        policy: what else is demanded.
        nonce: the challenge that the evidence must answer; None for evidence of record, which has
            its own.
        now_ms: verification time, milliseconds since 1970.

    Raises:
        EvidenceError: a step refused; its number, a stable code and the reason are in it.
    """
    # Step 1: the policy accepts the declared kind, which alone selects the verifier. The kind is
    # never guessed.
    kind = bundle.attested.kind
    if kind != simulated.KIND:
        raise EvidenceError("evidence_kind", 1, "no verifier for this kind of platform")
    root = require_simulated(policy, 1)

    # Step 2: the evidence has the one form of its kind.
    parsed = simulated.parse(bundle.evidence, bundle.endorsements)

    # Steps 3 and 4: the pinned root vouches for the attestation key, and that key signed the
    # claims.
    claims = parsed.verify(root)

    # Step 5: it answers the challenge, and is neither old nor from the future.
    _check_challenge(bundle, claims, nonce)
    stale = _check_age(claims, policy, historic=nonce is None, now_ms=now_ms)

    # Step 6: it binds the keys, chain and configuration that were shown with it.
    if not equal(claims.report_data, bundle.attested.report_data(claims.nonce)):
        raise EvidenceError(
            "evidence_binding", 6, "the report data are not those of the keys shown"
        )

    # Step 7: the signed kind is the declared one, and its debug state that of the kind.
    if claims.kind != kind:
        raise EvidenceError("evidence_kind", 7, "signed for another kind of platform")
    if claims.debug_state != simulated.DEBUG_ENABLED:
        raise EvidenceError("evidence_debug", 7, "a simulated platform that claims to be closed")

    # Step 8: the code is among the reference values.
    if claims.measurement not in reference_values.measurements:
        raise EvidenceError("evidence_measurement", 8, "not a measurement that is accepted")
    if claims.svn < policy.least_svn:
        raise EvidenceError("evidence_measurement", 8, "a security version below the least")

    return AttestationResult(
        kind, claims.hardware_rooted, claims.measurement, bundle.attested, claims.issued_ms, stale
    )


def require_simulated(policy: AppraisalPolicy, step: int) -> bytes:
    """Return the pinned root of the simulated platform.

    Raises:
        EvidenceError: the policy has not both the flag and a root.
    """
    if not policy.allow_simulated:
        raise EvidenceError(
            "simulated_refused", step, "the policy does not allow the simulated platform"
        )
    if policy.simulated_root is None:
        raise EvidenceError(
            "simulated_refused", step, "the policy pins no root of the simulated platform"
        )
    return policy.simulated_root


def _check_challenge(bundle: EvidenceBundle, claims: Claims, nonce: bytes | None) -> None:
    if not equal(claims.nonce, bundle.nonce):
        raise EvidenceError("evidence_binding", 5, "signed over another nonce than the one shown")
    if nonce is not None and not equal(claims.nonce, nonce):
        raise EvidenceError("evidence_binding", 5, "signed over another nonce than the challenge")


def _check_age(claims: Claims, policy: AppraisalPolicy, *, historic: bool, now_ms: int) -> bool:
    """Refuse evidence that is too old or too young; return whether it is stale."""
    if claims.issued_ms > now_ms + limits.CLOCK_SKEW_MS:
        raise EvidenceError("evidence_stale", 5, "issued in the future")
    if not claims.valid_from_ms <= claims.issued_ms <= claims.valid_to_ms:
        raise EvidenceError("evidence_stale", 5, "issued outside its certificates' validity")
    age_ms = now_ms - claims.issued_ms
    expired = now_ms > claims.valid_to_ms
    if policy.max_age_s is None and historic:
        return expired or age_ms > limits.EVIDENCE_AGE_S * 1000
    # A challenge was answered just now: without a stated age it still has to be fresh.
    most_s = limits.EVIDENCE_AGE_S if policy.max_age_s is None else policy.max_age_s
    if age_ms > most_s * 1000:
        raise EvidenceError("evidence_stale", 5, "older than the policy allows")
    if expired:
        raise EvidenceError("evidence_stale", 5, "a certificate has expired")
    return False
