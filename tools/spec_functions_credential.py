"""The functions of vectors of credentials: a check of a presentation, an age, a key."""

from typing import Any, Final

from adyton.core import limits
from adyton.core.crypto import HpkeKey
from adyton.core.errors import CredentialError
from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.age import AgePolicy, cutoff_day, require_age
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.credentials.presentation import (
    CredentialPolicy,
    Expected,
    check_presentation,
)
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.credentials.status import Status, StatusReference
from adyton.protocol.credentials.steps import Checklist, Mark, Step
from adyton.protocol.identity.opening import open_presentation
from adyton.protocol.identity.requests import PresentationRequest, SealedPresentation
from tests.credential_kit import begun

Given = dict[str, Any]

# Functions whose refusals carry the number of a step, or none, and the word of a reason.
REASONED: Final = frozenset(("check_presentation", "open_presentation", "require_age", "read_jwk"))


def _check_presentation(given: Given) -> Given:
    return checked(given, begun())


def _require_age(given: Given) -> Given:
    policy, now_s = age_policy(given["age"]), given["now_s"]
    claims = strict_json.read_object(given["claims"].encode(), "the claims")
    return {"by": require_age(claims, policy, now_s), "cutoff_day": cutoff_day(policy, now_s)}


def _read_jwk(given: Given) -> Given:
    key = key_of(given["jwk"], "the key")
    return {"algorithms": list(key.algorithms), "thumbprint": key.thumbprint().hex()}


def key_of(text: str, what: str) -> PublicKey:
    return read_jwk(strict_json.read(text.encode(), what, most=limits.JWK), what)


def _open_presentation(given: Given) -> Given:
    return opened(given, begun(Step.ENVELOPE))


def told(function: str, given: Given) -> tuple[int | None, str]:
    """Return the step and the reason that a function refuses with; None where it has no steps, empty if it passes."""
    checklist = begun(Step.ENVELOPE if function == "open_presentation" else Step.FORM)
    try:
        if function == "check_presentation":
            checked(given, checklist)
        elif function == "open_presentation":
            opened(given, checklist)
        else:
            {"require_age": _require_age, "read_jwk": _read_jwk}[function](given)
    except CredentialError as problem:
        if not function.endswith("_presentation"):
            return None, problem.reason
        lines = checklist.lines(problem)
        return next(line.step.value for line in lines if line.mark is Mark.FAILED), problem.reason
    return None, ""


def opened(given: Given, checklist: Checklist) -> Given:
    request = PresentationRequest.decode(bytes.fromhex(given["request"]))
    sealed = SealedPresentation.decode(bytes.fromhex(given["sealed"]))
    key = HpkeKey(bytes.fromhex(given["secret"]))
    presented = open_presentation(sealed, key, request.chain_id, request.name(), checklist)
    return {"presentation": presented.presentation, "did": presented.did}


def checked(given: Given, checklist: Checklist) -> Given:
    policy = given["policy"]

    def issuer_key(issuer: str, _: str | None) -> PublicKey | None:
        if issuer not in given["issuers"]:
            return None
        jwk = given["issuers"][issuer]
        if jwk is None:
            raise refused(Reason.ISSUER_GIVEN_UP, "the credential")
        return read_jwk(jwk, "an issuer's key")

    def status_of(reference: StatusReference) -> Status:
        word = given["lists"].get(reference.uri, {}).get(str(reference.index), "unknown")
        return Status[word.upper()]

    credential = check_presentation(
        given["presentation"],
        policy=CredentialPolicy(
            types=frozenset(policy["types"]),
            former_typ=policy["former_typ"],
            validity=Validity(policy["skew_s"], policy["expiry_required"]),
            binding_required=policy["binding_required"],
            binding_oldest_s=policy["binding_oldest_s"],
            status_required=policy["status_required"],
            claims=frozenset(policy["claims"]),
            age=None if policy["age"] is None else age_policy(policy["age"]),
            birthdate=policy.get("birthdate", False),
            stable=policy.get("stable", ""),
        ),
        expected=Expected(given["audience"], given["nonce"]),
        now_s=given["now_s"],
        issuer_key=issuer_key,
        status_of=status_of,
        checklist=checklist,
    )
    return {
        "issuer": credential.issuer,
        "vct": credential.vct,
        "claims": credential.claims,
        "holder": None if credential.holder is None else credential.holder.thumbprint().hex(),
        "status": [[place.kind.value, place.uri, place.index] for place in credential.status],
        "age_by": credential.age_by,
        "marks": [line.mark.value for line in checklist.lines()],
    }


def age_policy(given: Given) -> AgePolicy:
    return AgePolicy(given["years"], given["feb29"], given["offset_minutes"])
