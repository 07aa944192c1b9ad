"""The whole check: what passes, and for each step what fails there, with the list that says so."""

from dataclasses import replace
from typing import Any

import pytest

from adyton.core.errors import UsageError
from adyton.protocol.credentials.age import AgePolicy
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.presentation import Expected, check_presentation
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_disclosure
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.credentials.status import ListKind, Status, StatusReference
from adyton.protocol.credentials.steps import Mark, Step
from tests.credential_kit import (
    ADULT,
    CLAIMS,
    ED_KEY,
    EXPECTED,
    HOLDER_KEY,
    ISSUER,
    ISSUER_KEY,
    NOW,
    OTHER_KEY,
    POLICY,
    VCT,
    begun,
    bound,
    check,
    credential_of,
    digest,
    disclosure,
    issued,
    presented,
    refusal,
    refused_at,
)

CNF: dict[str, Any] = {"jwk": dict(HOLDER_KEY.public.members)}
URI = "https://issuer.example/lists/1"
STATUS: dict[str, Any] = {"status_list": {"idx": 7, "uri": URI}}
OVER = disclosure("salt", "age_over_18", True)


def payload(**more: Any) -> dict[str, Any]:
    """Return what a credential holds that discloses `OVER`; None leaves a claim out."""
    claims = {
        "iss": ISSUER,
        "vct": VCT,
        "exp": NOW + 1000,
        "cnf": CNF,
        "_sd": [digest(OVER)],
        **more,
    }
    return {name: value for name, value in claims.items() if value is not None}


def made(*disclosures: str, header: dict[str, Any] | None = None, **more: Any) -> str:
    """Return a bound presentation of a credential that our issuer would not make."""
    return bound(credential_of(payload(**more), *(disclosures or (OVER,)), **header or {}), {})


def test_an_adult_shows_nothing_else() -> None:
    credential = check(presented())
    assert (credential.issuer, credential.vct, credential.age_by) == (
        *(ISSUER, VCT, "age_equal_or_over.18"),
    )
    assert credential.holder is not None
    assert credential.holder.thumbprint() == HOLDER_KEY.public.thumbprint()
    assert credential.status == ()
    assert credential.claims == {
        **{name: CLAIMS[name] for name in ("iss", "vct", "iat", "nbf", "exp")},
        "nationalities": [],
        "cnf": CNF,
        "age_equal_or_over": {"18": True},
    }


def test_the_list_of_what_passed() -> None:
    checklist = begun()
    check_presentation(
        presented(issued(status=STATUS)),
        policy=POLICY,
        expected=EXPECTED,
        now_s=NOW,
        issuer_key=lambda *_: ISSUER_KEY.public,
        status_of=lambda _: Status.VALID,
        checklist=checklist,
    )
    lines = checklist.lines()
    assert {line.step for line in lines if line.mark is Mark.NOT_ASKED} == set(Step) - set(
        map(Step, range(Step.FORM, len(Step) + 1))
    )
    assert all(line.mark is Mark.PASSED for line in lines if line.step >= Step.FORM)


def test_by_birthdate_and_by_the_former_type() -> None:
    assert check(presented(disclosed=[("birthdate",)])).age_by == "birthdate"
    former = made(header={"typ": "vc+sd-jwt"})
    assert check(former, former_typ=True).age_by == "age_over_18"


def test_other_keys() -> None:
    credential = issued(key=ED_KEY, holder=ED_KEY.public)
    shown = presented(credential, key=ED_KEY)
    assert check(shown, key=ED_KEY.public).claims["iss"] == ISSUER


def test_what_the_look_up_is_asked() -> None:
    asked: list[tuple[str, str | None]] = []

    def issuer_key(issuer: str, kid: str | None) -> PublicKey:
        asked.append((issuer, kid))
        return ISSUER_KEY.public

    for presentation in (presented(), made()):
        checklist = begun()
        check_presentation(
            presentation,
            policy=POLICY,
            expected=EXPECTED,
            now_s=NOW,
            issuer_key=issuer_key,
            status_of=lambda _: Status.VALID,
            checklist=checklist,
        )
    assert asked == [(ISSUER, "k1"), (ISSUER, None)]


