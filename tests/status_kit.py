"""Status lists for tests: signed by an issuer, sound or not."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

from adyton.client.credentials.signing import JoseKey
from adyton.protocol.credentials import base64url
from tests.credential_kit import ISSUER, ISSUER_KEY, NOW, jws

URI = "https://issuer.example/statuslists/1"
RECORD = b"\x51" * 32  # of the issuer
CONTEXT = "https://www.w3.org/ns/credentials/v2"


def token(
    packed: bytes = b"\xb9\xa3",
    *,
    bits: Any = 1,
    typ: Any = "statuslist+jwt",
    alg: str = "ES256",
    key: JoseKey = ISSUER_KEY,
    without: str = "",
    **claims: Any,
) -> str:
    """Return a signed Token Status List with these claims instead of the usual ones."""
    lst = base64url.encode(zlib.compress(packed, 9))
    values: dict[str, Any] = {
        "sub": URI,
        "iat": NOW - 100,
        "exp": NOW + 1000,
        "ttl": 600,
        "status_list": {"bits": bits, "lst": lst},
        **claims,
    }
    values.pop(without, None)
    return jws({"alg": alg, "typ": typ}, values, key)


def encoded(bitstring: bytes) -> str:
    """Return a bitstring as `encodedList`."""
    return "u" + base64url.encode(gzip.compress(bitstring, 9, mtime=0))


def bitstring_credential(
    bitstring: bytes = bytes(16_384),
    *,
    typ: str = "vc+jwt",
    key: JoseKey = ISSUER_KEY,
    without: str = "",
    subject: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """Return a signed Bitstring Status List credential, with changes."""
    values: dict[str, Any] = {
        "@context": [CONTEXT],
        "id": URI,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": ISSUER,
        "validFrom": "2026-11-18T11:00:00Z",
        "credentialSubject": {
            "id": URI + "#list",
            "type": "BitstringStatusList",
            "statusPurpose": "revocation",
            "encodedList": encoded(bitstring),
            **(subject or {}),
        },
        **claims,
    }
    values.pop(without, None)
    return jws({"alg": "ES256", "typ": typ}, values, key)
