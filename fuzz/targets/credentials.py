"""What a holder or an issuer may send: JSON, base64url, keys, SD-JWTs signed and not, birthdates."""

from __future__ import annotations

import json
from typing import Any, Final

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import EdDsaKey, Es256Key
from adyton.core import limits
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.age import AgePolicy, birth_day, date_of, require_age
from adyton.protocol.credentials.disclosed import Claims, put_together
from adyton.protocol.credentials.jwk import read_jwk
from adyton.protocol.credentials.presentation import (
    Credential,
    CredentialPolicy,
    Expected,
    check_presentation,
)
from adyton.protocol.credentials.sd_jwt import UnverifiedSdJwt, read_disclosure, read_sd_jwt
from adyton.protocol.credentials.sd_jwt_vc import Validity, read_payload
from adyton.protocol.credentials.status import Status, read_status
from adyton.protocol.credentials.steps import Checklist, Mark
from fuzz.target import Target, refused_or, require
from tests.credential_kit import begun

_NOW: Final = 1_795_000_000
_ISSUER: Final = Es256Key(b"\x11" * 32)
_HOLDER: Final = EdDsaKey(b"\x22" * 32)
_AGE: Final = AgePolicy(18, "28feb", 0)
_POLICY: Final = CredentialPolicy(
    frozenset({"urn:pid"}), True, Validity(60, False), False, 600, False, frozenset(), _AGE
)
_STATUS: Final[dict[str, Any]] = {"status_list": {"idx": 7, "uri": "https://i.example/1"}}
_CLAIMS: Final[dict[str, Any]] = {
    "iss": "https://i.example",
    "vct": "urn:pid",
    "exp": _NOW + 9,
    "status": _STATUS,
    "birthdate": "1990-02-28",
    "age_equal_or_over": {"18": True},
    "list": ["a", {"b": None}],
}
_PATHS: Final[tuple[tuple[str | int, ...], ...]] = (
    ("birthdate",),
    ("age_equal_or_over", "18"),
    ("list", 1),
    ("list", 1, "b"),
)


def credential_json(data: bytes) -> None:
    """Strict JSON, base64url, keys, statuses and birthdates."""
    text = data.decode("latin-1")
    decoded = refused_or(lambda: base64url.decode(text, "it"))
    if decoded is not None:
        require(base64url.encode(decoded) == text, "base64url has one text")
    value = refused_or(lambda: strict_json.read_object(data, "it"))
    if value is None:
        return
    members = value
    plain = json.loads(data)
    require(set(plain) == set(members), "JSON has the members that every reader finds")
    key = refused_or(lambda: read_jwk(members, "it"))
    if key is not None:
        again = read_jwk(dict(key.members), "it")
        require(again.thumbprint() == key.thumbprint(), "a key has one thumbprint")
        require("d" not in plain, "a private key is refused")
    for place in refused_or(lambda: read_status(members)) or ():
        require(0 <= place.index <= limits.JSON_INTEGER, "an index is a whole number")
    day = refused_or(lambda: birth_day(members, _AGE, _NOW))
    if day is not None:
        year, month, number = date_of(day)
        date = f"{year:04}-{month:02}-{number:02}"
        require(date == members["birthdate"], "a day has one date")
    refused_or(lambda: require_age(members, _AGE, _NOW))


def sd_jwt(data: bytes) -> None:
    """An issuer's payload and disclosures, separated by line ends: what digests make of them."""
    first, *rest = data.split(b"\n")
    read = refused_or(lambda: _together(first, rest))
    if read is None:
        return
    claims = read.values
    require(_holds_no_digest(claims), "no digest is left")
    require(len(read.places) == len(rest), "each disclosure has its place")
    for place in read.places.values():
        value: Any = claims
        for step in place:
            value = value[step]


def presentation(data: bytes) -> None:
    """Whole presentations: what passes was signed by our issuer as it stands."""
    text = data.decode("latin-1")
    checklist = begun()
    credential = refused_or(lambda: _checked(text, checklist))
    if credential is not None:
        lines = checklist.lines()
        require(not any(line.mark is Mark.FAILED for line in lines), "what passes has no failure")
        require(text.split("~")[0] in _SIGNED, "only what the issuer signed passes")
        sd = refused_or(lambda: read_sd_jwt(text))
        require(isinstance(sd, UnverifiedSdJwt), "what passes can be read again")
        require(credential.claims["iss"] == _CLAIMS["iss"], "claims are the issuer's")


def _checked(text: str, checklist: Checklist) -> Credential:
    return check_presentation(
        text,
        policy=_POLICY,
        expected=Expected("network", "nonce"),
        now_s=_NOW,
        issuer_key=lambda iss, _: _ISSUER.public if iss == _CLAIMS["iss"] else None,
        status_of=lambda _: Status.VALID,
        checklist=checklist,
    )


def _together(first: bytes, rest: list[bytes]) -> Claims:
    disclosures = [read_disclosure(base64url.encode(item)) for item in rest]
    return put_together(read_payload(first), {item.digest: item for item in disclosures}.values())


def _holds_no_digest(value: Any) -> bool:
    if isinstance(value, dict):
        return not value.keys() & {"_sd", "...", "_sd_alg"} and all(
            map(_holds_no_digest, value.values())
        )
    return not isinstance(value, list) or all(map(_holds_no_digest, value))


def _issued(**claims: Any) -> str:
    return issue(
        {**_CLAIMS, **claims},
        hidden=_PATHS,
        key=_ISSUER,
        kid="k",
        holder=_HOLDER.public,
        entropy=bytes,
        decoys=0,
    )


def _presentations() -> list[bytes]:
    made = []
    for paths in ((), _PATHS[:1], _PATHS[1:2], _PATHS):
        text = present(hold(_issued()), paths)
        bound = bind(text, key=_HOLDER, audience="network", nonce="nonce", now_s=_NOW)
        made += [text.encode(), bound.encode()]
    return made


def _payloads() -> list[bytes]:
    first, *disclosures, _ = _issued().split("~")
    payload = base64url.decode(first.split(".")[1], "it")
    return [
        b"\n".join([payload, *(base64url.decode(item, "it") for item in disclosures)]),
        b'{"a":[{"...":"' + b"A" * 43 + b'"}],"_sd":["' + b"Q" * 42 + b'E"],"_sd_alg":"sha-256"}',
    ]


def _json() -> list[bytes]:
    bits = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "5",
        "statusListCredential": "https://i.example/2",
    }
    values: list[Any] = [
        dict(_ISSUER.public.members),
        {**_HOLDER.public.members, "use": "sig", "key_ops": ["verify"], "alg": "EdDSA"},
        {"status": _STATUS, "credentialStatus": [bits], "birthdate": "2000-02-29"},
        {
            "age_equal_or_over": {"18": True},
            "age_over_18": False,
            "x": [1.5, -1, None, "\ud83d\ude00"],
        },
    ]
    return [
        base64url.encode(b"some bytes").encode(),
        *(json.dumps(item).encode() for item in values),
    ]


_SIGNED: Final = frozenset(item.decode().split("~")[0] for item in _presentations())

TARGETS = (
    Target("credential_json", credential_json, _json),
    Target("sd_jwt", sd_jwt, _payloads),
    Target("presentation", presentation, _presentations),
)
