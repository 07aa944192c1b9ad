"""Range proofs, made by one library and checked by another; and the fixed vectors of the first, by the second."""

import ctypes
import importlib.util
import sys
import types
from functools import cache

import pytest
from ecc.ecc import pedersen, rangeproof
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.client.range_check import verify_range_proof
from adyton.core.errors import InvariantError, PolicyError, UsageError, VerificationError
from adyton.enclave import range_prover
from adyton.enclave.range_prover import RangeProver, is_available
from adyton.protocol.credentials.age import day_number
from adyton.protocol.credentials.range_proof import (
    FARTHEST_DAY,
    PROOF,
    SPAN,
    RangeProof,
    Statement,
    nonce,
    witness,
)
from tests.identity_vectors import load

SECRET = b"\x21" * 32
BOUND = b"\x31" * 32
CUTOFF = day_number(2008, 11, 21)
STATEMENT = Statement(CUTOFF, BOUND)
BIRTH = day_number(2000, 2, 29)


@cache
def prover() -> RangeProver:
    return RangeProver(b"\x41" * 32)


@cache
def proven(birth_day: int = BIRTH) -> RangeProof:
    return prover().prove(SECRET, STATEMENT, birth_day)


def refused(proof: RangeProof, statement: Statement = STATEMENT) -> None:
    with pytest.raises(VerificationError) as refusal:
        verify_range_proof(proof, statement)
    assert refusal.value.code == "range_proof_invalid"


@pytest.mark.parametrize("birth_day", [BIRTH, 0, CUTOFF, CUTOFF - SPAN + 1])
def test_a_proof_is_checked_by_another_library(birth_day: int) -> None:
    made = proven(birth_day)
    verify_range_proof(made, STATEMENT)
    assert len(made.proof) == PROOF
    assert RangeProof.decode(made.encode()) == made


@pytest.mark.parametrize("cutoff", [0, 1, -FARTHEST_DAY, FARTHEST_DAY])
def test_the_range_to_its_ends(cutoff: int) -> None:
    statement = Statement(cutoff, BOUND)
    for birth_day in (cutoff - SPAN + 1, cutoff):
        verify_range_proof(prover().prove(SECRET, statement, birth_day), statement)


@settings(max_examples=4, deadline=None)
@given(st.integers(-FARTHEST_DAY, FARTHEST_DAY), st.integers(0, SPAN - 1))
def test_any_cutoff_and_birthday(cutoff: int, before: int) -> None:
    statement = Statement(cutoff, BOUND)
    made = prover().prove(SECRET, statement, cutoff - before)
    verify_range_proof(made, statement)


@given(st.integers(CUTOFF - SPAN + 1, CUTOFF))
def test_size_and_shape_say_nothing_of_the_birthday(birth_day: int) -> None:
    made = prover().prove(SECRET, STATEMENT, birth_day)
    assert len(made.encode()) == len(proven().encode())
    assert made.proof[:10] == proven().proof[:10]


def test_replicas_make_the_same_bytes_however_they_are_blinded() -> None:
    assert RangeProver(bytes(32)).prove(SECRET, STATEMENT, BIRTH) == proven()
    assert prover().prove(bytes(32), STATEMENT, BIRTH).commitment != proven().commitment


def test_an_underage_holder_has_no_proof() -> None:
    for birth_day in (CUTOFF + 1, CUTOFF + 365, 2**20, CUTOFF - SPAN):
        with pytest.raises(PolicyError) as refusal:
            prover().prove(SECRET, STATEMENT, birth_day)
        assert refusal.value.code == "range_unmet"