BROKEN = presented()
SIGNED, *REST = BROKEN.split("~")


@pytest.mark.parametrize(
    ("presentation", "reason", "step"),
    [
        ("", Reason.SD_JWT_FORM, Step.FORM),
        (BROKEN + "~", Reason.BASE64URL, Step.FORM),
        ("A" * 70_000, Reason.TOO_LARGE, Step.FORM),
        ("~".join([SIGNED, REST[0], *REST]), Reason.DISCLOSURE_TWICE, Step.FORM),
        (made(header={"crit": ["exp"]}), Reason.HEADER_CRITICAL, Step.FORM),
        (made(header={"jwk": CNF["jwk"]}), Reason.HEADER_KEY, Step.FORM),
        (made(header={"alg": "none"}), Reason.ALG_NONE, Step.FORM),
        (bound(issued(), {}, crit=["x"]), Reason.HEADER_CRITICAL, Step.FORM),
        (bound(issued(), {}, alg="none"), Reason.ALG_NONE, Step.FORM),
        (made(iss=None), Reason.ISSUER_MISSING, Step.ISSUER),
        (made(iss=5), Reason.ISSUER_MISSING, Step.ISSUER),
        (made(iss="https://forged.example"), Reason.ISSUER_UNKNOWN, Step.ISSUER),
        (made(header={"alg": "HS256"}), Reason.ALG_MISMATCH, Step.SIGNATURE),
        (presented(issued(key=OTHER_KEY)), Reason.ISSUER_SIGNATURE, Step.SIGNATURE),
        (presented(issued(key=ED_KEY)), Reason.ALG_MISMATCH, Step.SIGNATURE),
        (made(header={"typ": "JWT"}), Reason.TYPE, Step.TYPE),
        (made(header={"typ": "vc+sd-jwt"}), Reason.TYPE, Step.TYPE),
        (made(vct="urn:other"), Reason.VCT, Step.VCT),
        (made(vct=5), Reason.VCT_MISSING, Step.VCT),
        (made(vct=None), Reason.VCT_MISSING, Step.VCT),
        (made(_sd_alg="sha-512"), Reason.SD_ALG, Step.DISCLOSURES),
        (made(OVER, disclosure("s", "x", 1)), Reason.DISCLOSURE_UNREFERENCED, Step.DISCLOSURES),
        (made(age_over_18=False), Reason.CLAIM_TWICE, Step.DISCLOSURES),
        (made(x={"_sd": [digest(OVER)]}), Reason.DIGEST_TWICE, Step.DISCLOSURES),
        (made(status={"_sd": []}), Reason.CLAIM_NOT_DISCLOSABLE, Step.DISCLOSURES),
        (presented(issued(exp=NOW - 60)), Reason.EXPIRED, Step.VALIDITY),
        (presented(issued(nbf=NOW + 61)), Reason.NOT_YET_VALID, Step.VALIDITY),
        (presented(issued(without=["exp"])), Reason.EXPIRY_MISSING, Step.VALIDITY),
        (made(exp="tomorrow"), Reason.TIME_FORM, Step.VALIDITY),
        (issued(), Reason.BINDING_MISSING, Step.BINDING),
        (presented(issued(holder=None)), Reason.HOLDER_KEY_MISSING, Step.BINDING),
        (made(cnf={"kid": "k"}), Reason.HOLDER_KEY, Step.BINDING),
        (presented(key=OTHER_KEY), Reason.BINDING_SIGNATURE, Step.BINDING),
        (presented(key=ISSUER_KEY), Reason.BINDING_SIGNATURE, Step.BINDING),
        (presented(key=ED_KEY), Reason.ALG_MISMATCH, Step.BINDING),
        (bound(issued(), {}, typ="JWT"), Reason.TYPE, Step.BINDING),
        (bound(issued(), {"nonce": None}), Reason.BINDING_CLAIMS, Step.BINDING),
        (presented(audience="x509_hash:cinema"), Reason.AUDIENCE, Step.AUDIENCE),
        (presented(nonce="another-request"), Reason.NONCE, Step.NONCE),
        (bound(issued(), {"sd_hash": digest("")}), Reason.BINDING_HASH, Step.SD_HASH),
        (presented(now_s=NOW + 61), Reason.BINDING_FUTURE, Step.FRESHNESS),
        (presented(now_s=NOW - 661), Reason.BINDING_OLD, Step.FRESHNESS),
        (made(status={"other": {}}), Reason.STATUS_MECHANISM, Step.STATUS),
        (made(status={"status_list": {}}), Reason.STATUS_FORM, Step.STATUS),
        (made(status=STATUS), Reason.STATUS_UNKNOWN, Step.STATUS),
        (presented(disclosed=[]), Reason.AGE_MISSING, Step.POLICY),
        (
            presented(issued(birthdate="2010-01-01"), [("birthdate",)]),
            *(Reason.UNDER_AGE, Step.POLICY),
        ),
        (presented(issued(birthdate="1990"), [("birthdate",)]), Reason.BIRTHDATE_FORM, Step.POLICY),
        (
            presented(issued(birthdate="2030-01-01"), [("birthdate",)]),
            *(Reason.BIRTHDATE_RANGE, Step.POLICY),
        ),
        (
            presented(issued(age_equal_or_over={"18": 1}, hidden=[ADULT])),
            Reason.AGE_FORM,
            Step.POLICY,
        ),
    ],
)
def test_each_step_refuses(presentation: str, reason: Reason, step: Step) -> None:
    refused_at(presentation, reason, step)


