"""SD-JWT VC: type, issuer, times, what must be visible, and the holder's key."""

from typing import Any

import pytest

from adyton.protocol.credentials import sd_jwt_vc
from adyton.protocol.credentials.disclosed import put_together
from adyton.protocol.credentials.jws import read_jws
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_disclosure
from adyton.protocol.credentials.sd_jwt_vc import Validity
from tests.credential_kit import ED_KEY, HOLDER_KEY, NOW, VCT, digest, disclosure, jws, refusal

EC: dict[str, Any] = dict(HOLDER_KEY.public.members)
STRICT = Validity(skew_s=60, expiry_required=True)
DECOY = digest("decoy")
NO_TIMES: tuple[Any, ...] = (None, "", str(NOW), -1, True, [NOW], {}, NOW + 0.5)


def require_type(typ: str, *, also_before: bool) -> None:
    unverified = read_jws(jws({"alg": "ES256", "typ": typ}, {}), "it")
    sd_jwt_vc.require_type(unverified, also_before=also_before)


def test_types() -> None:
    require_type("dc+sd-jwt", also_before=False)
    require_type("dc+sd-jwt", also_before=True)
    require_type("vc+sd-jwt", also_before=True)


@pytest.mark.parametrize(
    "typ", ["vc+sd-jwt", "", "JWT", "DC+SD-JWT", "application/dc+sd-jwt", "kb+jwt", "dc+sd-jwt "]
)
def test_other_types(typ: str) -> None:
    with refusal(Reason.TYPE):
        require_type(typ, also_before=False)


def test_a_type_that_was_never_one() -> None:
    with refusal(Reason.TYPE):
        require_type("sd-jwt", also_before=True)


def test_vct() -> None:
    assert sd_jwt_vc.require_vct({"vct": VCT}, {"x", VCT}) == VCT
    with refusal(Reason.VCT):
        sd_jwt_vc.require_vct({"vct": VCT + ":de"}, {VCT})
    absent: list[dict[str, Any]] = [{}, {"vct": ""}, {"vct": None}, {"vct": [VCT]}, {"vct": 1}]
    for payload in absent:
        with refusal(Reason.VCT_MISSING):
            sd_jwt_vc.require_vct(payload, {VCT})


def test_issuer() -> None:
    assert sd_jwt_vc.read_issuer({"iss": "https://issuer.example"}) == "https://issuer.example"
    absent: list[dict[str, Any]] = [{}, {"iss": ""}, {"iss": None}, {"iss": ["a"]}, {"iss": {}}]
    for payload in absent:
        with refusal(Reason.ISSUER_MISSING):
            sd_jwt_vc.read_issuer(payload)


@pytest.mark.parametrize(
    ("claims", "validity"),
    [
        ({"exp": NOW + 1}, STRICT),
        ({"exp": NOW}, STRICT),
        ({"exp": NOW - 59}, STRICT),
        ({"exp": NOW + 1, "nbf": NOW + 60, "iat": NOW + 60}, STRICT),
        ({"exp": NOW + 1, "nbf": 0, "iat": 0}, Validity(0, True)),
        ({"exp": NOW + 1, "nbf": NOW, "iat": NOW}, Validity(0, True)),
        ({}, Validity(0, False)),
    ],
)
def test_within_its_time(claims: dict[str, Any], validity: Validity) -> None:
    sd_jwt_vc.require_valid_at(claims, NOW, validity)


@pytest.mark.parametrize(
    ("claims", "validity", "reason"),
    [
        ({"exp": NOW - 60}, STRICT, Reason.EXPIRED),
        ({"exp": NOW}, Validity(0, False), Reason.EXPIRED),
        ({"exp": 0}, STRICT, Reason.EXPIRED),
        ({}, STRICT, Reason.EXPIRY_MISSING),
        ({"exp": NOW + 9, "nbf": NOW + 61}, STRICT, Reason.NOT_YET_VALID),
        ({"exp": NOW + 9, "iat": NOW + 61}, STRICT, Reason.NOT_YET_VALID),
        ({"exp": NOW + 9, "nbf": NOW + 1}, Validity(0, True), Reason.NOT_YET_VALID),
        # Milliseconds are not seconds.
        ({"exp": NOW + 9, "nbf": NOW * 1000}, STRICT, Reason.NOT_YET_VALID),
        *(
            ({"exp": NOW + 9, name: value}, STRICT, Reason.TIME_FORM)
            for name in ("exp", "nbf", "iat")
            for value in NO_TIMES
        ),
    ],
)
def test_outside_of_its_time(claims: dict[str, Any], validity: Validity, reason: Reason) -> None:
    with refusal(reason):
        sd_jwt_vc.require_valid_at(claims, NOW, validity)


