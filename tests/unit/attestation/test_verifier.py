"""Appraisal of one role's evidence: accepted as a whole, refused for every part that is wrong."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given
from hypothesis import strategies as st

from adyton.attestation.formats import simulated
from adyton.attestation.policy import AppraisalPolicy, ReferenceValues
from adyton.attestation.verifier import AttestationResult, appraise
from adyton.core import limits
from adyton.core.cose import ALG, CONTENT_TYPE, X5CHAIN
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import EvidenceError, MalformedError, UsageError
from adyton.enclave.platform.simulated import open_simulated
from adyton.host.simulated_tee import make_device as make_device_directory
from adyton.host.simulated_tee import open_device
from adyton.protocol.evidence import EvidenceBundle
from tests.unit.attestation.forge import (
    BEGIN,
    MEASUREMENT,
    NONCE,
    NOW_MS,
    NOW_S,
    Device,
    certificate,
    claims_for,
    cwt,
    ed25519,
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


# --- step 2: form -------------------------------------------------------------------------------


def signed(device: Device | None = None, **arguments: Any) -> EvidenceBundle:
    """Return evidence with other headers or claims, properly signed."""
    device = device or good_device()
    attested = make_attested("recorder", make_genesis(device))
    claims = arguments.pop("claims", None) or claims_for(attested, device)
    return EvidenceBundle(attested, NONCE, cwt(claims, device, **arguments), (device.root,))


def with_claims(**extra: Any) -> dict[Any, Any]:
    device = good_device()
    return {
        **claims_for(make_attested("recorder", make_genesis(device)), device),
        **{(int(name[1:]) if name[0] == "k" else name): value for name, value in extra.items()},
    }


def without(claim: int) -> dict[Any, Any]:
    return {name: value for name, value in with_claims().items() if name != claim}


ALL_CLAIMS = sorted(
    claims_for(make_attested("recorder", make_genesis(good_device())), good_device())
)


@pytest.mark.parametrize("claim", ALL_CLAIMS)
def test_every_claim_has_to_be_there(claim: int) -> None:
    code = "evidence_kind" if claim == simulated.EAT_PROFILE else "evidence_malformed"
    refused(signed(claims=without(claim)), code, 2)


@pytest.mark.parametrize("claim", ALL_CLAIMS)
@pytest.mark.parametrize("value", [None, b"", -1, "", [], {}, 2**62, b"x" * 33, True])
def test_a_claim_of_another_form_is_refused(claim: int, value: Any) -> None:
    with pytest.raises(EvidenceError) as raised:
        judge(signed(claims={**with_claims(), claim: value}))
    assert raised.value.code in ("evidence_malformed", "evidence_kind")


@pytest.mark.parametrize("extra", [{"k7": b"id"}, {"k1": "issuer"}, {"k-70007": 0}, {"text": 1}])
def test_extra_claims_are_refused(extra: dict[str, Any]) -> None:
    refused(signed(claims=with_claims(**extra)), "evidence_malformed", 2)


def test_another_profile_or_media_type_is_another_kind() -> None:
    refused(make_bundle(EAT_PROFILE="tag:psacertified.org,2023:psa#tfm"), "evidence_kind", 2)
    refused(signed(headers={CONTENT_TYPE: "application/eat+cwt"}), "evidence_kind", 2)


@pytest.mark.parametrize(
    "headers", [{4: b"kid"}, {X5CHAIN: [good_device().leaf]}, {X5CHAIN: b"\x30\x00"}]
)
def test_other_headers_are_refused(headers: dict[int, Any]) -> None:
    refused(signed(headers=headers), "evidence_malformed", 2)


def test_another_algorithm_is_refused() -> None:
    refused(signed(headers={ALG: -7}), "evidence_malformed", 2)


def test_unprotected_headers_are_refused() -> None:
    refused(signed(unprotected={4: b"kid"}), "evidence_malformed", 2)


def test_another_tag_is_refused() -> None:
    refused(signed(tag=62), "evidence_malformed", 2)


def test_no_payload_is_refused() -> None:
    value = cbor2.loads(make_bundle().evidence)
    protected, _, _, signature = value.value.value
    detached = cbor2.CBORTag(61, cbor2.CBORTag(18, [protected, {}, None, signature]))
    refused(replace(make_bundle(), evidence=encode(detached)), "evidence_malformed", 2)


def test_another_products_or_devices_evidence_is_refused() -> None:
    refused(make_bundle(PRODUCT="other"), "evidence_malformed", 2)
    refused(make_bundle(SIGNER=b"\x01" * 32), "evidence_malformed", 2)
    refused(make_bundle(UEID=b"\x01" + bytes(16)), "evidence_malformed", 2)


@pytest.mark.parametrize("count", [0, 2])
def test_exactly_one_endorsement_is_taken(count: int) -> None:
    bundle = replace(make_bundle(), endorsements=(good_device().root,) * count)
    refused(bundle, "evidence_malformed", 2)


@pytest.mark.parametrize("root", [b"", b"\x30\x03\x02\x01\x01", good_device().root + b"\x00"])
def test_an_endorsement_that_is_no_certificate_is_refused(root: bytes) -> None:
    refused(replace(make_bundle(), endorsements=(root,)), "evidence_malformed", 2)


@pytest.mark.parametrize("cut", [1, 63, 64, 200])
def test_truncated_evidence_is_refused(cut: int) -> None:
    bundle = make_bundle()
    refused(replace(bundle, evidence=bundle.evidence[:-cut]), "evidence_malformed", 2)


def test_another_encoding_of_the_same_evidence_is_refused() -> None:
    bundle = make_bundle()
    assert bundle.evidence[:2] == b"\xd8\x3d"  # tag 61 in two bytes; three say the same
    longer = b"\xd9\x00\x3d" + bundle.evidence[2:]
    refused(replace(bundle, evidence=longer), "evidence_malformed", 2)


@given(st.binary(max_size=300), st.lists(st.binary(max_size=100), max_size=2))
def test_no_bytes_raise_anything_else(evidence: bytes, endorsements: list[bytes]) -> None:
    bundle = replace(make_bundle(), evidence=evidence, endorsements=tuple(endorsements))
    refused(bundle, "evidence_malformed", 2)


# --- steps 3 and 4: signatures ------------------------------------------------------------------


def test_another_root_is_refused() -> None:
    other = make_device(root={"days": 3651})
    refused(make_bundle(), "evidence_signature", 3, policy=other.policy)
    refused(replace(make_bundle(), endorsements=(other.root,)), "evidence_signature", 3)


EC_KEY = ec.derive_private_key(7, ec.SECP256R1())
KEY_USAGE = x509.KeyUsage(True, False, False, False, False, False, False, False, False)


@pytest.mark.parametrize(
    "device",
    [
        pytest.param({"leaf": {"extension": None}}, id="leaf without the extension"),
        pytest.param({"root": {"extension": None}}, id="root without the extension"),
        pytest.param({"leaf": {"critical": False}}, id="leaf's extension not critical"),
        pytest.param({"root": {"critical": False}}, id="root's extension not critical"),
        pytest.param(
            {"leaf": {"extension": b"\x0c\x01x"}}, id="leaf's extension says other things"
        ),
        pytest.param({"leaf": {"extra": KEY_USAGE}}, id="leaf with one more extension"),
        pytest.param({"leaf": {"with_constraints": False}}, id="leaf without constraints"),
        pytest.param(
            {"leaf": {"constraints": x509.BasicConstraints(True, None)}}, id="leaf an authority"
        ),
        pytest.param(
            {"root": {"constraints": x509.BasicConstraints(False, None)}}, id="root no authority"
        ),
        pytest.param(
            {"root": {"constraints": x509.BasicConstraints(True, 1)}}, id="root of a longer path"
        ),
        pytest.param({"leaf": {"issuer": "OTHER"}}, id="leaf of another issuer's name"),
        pytest.param({"root": {"issuer": "OTHER"}}, id="root of another issuer's name"),
        pytest.param({"leaf_signer": 12}, id="leaf signed by another key"),
        pytest.param({"root_signer": 12}, id="root not signed by itself"),
        pytest.param({"leaf": {"key": EC_KEY}}, id="leaf with a key of another kind"),
        pytest.param(
            {"root": {"key": EC_KEY, "issuer_key": EC_KEY}}, id="root with a key of another kind"
        ),
        pytest.param({"leaf": {"issuer_key": EC_KEY}}, id="leaf signed by another algorithm"),
    ],
)
def test_a_wrong_certificate_is_refused_even_under_its_own_pin(device: dict[str, Any]) -> None:
    wrong = make_device(**device)
    refused(make_bundle(device=wrong), "evidence_signature", 3, policy=wrong.policy)


def test_an_ordinary_verifier_refuses_the_certificates() -> None:
    device = good_device()
    store = Store([x509.load_der_x509_certificate(device.root)])
    ordinary = PolicyBuilder().store(store).time(BEGIN).build_client_verifier()
    with pytest.raises(VerificationError):
        ordinary.verify(x509.load_der_x509_certificate(device.leaf), [])


def test_claims_signed_by_another_key_are_refused() -> None:
    refused(signed(key=SigningKey(b"\x0c" * 32)), "evidence_signature", 4)


def test_a_certificate_of_the_same_root_for_another_key_is_refused() -> None:
    other = certificate(authority=False, subject="KEY", key=ed25519(13), issuer_key=ed25519(10))
    device = replace(good_device(), leaf=other)
    refused(make_bundle(device=device), "evidence_signature", 4)


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
