"""The check of an opened presentation, in the numbered order of `steps.py`, from step 9 on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from adyton.core.errors import MalformedError, UsageError
from adyton.protocol.credentials import key_binding, sd_jwt_vc
from adyton.protocol.credentials.age import AgePolicy, require_age, require_birthdate
from adyton.protocol.credentials.disclosed import put_together
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.pseudonym import require_stable
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.sd_jwt import ISSUER_JWT, UnverifiedSdJwt, read_sd_jwt
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.credentials.status import (
    Status,
    StatusReference,
    read_status,
    require_valid,
)
from adyton.protocol.credentials.steps import Checklist, Step
from adyton.protocol.credentials.strict_json import Object

IssuerKey: TypeAlias = Callable[[str, str | None], PublicKey | None]
StatusOf: TypeAlias = Callable[[StatusReference], Status]


@dataclass(frozen=True, slots=True)
class CredentialPolicy:
    """What a Relying Party asks of a credential; whom it takes as issuers is said by the look-up of keys.

    Attributes:
        types: values of `vct`, one of which it must have.
        former_typ: whether the header's typ may also be `vc+sd-jwt`.
        validity: clocks' skew (also the holder's), and whether an expiry is asked for.
        binding_required: whether the holder has to sign.
        binding_oldest_s: greatest age of the holder's signature, in seconds.
        status_required: whether a credential without a status is refused.
        claims: names at the top that must be disclosed.
        age: the age to be reached, if any.
        birthdate: whether the birthdate itself has to show the age, so that it can be proven.
        stable: name of the claim that a pseudonym is made of; empty for none.

    Raises:
        UsageError: no type, negative seconds, or a birthdate without an age.
    """

    types: frozenset[str]
    former_typ: bool
    validity: Validity
    binding_required: bool
    binding_oldest_s: int
    status_required: bool
    claims: frozenset[str]
    age: AgePolicy | None
    birthdate: bool = False
    stable: str = ""

    def __post_init__(self) -> None:
        if not self.types or not all(self.types):
            raise UsageError("bad_argument", "a policy names at least one credential type (vct)")
        if self.validity.skew_s < 0 or self.binding_oldest_s < 0:
            raise UsageError("bad_argument", "a policy's seconds are not negative")
        if self.birthdate and self.age is None:
            raise UsageError("bad_argument", "a birthdate is asked for by an age")


class Expected(NamedTuple):
    """What a key binding has to answer.

    Attributes:
        audience: the network's client identifier.
        nonce: the request's.
    """

    audience: str
    nonce: str


class Credential(NamedTuple):
    """A presented credential that has passed every step.

    Attributes:
        issuer: `iss`.
        vct: its type.
        claims: what the issuer says and the holder shows. Holds personal data: it never leaves the enclave.
        holder: the key that has bound it; None where none did.
        status: where its status stands.
        age_by: the claim that has shown the age; empty where no age was asked for.
        birth_day: days since 1970; None where the birthdate was not asked for.
    """

    issuer: str
    vct: str
    claims: Object
    holder: PublicKey | None
    status: tuple[StatusReference, ...]
    age_by: str
    birth_day: int | None = None


def check_presentation(
    unverified: str,
    *,
    policy: CredentialPolicy,
    expected: Expected,
    now_s: int,
    issuer_key: IssuerKey,
    status_of: StatusOf,
    checklist: Checklist,
) -> Credential:
    """Return a credential whose presentation passes all steps from 9 on.

    Trust: runs in the enclave; `unverified` comes from a stranger, all else from the state and the block.

    Args:
        unverified: an SD-JWT with a key binding, as it was decrypted.
        policy: what is asked for.
        expected: audience and nonce that the request has.
        now_s: block time, seconds since 1970.
        issuer_key: gives the key that is registered for an issuer, by `iss` and the header's `kid` (a hint); None
            where none is registered that this policy takes.
        status_of: gives what the state holds on a place in a status list.
        checklist: has passed step 8; shows afterwards how far this came.

    Raises:
        CredentialError: a step does not pass; the checklist says which.
    """
    checklist.at(Step.FORM)
    sd_jwt = read_sd_jwt(unverified)

    checklist.at(Step.ISSUER)
    unverified_payload = sd_jwt_vc.read_payload(sd_jwt.jwt.unverified_payload)
    issuer = sd_jwt_vc.read_issuer(unverified_payload)
    key = issuer_key(issuer, sd_jwt.jwt.kid)
    if key is None:
        raise refused(Reason.ISSUER_UNKNOWN, ISSUER_JWT)

    checklist.at(Step.SIGNATURE)
    sd_jwt.jwt.verify(key, Reason.ISSUER_SIGNATURE)
    payload = unverified_payload  # verified with the bytes that it was read from

    checklist.at(Step.TYPE)
    sd_jwt_vc.require_type(sd_jwt.jwt, also_before=policy.former_typ)

    checklist.at(Step.VCT)
    vct = sd_jwt_vc.require_vct(payload, policy.types)

    checklist.at(Step.DISCLOSURES)
    claims = put_together(payload, sd_jwt.disclosures)
    sd_jwt_vc.require_visible(payload, claims)

    checklist.at(Step.VALIDITY)
    sd_jwt_vc.require_valid_at(claims.values, now_s, policy.validity)

    holder = _check_binding(sd_jwt, payload, policy, expected, now_s, checklist)
    status = _check_status(payload, policy, status_of, checklist)
    age_by, birth_day = _check_policy(claims.values, policy, now_s, checklist)
    checklist.done()
    return Credential(issuer, vct, claims.values, holder, status, age_by, birth_day)


class SignedFacts(NamedTuple):
    """What an issuer has signed of a credential in the open.

    Attributes:
        vct: its type; empty where there is none.
        holder: the key that is to bind it.
        subject: `sub`, whom it is of; empty where it is not said.
    """

    vct: str
    holder: PublicKey
    subject: str


def signed_facts(verified: str) -> SignedFacts:
    """Return what is signed of a presentation that has passed step 11, whatever became of it later.

    Raises:
        CredentialError: the issuer has named no holder's key.
    """
    payload = sd_jwt_vc.read_payload(read_sd_jwt(verified).jwt.unverified_payload)
    return SignedFacts(
        text_of(payload, "vct"), sd_jwt_vc.read_holder_key(payload), text_of(payload, "sub")
    )


def text_of(claims: Object, name: str) -> str:
    """Return a claim that is a text; empty where it is not one."""
    value = claims.get(name)
    return value if type(value) is str else ""


def _check_binding(
    sd_jwt: UnverifiedSdJwt,
    payload: Object,
    policy: CredentialPolicy,
    expected: Expected,
    now_s: int,
    checklist: Checklist,
) -> PublicKey | None:
    if sd_jwt.binding is None and not policy.binding_required:
        for step in range(Step.BINDING, Step.STATUS):
            checklist.skip(Step(step))
        return None
    checklist.at(Step.BINDING)
    if sd_jwt.binding is None:
        raise refused(Reason.BINDING_MISSING, "the presentation")
    holder = sd_jwt_vc.read_holder_key(payload)
    binding = key_binding.read_binding(sd_jwt.binding, holder)

    checklist.at(Step.AUDIENCE)
    key_binding.require_audience(binding, expected.audience)

    checklist.at(Step.NONCE)
    key_binding.require_nonce(binding, expected.nonce)

    checklist.at(Step.SD_HASH)
    key_binding.require_hash(binding, sd_jwt.sd_hash)

    checklist.at(Step.FRESHNESS)
    key_binding.require_fresh(
        binding, now_s, oldest_s=policy.binding_oldest_s, skew_s=policy.validity.skew_s
    )
    return holder


def _check_status(
    payload: Object, policy: CredentialPolicy, status_of: StatusOf, checklist: Checklist
) -> tuple[StatusReference, ...]:
    if not policy.status_required and "status" not in payload and "credentialStatus" not in payload:
        checklist.skip(Step.STATUS)
        return ()
    checklist.at(Step.STATUS)
    references = read_status(payload)
    if not references:
        raise refused(Reason.STATUS_MISSING, "the credential")
    for reference in references:
        require_valid(status_of(reference))
    return references


def _check_policy(
    claims: Object, policy: CredentialPolicy, now_s: int, checklist: Checklist
) -> tuple[str, int | None]:
    if policy.age is None and not policy.claims and not policy.stable:
        checklist.skip(Step.POLICY)
        return "", None
    checklist.at(Step.POLICY)
    if not policy.claims <= claims.keys() or (policy.stable and policy.stable not in claims):
        raise refused(Reason.CLAIM_REQUIRED, "the presentation")
    if policy.stable:
        try:
            require_stable(claims[policy.stable])
        except MalformedError:
            raise refused(Reason.CLAIM_STABLE, "the presentation") from None
    if policy.age is None:
        return "", None
    age_by = require_age(claims, policy.age, now_s)
    born = require_birthdate(claims, policy.age, now_s) if policy.birthdate else None
    return age_by, born