def test_the_library_itself_refuses_what_is_not_true(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check before it could be missing, and there would still be no proof."""
    hidden = witness(SECRET, Statement(FARTHEST_DAY, BOUND), CUTOFF + 1)
    monkeypatch.setattr(range_prover, "witness", lambda *_: hidden)
    with pytest.raises(InvariantError, match="could not be proven"):
        prover().prove(SECRET, STATEMENT, CUTOFF + 1)


def test_another_receipt_is_refused() -> None:
    refused(proven(), Statement(CUTOFF, BOUND[:-1] + b"\x30"))


@pytest.mark.parametrize("cutoff", [CUTOFF - 1, CUTOFF + 1, 0, FARTHEST_DAY])
def test_another_cutoff_is_refused(cutoff: int) -> None:
    refused(proven(), Statement(cutoff, BOUND))


def test_a_proof_that_says_another_cutoff_is_refused_though_it_holds() -> None:
    late = Statement(CUTOFF + 6570, BOUND)
    made = prover().prove(SECRET, late, CUTOFF + 100)
    verify_range_proof(made, late)
    refused(made)
    # With the policy's header on it, the proof is no longer the one that was made.
    refused(RangeProof(made.commitment, proven().proof[:10] + made.proof[10:]))


def test_another_commitment_is_refused() -> None:
    refused(RangeProof(proven(BIRTH + 1).commitment, proven().proof))
    other = prover().prove(bytes(32), STATEMENT, BIRTH).commitment
    refused(RangeProof(other, proven().proof))


@pytest.mark.parametrize("commitment", [bytes(33), b"\x08" + b"\xff" * 32, b"\x02" + b"\x01" * 32])
def test_what_is_no_commitment_is_refused(commitment: bytes) -> None:
    refused(RangeProof(commitment, proven().proof))


@pytest.mark.parametrize("place", [0, 1, 9, 10, 11, 12, 500, 700, PROOF - 33, PROOF - 1])
@pytest.mark.parametrize("bit", [0x01, 0x80])
def test_an_altered_byte_is_refused(place: int, bit: int) -> None:
    proof = proven().proof
    refused(
        RangeProof(
            proven().commitment, proof[:place] + bytes((proof[place] ^ bit,)) + proof[place + 1 :]
        )
    )


@pytest.mark.parametrize("filling", [b"\x00", b"\xff"])
def test_a_proof_of_nothing_is_refused(filling: bytes) -> None:
    refused(RangeProof(proven().commitment, proven().proof[:10].ljust(PROOF, filling)))


def test_the_second_library_makes_the_same_bytes() -> None:
    hidden = witness(SECRET, STATEMENT, BIRTH)
    made = rangeproof.sign(
        hidden.blinding,
        hidden.value,
        nonce(SECRET, STATEMENT, hidden, proven().commitment),
        pedersen.second_generator(),
        min_value=STATEMENT.least,
        min_bits=16,
        extra_commit=STATEMENT.context(proven().commitment),
    )
    assert made.serialize() == proven().proof


# --- the fixed vectors of secp256k1-zkp -----------------------------------------------------------


def _most(text: str) -> int:
    return 2**64 - 1 if text == "UINT64_MAX" else int(text)


def test_published_proofs_hold_by_the_checking_library() -> None:
    vectors = load("rangeproof", "secp256k1-zkp.json")
    for case in vectors:
        commitment = pedersen.commitment_from_octets_var(bytes.fromhex(case["commit"]))
        proof = bytes.fromhex(case["proof"])
        generator = pedersen.second_generator()
        assert rangeproof.verify(commitment, proof, generator), case["name"]
        assert not rangeproof.verify(commitment, proof, generator, extra_commit=b"x")
        if "min" in case:
            parsed = rangeproof.RangeProof.parse(proof)
            assert (parsed.min_value or 0) == _most(case["min"]), case["name"]
            assert parsed.max_value == _most(case["max"]), case["name"]


def test_published_proofs_hold_by_the_making_library() -> None:
    """That the functions of the wheel are secp256k1-zkp's, with the prototypes that we give them."""
    spec = importlib.util.find_spec("_wallycore")
    assert spec is not None
    assert spec.origin is not None
    library = ctypes.CDLL(spec.origin)
    library.secp256k1_context_create.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.secp256k1_context_create(1))
    generator = ctypes.c_void_p.in_dll(library, "secp256k1_generator_h")
    for case in load("rangeproof", "secp256k1-zkp.json"):
        parsed = ctypes.create_string_buffer(64)
        least, most = ctypes.c_uint64(), ctypes.c_uint64()
        proof = bytes.fromhex(case["proof"])
        assert library.secp256k1_pedersen_commitment_parse(
            context, parsed, bytes.fromhex(case["commit"])
        )
        assert library.secp256k1_rangeproof_verify(
            context, ctypes.byref(least), ctypes.byref(most), parsed, proof,
            ctypes.c_size_t(len(proof)), b"", ctypes.c_size_t(0), generator,
        ), case["name"]  # fmt: skip
        if "min" in case:
            assert (least.value, most.value) == (_most(case["min"]), _most(case["max"]))


# --- libraries that are absent or others ----------------------------------------------------------


def test_without_the_extra_the_enclave_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_available()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not is_available()
    with pytest.raises(UsageError, match="build the image with it") as refusal:
        RangeProver(bytes(32))
    assert refusal.value.code == "zk_unavailable"


def test_without_the_extra_the_client_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ecc.ecc.rangeproof", None)
    with pytest.raises(UsageError, match=r"adyton\[zk\]") as refusal:
        verify_range_proof(proven(), STATEMENT)
    assert refusal.value.code == "zk_unavailable"


def test_a_library_without_the_functions_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = types.SimpleNamespace(origin=_any_library())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: other)
    with pytest.raises(InvariantError, match="does not export"):
        RangeProver(bytes(32))


def _any_library() -> str:
    return str(importlib.import_module("_cffi_backend").__file__)


def test_a_library_that_makes_other_proofs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_prover, "_KNOWN", "00" * 32)
    with pytest.raises(InvariantError, match="other proofs"):
        RangeProver(bytes(32))


def test_masking_is_32_bytes() -> None:
    with pytest.raises(InvariantError, match="blinded"):
        RangeProver(b"")
