"""Token Status Lists as signed JWTs (draft-ietf-oauth-status-list, `statuslist+jwt`)."""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.jws import read_jws
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.status import ListKind
from adyton.protocol.credentials.status_bits import ZLIB, StatusBits, inflate
from adyton.protocol.credentials.status_list import Source, StatusList, Timing
from adyton.protocol.credentials.strict_json import Json, Object

TYPE: Final = "statuslist+jwt"
WHAT: Final = "the status list"


def read_token_list(
    unverified: str, *, uri: str, issuer: bytes, key: PublicKey, now_s: int
) -> StatusList:
    """Return the list that a token holds.

    Trust: runs in the enclave; the token comes from whoever sent the transaction.

        1. at most `limits.STATUS_TOKEN` characters; a compact JWS of type `statuslist+jwt`
        2. signed by the key that is registered for the issuer
        3. `sub` is the address that credentials name
        4. `iat` is not in the future, `exp` not in the past
        5. the list inflates to at most `limits.STATUS_LIST` bytes of 1, 2, 4 or 8 bits a status

    Args:
        unverified: compact JWS.
        uri: address of the list.
        issuer: record of who is to have signed it, 32 bytes.
        key: registered for that issuer.
        now_s: block time, seconds since 1970.

    Raises:
        CredentialError: the JWS, or its JSON, has not its form, or is not signed by `key`.
        MalformedError: the list has not its form, or is too large.
        VerificationError: `status_invalid` or `status_stale`.
    """
    # 1.
    require_size(unverified)
    jws = read_jws(unverified, WHAT)
    if jws.typ != TYPE:
        raise VerificationError("status_invalid", f"the status list's typ is not {TYPE}")
    # 2.
    payload = jws.verify(key, Reason.ISSUER_SIGNATURE)
    claims = strict_json.read_object(payload, WHAT, most=limits.STATUS_TOKEN)
    # 3.
    if claims.get("sub") != uri:
        raise VerificationError("status_invalid", "the status list is another's: sub differs")
    # 4.
    timing = _read_timing(claims)
    timing.require_at(now_s)
    # 5.
    bits = read_status_list(claims.get("status_list"))
    return StatusList.of(Source(ListKind.TOKEN, uri, issuer), (), timing, bits, now_s)


def read_status_list(unverified: Json) -> StatusBits:
    """Return the statuses of the claim `status_list`.

    Raises:
        CredentialError: the list is not base64url.
        MalformedError: another form, or too large.
    """
    if type(unverified) is not dict:
        raise MalformedError("malformed", "status list: status_list is an object")
    bits, packed = unverified.get("bits"), unverified.get("lst")
    if type(bits) is not int or type(packed) is not str:
        raise MalformedError("malformed", "status list: it has bits, a number, and lst, a text")
    return StatusBits(bits, inflate(base64url.decode(packed, WHAT), ZLIB))


def require_size(unverified: str) -> None:
    """Refuse a token that no transaction could bring in.

    Raises:
        MalformedError: `too_large`.
    """
    if len(unverified) > limits.STATUS_TOKEN:
        raise MalformedError(
            "too_large", f"status list: {limits.STATUS_TOKEN} characters are the most; split it"
        )


def read_seconds(claims: Object, name: str) -> int | None:
    """Return a claim that is a whole number of seconds, not negative; None where there is none.

    Raises:
        MalformedError: another value.
    """
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if type(value) is not int or value < 0:
        raise MalformedError("malformed", f"status list: {name} is a whole number of seconds")
    return value


def _read_timing(claims: Object) -> Timing:
    issued, ttl = read_seconds(claims, "iat"), read_seconds(claims, "ttl")
    if issued is None:
        raise MalformedError("malformed", "status list: it has to say when it was made: iat")
    if ttl == 0:
        raise MalformedError("malformed", "status list: ttl is at least a second")
    return Timing(issued, read_seconds(claims, "exp"), ttl)
