"""SD-JWT VC: what an SD-JWT has to hold to be a verifiable credential, and when it is valid."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.disclosed import Claims
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.credentials.jws import UnverifiedJws
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.sd_jwt import ISSUER_JWT
from adyton.protocol.credentials.strict_json import Object

TYPE: Final = "dc+sd-jwt"
TYPE_BEFORE: Final = "vc+sd-jwt"  # until November 2024
_WHAT: Final = "the credential"
# What a holder may neither hide nor choose.
ALWAYS_VISIBLE: Final = (
    "iss",
    "nbf",
    "exp",
    "cnf",
    "vct",
    "vct#integrity",
    "status",
    "credentialStatus",
)
_OTHER_CONFIRMATIONS: Final = frozenset({"jwe", "kid", "jku", "x5t#S256"})


@dataclass(frozen=True, slots=True)
class Validity:
    """When a credential is valid.

    Attributes:
        skew_s: seconds that clocks may differ by, from 0.
        expiry_required: whether one without `exp` is refused.
    """

    skew_s: int
    expiry_required: bool


def read_payload(verified: bytes) -> Object:
    """Return the issuer's claims and digests.

    Raises:
        CredentialError: not a JSON object in its strict form.
    """
    return strict_json.read_object(verified, f"{ISSUER_JWT}'s payload")


def require_type(jwt: UnverifiedJws, *, also_before: bool) -> None:
    """Refuse a JWT that is not for credentials.

    Args:
        jwt: the issuer's.
        also_before: whether the type's former name will do.

    Raises:
        CredentialError: `type`.
    """
    if jwt.typ != TYPE and not (also_before and jwt.typ == TYPE_BEFORE):
        raise refused(Reason.TYPE, jwt.what)


def require_vct(payload: Object, allowed: Collection[str]) -> str:
    """Return the credential's type, one of the allowed ones.

    Raises:
        CredentialError: `vct_missing` or `vct`.
    """
    vct = payload.get("vct")
    if type(vct) is not str or not vct:
        raise refused(Reason.VCT_MISSING, _WHAT)
    if vct not in allowed:
        raise refused(Reason.VCT, _WHAT)
    return vct


def read_issuer(payload: Object) -> str:
    """Return the issuer that a payload names.

    Raises:
        CredentialError: `issuer_missing`.
    """
    issuer = payload.get("iss")
    if type(issuer) is not str or not issuer:
        raise refused(Reason.ISSUER_MISSING, _WHAT)
    return issuer


def require_visible(payload: Object, claims: Claims) -> None:
    """Refuse a credential in which what must always be visible is disclosed selectively, as a whole or in part.

    Raises:
        CredentialError: `claim_not_disclosable`.
    """
    for place in claims.places.values():
        if place[0] in ALWAYS_VISIBLE:
            raise refused(Reason.CLAIM_NOT_DISCLOSABLE, _WHAT)
    for name in ALWAYS_VISIBLE:
        # What is hidden inside of such a claim was taken out of it.
        if name in payload and payload[name] != claims.values.get(name):
            raise refused(Reason.CLAIM_NOT_DISCLOSABLE, _WHAT)


def require_valid_at(claims: Object, now_s: int, validity: Validity) -> None:
    """Refuse a credential outside of its time.

    Args:
        claims: with what is disclosed; `iat` may be.
        now_s: block time, seconds since 1970.
        validity: skew, and whether an end is asked for.

    Raises:
        CredentialError: `time_form`, `not_yet_valid`, `expired` or `expiry_missing`.
    """
    latest = now_s + validity.skew_s
    for name in ("nbf", "iat"):
        begin = read_time(claims, name)
        if begin is not None and begin > latest:
            raise refused(Reason.NOT_YET_VALID, _WHAT)
    end = read_time(claims, "exp")
    if end is None:
        if validity.expiry_required:
            raise refused(Reason.EXPIRY_MISSING, _WHAT)
    elif now_s >= end + validity.skew_s:
        raise refused(Reason.EXPIRED, _WHAT)


def read_time(claims: Object, name: str, what: str = _WHAT) -> int | None:
    """Return a time of a JWT in seconds since 1970; None where there is none.

    Raises:
        CredentialError: `time_form`, not a whole number from 0.
    """
    if name not in claims:
        return None
    value = claims[name]
    if type(value) is not int or value < 0:
        raise refused(Reason.TIME_FORM, what)
    return value


def read_holder_key(payload: Object) -> PublicKey:
    """Return the key that a presentation has to be bound by: `cnf.jwk`.

    Raises:
        CredentialError: `holder_key_missing`, `holder_key`, or what `read_jwk` raises.
    """
    if "cnf" not in payload:
        raise refused(Reason.HOLDER_KEY_MISSING, _WHAT)
    confirmation = payload["cnf"]
    if type(confirmation) is not dict or not _OTHER_CONFIRMATIONS.isdisjoint(confirmation):
        raise refused(Reason.HOLDER_KEY, _WHAT)
    if "jwk" not in confirmation:
        raise refused(Reason.HOLDER_KEY_MISSING, _WHAT)
    return read_jwk(confirmation["jwk"], "the holder's key")
