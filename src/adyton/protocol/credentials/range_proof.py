"""A proof that a committed birthday is not later than a cutoff, and says no more (mission C10).

    x          = 2^20 - birth day                 days since 1900-01-01, which is day 0
    C          = x·H + r·G                        Pedersen, secp256k1; H as in secp256k1-zkp
    proven     : x >= 2^20 - cutoff day           16 bits: birth days from 65,535 days before the cutoff on
    context    = H(range-statement ‖ what the receipt binds ‖ C)
    r          = 1 + KDF(secret, kdf/range-blinding ‖ bound ‖ cutoff ‖ birth day), 48 bytes, mod (order - 1)
    nonce      = KDF(secret, kdf/range-nonce ‖ context ‖ C ‖ cutoff ‖ birth day)

Replicas make the same bytes. r and the nonce depend on all that a proof says: two proofs with one nonce and different
contexts would tell x, and two commitments with one r tell the difference of their birthdays.

What it shows: C is of a day in that range. That C is of *this credential's* birthday rests on the enclave's signature
over the receipt, as the verdict does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from adyton.core.contexts import Context
from adyton.core.crypto import derive, digest
from adyton.core.errors import MalformedError, PolicyError, VerificationError
from adyton.core.fields import Exactly
from adyton.core.schema import Bytes32, Message, message

DAY_0: Final = date(1900, 1, 1)
TOP: Final = 1 << 20
BITS: Final = 16
LATEST_DAY: Final = (1 << BITS) - 1  # 2079-06-06
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
        cutoff_day: latest birth day that the policy takes, at the receipt's block time.
        bound: digest of the receipt without commitment and proof, 32 bytes.

    Raises:
        MalformedError: a cutoff before 1900 or after 2079.
    """

    cutoff_day: int
    bound: Bytes32

    def __post_init__(self) -> None:
        if not 0 <= self.cutoff_day <= LATEST_DAY:
            raise MalformedError("malformed", "range proof: the cutoff is from 1900 to mid-2079")

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
        if unverified.proof[:10] != _HEADER + self.least.to_bytes(8, "big"):
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


def day_of(birthday: date) -> int:
    """Return the number of a day.

    Raises:
        MalformedError: before 1900 or after 2079: there is no proof about it.
    """
    day = (birthday - DAY_0).days
    if not 0 <= day <= LATEST_DAY:
        raise MalformedError("malformed", "range proof: a birthday is from 1900 to mid-2079")
    return day


def witness(secret: bytes, statement: Statement, birth_day: int) -> Witness:
    """Return what is committed to, and how it is hidden.

    Args:
        secret: of the enclave, 32 bytes; who has it can find the birthday in C by trying.
        statement: what is to be proven.
        birth_day: from `day_of`.

    Raises:
        PolicyError: `range_unmet`, the statement is not true of this birthday.
    """
    if not 0 <= birth_day <= statement.cutoff_day:
        raise PolicyError("range_unmet", "the birthday is later than the policy's cutoff")
    parts = (statement.bound, _u32(statement.cutoff_day), _u32(birth_day))
    drawn = derive(secret, Context.KDF_RANGE_BLINDING, *parts, size=48)
    blinding = 1 + int.from_bytes(drawn, "big") % (_ORDER - 1)
    return Witness(TOP - birth_day, blinding.to_bytes(32, "big"))


def nonce(secret: bytes, statement: Statement, secrets_: Witness, commitment: bytes) -> bytes:
    """Return the seed of all that the prover draws, 32 bytes."""
    return derive(
        secret,
        Context.KDF_RANGE_NONCE,
        statement.context(commitment),
        commitment,
        _u32(statement.cutoff_day),
        _u32(TOP - secrets_.value),
    )


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")
