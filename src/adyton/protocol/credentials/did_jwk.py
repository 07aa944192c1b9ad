"""did:jwk: the identifier is a public JWK (RFC 7517, 8037, 8812) in base64url.

The same key has many such DIDs, as its JSON can be written in many ways: the text that was given stays the DID.
"""

from __future__ import annotations

from typing import Final

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.did import JWK, Did
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    PURPOSES,
    DidDocument,
    Method,
)
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.credentials.multikey import ED25519, P256, SECP256K1, X25519, Multikey
from adyton.protocol.credentials.strict_json import Json, Object

_WHAT: Final = "the did:jwk"
_NAME: Final = "0"
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KIND: Final = {ED25519: "OKP", X25519: "OKP", P256: "EC", SECP256K1: "EC"}
_USES: Final = {"sig": (AUTHENTICATION, ASSERTION), "enc": (AGREEMENT,)}


def did_of_jwk(key: Multikey) -> Did:
    """Return the did:jwk of a key as we write it: members in the order of their names, no space."""
    return Did(JWK, base64url.encode(strict_json.write(jwk_of(key))))


def jwk_of(key: Multikey) -> Object:
    """Return the required members of a key's JWK, in the order of their names."""
    if _KIND[key.curve] == "OKP":
        return {"crv": key.curve, "kty": "OKP", "x": base64url.encode(key.data)}
    point = key.uncompressed()
    x, y = base64url.encode(point[1:33]), base64url.encode(point[33:])
    return {"crv": key.curve, "kty": "EC", "x": x, "y": y}


def verifier(key: Multikey) -> PublicKey:
    """Return a key as what verifies signatures.

    Raises:
        CredentialError: of a curve whose signatures are not verified here: `jwk`.
    """
    return read_jwk(jwk_of(key), "the key")


def read_public_jwk(unverified: Json, what: str) -> tuple[Multikey, tuple[str, ...]]:
    """Return the key of a JWK, and what its `use` leaves it to be used for.

    Members that say nothing of the key itself (`kid`, `alg`, …) are not looked at.

    Raises:
        CredentialError: a coordinate is not base64url.
        MalformedError: private, of another kind, no key, or of another use than its curve's.
    """
    if type(unverified) is not dict:
        raise MalformedError("malformed", f"{what}: a jwk is an object")
    if not _PRIVATE.isdisjoint(unverified):
        raise MalformedError("malformed", f"{what}: a private key; give its public half only")
    curve = unverified.get("crv")
    if type(curve) is not str or curve not in _KIND or unverified.get("kty") != _KIND[curve]:
        raise MalformedError("malformed", f"{what}: kty and crv are of {', '.join(_KIND)}")
    key = Multikey(curve, _data(unverified, curve, what))
    return key, _purposes(key, unverified, what)


def resolve_did_jwk(unverified: Did) -> DidDocument:
    """Return the document that a did:jwk stands for: one key, named 0.

    Raises:
        CredentialError: not base64url, or not JSON in its one reading.
        MalformedError: of another method, or no public key.
    """
    if unverified.method != JWK:
        raise MalformedError("malformed", f"not a did:{JWK}")
    data = base64url.decode(unverified.identifier, _WHAT)
    key, purposes = read_public_jwk(strict_json.read(data, _WHAT, most=limits.JWK), _WHAT)
    return DidDocument(unverified, (Method(_NAME, key, purposes),))


def _data(members: Object, curve: str, what: str) -> bytes:
    x = _coordinate(members, "x", what)
    if _KIND[curve] == "OKP":
        return x
    y = _coordinate(members, "y", what)
    compressed = bytes((2 + (y[31] & 1),)) + x
    # From x alone there are two points; y has to be one of them, not only its last bit.
    if Multikey(curve, compressed).uncompressed()[33:] != y:
        raise MalformedError("malformed", f"{what}: not a point of its curve")
    return compressed


def _coordinate(members: Object, name: str, what: str) -> bytes:
    text = members.get(name)
    data = base64url.decode(text, what) if type(text) is str and len(text) == 43 else b""
    if len(data) != 32:
        raise MalformedError("malformed", f"{what}: {name} has 32 bytes, as base64url")
    return data


def _purposes(key: Multikey, members: Object, what: str) -> tuple[str, ...]:
    allowed = {ED25519: _USES["sig"], X25519: _USES["enc"]}.get(key.curve, PURPOSES)
    if "use" not in members:
        return allowed
    use = members["use"]
    purposes = _USES.get(use) if type(use) is str else None
    if purposes is None or not set(purposes) <= set(allowed):
        raise MalformedError("malformed", f"{what}: use is not one of this key's")
    return purposes