@pytest.mark.parametrize(
    "name", ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "status", "credentialStatus"]
)
def test_what_must_always_be_visible(name: str) -> None:
    whole = disclosure("s", name, "anything")
    within = disclosure("s", "inside", 1)
    item = disclosure("s", 1)
    payloads: list[tuple[dict[str, Any], list[str]]] = [
        ({"_sd": [digest(whole)]}, [whole]),
        ({name: {"_sd": [digest(within)]}}, [within]),
        ({name: {"_sd": [DECOY]}}, []),
        ({name: {"open": 1, "deep": [{"_sd": []}]}}, []),
        ({name: [{"...": digest(item)}]}, [item]),
        ({name: [{"...": DECOY}]}, []),
    ]
    for payload, disclosures in payloads:
        claims = put_together(payload, map(read_disclosure, disclosures))
        with refusal(Reason.CLAIM_NOT_DISCLOSABLE):
            sd_jwt_vc.require_visible(payload, claims)
    plain: dict[str, Any] = {
        name: {"open": [1, None, {"deep": "text"}]},
        "_sd": [DECOY],
        "other": {"_sd": []},
    }
    sd_jwt_vc.require_visible(plain, put_together(plain, []))


def test_the_holders_key() -> None:
    for key in (HOLDER_KEY, ED_KEY):
        confirmation: dict[str, Any] = {"jwk": dict(key.public.members), "extension": 1}
        read = sd_jwt_vc.read_holder_key({"cnf": confirmation})
        assert read.thumbprint() == key.public.thumbprint()


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({}, Reason.HOLDER_KEY_MISSING),
        ({"cnf": {}}, Reason.HOLDER_KEY_MISSING),
        ({"cnf": {"extension": 1}}, Reason.HOLDER_KEY_MISSING),
        ({"cnf": None}, Reason.HOLDER_KEY),
        ({"cnf": [EC]}, Reason.HOLDER_KEY),
        ({"cnf": {"kid": "k"}}, Reason.HOLDER_KEY),
        ({"cnf": {"jku": "https://holder.example", "kid": "k"}}, Reason.HOLDER_KEY),
        ({"cnf": {"jwk": EC, "kid": "k"}}, Reason.HOLDER_KEY),
        ({"cnf": {"jwk": EC, "jwe": "x"}}, Reason.HOLDER_KEY),
        ({"cnf": EC}, Reason.HOLDER_KEY_MISSING),
        ({"cnf": {"jwk": {**EC, "d": "A" * 43}}}, Reason.JWK_PRIVATE),
        ({"cnf": {"jwk": {"kty": "oct"}}}, Reason.JWK),
        ({"cnf": {"jwk": [EC]}}, Reason.JWK),
        ({"cnf": {"jwk": {**EC, "use": "enc"}}}, Reason.JWK_USE),
    ],
)
def test_what_is_no_holders_key(payload: dict[str, Any], reason: Reason) -> None:
    with refusal(reason):
        sd_jwt_vc.read_holder_key(payload)


def test_a_payload_is_a_strict_object() -> None:
    assert sd_jwt_vc.read_payload(b'{"a":1}') == {"a": 1}
    for data, reason in (
        (b"[]", Reason.JSON_OBJECT),
        (b"", Reason.JSON),
        (b'{"a":1,"a":1}', Reason.JSON_DUPLICATE),
    ):
        with refusal(reason):
            sd_jwt_vc.read_payload(data)