def test_disclosures_are_bound_as_they_are() -> None:
    """Whoever relays a presentation can neither add nor take away nor reorder what the holder chose."""
    several = presented(disclosed=[ADULT, ("given_name",)])
    first, *disclosures, last = several.split("~")
    hidden = [item for item in issued().split("~")[1:-1] if item not in disclosures]
    check(several)
    by_name = {read_disclosure(item).name: item for item in disclosures}
    changes = [
        [*disclosures, hidden[0]],
        [item for item in disclosures if item != by_name["given_name"]],
        disclosures[::-1],
    ]
    for changed in changes:
        refused_at("~".join([first, *changed, last]), Reason.BINDING_HASH, Step.SD_HASH)


def test_a_binding_of_another_credential() -> None:
    mine, other = presented(), presented(issued(given_name="Max"))
    swapped = "~".join([*other.split("~")[:-1], mine.rpartition("~")[2]])
    refused_at(swapped, Reason.BINDING_HASH, Step.SD_HASH)


def test_times_of_requests_and_epochs() -> None:
    shown = presented()
    check(shown, now_s=NOW + 660)
    refused_at(shown, Reason.BINDING_OLD, Step.FRESHNESS, now_s=NOW + 661)
    refused_at(shown, Reason.EXPIRED, Step.VALIDITY, now_s=NOW + 1060)
    refused_at(shown, Reason.NOT_YET_VALID, Step.VALIDITY, now_s=NOW - 1061)
    refused_at(shown, Reason.AUDIENCE, Step.AUDIENCE, expected=Expected("", EXPECTED.nonce))
    refused_at(shown, Reason.NONCE, Step.NONCE, expected=Expected(EXPECTED.audience, ""))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.REVOKED, Reason.REVOKED),
        (Status.SUSPENDED, Reason.SUSPENDED),
        (Status.UNKNOWN, Reason.STATUS_UNKNOWN),
        (Status.STALE, Reason.STATUS_STALE),
    ],
)
def test_a_status_is_looked_up(status: Status, reason: Reason) -> None:
    shown = presented(issued(status=STATUS))
    reference = StatusReference(ListKind.TOKEN, URI, 7)
    asked: list[StatusReference] = []

    def valid(place: StatusReference) -> Status:
        asked.append(place)
        return Status.VALID

    assert check(shown, status=valid).status == (reference,)
    assert asked == [reference]
    refused_at(shown, reason, Step.STATUS, status_of=lambda _: status)


