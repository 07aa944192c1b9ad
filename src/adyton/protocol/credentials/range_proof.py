"""A proof that a committed birthday is not later than a cutoff, and says no more (mission C10).

    x          = 2^20 - birth day             a day is its number from 1970-01-01, as in `age.py`; before it, negative
    least      = 2^20 - cutoff day
    C          = x·H + r·G                    Pedersen, secp256k1; H as in secp256k1-zkp
    proven     : least <= x < least + 2^16    born on the cutoff day, or up to 179 years before it
    context    = H(range-statement ‖ bound ‖ C)
    r          = 1 + KDF(secret, kdf/range-blinding ‖ bound ‖ u64(least) ‖ u64(x)), 48 bytes, mod (order - 1)
    nonce      = KDF(secret, kdf/range-nonce ‖ context ‖ C ‖ u64(least) ‖ u64(x))

Replicas make the same bytes. r and the nonce depend on all that a proof says: two proofs with one nonce and different
contexts would tell x, and two commitments with one r tell the difference of their birthdays.

What it shows: C is of a day in that range. That C is of *this credential's* birthday rests on the enclave's signature
over the receipt, as the verdict does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from adyton.core.contexts import Context
from adyton.core.crypto import derive, digest
from adyton.core.errors import MalformedError, PolicyError, VerificationError
from adyton.core.fields import Exactly
from adyton.core.schema import Bytes32, Message, message

TOP: Final = 1 << 20
BITS: Final = 16
SPAN: Final = 1 << BITS  # days from the earliest birthday that can be proven to the cutoff
FARTHEST_DAY: Final = 1 << 16  # of a cutoff, before or after 1970: from 1790 to 2149
COMMITMENT: Final = 33
PROOF: Final = 1291
# Proofs of this shape alone: exponent 0 with a least value, then the number of bits less one.
_HEADER: Final = bytes((0x60, BITS - 1))
_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@message("range-proof/1", max_bytes=1400)
class RangeProof(Message):
    """A commitment to a birthday, and the proof about it.

    Attributes:
        commitment: compressed point, as secp256k1-zkp writes it.
        proof: Borromean range proof of secp256k1-zkp.
    """

    commitment: Annotated[bytes, Exactly(COMMITMENT)]
    proof: Annotated[bytes, Exactly(PROOF)]


@dataclass(frozen=True, slots=True)
class Statement:
    """What is to be proven, and for which receipt.

    Attributes:
        cutoff_day: last day of birth that the policy takes at the receipt's block time: `age.cutoff_day`.
        bound: digest of the receipt without commitment and proof, 32 bytes.

    Raises:
        MalformedError: a cutoff that is centuries away.
    """

    cutoff_day: int
    bound: Bytes32

    def __post_init__(self) -> None:
        if not -FARTHEST_DAY <= self.cutoff_day <= FARTHEST_DAY:
            raise MalformedError("malformed", "range proof: the cutoff is from 1790 to 2149")

    @property
    def least(self) -> int:
        """Return the smallest x that satisfies the statement."""
        return TOP - self.cutoff_day

    def context(self, commitment: bytes) -> bytes:
        """Return what the proof commits to beside the range, 32 bytes."""
        return digest(Context.RANGE_STATEMENT, self.bound, commitment)

    def require_header(self, unverified: RangeProof) -> None:
        """Refuse a proof whose header says another range, however it verifies.

        Raises:
            VerificationError: `range_proof_invalid`.
        """
        if unverified.proof[:10] != _HEADER + _u64(self.least):
            raise VerificationError(
                "range_proof_invalid", "the proof is about another range than the policy's"
            )


@dataclass(frozen=True, slots=True)
class Witness:
    """The secrets of a proof: made in the enclave, gone when it is made.

    Attributes:
        value: x.
        blinding: r, 32 bytes.
    """

    value: int
    blinding: bytes

    def __repr__(self) -> str:
        return "<Witness>"


def witness(secret: bytes, statement: Statement, birth_day: int) -> Witness:
    """Return what is committed to, and how it is hidden.

    Args:
        secret: of the enclave, 32 bytes; who has it can find the birthday in C by trying.
        statement: what is to be proven.
        birth_day: `age.birth_day` of the verified credential.

    Raises:
        PolicyError: `range_unmet`, the statement is not true of this birthday, or it lies out of reach.
    """
    value = TOP - birth_day
    if value < statement.least:
        raise PolicyError("range_unmet", "the birthday is later than the policy's cutoff")
    if value >= statement.least + SPAN:
        # A proof with more bits would tell that somebody is that old.
        raise PolicyError("range_unmet", "the birthday is over 179 years before the cutoff")
    drawn = derive(
        secret,
        Context.KDF_RANGE_BLINDING,
        statement.bound,
        _u64(statement.least),
        _u64(value),
        size=48,
    )
    blinding = 1 + int.from_bytes(drawn, "big") % (_ORDER - 1)
    return Witness(value, blinding.to_bytes(32, "big"))


def nonce(secret: bytes, statement: Statement, secrets_: Witness, commitment: bytes) -> bytes:
    """Return the seed of all that the prover draws, 32 bytes."""
    return derive(
        secret,
        Context.KDF_RANGE_NONCE,
        statement.context(commitment),
        commitment,
        _u64(statement.least),
        _u64(secrets_.value),
    )


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "big")
