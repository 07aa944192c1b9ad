"""How an epoch begins: the proposal that fixes the next epoch's secret, as an ordered transaction.

The fresh bytes are drawn outside of execution and sealed to the node's HPKE key, so that whoever executes the block
with that key arrives at the same secret: S_{e+1} = HKDF(S_e ‖ fresh bytes). Chapter `epoch` of the specification.
"""

from __future__ import annotations

from typing import Annotated, Final

from adyton.core.contexts import Context
from adyton.core.crypto import SigningKey, derive, digest, verify
from adyton.core.fields import Exactly
from adyton.core.schema import Bytes32, Message, Signature, Uint32, message
from adyton.protocol.envelope import epoch_bytes

FRESH: Final = 32
SEALED_FRESH: Final = FRESH + 48


@message("epoch-proposal/1", max_bytes=512)
class EpochProposal(Message):
    """What the next epoch is to be.

    Attributes:
        chain_id: of the chain.
        incarnation: of the chain.
        epoch: the one it fixes: the successor of the current one.
        sealed: 32 fresh bytes, HPKE-sealed to the node's key; info is `proposal_info`.
        secret_digest: of the next epoch secret; see `secret_digest`.
        intake_key: X25519 public key for first contact in that epoch; follows from the secret.
        proposer: recorder key that signs.
    """

    chain_id: Bytes32
    incarnation: Uint32
    epoch: Uint32
    sealed: Annotated[bytes, Exactly(SEALED_FRESH)]
    secret_digest: Bytes32
    intake_key: Bytes32
    proposer: Bytes32


@message("signed-epoch-proposal/1", max_bytes=1024)
class SignedEpochProposal(Message):
    """A proposal under the signature of a recorder's key; a transaction, and the body of its entry."""

    proposal: EpochProposal
    signature: Signature

    @classmethod
    def sign(cls, proposal: EpochProposal, key: SigningKey) -> SignedEpochProposal:
        """Sign `proposal` with the recorder's key, which it names."""
        return cls(proposal, key.sign(Context.SIGN_EPOCH_PROPOSAL, proposal.encode()))

    def verify(self) -> EpochProposal:
        """Return the proposal, which the key that it names has signed.

        Raises:
            VerificationError: the signature does not verify.
        """
        named = self.proposal.proposer
        verify(named, self.signature, Context.SIGN_EPOCH_PROPOSAL, self.proposal.encode())
        return self.proposal


def proposal_info(chain_id: bytes, incarnation: int, epoch: int) -> tuple[bytes, ...]:
    """Return the HPKE info of the fresh bytes, beside the context."""
    return chain_id, incarnation.to_bytes(4, "big"), epoch_bytes(epoch)


def next_secret(secret: bytes, fresh: bytes, chain_id: bytes, epoch: int) -> bytes:
    """Return the secret of `epoch`, 32 bytes; neither its predecessor nor the fresh bytes follow from it."""
    return derive(secret + fresh, Context.KDF_EPOCH, chain_id, epoch_bytes(epoch))


def secret_digest(secret: bytes, chain_id: bytes, epoch: int) -> bytes:
    """Return what a proposal says of an epoch's secret, 32 bytes."""
    return digest(Context.EPOCH_SECRET, chain_id, epoch_bytes(epoch), secret)
