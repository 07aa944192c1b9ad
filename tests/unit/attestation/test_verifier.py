"""Appraisal of one role's evidence: accepted as a whole, refused for every part that is wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.attestation.verifier import AttestationResult, appraise
from adyton.core import limits
from adyton.core.errors import EvidenceError, MalformedError, UsageError
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.simulated_tee import make_device as make_device_directory
from adyton.host.simulated_tee import open_device
from adyton.protocol.evidence import EvidenceBundle
from tests.unit.attestation.forge import (
    MEASUREMENT,
    NONCE,
    NOW_MS,
    NOW_S,
    good_device,
    make_attested,
    make_bundle,
    make_device,
    make_genesis,
)

ACCEPTED = ReferenceValues.of(MEASUREMENT)
HOUR_MS = 3600 * 1000


def judge(bundle: EvidenceBundle, **changes: Any) -> AttestationResult:
    arguments: dict[str, Any] = {
        "reference_values": ACCEPTED,
        "policy": good_device().policy,
        "nonce": NONCE,
        "now_ms": NOW_MS,
    }
    return appraise(bundle, **{**arguments, **changes})


def refused(bundle: EvidenceBundle, code: str, step: int, **changes: Any) -> str:
    with pytest.raises(EvidenceError) as raised:
        judge(bundle, **changes)
    assert (raised.value.code, raised.value.step) == (code, step), raised.value
    return raised.value.reason


# --- what is accepted ---------------------------------------------------------------------------


def test_the_platforms_own_evidence_is_accepted(tmp_path: Path) -> None:
    make_device_directory(tmp_path / "device")
    descriptor = open_device(tmp_path / "device")
    platform = open_simulated(descriptor, MEASUREMENT)
    root = platform.simulated_root
    assert root is not None
    attested = make_attested("recorder", make_genesis(good_device(), simulated_root=root))
    evidence, endorsements = platform.evidence(attested.report_data(NONCE), NONCE)
    now_ms = time.time_ns() // 1_000_000
    result = judge(
        EvidenceBundle(attested, NONCE, evidence, endorsements),
        policy=AppraisalPolicy(allow_simulated=True, simulated_root=root),
        now_ms=now_ms,
    )
    assert result.measurement == MEASUREMENT
    assert result.attested == attested
    assert abs(result.issued_ms - now_ms) < 60_000
    assert (result.kind, result.hardware_rooted, result.verdict) == (
        "simulated",
        False,
        "simulated",
    )


def test_the_forge_makes_what_is_accepted() -> None:
    assert judge(make_bundle()).issued_ms == NOW_MS


def test_evidence_of_record_is_judged_by_its_own_nonce() -> None:
    own = make_bundle(NONCE=b"made at start")
    assert judge(own, nonce=None).issued_ms == NOW_MS
    refused(own, "evidence_binding", 5)


@pytest.mark.parametrize("age_ms", [-limits.CLOCK_SKEW_MS, 0, limits.EVIDENCE_AGE_S * 1000])
def test_evidence_is_accepted_within_its_age(age_ms: int) -> None:
    assert not judge(make_bundle(), now_ms=NOW_MS + age_ms).stale


@pytest.mark.parametrize(("later_ms", "stale"), [(0, False), (1, True), (-23 * 3600 * 1000, False)])
def test_historic_evidence_is_stale_after_a_day_to_the_millisecond(
    later_ms: int, stale: bool
) -> None:
    historic = replace(good_device().policy, max_age_s=None)
    bundle = make_bundle()
    issued_ms = judge(bundle, policy=historic, nonce=None).issued_ms
    now_ms = issued_ms + limits.EVIDENCE_AGE_S * 1000 + later_ms
    assert judge(bundle, policy=historic, nonce=None, now_ms=now_ms).stale is stale


def test_historic_evidence_is_accepted_and_called_stale() -> None:
    historic = replace(good_device().policy, max_age_s=None)
    for years in (1, 20):  # before and after its certificates expire
        now_ms = NOW_MS + years * 366 * 24 * HOUR_MS
        assert judge(make_bundle(), policy=historic, nonce=None, now_ms=now_ms).stale
        # An answer to a challenge is never historic.
        refused(make_bundle(), "evidence_stale", 5, policy=historic, now_ms=now_ms)
    assert not judge(make_bundle(), policy=historic, nonce=None).stale


def test_the_verdict_is_one_word() -> None:
    simulated_result = judge(make_bundle())
    hardware = replace(simulated_result, hardware_rooted=True)
    assert simulated_result.verdict == "simulated"
    assert replace(simulated_result, stale=True).verdict == "simulated"
    assert hardware.verdict == "hardware"
    assert replace(hardware, stale=True).verdict == "stale"


# --- step 1: the policy -------------------------------------------------------------------------


def test_the_default_policy_refuses_the_simulated_platform() -> None:
    refused(make_bundle(), "simulated_refused", 1, policy=AppraisalPolicy())


def test_flag_and_root_are_both_needed() -> None:
    for half in (
        AppraisalPolicy(allow_simulated=True),
        AppraisalPolicy(simulated_root=good_device().pin),
    ):
        refused(make_bundle(), "simulated_refused", 1, policy=half)


def test_a_refused_kind_is_not_even_parsed() -> None:
    garbage = replace(make_bundle(), evidence=b"\xff", endorsements=())
    refused(garbage, "simulated_refused", 1, policy=AppraisalPolicy())


def test_an_unknown_kind_is_refused() -> None:
    # A peer's message cannot hold such a kind; a value made in this process can.
    bundle = make_bundle()
    strange = replace(bundle, attested=replace(bundle.attested, kind="sgx"))
    refused(strange, "evidence_kind", 1)


# --- step 5: freshness --------------------------------------------------------------------------


def test_another_nonce_is_refused() -> None:
    refused(make_bundle(), "evidence_binding", 5, nonce=b"\x00" * 32)
    shown = replace(make_bundle(), nonce=b"\x00" * 32)
    refused(shown, "evidence_binding", 5, nonce=b"\x00" * 32)
    refused(shown, "evidence_binding", 5, nonce=None)


@pytest.mark.parametrize("nonce", [NONCE, None])
def test_old_and_future_evidence_is_refused(nonce: bytes | None) -> None:
    old = NOW_MS + limits.EVIDENCE_AGE_S * 1000 + 1
    refused(make_bundle(), "evidence_stale", 5, nonce=nonce, now_ms=old)
    early = NOW_MS - limits.CLOCK_SKEW_MS - 1
    refused(make_bundle(), "evidence_stale", 5, nonce=nonce, now_ms=early)
    policy = replace(good_device().policy, max_age_s=10)
    refused(make_bundle(), "evidence_stale", 5, nonce=nonce, policy=policy, now_ms=NOW_MS + 10_001)


def test_expired_certificates_are_refused() -> None:
    short = make_device(leaf={"days": 1})  # until NOW_S
    bundle = make_bundle(device=short)
    assert judge(bundle, policy=short.policy).issued_ms == NOW_MS
    reason = refused(bundle, "evidence_stale", 5, policy=short.policy, now_ms=NOW_MS + 1)
    assert "expired" in reason


@pytest.mark.parametrize("issued", [NOW_S - 2 * 24 * 3600, 0])
def test_evidence_from_before_its_certificates_is_refused(issued: int) -> None:
    policy = replace(good_device().policy, max_age_s=None)
    refused(make_bundle(IAT=issued), "evidence_stale", 5, policy=policy, nonce=None)


# --- steps 6 to 8 -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"signing_key": b"\x09" * 32},
        {"hpke_key": b"\x09" * 32},
        {"hpke_key": None},
        {"chain_id": b"\x09" * 32},
        {"config_digest": b"\x09" * 32},
        {"role": "runner"},
        {"incarnation": 1},
        {"sandbox": "none"},
    ],
)
def test_what_was_not_bound_is_refused(change: dict[str, Any]) -> None:
    bundle = make_bundle()
    refused(replace(bundle, attested=replace(bundle.attested, **change)), "evidence_binding", 6)


def test_a_claim_of_another_kind_is_refused() -> None:
    refused(make_bundle(PLATFORM_KIND="sgx"), "evidence_kind", 7)


@pytest.mark.parametrize("state", [1, 2, 3, 4])
def test_a_simulated_platform_never_claims_to_be_closed(state: int) -> None:
    refused(make_bundle(DBGSTAT=state), "evidence_debug", 7)


def test_another_measurement_is_refused() -> None:
    refused(make_bundle(MEASUREMENT=b"\x4e" * 48), "evidence_measurement", 8)
    refused(make_bundle(), "evidence_measurement", 8, reference_values=ReferenceValues.of())


def test_a_security_version_below_the_least_is_refused() -> None:
    policy = replace(good_device().policy, least_svn=2)
    refused(make_bundle(), "evidence_measurement", 8, policy=policy)
    assert judge(make_bundle(SVN=2), policy=policy).measurement == MEASUREMENT


# --- everything at once -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # one of the flips
def test_every_single_bit_flip_is_refused() -> None:
    encoded = make_bundle().encode()
    judge(EvidenceBundle.decode(encoded), nonce=None)
    historic = replace(good_device().policy, max_age_s=None)
    for position in range(len(encoded) * 8):
        flipped = bytearray(encoded)
        flipped[position // 8] ^= 1 << position % 8
        # The most that a caller can leave open: no challenge, no age.
        with pytest.raises((MalformedError, EvidenceError)):
            judge(EvidenceBundle.decode(bytes(flipped)), nonce=None, policy=historic)


def test_the_platform_signs_only_what_has_the_right_size(tmp_path: Path) -> None:
    make_device_directory(tmp_path / "device")
    platform = open_simulated(open_device(tmp_path / "device"), MEASUREMENT)
    for report_data, nonce in ((bytes(63), NONCE), (bytes(64), bytes(7)), (bytes(64), bytes(33))):
        with pytest.raises(UsageError):
            platform.evidence(report_data, nonce)
