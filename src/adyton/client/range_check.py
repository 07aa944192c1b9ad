"""Checks range proofs by another library than the one that made them: `ecc`, of the extra `zk`, in pure Python."""

from __future__ import annotations

import importlib
from typing import Any

from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.credentials.range_proof import RangeProof, Statement


def verify_range_proof(unverified: RangeProof, statement: Statement) -> None:
    """Check that the committed birthday is not later than the statement's cutoff.

    Trust: runs in the client. The statement follows from a receipt that was verified and from the policy that it
    names; the proof from the receipt alone. It does not show whose birthday was committed to: the receipt's signature
    says that.

    Raises:
        UsageError: `zk_unavailable`, the extra is not installed.
        VerificationError: `range_proof_invalid`, of another range, receipt or commitment, or altered.
    """
    ranges, pedersen = _library()
    statement.require_header(unverified)
    try:
        # The library's errors are ValueErrors, or of its own tree for states that arithmetic meets.
        commitment = pedersen.commitment_from_octets_var(unverified.commitment)
        holds = ranges.verify(
            commitment,
            unverified.proof,
            pedersen.second_generator(),
            extra_commit=statement.context(unverified.commitment),
        )
    except (ValueError, ArithmeticError, RuntimeError) as problem:
        raise VerificationError(
            "range_proof_invalid", "the range proof or its commitment is not one"
        ) from problem
    if not holds:
        raise VerificationError(
            "range_proof_invalid",
            "the range proof does not hold: altered, or of another receipt or commitment",
        )


def _library() -> tuple[Any, Any]:
    try:
        return importlib.import_module("ecc.ecc.rangeproof"), importlib.import_module(
            "ecc.ecc.pedersen"
        )
    except ImportError as problem:
        raise UsageError(
            "zk_unavailable", "to check range proofs, install adyton with its extra: adyton[zk]"
        ) from problem
