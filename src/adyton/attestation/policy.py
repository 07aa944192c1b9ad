"""What a Relying Party demands of evidence: Appraisal Policy and Reference Values (RFC 9334)."""

from __future__ import annotations

from dataclasses import dataclass

from adyton.core import limits


@dataclass(frozen=True)
class AppraisalPolicy:
    """What is accepted; whatever it does not name is refused.

    The default refuses the simulated platform. Accepting it takes the flag *and* a pinned root.

    Attributes:
        allow_simulated: whether evidence that no hardware stands behind is accepted.
        simulated_root: SHA-256 of the simulated platform's root certificate, 32 bytes.
        max_age_s: seconds after which evidence is refused as stale; None for historic evidence,
            whose age and expired certificates are told by the result instead.
        least_svn: lowest security version that is accepted.
    """

    allow_simulated: bool = False
    simulated_root: bytes | None = None
    max_age_s: int | None = limits.EVIDENCE_AGE_S
    least_svn: int = 0


@dataclass(frozen=True)
class ReferenceValues:
    """The code that is accepted.

    Attributes:
        measurements: exact measurements, 48 bytes each; an empty set accepts nothing.
    """

    measurements: frozenset[bytes]

    @classmethod
    def of(cls, *measurements: bytes) -> ReferenceValues:
        """Return reference values that accept these measurements."""
        return cls(frozenset(measurements))
