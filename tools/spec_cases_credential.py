"""The vectors of credentials: presentations that pass and that fail at each step, ages, keys."""

import json
from typing import Any

from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.status import Status
from adyton.protocol.credentials.steps import Step
from tests.credential_kit import (
    ADULT,
    ED_KEY,
    EXPECTED,
    HOLDER_KEY,
    ISSUER,
    ISSUER_KEY,
    NOW,
    OTHER_KEY,
    VCT,
    bound,
    credential_of,
    digest,
    disclosure,
    issued,
    jws,
    presented,
)
from tools.spec_case import Case

_LIST = "https://issuer.example/lists/1"
_STATUS: dict[str, Any] = {"status_list": {"idx": 7, "uri": _LIST}}
_AGE: dict[str, Any] = {"years": 18, "feb29": "1mar", "offset_minutes": 60}
_POLICY: dict[str, Any] = {
    "types": [VCT],
    "former_typ": False,
    "skew_s": 60,
    "expiry_required": True,
    "binding_required": True,
    "binding_oldest_s": 600,
    "status_required": False,
    "claims": [],
    "age": _AGE,
}
_OVER = disclosure("salt", "age_over_18", True)
_REFUSED = "credential_refused"


def credential_cases() -> list[Case]:
    """Return the vectors."""
    return [*_passing(), *_formless(), *_unbelieved(), *_disclosed(), *_unbound(), *_judged(),
            *_ages(), *_keys()]  # fmt: skip


_GIVEN_UP = "https://former.example"


def _case(
    name: str,
    presentation: str,
    reason: Reason | None = None,
    step: Step | None = None,
    **more: Any,
) -> Case:
    given = {
        "presentation": presentation,
        "audience": EXPECTED.audience,
        "nonce": EXPECTED.nonce,
        "now_s": more.pop("now_s", NOW),
        "issuers": {
            ISSUER: dict((ED_KEY if more.pop("ed", False) else ISSUER_KEY).public.members),
            _GIVEN_UP: None,
        },
        "lists": {_LIST: {"7": more.pop("status", "valid")}},
        "policy": {**_POLICY, **more},
    }
    if reason is None or step is None:
        return Case(name, "check_presentation", given)
    return Case(name, "check_presentation", given, _REFUSED, step.value, reason.word)