def test_every_list_has_to_say_that_it_is_valid() -> None:
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "suspension",
        "statusListIndex": "3",
        "statusListCredential": "https://issuer.example/lists/2",
    }
    shown = presented(issued(status=STATUS, credentialStatus=[entry]))
    answers = {ListKind.TOKEN: Status.VALID, ListKind.BITSTRING: Status.VALID}
    assert len(check(shown, status=lambda place: answers[place.kind]).status) == 2
    for kind in ListKind:
        changed = {**answers, kind: Status.REVOKED}
        refused_at(
            shown,
            Reason.REVOKED,
            Step.STATUS,
            status_of=lambda place: changed[place.kind],  # noqa: B023  # called at once
        )


def test_what_a_policy_may_ask_for() -> None:
    asks = replace(POLICY, status_required=True)
    refused_at(presented(), Reason.STATUS_MISSING, Step.STATUS, policy=asks)
    asks = replace(POLICY, claims=frozenset({"given_name"}))
    refused_at(presented(), Reason.CLAIM_REQUIRED, Step.POLICY, policy=asks)
    named = check(presented(disclosed=[ADULT, ("given_name",)]), claims=frozenset({"given_name"}))
    assert named.claims["given_name"] == "Erika"
    asks = replace(POLICY, age=AgePolicy(21, "1mar", 0))
    refused_at(presented(), Reason.AGE_MISSING, Step.POLICY, policy=asks)
    shown = presented(disclosed=[("age_equal_or_over", "21")])
    refused_at(shown, Reason.UNDER_AGE, Step.POLICY, policy=asks)
    assert check(presented(disclosed=[]), age=None).age_by == ""
    shown = presented(disclosed=[("given_name",)])
    everything = frozenset(check(shown, age=None).claims)
    assert check(shown, age=None, claims=everything).age_by == ""


def test_where_no_binding_is_asked_for() -> None:
    checklist = begun()
    loose = replace(POLICY, binding_required=False, age=None)
    given: dict[str, Any] = {
        "policy": loose,
        "expected": EXPECTED,
        "now_s": NOW,
        "issuer_key": lambda *_: ISSUER_KEY.public,
        "status_of": lambda _: Status.VALID,
    }
    credential = check_presentation(issued(holder=None), checklist=checklist, **given)
    assert credential.holder is None
    assert [line.step for line in checklist.lines() if line.mark is Mark.NOT_ASKED] == [
        *map(Step, range(1, Step.FORM)),
        *(Step.BINDING, Step.AUDIENCE, Step.NONCE, Step.SD_HASH, Step.FRESHNESS),
        *(Step.STATUS, Step.POLICY),
    ]
    # One that is there is checked all the same.
    refused_at(presented(nonce="x"), Reason.NONCE, Step.NONCE, policy=loose)
    refused_at(presented(key=OTHER_KEY), Reason.BINDING_SIGNATURE, Step.BINDING, policy=loose)
    assert check(presented(), binding_required=False).holder is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"types": frozenset()},
        {"types": frozenset({""})},
        {"validity": Validity(-1, True)},
        {"binding_oldest_s": -1},
    ],
)
def test_policies_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        replace(POLICY, **wrong)


def test_no_skew_and_no_age_of_a_binding() -> None:
    exact: dict[str, Any] = {"validity": Validity(0, True), "binding_oldest_s": 0}
    check(presented(), **exact)
    for now_s, reason in ((NOW + 1, Reason.BINDING_OLD), (NOW - 1, Reason.BINDING_FUTURE)):
        with refusal(reason):
            check(presented(), now_s=now_s, **exact)


def test_error_texts_hold_no_claim() -> None:
    secrets = ("Erika", "1990", "DE", URI, EXPECTED.nonce)
    for presentation in (presented(nonce="x"), presented(key=OTHER_KEY), made(status=STATUS)):
        with pytest.raises(Exception, match="credential_refused") as caught:
            check(presentation)
        assert not any(secret in str(caught.value) for secret in secrets)
