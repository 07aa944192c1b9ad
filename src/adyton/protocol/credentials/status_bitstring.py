"""Bitstring Status Lists (W3C 1.0) as credentials secured by JOSE: `vc+jwt`, purposes revocation and suspension."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.jws import read_jws
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.status import ListKind
from adyton.protocol.credentials.status_bits import GZIP, StatusBits, inflate, reverse_bits
from adyton.protocol.credentials.status_list import PURPOSES, Source, StatusList, Timing
from adyton.protocol.credentials.status_token import WHAT, read_seconds, require_size
from adyton.protocol.credentials.strict_json import Json, Object

TYPE: Final = "vc+jwt"
LEAST_ENTRIES: Final = 131_072  # so that an index hides among many
_CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"
_CREDENTIAL: Final = frozenset({"VerifiableCredential", "BitstringStatusListCredential"})
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def read_bitstring_list(
    unverified: str, *, uri: str, issuer: bytes, iss: str, key: PublicKey, now_s: int
) -> StatusList:
    """Return the list that a signed status list credential holds.

    Trust: runs in the enclave; the credential comes from whoever sent the transaction.

        1. at most `limits.STATUS_TOKEN` characters; a compact JWS of type `vc+jwt`
        2. signed by the key that is registered for the issuer
        3. a credential of VCDM 2.0 and of this list: types, `id`, `issuer`, `statusPurpose`
        4. `validFrom` is not in the future, `validUntil` and `exp` not in the past
        5. the bitstring has 131,072 bits at least and inflates to at most `limits.STATUS_LIST` bytes

    Args:
        unverified: compact JWS.
        uri: address of the list, as credentials name it.
        issuer: record of who is to have signed it, 32 bytes.
        iss: that issuer as it names itself.
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
    credential = strict_json.read_object(payload, WHAT, most=limits.STATUS_TOKEN)
    # 3.
    subject, purposes = _require_this_list(credential, uri, iss)
    # 4.
    timing = _read_timing(credential, subject)
    timing.require_at(now_s)
    # 5.
    statuses = read_encoded_list(subject.get("encodedList"))
    return StatusList.of(Source(ListKind.BITSTRING, uri, issuer), purposes, timing, statuses, now_s)


def read_encoded_list(unverified: Json) -> StatusBits:
    """Return the statuses of `encodedList`, in the order in which lists are kept.

    Raises:
        CredentialError: not base64url.
        MalformedError: another base than the one that `u` names, no gzip, too short or too large.
    """
    if type(unverified) is not str or unverified[:1] != "u":
        raise MalformedError(
            "malformed", "status list: encodedList is base64url without padding, behind a u"
        )
    packed = inflate(base64url.decode(unverified[1:], WHAT), GZIP)
    if len(packed) * 8 < LEAST_ENTRIES:
        raise MalformedError(
            "malformed", f"status list: it has {LEAST_ENTRIES} entries at least, to hide one among"
        )
    return StatusBits(1, reverse_bits(packed))


def _require_this_list(credential: Object, uri: str, iss: str) -> tuple[Object, tuple[str, ...]]:
    contexts, subject = credential.get("@context"), credential.get("credentialSubject")
    if type(contexts) is not list or contexts[:1] != [_CONTEXT]:
        raise MalformedError("malformed", f"status list: @context begins with {_CONTEXT}")
    if not _CREDENTIAL.issubset(_texts(credential.get("type"))):
        raise MalformedError(
            "malformed", f"status list: its types are {' and '.join(sorted(_CREDENTIAL))}"
        )
    if type(subject) is not dict or "BitstringStatusList" not in _texts(subject.get("type")):
        raise MalformedError("malformed", "status list: its subject is one BitstringStatusList")
    if credential.get("id") != uri:
        raise VerificationError("status_invalid", "the status list is another's: id differs")
    said = credential.get("issuer")
    if (said.get("id") if type(said) is dict else said) != iss:
        raise VerificationError("status_invalid", "the status list names another issuer")
    said_for = _texts(subject.get("statusPurpose"))
    purposes = tuple(purpose for purpose in PURPOSES if purpose in said_for)
    if not purposes:
        raise VerificationError(
            "status_invalid", f"the status list's purpose is not one of {', '.join(PURPOSES)}"
        )
    if subject.get("statusSize", 1) != 1 or type(subject.get("statusSize", 1)) is not int:
        raise MalformedError("malformed", "status list: one bit says it all; statusSize is 1")
    return subject, purposes


def _texts(value: Json) -> frozenset[str]:
    """Return the texts of a value that is one of them or a list."""
    listed = value if type(value) is list else [value]
    return frozenset(item for item in listed if type(item) is str)


def _read_timing(credential: Object, subject: Object) -> Timing:
    issued = _read_time(credential, "validFrom")
    if issued is None:
        raise MalformedError("malformed", "status list: it has to say when it was made: validFrom")
    ends = [_read_time(credential, "validUntil"), read_seconds(credential, "exp")]
    expires = min((end for end in ends if end is not None), default=None)
    ttl_ms = subject.get("ttl")
    if "ttl" in subject and (type(ttl_ms) is not int or ttl_ms < 1000):
        raise MalformedError("malformed", "status list: ttl is milliseconds, a second at least")
    return Timing(issued, expires, ttl_ms // 1000 if type(ttl_ms) is int else None)


def _read_time(claims: Object, name: str) -> int | None:
    """Return a time of XML Schema with its zone, in whole seconds."""
    text = claims.get(name)
    if text is None and name not in claims:
        return None
    if type(text) is not str or _TIME.fullmatch(text) is None:
        raise MalformedError("malformed", f"status list: {name} is a time with seconds and zone")
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise MalformedError("malformed", f"status list: {name} is no day or hour") from problem
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 1)
    if seconds < 0:
        raise MalformedError("malformed", f"status list: {name} lies before 1970")
    return seconds
