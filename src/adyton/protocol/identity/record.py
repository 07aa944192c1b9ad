"""What the ledger commits to of a verdict: a function of the verdict alone, the same for enclave and client.

A range proof is bound to the commitments to everything else, and to the execution: so it proves its statement about
this verdict and no other, and its holder may show it with as few of the other fields as he likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import MalformedError
from adyton.protocol.claims import IDENTITY_FIELDS, commit
from adyton.protocol.credentials.range_proof import RangeProof, Statement
from adyton.protocol.identity.answers import Verdict

CUTOFF_ZERO: Final = 65_536  # of `Verdict.cutoff_day`: the first of January 1970


def claimed_values(verdict: Verdict) -> dict[str, bytes]:
    """Return the value of each of `claims.IDENTITY_FIELDS`."""
    return {
        "party": verdict.party,
        "request": verdict.request,
        "policy": verdict.policy_hash,
        "epoch": str(verdict.epoch).encode(),
        "answer": verdict.answer.encode(),
        "reason": verdict.reason.encode(),
        "pseudonym": verdict.pseudonym or b"",
        "range": verdict.range_proof,
    }


def refused_values(code: str) -> dict[str, bytes]:
    """Return the value of each field where there is no verdict, but why."""
    return dict.fromkeys(IDENTITY_FIELDS, b"") | {"reason": code.encode()}


def commitments(verdict: Verdict, result_key: bytes, exec_id: bytes) -> tuple[bytes, ...]:
    """Return the commitments to a verdict, in the order of the registry.

    Args:
        verdict: with or without its range proof.
        result_key: of the request that it answers.
        exec_id: of its execution.
    """
    return commit(IDENTITY_FIELDS, claimed_values(verdict), result_key, exec_id)


def proof_bound(commitments_: Sequence[bytes], exec_id: bytes) -> bytes:
    """Return what a verdict's range proof is bound to, 32 bytes.

    Args:
        commitments_: of the verdict; the last one, which is to the proof itself, is left out.
        exec_id: of its execution.
    """
    return digest(Context.IDENTITY_PROOF, exec_id, *commitments_[: len(IDENTITY_FIELDS) - 1])


def with_proof(verdict: Verdict, proof: RangeProof, cutoff_day: int) -> Verdict:
    """Return the verdict with a range proof.

    Args:
        verdict: without one.
        proof: about the statement of `proof_bound` and this cutoff.
        cutoff_day: `age.cutoff_day`, days since 1970.
    """
    return replace(verdict, range_proof=proof.encode(), cutoff_day=cutoff_day + CUTOFF_ZERO)


def proven(
    verdict: Verdict, result_key: bytes, exec_id: bytes
) -> tuple[Statement, RangeProof] | None:
    """Return what a verdict's range proof claims to prove, and the proof; None where it carries none.

    Trust: the proof is still to be verified, and the cutoff to be compared with the policy's at the verdict's time.

    Raises:
        MalformedError: not a proof.
        VerificationError: `range_proof_invalid`, the proof is about another range than the verdict says.
    """
    if not verdict.range_proof:
        if verdict.cutoff_day:
            raise MalformedError("malformed", "a verdict with a cutoff and without a range proof")
        return None
    bound = proof_bound(commitments(verdict, result_key, exec_id), exec_id)
    statement = Statement(verdict.cutoff_day - CUTOFF_ZERO, bound)
    proof = RangeProof.decode(verdict.range_proof)
    statement.require_header(proof)
    return statement, proof
