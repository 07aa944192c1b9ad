"""The relying party's policy of a vector."""

from typing import Any

from adyton.client.certificate import CertificatePolicy


def policy_of(given: dict[str, Any]) -> CertificatePolicy:
    """Return the relying party's policy of a vector."""
    return CertificatePolicy(
        fingerprints=frozenset(map(bytes.fromhex, given["fingerprints"])),
        kinds=frozenset(given.get("kinds", ["simulated"])),
        allow_simulated=given.get("allow_simulated", True),
        least_ordering=given.get("least_ordering", "single-host"),
        max_evidence_age_ms=given.get("max_evidence_age_ms", 86_400_000),
        allow_stale=given.get("allow_stale", False),
    )
