"""Signatures: deterministic, low s, recovered before they are given out, and nothing else accepted."""

import hashlib
import mmap

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import InvariantError, MalformedError, UsageError, VerificationError
from adyton.protocol.ethereum.signature import (
    HALF_ORDER,
    ORDER,
    Signature,
    public_key,
    recover,
    sign,
)
from tests.wallet_vectors import cases, unhex

SECRET = bytes(range(1, 33))
PUBLIC = public_key(SECRET)
DIGEST = hashlib.sha256(b"digest").digest()
SECRETS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
DIGESTS = st.binary(min_size=32, max_size=32)


@given(SECRETS, DIGESTS)
def test_signatures_verify_and_recover(secret: bytes, digest: bytes) -> None:
    public = public_key(secret)
    made = sign(digest, secret, public)
    assert recover(digest, made) == public
    assert made.s <= HALF_ORDER
    assert Signature.from_bytes(made.to_bytes()) == made
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256K1(), public)
    der = encode_dss_signature(made.r, made.s)
    key.verify(der, digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    with pytest.raises(InvalidSignature):
        key.verify(der, hashlib.sha256(digest).digest(), ec.ECDSA(Prehashed(hashes.SHA256())))
    assert sign(digest, secret, public) == made


def test_the_key_may_lie_in_memory_that_is_not_copied() -> None:
    with mmap.mmap(-1, 4096) as memory:
        memory[100:132] = SECRET
        with memoryview(memory) as whole, whole[100:132] as view:
            assert public_key(view) == PUBLIC
            assert sign(DIGEST, view, PUBLIC) == sign(DIGEST, SECRET, PUBLIC)
    assert sign(DIGEST, bytearray(SECRET), PUBLIC) == sign(DIGEST, SECRET, PUBLIC)


def test_a_signature_of_another_key_is_not_given_out() -> None:
    other = public_key(bytes(31) + b"\x05")
    with pytest.raises(InvariantError, match="does not recover"):
        sign(DIGEST, SECRET, other)
    with pytest.raises(InvariantError, match="does not recover"):
        sign(DIGEST, SECRET, PUBLIC[:-1])


@pytest.mark.parametrize(
    "secret", [b"", bytes(32), bytes(31), bytes(33), ORDER.to_bytes(32, "big"), b"\xff" * 32]
)
def test_what_is_no_key(secret: bytes) -> None:
    with pytest.raises(UsageError, match="private key"):
        public_key(secret)
    with pytest.raises(UsageError, match="private key"):
        sign(DIGEST, secret, PUBLIC)


def test_a_digest_has_32_bytes() -> None:
    for digest in (b"", bytes(31), bytes(33)):
        with pytest.raises(InvariantError, match="32 bytes"):
            sign(digest, SECRET, PUBLIC)
        with pytest.raises(InvariantError, match="32 bytes"):
            recover(digest, sign(DIGEST, SECRET, PUBLIC))


@pytest.mark.parametrize(
    ("r", "s", "parity"),
    [
        *((0, 1, 0), (1, 0, 0), (ORDER, 1, 0), (1, ORDER, 0), (1, HALF_ORDER + 1, 0)),
        *((-1, 1, 0), (1, 1, 2), (1, 1, -1)),
    ],
)
def test_values_outside_of_their_ranges(r: int, s: int, parity: int) -> None:
    with pytest.raises(MalformedError):
        Signature(r, s, parity)


def test_the_other_form_of_a_signature_is_refused() -> None:
    made = sign(DIGEST, SECRET, PUBLIC)
    with pytest.raises(MalformedError, match="half"):
        Signature(made.r, ORDER - made.s, 1 - made.y_parity)


def test_forms_of_v() -> None:
    made = sign(DIGEST, SECRET, PUBLIC)
    assert made.v(4) == 43 + made.y_parity
    assert made.to_bytes()[64] == 27 + made.y_parity
    for wrong in (b"", made.compact(), made.compact() + b"\0", made.to_bytes() + b"\0"):
        with pytest.raises(MalformedError, match="65 bytes"):
            Signature.from_bytes(wrong)
    with pytest.raises(MalformedError, match="65 bytes"):
        Signature.from_bytes(made.compact() + b"\x1d")


def test_what_no_key_has_signed() -> None:
    with pytest.raises(VerificationError) as refusal:
        recover(DIGEST, Signature(5, 5, 0))  # 5 is no x of a point
    assert refusal.value.code == "bad_signature"


def test_wycheproof() -> None:
    """Recovery finds the key where a signature is valid, and nowhere else."""
    valid = invalid = 0
    for case in cases("wycheproof-ecdsa_secp256k1_sha256_bitcoin"):
        digest = hashlib.sha256(unhex(case["msg"])).digest()
        found = _keys(digest, unhex(case["sig"]))
        matches = unhex(case["publicKey"]) in found
        if case["comment"] == "k*G has a large x-coordinate" and case["result"] == "valid":
            # A nonce point past the order, one of 2^127: Ethereum's parity cannot name it.
            assert not matches
            continue
        assert matches == (case["result"] == "valid"), case["tcId"]
        valid += matches
        invalid += not matches
    assert (valid, invalid) == (161, 301)


def test_points_of_key_agreement() -> None:
    """Recovery multiplies points: over a digest of zeros, r = x of Q and s = d r give the key d Q."""
    agreed = 0
    for case in cases("wycheproof-ecdh_secp256k1"):
        if case["result"] != "valid":
            continue
        point, secret = unhex(case["public"])[-65:], int(case["private"], 16)
        x, y = int.from_bytes(point[1:33], "big"), point[64] & 1
        if x >= ORDER:  # Ethereum's parity cannot name such a point
            continue
        s = secret * x % ORDER
        found = recover(bytes(32), Signature(x, min(s, ORDER - s), y))
        assert found[1:33] == unhex(case["shared"]), case["tcId"]
        agreed += 1
    assert agreed == 225


def _keys(digest: bytes, der: bytes) -> list[bytes]:
    """Return the keys that may have made a signature in strict DER with low s."""
    try:
        r, s = decode_dss_signature(der)
    except ValueError:
        return []
    if min(r, s) < 0 or encode_dss_signature(r, s) != der:
        return []
    found = []
    for parity in (0, 1):
        try:
            found.append(recover(digest, Signature(r, s, parity)))
        except (MalformedError, VerificationError):
            continue
    return found
