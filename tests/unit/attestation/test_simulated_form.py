"""Form and signatures of simulated evidence: steps 2 to 4, one wrong thing at a time."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import given
from hypothesis import strategies as st

from adyton.attestation.claims import Claims
from adyton.attestation.formats import simulated
from adyton.attestation.policy import ReferenceValues
from adyton.attestation.verifier import AttestationResult, appraise
from adyton.core import limits
from adyton.core.cose import ALG, CONTENT_TYPE, X5CHAIN
from adyton.core.crypto import SigningKey
from adyton.core.encoding import encode
from adyton.core.errors import EvidenceError
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
    assert type(raised.value.reason) is str
    return raised.value.reason


# --- what is accepted ---------------------------------------------------------------------------


def test_what_the_platform_produces_is_read_back_claim_by_claim() -> None:
    device = good_device()
    evidence = simulated.produce(
        device.key,
        device.leaf,
        report_data=b"r" * 64,
        measurement=MEASUREMENT,
        svn=3,
        nonce=b"a challenge",
        issued_s=NOW_S,
    )
    parsed = simulated.parse(evidence, (device.root,))
    name = b"\x01" + hashlib.sha256(device.leaf).digest()[:16]
    assert parsed.claims[simulated.UEID] == simulated.device_id(device.leaf) == name
    assert (parsed.root_bytes, parsed.root.subject) == (device.root, parsed.leaf.issuer)
    end = BEGIN + timedelta(days=3650)
    assert parsed.verify(device.pin) == Claims(
        kind="simulated",
        hardware_rooted=False,
        nonce=b"a challenge",
        issued_ms=NOW_MS,
        debug_state=0,
        report_data=b"r" * 64,
        measurement=MEASUREMENT,
        svn=3,
        valid_from_ms=int(BEGIN.timestamp()) * 1000,
        valid_to_ms=int(end.timestamp()) * 1000,
    )


@pytest.mark.parametrize("shorter", ["leaf", "root"])
def test_the_certificates_hold_while_both_do(shorter: str) -> None:
    begin = BEGIN + timedelta(hours=1)
    changes: dict[str, Any] = {shorter: {"begin": begin, "days": 20}}
    device = make_device(**changes)
    bundle = make_bundle(device=device)
    claims = simulated.parse(bundle.evidence, bundle.endorsements).verify(device.pin)
    assert claims.valid_from_ms == int(begin.timestamp()) * 1000
    assert claims.valid_to_ms == int((begin + timedelta(days=20)).timestamp()) * 1000


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


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        (simulated.IAT, 0),
        (simulated.IAT, 2**40),
        (simulated.DBGSTAT, 0),
        (simulated.DBGSTAT, 4),
        (simulated.SVN, 0),
        (simulated.SVN, 2**32 - 1),
        (simulated.NONCE, bytes(8)),
        (simulated.NONCE, bytes(32)),
    ],
)
def test_a_claim_at_its_bound_is_taken(claim: int, value: Any) -> None:
    bundle = signed(claims={**with_claims(), claim: value})
    assert simulated.parse(bundle.evidence, bundle.endorsements).claims[claim] == value


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        (simulated.IAT, -1),
        (simulated.IAT, 2**40 + 1),
        (simulated.DBGSTAT, -1),
        (simulated.DBGSTAT, 5),
        (simulated.SVN, -1),
        (simulated.SVN, 2**32),
        (simulated.NONCE, bytes(7)),
        (simulated.NONCE, bytes(33)),
        (simulated.NONCE, "x" * 32),
        (simulated.UEID, bytes(17) + b"x"),
        (simulated.REPORT_DATA, bytes(63)),
        (simulated.REPORT_DATA, bytes(65)),
        (simulated.REPORT_DATA, "x" * 64),
        (simulated.MEASUREMENT, bytes(47)),
        (simulated.MEASUREMENT, bytes(49)),
        (simulated.MEASUREMENT, "x" * 48),
        (simulated.SIGNER, bytes(31)),
        (simulated.PLATFORM_KIND, b"simulated"),
    ],
)
def test_a_claim_beyond_its_bound_is_refused(claim: int, value: Any) -> None:
    refused(signed(claims={**with_claims(), claim: value}), "evidence_malformed", 2)


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


@pytest.mark.parametrize(
    ("sound", "altered"),
    [
        # A path length that is no integer: found when the extensions are looked at.
        pytest.param(b"\x01\x01\xff\x02\x01\x00", b"\x01\x01\xff\x04\x01\x00", id="extension"),
        # An algorithm that nobody knows: found when the key is looked at.
        pytest.param(b"\x2b\x65\x70\x03\x21", b"\x2b\x65\x7f\x03\x21", id="key"),
    ],
)
def test_a_certificate_with_a_part_that_cannot_be_read_is_refused_for_its_form(
    sound: bytes, altered: bytes
) -> None:
    root = good_device().root
    assert root.count(sound) == 1
    bundle = replace(make_bundle(), endorsements=(root.replace(sound, altered),))
    refused(bundle, "evidence_malformed", 2)


@pytest.mark.parametrize(("beyond", "too_large"), [(0, False), (1, True)])
def test_evidence_over_the_bound_is_refused_for_its_size(beyond: int, too_large: bool) -> None:
    def padded(size: int) -> EvidenceBundle:
        return signed(headers={X5CHAIN: good_device().leaf + bytes(size)})

    size = 1000 + limits.EVIDENCE - len(padded(1000).evidence)
    bundle = padded(size + beyond)
    assert len(bundle.evidence) == limits.EVIDENCE + beyond
    reason = refused(bundle, "evidence_malformed", 2)
    assert ("bytes where" in reason) == too_large


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
