"""Range proofs: the statement, and what its secrets depend on."""

import hashlib
import hmac
import itertools

import pytest

from adyton.core.errors import CredentialError, MalformedError, PolicyError, VerificationError
from adyton.protocol.credentials.age import (
    AgePolicy,
    birth_day,
    cutoff_day,
    date_of,
    require_age,
)
from adyton.protocol.credentials.range_proof import (
    FARTHEST_DAY,
    PROOF,
    SPAN,
    TOP,
    RangeProof,
    Statement,
    Witness,
    nonce,
    witness,
)
from adyton.protocol.credentials.strict_json import Object
from tests.credential_kit import NOW

SECRET = b"\x21" * 32
BOUND = b"\x31" * 32
CUTOFF = 14_000  # in 2008
STATEMENT = Statement(CUTOFF, BOUND)


def test_the_cutoff_day_itself_satisfies_and_the_next_does_not() -> None:
    assert witness(SECRET, STATEMENT, CUTOFF).value == TOP - CUTOFF == STATEMENT.least
    assert witness(SECRET, STATEMENT, CUTOFF - SPAN + 1).value == STATEMENT.least + SPAN - 1
    for wrong in (CUTOFF + 1, CUTOFF + 20_000, CUTOFF - SPAN, -(2**40), 2**40):
        with pytest.raises(PolicyError) as refusal:
            witness(SECRET, STATEMENT, wrong)
        assert refusal.value.code == "range_unmet"
        assert str(wrong) not in str(refusal.value)


def test_days_are_those_of_the_age() -> None:
    """One comparison decides, with a proof or without."""
    policy = AgePolicy(18, "1mar", 60)
    for now_s in (
        NOW,
        0,
        1_709_164_800,
        1_709_251_200,
    ):  # the last two: 29 February and 1 March 2024
        statement = Statement(cutoff_day(policy, now_s), BOUND)
        for shift in range(-3, 4):
            year, month, day = date_of(statement.cutoff_day + shift)
            claims: Object = {"birthdate": f"{year:04}-{month:02}-{day:02}"}
            try:
                require_age(claims, policy, now_s)
                is_old_enough = True
            except CredentialError:
                is_old_enough = False
            try:
                witness(SECRET, statement, birth_day(claims, policy, now_s))
                is_provable = True
            except PolicyError:
                is_provable = False
            assert is_old_enough == is_provable == (shift <= 0)


def test_a_cutoff_centuries_away_is_refused() -> None:
    for cutoff in (FARTHEST_DAY, -FARTHEST_DAY):
        assert Statement(cutoff, BOUND).least == TOP - cutoff
    for cutoff in (FARTHEST_DAY + 1, -FARTHEST_DAY - 1):
        with pytest.raises(MalformedError, match="cutoff"):
            Statement(cutoff, BOUND)


def test_blinding_and_nonce_never_repeat() -> None:
    """One nonce under two contexts would tell the birthday; one r for two, their difference."""
    cases = list(
        itertools.product(
            (SECRET, bytes(32)), (CUTOFF - 1000, CUTOFF), (BOUND, bytes(32)), (0, -1, 10_000)
        )
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


def hkdf(size: int, context: bytes, *parts: bytes) -> bytes:
    """HKDF as RFC 5869 has it, with the specification's lengths before context and parts."""
    info = b"".join(len(part).to_bytes(4, "big") + part for part in (context, *parts))
    key = hmac.digest(bytes(32), SECRET, "sha256")
    made, block = b"", b""
    while len(made) < size:
        block = hmac.digest(key, block + info + bytes((len(made) // 32 + 1,)), "sha256")
        made += block
    return made[:size]


def test_secrets_are_those_of_the_specification() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    for born in (10_000, -10_000, CUTOFF):
        least, x = ((2**20 - day).to_bytes(8, "big") for day in (CUTOFF, born))
        drawn = hkdf(48, b"adyton/1/kdf/range-blinding", BOUND, least, x)
        blinding = 1 + int.from_bytes(drawn, "big") % (order - 1)
        made = witness(SECRET, STATEMENT, born)
        assert made.blinding == blinding.to_bytes(32, "big")
        commitment = b"\x08" + bytes(range(32))
        prefixed = [b"adyton/1/hash/range-statement", BOUND, commitment]
        joined = b"".join(len(part).to_bytes(4, "big") + part for part in prefixed)
        context = hashlib.sha256(joined).digest()
        assert STATEMENT.context(commitment) == context
        seed = hkdf(32, b"adyton/1/kdf/range-nonce", context, commitment, least, x)
        assert nonce(SECRET, STATEMENT, made, commitment) == seed


def test_replicas_agree() -> None:
    one = witness(SECRET, STATEMENT, 10_000)
    assert one == witness(SECRET, Statement(CUTOFF, BOUND), 10_000)
    assert nonce(SECRET, STATEMENT, one, bytes(33)) == nonce(SECRET, STATEMENT, one, bytes(33))
    assert len(one.blinding) == 32
    assert int.from_bytes(one.blinding, "big") > 0


def test_secrets_are_not_shown() -> None:
    assert repr(Witness(TOP - 10_000, b"\x01" * 32)) == "<Witness>"


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
        Statement(CUTOFF, bound).context(commitment)
        for bound in (BOUND, bytes(32))
        for commitment in (bytes(33), b"\x01" * 33)
    }
    assert len(contexts) == 4
