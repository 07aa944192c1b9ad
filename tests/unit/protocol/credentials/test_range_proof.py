"""Range proofs: the statement, and what its secrets depend on."""

import itertools
from datetime import date

import pytest

from adyton.core.errors import MalformedError, PolicyError, VerificationError
from adyton.protocol.credentials.range_proof import (
    LATEST_DAY,
    PROOF,
    TOP,
    RangeProof,
    Statement,
    Witness,
    day_of,
    nonce,
    witness,
)

SECRET = b"\x21" * 32
BOUND = b"\x31" * 32
STATEMENT = Statement(39_000, BOUND)


def test_days() -> None:
    assert day_of(date(1900, 1, 1)) == 0
    assert day_of(date(1900, 3, 1)) == 59  # 1900 was no leap year
    assert day_of(date(2000, 2, 29)) == 36_583
    assert day_of(date(2079, 6, 6)) == LATEST_DAY == 65_535
    for outside in (date(1899, 12, 31), date(2079, 6, 7), date(1, 1, 1), date(9999, 12, 31)):
        with pytest.raises(MalformedError, match="from 1900"):
            day_of(outside)


def test_the_cutoff_day_itself_satisfies_and_the_next_does_not() -> None:
    assert witness(SECRET, STATEMENT, 39_000).value == TOP - 39_000 == STATEMENT.least
    assert witness(SECRET, STATEMENT, 0).value == TOP
    for birth_day in (39_001, 60_000, -1):
        with pytest.raises(PolicyError) as refusal:
            witness(SECRET, STATEMENT, birth_day)
        assert refusal.value.code == "range_unmet"
        assert str(birth_day) not in str(refusal.value)


def test_a_cutoff_outside_of_the_range_is_refused() -> None:
    for cutoff in (-1, LATEST_DAY + 1):
        with pytest.raises(MalformedError, match="cutoff"):
            Statement(cutoff, BOUND)


def test_blinding_and_nonce_never_repeat() -> None:
    """One nonce under two contexts would tell the birthday; one r for two, their difference."""
    cases = list(
        itertools.product((SECRET, bytes(32)), (38_000, 39_000), (BOUND, bytes(32)), (0, 1, 30_000))
    )
    made = [witness(secret, Statement(cutoff, bound), day) for secret, cutoff, bound, day in cases]
    assert len({one.blinding for one in made}) == len(cases)
    nonces = {
        nonce(secret, Statement(cutoff, bound), one, commitment)
        for (secret, cutoff, bound, _), one in zip(cases, made, strict=True)
        for commitment in (b"\x08" * 33, b"\x09" * 33)
    }
    assert len(nonces) == 2 * len(cases)
    assert not nonces & {one.blinding for one in made}


def test_replicas_agree() -> None:
    one = witness(SECRET, STATEMENT, 30_000)
    assert one == witness(SECRET, Statement(39_000, BOUND), 30_000)
    assert nonce(SECRET, STATEMENT, one, bytes(33)) == nonce(SECRET, STATEMENT, one, bytes(33))
    assert len(one.blinding) == 32
    assert int.from_bytes(one.blinding, "big") > 0


def test_secrets_are_not_shown() -> None:
    assert repr(Witness(TOP - 30_000, b"\x01" * 32)) == "<Witness>"


def test_a_header_of_another_range_is_refused() -> None:
    right = b"\x60\x0f" + STATEMENT.least.to_bytes(8, "big")
    STATEMENT.require_header(RangeProof(bytes(33), right.ljust(PROOF, b"\0")))
    for wrong in (
        b"\x60\x0f" + (STATEMENT.least - 1).to_bytes(8, "big"),
        b"\x60\x0e" + STATEMENT.least.to_bytes(8, "big"),
        b"\x61\x0f" + STATEMENT.least.to_bytes(8, "big"),
        b"\x40\x0f" + STATEMENT.least.to_bytes(8, "big"),
    ):
        with pytest.raises(VerificationError) as refusal:
            STATEMENT.require_header(RangeProof(bytes(33), wrong.ljust(PROOF, b"\0")))
        assert refusal.value.code == "range_proof_invalid"


def test_the_context_binds_receipt_and_commitment() -> None:
    contexts = {
        Statement(39_000, bound).context(commitment)
        for bound in (BOUND, bytes(32))
        for commitment in (bytes(33), b"\x01" * 33)
    }
    assert len(contexts) == 4
