"""Steps 7 to 22: each passes and refuses, with a word for developers and a coarse one for the party."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import Step
from adyton.protocol.identity.requests import (
    SEALED_LEAST,
    Presented,
)
from adyton.protocol.padding import pad
from tests.credential_kit import ED_KEY, OTHER_KEY, disclosure, jws
from tests.identity_kit import ADULT, ISS, LIST, VCT, World
from tests.identity_told import Told
from tests.unit.enclave.identity.wrong_presentations import (
    bare,
    rebound,
    seal,
    sealed,
    unchecked,
)

Case = Callable[[World], Told]


@dataclass(frozen=True)
class Refusal:
    """What a check comes to: for developers, for the party, and what makes it."""

    step: Step
    reason: Reason
    coarse: str
    case: Case


def at(step: Step, reason: Reason, coarse: str) -> Callable[[Case], Case]:
    def keep(case: Case) -> Case:
        REFUSALS.append(Refusal(step, reason, coarse, case))
        return case

    return keep


REFUSALS: list[Refusal] = []


# --- 7 and 8: the envelope --------------------------------------------------------------------------


@at(Step.ENVELOPE, Reason.ENVELOPE, "malformed")
def nothing(world: World) -> Told:
    return sealed(world, lambda *_: b"")


@at(Step.ENVELOPE, Reason.ENVELOPE, "malformed")
def smaller_than_any(world: World) -> Told:
    return sealed(world, lambda world, request: seal(world, request, bytes(SEALED_LEAST - 1)))


@at(Step.ENVELOPE, Reason.ENVELOPE, "malformed")
def no_size_class(world: World) -> Told:
    return sealed(world, lambda world, request: seal(world, request, bytes(SEALED_LEAST + 1)))


@at(Step.ENVELOPE, Reason.ENVELOPE, "malformed")
def a_finer_class(world: World) -> Told:
    return sealed(world, lambda world, request: seal(world, request, bytes(SEALED_LEAST + 256)))


@at(Step.DECRYPTION, Reason.PRESENTED, "malformed")
def more_padding_than_needed(world: World) -> Told:
    plain = pad(Presented("x", "").encode(), least=2 * SEALED_LEAST)
    return sealed(world, lambda world, request: seal(world, request, plain))


@at(Step.DECRYPTION, Reason.UNOPENABLE, "malformed")
def zeros(world: World) -> Told:
    return sealed(world, lambda *_: bytes(SEALED_LEAST + 48))


@at(Step.DECRYPTION, Reason.UNOPENABLE, "malformed")
def for_another_key(world: World) -> Told:
    other = HpkeKey(b"\x01" * 32).public
    return sealed(world, lambda world, request: seal(world, request, bytes(4096), intake=other))


@at(Step.DECRYPTION, Reason.UNOPENABLE, "malformed")
def for_another_request(world: World) -> Told:
    plain = bytes(SEALED_LEAST)
    return sealed(world, lambda world, request: seal(world, request, plain, name=bytes(32)))


@at(Step.DECRYPTION, Reason.UNOPENABLE, "malformed")
def for_another_chain(world: World) -> Told:
    plain = bytes(SEALED_LEAST)
    return sealed(world, lambda world, request: seal(world, request, plain, chain_id=bytes(32)))


@at(Step.DECRYPTION, Reason.UNOPENABLE, "malformed")
def in_another_context(world: World) -> Told:
    plain, other = bytes(SEALED_LEAST), Context.HPKE_REQUEST
    return sealed(world, lambda world, request: seal(world, request, plain, context=other))


@at(Step.DECRYPTION, Reason.PRESENTED, "malformed")
def not_padded(world: World) -> Told:
    return sealed(world, lambda world, request: seal(world, request, b"\xff" * SEALED_LEAST))


@at(Step.DECRYPTION, Reason.PRESENTED, "malformed")
def another_message(world: World) -> Told:
    plain = pad(world.policy.encode(), least=SEALED_LEAST)
    return sealed(world, lambda world, request: seal(world, request, plain))


# --- 9 to 15: the credential ------------------------------------------------------------------------


@at(Step.FORM, Reason.SD_JWT_FORM, "malformed")
def no_sd_jwt(world: World) -> Told:
    return unchecked(world, lambda text: text.replace("~", ""))


@at(Step.FORM, Reason.ALG_NONE, "malformed")
def unsigned(world: World) -> Told:
    head = jws({"alg": "none", "typ": "dc+sd-jwt"}, {"iss": ISS})
    return unchecked(world, lambda text: f"{head}~{text.partition('~')[2]}")


@at(Step.ISSUER, Reason.ISSUER_UNKNOWN, "untrusted_issuer")
def unregistered(world: World) -> Told:
    return world.presented(world.issued(iss="https://other.example"))


@at(Step.ISSUER, Reason.ISSUER_MISSING, "malformed")
def nameless(world: World) -> Told:
    return world.presented(world.issued(iss=""))


@at(Step.SIGNATURE, Reason.ISSUER_SIGNATURE, "untrusted_issuer")
def forged(world: World) -> Told:
    return world.presented(world.issued(key=OTHER_KEY))


@at(Step.SIGNATURE, Reason.ALG_MISMATCH, "malformed")
def by_another_algorithm(world: World) -> Told:
    return world.presented(world.issued(key=ED_KEY))


@at(Step.TYPE, Reason.TYPE, "malformed")
def before_its_type(world: World) -> Told:
    return bare(world, {"iss": ISS, "vct": VCT}, typ="vc+sd-jwt")


@at(Step.VCT, Reason.VCT, "policy")
def another_type(world: World) -> Told:
    return world.presented(world.issued(vct="urn:eudi:mdl:1"))


@at(Step.VCT, Reason.VCT_MISSING, "malformed")
def no_type(world: World) -> Told:
    return bare(world, {"iss": ISS})


@at(Step.DISCLOSURES, Reason.DISCLOSURE_UNREFERENCED, "malformed")
def added(world: World) -> Told:
    extra = disclosure("AAAA", "age_over_18", True)
    return unchecked(world, lambda text: text.replace("~", f"~{extra}~", 1))


@at(Step.VALIDITY, Reason.EXPIRED, "expired")
def expired(world: World) -> Told:
    return world.presented(world.issued(exp=world.now_s - 60))


@at(Step.VALIDITY, Reason.NOT_YET_VALID, "expired")
def early(world: World) -> Told:
    return world.presented(world.issued(nbf=world.now_s + 62))


@at(Step.VALIDITY, Reason.EXPIRY_MISSING, "policy")
def endless(world: World) -> Told:
    return world.presented(world.issued(without=["exp"]))


# --- 16 to 20: the key binding ----------------------------------------------------------------------


@at(Step.BINDING, Reason.BINDING_MISSING, "not_bound")
def unbound(world: World) -> Told:
    return unchecked(world, lambda text: text.rpartition("~")[0] + "~")


@at(Step.BINDING, Reason.HOLDER_KEY_MISSING, "not_bound")
def anybodys(world: World) -> Told:
    return world.presented(world.issued(holder=None))


@at(Step.BINDING, Reason.BINDING_SIGNATURE, "not_bound")
def stolen(world: World) -> Told:
    return world.presented(key=OTHER_KEY)


@at(Step.AUDIENCE, Reason.AUDIENCE, "wrong_request")
def for_another_verifier(world: World) -> Told:
    return world.presented(audience="adyton:" + "00" * 32)


@at(Step.NONCE, Reason.NONCE, "wrong_request")
def of_another_request(world: World) -> Told:
    return world.presented(nonce=world.ask().nonce)


@at(Step.SD_HASH, Reason.BINDING_HASH, "not_bound")
def of_other_disclosures(world: World) -> Told:
    return rebound(world, {"sd_hash": "A" * 43})


@at(Step.FRESHNESS, Reason.BINDING_OLD, "wrong_request")
def kept_back(world: World) -> Told:
    return world.presented(now_s=world.now_s - 662)


@at(Step.FRESHNESS, Reason.BINDING_FUTURE, "wrong_request")
def ahead(world: World) -> Told:
    return world.presented(now_s=world.now_s + 62)


@at(Step.FRESHNESS, Reason.BINDING_EXPIRED, "wrong_request")
def good_until_before(world: World) -> Told:
    return rebound(world, {"exp": world.now_s - 61})


@at(Step.FRESHNESS, Reason.BINDING_FUTURE, "wrong_request")
def good_from_later(world: World) -> Told:
    return rebound(world, {"nbf": world.now_s + 62})


# --- 21: the status ---------------------------------------------------------------------------------


@at(Step.STATUS, Reason.STATUS_MISSING, "policy")
def without_status(world: World) -> Told:
    world.use_policy(status=True)
    return world.presented()


@at(Step.STATUS, Reason.STATUS_UNKNOWN, "policy")
def never_brought(world: World) -> Told:
    return world.presented(world.at_status(0))


@at(Step.STATUS, Reason.STATUS_UNKNOWN, "policy")
def not_a_list_of_the_issuer(world: World) -> Told:
    return world.presented(world.at_status(0, "https://other.example/1"))


@at(Step.STATUS, Reason.REVOKED, "revoked")
def revoked(world: World) -> Told:
    world.issuer.bring(world.issuer_name, world.status_list())
    return world.presented(world.at_status(1))


@at(Step.STATUS, Reason.SUSPENDED, "revoked")
def suspended(world: World) -> Told:
    world.issuer.bring(world.issuer_name, world.status_list())
    return world.presented(world.at_status(2))


@at(Step.STATUS, Reason.STATUS_VALUE, "policy")
def of_unknown_meaning(world: World) -> Told:
    world.issuer.bring(world.issuer_name, world.status_list())
    return world.presented(world.at_status(3))


@at(Step.STATUS, Reason.STATUS_FORM, "malformed")
def outside_of_the_list(world: World) -> Told:
    world.issuer.bring(world.issuer_name, world.status_list())
    return world.presented(world.at_status(4))


@at(Step.STATUS, Reason.STATUS_STALE, "policy")
def out_of_date(world: World) -> Told:
    world.issuer.bring(world.issuer_name, world.status_list(ttl=1))
    world.host.time_ms += 2000
    return world.presented(world.at_status(0))


@at(Step.STATUS, Reason.STATUS_MECHANISM, "policy")
def of_another_kind(world: World) -> Told:
    return world.presented(world.issued(status={"crl": {"uri": LIST}}))


# --- 22: the policy ---------------------------------------------------------------------------------


@at(Step.POLICY, Reason.UNDER_AGE, "policy")
def said_to_be_younger(world: World) -> Told:
    return world.presented(world.issued(age_equal_or_over={"18": False}))


@at(Step.POLICY, Reason.UNDER_AGE, "policy")
def born_too_late(world: World) -> Told:
    return world.presented(world.issued(birthdate="2012-01-01"), [("birthdate",)])


@at(Step.POLICY, Reason.AGE_MISSING, "policy")
def shows_no_age(world: World) -> Told:
    return world.presented(disclosed=[("given_name",)])


@at(Step.POLICY, Reason.CLAIM_REQUIRED, "policy")
def hides_what_is_asked_for(world: World) -> Told:
    world.use_policy(claims=("given_name",))
    return world.presented()


@at(Step.POLICY, Reason.CLAIM_REQUIRED, "policy")
def hides_the_stable_claim(world: World) -> Told:
    world.use_policy(pseudonym="document_number")
    return world.presented()


@at(Step.POLICY, Reason.CLAIM_STABLE, "policy")
def has_no_stable_claim(world: World) -> Told:
    world.use_policy(pseudonym="document_number")
    return world.presented(world.issued(document_number=["L01"]), [ADULT, ("document_number",)])


@at(Step.POLICY, Reason.AGE_MISSING, "policy")
def hides_the_birthdate_that_is_to_be_proven(world: World) -> Told:
    world.use_policy(range_proof=True)
    return world.presented()


@at(Step.POLICY, Reason.UNDER_AGE, "policy")
def whose_birthdate_says_otherwise(world: World) -> Told:
    world.use_policy(range_proof=True)
    return world.presented(world.issued(birthdate="2012-01-01"), [ADULT, ("birthdate",)])


@at(Step.POLICY, Reason.BIRTHDATE_REACH, "policy")
def out_of_reach_of_a_proof(world: World) -> Told:
    world.use_policy(range_proof=True)
    return world.presented(world.issued(birthdate="1805-01-01"), [ADULT, ("birthdate",)])


@at(Step.POLICY, Reason.BIRTHDATE_FORM, "malformed")
def born_on_no_day(world: World) -> Told:
    return world.presented(world.issued(birthdate="1990-02-30"), [("birthdate",)])


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.case.__name__)
def test_a_step_refuses(world: World, refusal: Refusal) -> None:
    verdict = refusal.case(world).verdict
    assert (verdict.answer, verdict.reason) == ("no", refusal.coarse)
    assert (verdict.pseudonym, verdict.range_proof, verdict.cutoff_day) == (None, b"", 0)
    failed = world.developer.failed(verdict.request)
    assert failed is not None
    assert (failed.step, failed.reason) == (refusal.step, refusal.reason.word)
    assert failed.text.endswith(refusal.reason.text)
    for line in world.developer.checklist(verdict.request).lines:
        if line.step != refusal.step:
            expected = ("passed", "not asked") if line.step < refusal.step else ("not reached",)
            assert line.mark in expected
            assert (line.reason, line.text) == ("", "")


def test_every_step_of_a_presentation_has_refused() -> None:
    assert {refusal.step for refusal in REFUSALS} == set(Step) - {Step(n) for n in range(1, 7)}
