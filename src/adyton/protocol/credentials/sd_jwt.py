"""SD-JWT (RFC 9901) in its compact form: the issuer's JWT, disclosures, and a key binding.

<issuer's JWT>~<disclosure 1>~…~<disclosure n>~<key binding JWT, or nothing>
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from adyton.core import limits
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.jws import UnverifiedJws, read_jws
from adyton.protocol.credentials.reasons import Reason, refused
from adyton.protocol.credentials.strict_json import Json

ISSUER_JWT = "the issuer's JWT"
BINDING_JWT = "the key binding"


class Disclosure(NamedTuple):
    """A disclosed claim or item of a list; authentic once a digest of a verified payload is found to be its own.

    Attributes:
        text: base64url as it was given.
        digest: SHA-256 of the text, in base64url, 43 characters.
        name: the claim's; None for an item of a list.
        value: parsed JSON, which may hold further digests.
    """

    text: str
    digest: str
    name: str | None
    value: Json


class UnverifiedSdJwt(NamedTuple):
    """An SD-JWT in its parts, none of them verified.

    Attributes:
        jwt: the issuer's.
        disclosures: as they came; no two are the same.
        binding: the key binding, where there is one.
        sd_hash: what a key binding has to hold: SHA-256 of all before it, in base64url.
    """

    jwt: UnverifiedJws
    disclosures: tuple[Disclosure, ...]
    binding: UnverifiedJws | None
    sd_hash: str


def hash_text(text: str) -> str:
    """Return SHA-256 of an ASCII text, in base64url."""
    return base64url.encode(hashlib.sha256(text.encode("ascii")).digest())


def read_sd_jwt(unverified: str) -> UnverifiedSdJwt:
    """Return an SD-JWT in its parts.

    Trust: runs in the enclave; `unverified` comes from a stranger.

    Raises:
        CredentialError: another form, or over `limits.CREDENTIAL` or `limits.CREDENTIAL_DISCLOSURES`.
    """
    if len(unverified) > limits.CREDENTIAL:
        raise refused(Reason.TOO_LARGE, "the presentation")
    first, *middle = unverified.split("~")
    if not middle or not unverified.isascii():
        raise refused(Reason.SD_JWT_FORM, "the presentation")
    last = middle.pop()
    if len(middle) > limits.CREDENTIAL_DISCLOSURES:
        raise refused(Reason.DISCLOSURES_MANY, "the presentation")
    jwt = read_jws(first, ISSUER_JWT)
    disclosures = tuple(map(read_disclosure, middle))
    if len({disclosure.digest for disclosure in disclosures}) != len(disclosures):
        raise refused(Reason.DISCLOSURE_TWICE, "the presentation")
    binding = read_jws(last, BINDING_JWT) if last else None
    hashed = hash_text(unverified[: len(unverified) - len(last)]) if last else ""
    return UnverifiedSdJwt(jwt, disclosures, binding, hashed)


def read_disclosure(unverified: str) -> Disclosure:
    """Return a disclosure: `[salt, name, value]` for a claim, `[salt, value]` for an item of a list.

    Raises:
        CredentialError: another form, or a name that is reserved.
    """
    what = "a disclosure"
    parts = strict_json.read(base64url.decode(unverified, what), what)
    if type(parts) is not list or len(parts) not in (2, 3) or type(parts[0]) is not str:
        raise refused(Reason.DISCLOSURE_FORM, "the presentation")
    digest = hash_text(unverified)
    if len(parts) == 2:
        return Disclosure(unverified, digest, None, parts[1])
    name = parts[1]
    if type(name) is not str:
        raise refused(Reason.DISCLOSURE_FORM, "the presentation")
    if name in ("_sd", "_sd_alg", "..."):
        raise refused(Reason.NAME_RESERVED, what)
    return Disclosure(unverified, digest, name, parts[2])
