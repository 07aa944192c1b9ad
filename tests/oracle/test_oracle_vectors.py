"""An implementation of the specification alone comes to the verdicts that the vectors state, at the same steps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from adyton.client.certificate import CertificatePolicy, verify_certificate
from adyton.core import limits
from adyton.core.errors import Error
from tests.oracle.conftest import PYTHON, ROOT, Oracle

VECTORS: list[dict[str, Any]] = json.loads(
    (ROOT / "docs/spec/vectors/certificate.json").read_text()
)
RUNS = [vector for vector in VECTORS if vector["function"] == "verify_certificate"]
RECEIPTS = [vector for vector in VECTORS if vector["function"] == "verify_notary_receipt"]

CALLS = [
    vector
    for vector in json.loads((ROOT / "docs/spec/vectors/contract.json").read_text())
    if vector["function"] == "verify_contract_receipt"
]

WALLETS = [
    vector
    for vector in json.loads((ROOT / "docs/spec/vectors/wallet.json").read_text())
    if vector["function"] == "verify_wallet_receipt"
]

VERDICTS = [
    vector
    for vector in json.loads((ROOT / "docs/spec/vectors/identity.json").read_text())
    if vector["function"] == "verify_identity_receipt"
]
# What only a library for range proofs tells; the oracle says that it has not checked it.
UNCHECKED = {"a proof of another verdict", "a proof that does not hold"}


def test_the_package_is_not_in_its_environment(oracle: Oracle) -> None:
    done = subprocess.run([PYTHON, "-c", "import adyton"], capture_output=True, text=True, env={})
    assert "No module named 'adyton'" in done.stderr


def test_it_imports_nothing_of_the_package() -> None:
    for file in (ROOT / "oracle").glob("*.py"):
        assert "import adyton" not in file.read_text()
        assert "from adyton" not in file.read_text()


def policy_of(given: dict[str, Any]) -> dict[str, Any]:
    named = {
        "fingerprint": given["fingerprints"],
        "now_ms": given["now_ms"],
        "age_ms": given.get("max_evidence_age_ms"),
    }
    optional = {"allow_simulated", "least_ordering", "allow_stale"}
    return named | {name: given[name] for name in optional & set(given)}


@pytest.mark.parametrize("vector", RUNS, ids=[vector["name"] for vector in RUNS])
def test_a_vector(oracle: Oracle, tmp_path: Path, vector: dict[str, Any]) -> None:
    file = tmp_path / "certificate"
    file.write_bytes(bytes.fromhex(vector["given"]["certificate"]))
    result = oracle.verify(file, **policy_of(vector["given"]))
    assert (result.failed, bool(result.reason)) == (vector.get("step", 0), "refused" in vector)
    if "gives" in vector:
        closed = [name for name in FIELDS if name not in result.shown]
        assert closed == vector["gives"]["closed"]


@pytest.mark.parametrize("vector", RECEIPTS, ids=[vector["name"] for vector in RECEIPTS])
def test_a_vector_of_a_receipt(oracle: Oracle, tmp_path: Path, vector: dict[str, Any]) -> None:
    given = vector["given"]
    file = tmp_path / "receipt"
    file.write_bytes(bytes.fromhex(given["receipt"]))
    result = oracle.verify(file, content=given["content"], **policy_of(given))
    assert (result.failed, bool(result.reason)) == (vector.get("step", 0), "refused" in vector)


@pytest.mark.parametrize(
    "vector", [*CALLS, *WALLETS], ids=[vector["name"] for vector in [*CALLS, *WALLETS]]
)
def test_a_vector_of_a_call_or_a_wallet(
    oracle: Oracle, tmp_path: Path, vector: dict[str, Any]
) -> None:
    given = vector["given"]
    file = tmp_path / "receipt"
    file.write_bytes(bytes.fromhex(given["receipt"]))
    result = oracle.verify(file, **policy_of(given))
    assert (result.failed, bool(result.reason)) == (vector.get("step", 0), "refused" in vector)
    if "gives" in vector:
        assert sorted(result.shown) == sorted(vector["gives"]["shown"])


@pytest.mark.parametrize("vector", VERDICTS, ids=[vector["name"] for vector in VERDICTS])
def test_a_vector_of_a_verdict(oracle: Oracle, tmp_path: Path, vector: dict[str, Any]) -> None:
    given = vector["given"]
    file = tmp_path / "receipt"
    file.write_bytes(bytes.fromhex(given["receipt"]))
    result = oracle.verify(file, **policy_of(given))
    if vector["name"] in UNCHECKED:
        assert (vector["step"], result.failed) == (8, 0)
        return
    assert (result.failed, bool(result.reason)) == (vector.get("step", 0), "refused" in vector)
    if "gives" in vector:
        assert sorted(result.shown) == sorted(vector["gives"]["shown"])


FIELDS = (
    "code", "inputs", "arguments", "stdin", "limits", "exit_code", "stdout", "stderr", "outputs",
    "run_info",
)  # fmt: skip


def ours(data: bytes, given: dict[str, Any]) -> str:
    """Return the code with which our own verifier refuses, or an empty text."""
    policy = CertificatePolicy(
        fingerprints=frozenset(map(bytes.fromhex, given["fingerprints"])),
        kinds=frozenset(("simulated",)),
        allow_simulated=True,
        least_ordering="single-host",
        max_evidence_age_ms=limits.EVIDENCE_AGE_S * 1000,
        allow_stale=False,
    )
    try:
        verify_certificate(data, policy=policy, now_ms=given["now_ms"])
    except Error as problem:
        return problem.code
    return ""


def test_both_refuse_flipped_bits(oracle: Oracle, tmp_path: Path) -> None:
    """A bit flipped all over a certificate: neither verifier accepts any."""
    given = RUNS[0]["given"]
    whole = bytes.fromhex(given["certificate"])
    file = tmp_path / "flipped"
    for at in range(0, len(whole), 11):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        file.write_bytes(flipped)
        result = oracle.verify(file, **policy_of(given))
        assert (bool(result.reason), bool(ours(bytes(flipped), given))) == (True, True), at


def test_both_refuse_what_is_cut_off_or_longer(oracle: Oracle, tmp_path: Path) -> None:
    given = RUNS[0]["given"]
    whole = bytes.fromhex(given["certificate"])
    file = tmp_path / "changed"
    for changed in (
        b"",
        whole[:1],
        whole[: len(whole) // 2],
        whole[:-1],
        whole + b"\x00",
        b"\xff" * 99,
    ):
        file.write_bytes(changed)
        assert oracle.verify(file, **policy_of(given)).failed == 1
        assert ours(changed, given) in ("malformed", "too_large")