def _made(*disclosures: str, header: dict[str, Any] | None = None, **more: Any) -> str:
    claims = {
        "iss": ISSUER,
        "vct": VCT,
        "exp": NOW + 1000,
        "cnf": {"jwk": dict(HOLDER_KEY.public.members)},
        "_sd": [digest(_OVER)],
        **more,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return bound(credential_of(claims, *(disclosures or (_OVER,)), **header or {}), {})


def _passing() -> list[Case]:
    edwards = issued(key=ED_KEY, holder=ED_KEY.public)
    birthdate: tuple[str | int, ...] = ("birthdate",)
    return [
        _case("an adult", presented()),
        _case("an adult with a status", presented(issued(status=_STATUS)), status_required=True),
        _case("an adult by birthdate", presented(disclosed=[birthdate])),
        _case("decoys", presented(issued(decoys=3))),
        _case("Ed25519", presented(edwards, key=ED_KEY), ed=True),
        _case("the former type", _made(header={"typ": "vc+sd-jwt"}), former_typ=True),
        _case("no binding, where none is asked for", issued(), binding_required=False, age=None),
        _case("at the end of the skew", presented(issued(exp=NOW - 59))),
    ]


def _formless() -> list[Case]:
    one = presented().split("~")[1]
    duplicate = _raw(b'{"iss":"a","iss":"b"}')
    return [
        _case("over the size limit", "A" * 65537, Reason.TOO_LARGE, Step.FORM),
        _case("a JWT", presented().split("~")[0], Reason.SD_JWT_FORM, Step.FORM),
        _case("padding", presented() + "=", Reason.BASE64URL, Step.FORM),
        _case("a space", presented().replace(".", " .", 1), Reason.BASE64URL, Step.FORM),
        _case("four parts", presented() + ".", Reason.JWS_FORM, Step.FORM),
        _case("alg none", _made(header={"alg": "none"}), Reason.ALG_NONE, Step.FORM),
        _case("no alg", _made(header={"alg": None}), Reason.JWS_HEADER, Step.FORM),
        _case("crit", _made(header={"crit": ["exp"]}), Reason.HEADER_CRITICAL, Step.FORM),
        _case("b64", _made(header={"b64": False}), Reason.HEADER_CRITICAL, Step.FORM),
        _case("a key of its own", _made(header={"jwk": {}}), Reason.HEADER_KEY, Step.FORM),
        _case("a key's address", _made(header={"jku": "x"}), Reason.HEADER_KEY, Step.FORM),
        _case("a disclosure twice", _made(_OVER, _OVER), Reason.DISCLOSURE_TWICE, Step.FORM),
        _case("a disclosure of four", _made(disclosure(1, 2, 3, 4)), Reason.DISCLOSURE_FORM, Step.FORM),
        _case("a reserved name", _made(disclosure("s", "_sd", [])), Reason.NAME_RESERVED, Step.FORM),
        _case("a disclosure too many", "~".join([one] * 131), Reason.DISCLOSURES_MANY, Step.FORM),
        _case("a member twice", duplicate, Reason.JSON_DUPLICATE, Step.ISSUER),
        _case("not JSON", _raw(b"{'iss':1}"), Reason.JSON, Step.ISSUER),
        _case("not an object", _raw(b"[]"), Reason.JSON_OBJECT, Step.ISSUER),
        _case("NaN", _raw(b'{"a":NaN}'), Reason.JSON, Step.ISSUER),
        _case("a number over 2^53", _raw(b'{"a":9007199254740992}'), Reason.JSON_NUMBER, Step.ISSUER),
        _case("half a pair", _raw(b'{"a":"\\ud800"}'), Reason.JSON_TEXT, Step.ISSUER),
        _case("4,097 commas", _raw(b'{"a":[' + b"1," * 4097 + b"1]}"), Reason.TOO_LARGE, Step.ISSUER),
        _case("17 lists", _raw(b'{"a":' + b"[" * 16 + b"]" * 16 + b"}"), Reason.JSON_DEPTH, Step.ISSUER),
    ]  # fmt: skip


def _raw(payload: bytes) -> str:
    return jws({"alg": "ES256", "typ": "dc+sd-jwt"}, payload) + "~"


def _unbelieved() -> list[Case]:
    forged = presented(issued(key=OTHER_KEY))
    return [
        _case("no issuer", _made(iss=None), Reason.ISSUER_MISSING, Step.ISSUER),
        _case("a foreign issuer", _made(iss="https://x.example"), Reason.ISSUER_UNKNOWN, Step.ISSUER),
        _case("an issuer that was given up", _made(iss=_GIVEN_UP), Reason.ISSUER_GIVEN_UP, Step.ISSUER),
        _case("another alg", _made(header={"alg": "HS256"}), Reason.ALG_MISMATCH, Step.SIGNATURE),
        _case("a forged issuer", forged, Reason.ISSUER_SIGNATURE, Step.SIGNATURE),
        _case("another typ", _made(header={"typ": "JWT"}), Reason.TYPE, Step.TYPE),
        _case("the former typ", _made(header={"typ": "vc+sd-jwt"}), Reason.TYPE, Step.TYPE),
        _case("no vct", _made(vct=None), Reason.VCT_MISSING, Step.VCT),
        _case("another vct", _made(vct="urn:other"), Reason.VCT, Step.VCT),
        _case("expired", presented(issued(exp=NOW - 60)), Reason.EXPIRED, Step.VALIDITY),
        _case("not yet valid", presented(issued(nbf=NOW + 61)), Reason.NOT_YET_VALID, Step.VALIDITY),
        _case("no expiry", _made(exp=None), Reason.EXPIRY_MISSING, Step.VALIDITY),
        _case("a time with a fraction", _made(exp=NOW + 0.5), Reason.TIME_FORM, Step.VALIDITY),
    ]  # fmt: skip


def _disclosed() -> list[Case]:
    item, claim = disclosure("s", "x"), disclosure("s", "x", 1)
    status = disclosure("s", "status", _STATUS)
    found: list[tuple[str, str, Reason]] = [
        ("another hash", _made(_sd_alg="sha-512"), Reason.SD_ALG),
        ("a stray disclosure", _made(_OVER, claim), Reason.DISCLOSURE_UNREFERENCED),
        ("a digest twice", _made(x={"_sd": [digest(_OVER)]}), Reason.DIGEST_TWICE),
        ("a digest that is none", _made(x={"_sd": ["AAAA"]}), Reason.DIGEST_FORM),
        ("a claim twice", _made(age_over_18=False), Reason.CLAIM_TWICE),
        ("an item among claims", _made(_OVER, item, x={"_sd": [digest(item)]}), Reason.DISCLOSURE_PLACE),
        ("a claim among items", _made(_OVER, claim, x=[{"...": digest(claim)}]), Reason.DISCLOSURE_PLACE),
        ("three dots in an object", _made(x={"...": digest(item)}), Reason.NAME_RESERVED),
        ("a hidden status", _made(_OVER, status, _sd=[digest(_OVER), digest(status)]),
         Reason.CLAIM_NOT_DISCLOSABLE),
        ("a key with a hidden part", _made(cnf={"_sd": [digest("decoy")]}), Reason.CLAIM_NOT_DISCLOSABLE),
    ]  # fmt: skip
    return [_case(name, text, reason, Step.DISCLOSURES) for name, text, reason in found]


def _unbound() -> list[Case]:
    private = {"jwk": {**HOLDER_KEY.public.members, "d": "AA"}}
    other = presented(issued(given_name="Max"))
    swapped = "~".join([*other.split("~")[:-1], presented().rpartition("~")[2]])
    return [
        _case("no binding", issued(), Reason.BINDING_MISSING, Step.BINDING),
        _case("no holder's key", _made(cnf=None), Reason.HOLDER_KEY_MISSING, Step.BINDING),
        _case("a key's name", _made(cnf={"kid": "k"}), Reason.HOLDER_KEY, Step.BINDING),
        _case("a private key", _made(cnf=private), Reason.JWK_PRIVATE, Step.BINDING),
        _case("another key", presented(key=OTHER_KEY), Reason.BINDING_SIGNATURE, Step.BINDING),
        _case("another algorithm", presented(key=ED_KEY), Reason.ALG_MISMATCH, Step.BINDING),
        _case("another typ of binding", bound(issued(), {}, typ="JWT"), Reason.TYPE, Step.BINDING),
        _case("no nonce", bound(issued(), {"nonce": None}), Reason.BINDING_CLAIMS, Step.BINDING),
        _case("another verifier", presented(audience="cinema"), Reason.AUDIENCE, Step.AUDIENCE),
        _case("another request", presented(nonce="other"), Reason.NONCE, Step.NONCE),
        _case("another selection", bound(issued(), {"sd_hash": "x"}), Reason.BINDING_HASH, Step.SD_HASH),
        _case("another credential's binding", swapped, Reason.BINDING_HASH, Step.SD_HASH),
        _case("made ahead", presented(now_s=NOW + 61), Reason.BINDING_FUTURE, Step.FRESHNESS),
        _case("made long ago", presented(now_s=NOW - 661), Reason.BINDING_OLD, Step.FRESHNESS),
        _case("ended", bound(issued(), {"exp": NOW - 60}), Reason.BINDING_EXPIRED, Step.FRESHNESS),
    ]  # fmt: skip


def _judged() -> list[Case]:
    listed = presented(issued(status=_STATUS))
    return [
        *(_case(f"a status: {status.name.lower()}", listed, status.value, Step.STATUS,
                status=status.name.lower()) for status in Status if status.value),
        _case("no status", presented(), Reason.STATUS_MISSING, Step.STATUS, status_required=True),
        _case("another kind", _made(status={"x": 1}), Reason.STATUS_MECHANISM, Step.STATUS),
        _case("no index", _made(status={"status_list": {}}), Reason.STATUS_FORM, Step.STATUS),
        _case("nothing disclosed", presented(disclosed=[]), Reason.AGE_MISSING, Step.POLICY),
        _case("under age", _made(disclosure("s", "x", 1), _sd=[digest(disclosure("s", "x", 1))],
                                 age_over_18=False), Reason.UNDER_AGE, Step.POLICY),
        _case("a claim is missing", presented(), Reason.CLAIM_REQUIRED, Step.POLICY,
              claims=["given_name"]),
        _case("no number to tell holders apart by", presented(), Reason.CLAIM_REQUIRED, Step.POLICY,
              stable="document_number"),
        _case("a list to tell holders apart by", presented(issued(document_number=[1])),
              Reason.CLAIM_STABLE, Step.POLICY, stable="document_number"),
        _case("a number to tell holders apart by", presented(issued(document_number="L01")),
              stable="document_number"),
        _case("an age without the birthdate to prove", presented(), Reason.AGE_MISSING, Step.POLICY,
              birthdate=True),
        _case("a birthdate to prove", presented(disclosed=[ADULT, ("birthdate",)]), birthdate=True),
        _case("a birthdate out of reach", presented(issued(birthdate="1801-01-01"),
              [ADULT, ("birthdate",)]), Reason.BIRTHDATE_REACH, Step.POLICY, birthdate=True),
        _case("no name, but an age", presented(disclosed=[ADULT, ("given_name",)]),
              claims=["given_name"]),
    ]  # fmt: skip


def _ages() -> list[Case]:
    def case(name: str, claims: Any, now_s: int, reason: Reason | None = None, **age: Any) -> Case:
        given = {"claims": json.dumps(claims), "age": {**_AGE, **age}, "now_s": now_s}
        if reason is None:
            return Case(name, "require_age", given)
        return Case(name, "require_age", given, _REFUSED, None, reason.word)

    leap, common = {"birthdate": "2008-02-29"}, {"birthdate": "2008-11-21"}
    feb28, mar1, nov21 = 1_772_236_800, 1_772_323_200, 1_795_219_200  # midnights of 2026, UTC
    return [
        case("18 on this day", common, nov21, offset_minutes=0),
        case("18 tomorrow", common, nov21 - 1, Reason.UNDER_AGE, offset_minutes=0),
        case("18 on this day, an hour east", common, nov21 - 3600),
        case("18 tomorrow, an hour west", common, nov21, Reason.UNDER_AGE, offset_minutes=-60),
        case("born on a leap day, 28 February", leap, feb28, feb29="28feb", offset_minutes=0),
        case("born on a leap day, the day before", leap, feb28 - 1, Reason.UNDER_AGE,
             feb29="28feb", offset_minutes=0),
        case("born on a leap day, 1 March", leap, mar1, offset_minutes=0),
        case("born on a leap day, 28 February, the other rule", leap, mar1 - 1, Reason.UNDER_AGE,
             offset_minutes=0),
        case("the issuer's word comes first",
             {"age_equal_or_over": {"18": False}, "age_over_18": True}, NOW, Reason.UNDER_AGE),
        case("the issuer's other word", {"age_over_18": True, "birthdate": "1990"}, NOW),
        case("no word is true", {"age_over_18": 1}, NOW, Reason.AGE_FORM),
        case("another age", {"age_over_21": True}, NOW, Reason.AGE_MISSING),
        case("no such day", {"birthdate": "1990-02-29"}, NOW, Reason.BIRTHDATE_FORM),
        case("a year", {"birthdate": "1990"}, NOW, Reason.BIRTHDATE_FORM),
        case("in the future", {"birthdate": "2027-01-01"}, NOW, Reason.BIRTHDATE_RANGE),
    ]  # fmt: skip


def _keys() -> list[Case]:
    def case(name: str, jwk: Any, reason: Reason | None = None) -> Case:
        given = {"jwk": json.dumps(jwk)}
        if reason is None:
            return Case(name, "read_jwk", given)
        return Case(name, "read_jwk", given, _REFUSED, None, reason.word)

    point, edwards = dict(HOLDER_KEY.public.members), dict(ED_KEY.public.members)
    return [
        case("a key of P-256", {"kid": "any", **point}),
        case("a key of Ed25519", {**edwards, "use": "sig"}),
        case("for encryption", {**point, "use": "enc"}, Reason.JWK_USE),
        case("a private one", {**edwards, "d": "AA"}, Reason.JWK_PRIVATE),
        case("off the curve", {**point, "y": point["x"]}, Reason.JWK),
        case("of another curve", {**point, "crv": "P-384"}, Reason.JWK),
        case("a coordinate cut short", {**point, "x": point["x"][:-1]}, Reason.JWK),
    ]
