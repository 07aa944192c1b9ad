"""The key binding of a presentation (RFC 9901, section 4.3): made by the holder, for one verifier and one request."""

from __future__ import annotations

from typing import Final, NamedTuple

from adyton.protocol.credentials import strict_json
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.jws import UnverifiedJws
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.sd_jwt import BINDING_JWT
from adyton.protocol.credentials.sd_jwt_vc import read_time
from adyton.protocol.credentials.strict_json import Object

TYPE: Final = "kb+jwt"


class Binding(NamedTuple):
    """What a holder has signed, verified.

    Attributes:
        audience: whom it is meant for.
        nonce: the request that it answers.
        sd_hash: the JWT and disclosures that it is for.
        issued_at: seconds since 1970, by the holder's clock.
        ends: seconds since 1970 from which it does not hold, where it says so.
        begins: seconds since 1970 before which it does not hold, where it says so.
    """

    audience: str
    nonce: str
    sd_hash: str
    issued_at: int
    ends: int | None
    begins: int | None


def read_binding(unverified: UnverifiedJws, holder: PublicKey) -> Binding:
    """Return a key binding, signed by the holder's key.

    Raises:
        CredentialError: another type, not the holder's signature, or a claim that is missing.
    """
    if unverified.typ != TYPE:
        raise refused(Reason.TYPE, BINDING_JWT)
    payload = unverified.verify(holder, Reason.BINDING_SIGNATURE)
    claims = strict_json.read_object(payload, f"{BINDING_JWT}'s payload")
    issued_at = read_time(claims, "iat", BINDING_JWT)
    if issued_at is None:
        raise refused(Reason.BINDING_CLAIMS, BINDING_JWT)
    return Binding(
        _text(claims, "aud"),
        _text(claims, "nonce"),
        _text(claims, "sd_hash"),
        issued_at,
        read_time(claims, "exp", BINDING_JWT),
        read_time(claims, "nbf", BINDING_JWT),
    )


def require_audience(binding: Binding, audience: str) -> None:
    """Refuse a binding that is meant for another verifier.

    Raises:
        CredentialError: `audience`.
    """
    if binding.audience != audience:
        raise refused(Reason.AUDIENCE, BINDING_JWT)


def require_nonce(binding: Binding, nonce: str) -> None:
    """Refuse a binding that answers another request.

    Raises:
        CredentialError: `nonce`.
    """
    if binding.nonce != nonce:
        raise refused(Reason.NONCE, BINDING_JWT)


def require_hash(binding: Binding, sd_hash: str) -> None:
    """Refuse a binding of another JWT or other disclosures.

    Raises:
        CredentialError: `binding_hash`.
    """
    if binding.sd_hash != sd_hash:
        raise refused(Reason.BINDING_HASH, BINDING_JWT)


def require_fresh(binding: Binding, now_s: int, *, oldest_s: int, skew_s: int) -> None:
    """Refuse a binding that was made ahead of block time, too long ago, or to end before.

    Args:
        binding: verified.
        now_s: block time, seconds since 1970.
        oldest_s: greatest age, in seconds, beside the skew.
        skew_s: seconds that the holder's clock may differ by.

    Raises:
        CredentialError: `binding_future`, `binding_old` or `binding_expired`.
    """
    latest, earliest = now_s + skew_s, now_s - oldest_s - skew_s
    if binding.issued_at > latest or (binding.begins is not None and binding.begins > latest):
        raise refused(Reason.BINDING_FUTURE, BINDING_JWT)
    if binding.issued_at < earliest:
        raise refused(Reason.BINDING_OLD, BINDING_JWT)
    if binding.ends is not None and now_s >= binding.ends + skew_s:
        raise refused(Reason.BINDING_EXPIRED, BINDING_JWT)


def _text(claims: Object, name: str) -> str:
    value = claims.get(name)
    if type(value) is not str or not value:
        raise refused(Reason.BINDING_CLAIMS, BINDING_JWT)
    return value
