"""A node's own keys and evidence, made at each start and derived from nothing."""

from __future__ import annotations

from adyton.core.crypto import SigningKey
from adyton.enclave.keys import Keys
from adyton.enclave.platform.base import Platform
from adyton.protocol.evidence import (
    Attested,
    EpochRecord,
    EvidenceBundle,
    NodeEvidence,
    SignedEpochRecord,
)


class Node:
    """The recorder's and the runner's keys of this start.

    Args:
        keys: of the chain.
        platform: gives entropy and evidence.
        sandbox: tier that confines native tasks.
    """

    def __init__(self, keys: Keys, platform: Platform, sandbox: str) -> None:
        self._keys = keys
        self._platform = platform
        self._sandbox = sandbox
        self.recorder = SigningKey(platform.entropy(32))
        self.runner = SigningKey(platform.entropy(32))

    def epoch_record(self) -> SignedEpochRecord:
        """Return the current epoch's record, signed."""
        keys = self._keys
        intake = keys.intake(keys.epoch).public
        heights = keys.epoch_heights(keys.epoch)
        record = EpochRecord(keys.chain_id, keys.incarnation, keys.epoch, intake, *heights)
        return SignedEpochRecord.sign(record, self.recorder)

    def evidence(self, nonce: bytes) -> NodeEvidence:
        """Return evidence of both roles over `nonce`."""
        return NodeEvidence(
            self._keys.genesis.encode(),
            self._bundle("recorder", self.recorder.public, self._keys.node.public, nonce),
            self._bundle("runner", self.runner.public, None, nonce),
            self.epoch_record(),
        )

    def _bundle(
        self, role: str, signing_key: bytes, hpke_key: bytes | None, nonce: bytes
    ) -> EvidenceBundle:
        attested = Attested(
            self._platform.kind,
            role,
            signing_key,
            hpke_key,
            self._keys.chain_id,
            self._keys.genesis.configuration.digest(),
            self._keys.incarnation,
            self._sandbox,
        )
        evidence, endorsements = self._platform.evidence(attested.report_data(nonce), nonce)
        return EvidenceBundle(attested, nonce, evidence, endorsements)
