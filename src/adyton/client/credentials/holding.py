"""The holder's side: what a credential holds, and a presentation of chosen parts, bound by the holder's key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from adyton.client.credentials.issuing import shown_path
from adyton.client.credentials.signing import JoseKey, sign_jws
from adyton.core.errors import UsageError
from adyton.protocol.credentials.disclosed import Path, put_together
from adyton.protocol.credentials.key_binding import TYPE
from adyton.protocol.credentials.sd_jwt import hash_text, read_sd_jwt
from adyton.protocol.credentials.sd_jwt_vc import read_payload
from adyton.protocol.credentials.strict_json import Object


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """A credential with all its disclosures. Its signature is the verifier's concern: the holder was given it.

    Attributes:
        unverified_claims: all of them.
        jwt: the issuer's, as text.
        places: disclosures by the path of what they disclose, in the order in which they were given.
    """

    unverified_claims: Object
    jwt: str
    places: dict[Path, str]


def hold(unverified: str) -> HeldCredential:
    """Return what an issuer has given.

    Raises:
        CredentialError: no SD-JWT whose digests call for all its disclosures.
        UsageError: it is a presentation, bound already.
    """
    read = read_sd_jwt(unverified)
    if read.binding is not None:
        raise UsageError("bad_argument", "a presentation; give the credential as it was issued")
    claims = put_together(read_payload(read.jwt.unverified_payload), read.disclosures)
    places = {claims.places[item.text]: item.text for item in read.disclosures}
    return HeldCredential(claims.values, unverified.partition("~")[0], places)


def present(held: HeldCredential, disclosed: Collection[Path]) -> str:
    """Return a presentation that is not bound yet: the paths given, and what has to be disclosed on the way to them.

    Raises:
        UsageError: a path at which nothing is disclosed.
    """
    for path in disclosed:
        if path not in held.places:
            known = ", ".join(map(shown_path, held.places)) or "nothing"
            raise UsageError(
                "bad_argument", f"{shown_path(path)} cannot be disclosed; there is {known}"
            )
    chosen = [
        text
        for place, text in held.places.items()
        if any(path[: len(place)] == place for path in disclosed)
    ]
    return "~".join([held.jwt, *chosen, ""])


def bind(presentation: str, *, key: JoseKey, audience: str, nonce: str, now_s: int) -> str:
    """Return a presentation bound to a verifier and its request.

    Args:
        presentation: of `present`.
        key: the holder's: that which `cnf` names.
        audience: the verifier's client identifier.
        nonce: the request's.
        now_s: seconds since 1970.
    """
    payload: Object = {
        "iat": now_s,
        "aud": audience,
        "nonce": nonce,
        "sd_hash": hash_text(presentation),
    }
    return presentation + sign_jws(key, {"typ": TYPE}, payload)
