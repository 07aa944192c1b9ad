"""What a node shows of itself: attested keys, evidence over them, the epoch record."""

from __future__ import annotations

from typing import Annotated

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, digest, digest512, verify
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Signature, Uint, Uint32, message
from adyton.protocol.words import PlatformKind, Role, SandboxTier

Nonce = Annotated[bytes, AtMost(limits.NONCE)]


@message("attested/1", max_bytes=1024)
class Attested(Message):
    """What evidence binds.

    Attributes:
        kind: of the platform; hashed into the report data, so that kinds cannot be exchanged.
        role: `recorder` signs checkpoints and answers, `runner` signs the ends of tasks.
        signing_key: Ed25519 public key made at this start of the enclave.
        hpke_key: X25519 public key of the node, for the recorder.
        chain_id: the chain it serves.
        config_digest: digest of the configuration it runs under.
        incarnation: rises with each recovery.
        sandbox: tier that confines native tasks.
    """

    kind: PlatformKind
    role: Role
    signing_key: Bytes32
    hpke_key: Bytes32 | None
    chain_id: Bytes32
    config_digest: Bytes32
    incarnation: Uint32
    sandbox: SandboxTier

    def report_data(self, nonce: bytes) -> bytes:
        """Return the 64 bytes that the platform signs."""
        return digest512(Context.REPORT_DATA, self.kind.encode(), self.encode(), nonce)


@message("evidence/1", max_bytes=limits.EVIDENCE)
class EvidenceBundle(Message):
    """Evidence of one role, with all that an appraisal needs beside policy and time.

    Attributes:
        attested: what is bound.
        nonce: the challenge that was answered.
        evidence: in the platform's own form.
        endorsements: certificates and collateral, in the platform's own form.
    """

    attested: Attested
    nonce: Nonce
    evidence: Annotated[bytes, AtMost(limits.EVIDENCE)]
    endorsements: Annotated[tuple[Annotated[bytes, AtMost(limits.EVIDENCE)], ...], AtMost(8)]


@message("epoch-record/1", max_bytes=1024)
class EpochRecord(Message):
    """Public facts of an epoch.

    Attributes:
        intake_key: X25519 public key for first contact.
        from_height: first height of the epoch.
        to_height: last height at which its keys are accepted, once known.
    """

    chain_id: Bytes32
    incarnation: Uint32
    epoch: Uint32
    intake_key: Bytes32
    from_height: Uint
    to_height: Uint | None


@message("signed-epoch-record/1", max_bytes=2048)
class SignedEpochRecord(Message):
    """An epoch record under the signature of a recorder's key."""

    record: EpochRecord
    signature: Signature

    @classmethod
    def sign(cls, record: EpochRecord, key: SigningKey) -> SignedEpochRecord:
        """Sign `record` with the node's key."""
        return cls(record, key.sign(Context.SIGN_EPOCH, record.encode()))

    def verify(self, recorder_key: bytes) -> EpochRecord:
        """Return the record.

        Raises:
            VerificationError: the signature does not verify.
        """
        verify(recorder_key, self.signature, Context.SIGN_EPOCH, self.record.encode())
        return self.record


@message("node-evidence/1", max_bytes=4 * limits.EVIDENCE)
class NodeEvidence(Message):
    """What `GET /evidence` answers, and what a start entry announces.

    Attributes:
        genesis: encoded genesis.
        recorder: evidence of the recorder's keys.
        runner: evidence of the runner's key.
        epoch: the current epoch record, signed by the recorder.
    """

    genesis: Annotated[bytes, AtMost(8192)]
    recorder: EvidenceBundle
    runner: EvidenceBundle
    epoch: SignedEpochRecord

    def digest(self) -> bytes:
        """Return the digest that a key request names."""
        return digest(Context.EVIDENCE, self.encode())
