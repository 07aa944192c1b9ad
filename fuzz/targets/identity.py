"""DIDs and their documents, status lists: what registrars, issuers and whoever brings their lists may send."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any, Final

from adyton.client.credentials.signing import EdDsaKey
from adyton.core import limits
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.base58 import decode_base58, encode_base58
from adyton.protocol.credentials.did import Did, own_did, read_did, read_did_url, read_own
from adyton.protocol.credentials.did_document import PURPOSES, DidDocument
from adyton.protocol.credentials.did_json import (
    document_json,
    read_document,
    read_own_document,
    read_pinned,
    web_address,
    write_own_document,
)
from adyton.protocol.credentials.did_jwk import did_of_jwk, jwk_of, resolve_did_jwk
from adyton.protocol.credentials.did_key import did_of_key, resolve_did_key
from adyton.protocol.credentials.multikey import key_agreement_of, read_multikey
from adyton.protocol.credentials.status import ListKind, Status, StatusReference
from adyton.protocol.credentials.status_bits import GZIP, ZLIB, inflate
from adyton.protocol.credentials.status_bitstring import TYPE as BITSTRING
from adyton.protocol.credentials.status_bitstring import read_bitstring_list
from adyton.protocol.credentials.status_list import (
    StatusList,
    StatusListHead,
    page_of,
    require_successor,
    status_of,
)
from adyton.protocol.credentials.status_token import TYPE as TOKEN
from adyton.protocol.credentials.status_token import read_token_list
from fuzz.target import Target, refused_or, require

_NOW: Final = 1_795_000_000
_ISSUER: Final = EdDsaKey(b"\x11" * 32)
_URI: Final = "https://i.example/1"
_ISS: Final = "https://i.example"
_RECORD: Final = bytes(32)
_CHAIN: Final = bytes(32)
_WEB: Final = Did("web", "i.example")
_OWN: Final = own_did(_CHAIN, bytes(32))
_ED: Final = read_multikey("z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG")
_POINT: Final = read_multikey("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")
_SEALING: Final = key_agreement_of(_ED)


def did(data: bytes) -> None:
    """DIDs, names of keys, base58, did:key, did:jwk and did:web."""
    text = data.decode("latin-1")
    decoded = refused_or(lambda: decode_base58(text))
    if decoded is not None:
        require(encode_base58(decoded) == text, "base58 has one text")
    named = refused_or(lambda: read_did_url(text))
    if named is not None:
        require(f"{named[0]}#{named[1]}" == text, "a key has one name")
    spelled = refused_or(lambda: resolve_did_jwk(Did("jwk", base64url.encode(data))))
    if spelled is not None:
        _require_key(spelled)
    found = refused_or(lambda: read_did(text))
    if found is None:
        return
    require(str(found) == text and named is None, "a did has one text")
    name = refused_or(lambda: read_own(found, _CHAIN))
    if name is not None:
        require(own_did(_CHAIN, name) == found, "an own did has one text")
    address = refused_or(lambda: web_address(found))
    if address is not None:
        require(".." not in address.split("/"), "a did:web lies below its host")
    by_key = refused_or(lambda: resolve_did_key(found))
    if by_key is not None:
        require(did_of_key(by_key.methods[0].key) == found, "a key has one did:key")
    for document in (by_key, refused_or(lambda: resolve_did_jwk(found))):
        if document is not None:
            _require_key(document)


def did_document(data: bytes) -> None:
    """Documents that are pinned for a did:web, or registered for an own did."""
    pinned = refused_or(lambda: read_pinned(data, _WEB))
    own = refused_or(lambda: read_own_document(data, _OWN))
    for document in (pinned, own):
        if document is not None:
            _require_document(document)
    require(pinned is None or own is None, "a document is of one did")
    if own is not None:
        require(own.agreement().curve == "X25519", "something can be sealed to an own did")


def status_list(data: bytes) -> None:
    """Lists: as they are compressed, and as claims that their issuer has signed."""
    for form in (ZLIB, GZIP):
        inflated = refused_or(lambda form=form: inflate(data, form))  # type: ignore[misc]  # mypy infers no default of a lambda
        require(inflated is None or len(inflated) <= limits.STATUS_LIST, "no bomb goes off")
    token, bitstring = (_signed(typ, data) for typ in (TOKEN, BITSTRING))
    key = _ISSUER.public
    by_token = refused_or(
        lambda: read_token_list(token, uri=_URI, issuer=_RECORD, key=key, now_s=_NOW)
    )
    by_bitstring = refused_or(
        lambda: read_bitstring_list(
            bitstring, uri=_URI, issuer=_RECORD, iss=_ISS, key=key, now_s=_NOW
        )
    )
    if by_token is not None:
        _require_list(by_token, StatusReference(ListKind.TOKEN, _URI, data[0]))
    if by_bitstring is not None:
        for purpose in by_bitstring.head.purposes:
            _require_list(by_bitstring, StatusReference(ListKind.BITSTRING, _URI, data[0], purpose))


def _require_key(document: DidDocument) -> None:
    _require_document(document)
    key = document.methods[0].key
    again = resolve_did_jwk(did_of_jwk(key)).methods[0].key
    require(again == key, "a key is read back from its JWK")


def _require_document(document: DidDocument) -> None:
    again = read_document(json.loads(json.dumps(document_json(document))), document.did)
    require(again == document, "a document is read back")
    for method in document.methods:
        for purpose in PURPOSES:
            key = refused_or(
                lambda method=method, purpose=purpose: document.key(document.url(method), purpose)  # type: ignore[misc]  # mypy infers no default of a lambda
            )
            require((key is not None) == (purpose in method.purposes), "a key has its uses")


def _require_list(made: StatusList, place: StatusReference) -> None:
    head = made.head
    require(StatusListHead.decode(head.encode()) == head, "a head has one encoding")
    require_successor(head, head)
    pages = made.statuses.pages()
    number = refused_or(lambda: page_of(head, place))
    if number is None:
        require(place.index >= head.entries, "an index is refused outside of the list alone")
        return
    status = status_of(head, pages[number], place, now_s=_NOW, oldest_s=None)
    require(status is not Status.STALE, "a list that is taken in is not stale")
    value = made.statuses.status(place.index)
    require((status is Status.VALID) == (value == 0), "0 alone is valid")


def _signed(typ: str, payload: bytes) -> str:
    header = json.dumps({"alg": "EdDSA", "typ": typ}).encode()
    signed = f"{base64url.encode(header)}.{base64url.encode(payload)}"
    return f"{signed}.{base64url.encode(_ISSUER.sign(signed.encode()))}"


def _dids() -> list[bytes]:
    texts = [
        str(_OWN),
        *(str(did_of_key(key)) for key in (_ED, _POINT, _SEALING)),
        *(str(did_of_jwk(key)) for key in (_ED, _POINT, _SEALING)),
        "did:web:i.example%3A8443:a:b",
        f"{_WEB}#key-1",
        _ED.multikey()[1:],
    ]
    jwks = [jwk_of(key) for key in (_ED, _POINT, _SEALING)]
    jwks += [{"kty": "", "crv": "Ed448", "x": "A" * 43}]
    return [*(text.encode() for text in texts), *(json.dumps(jwk).encode() for jwk in jwks)]


def _documents() -> list[bytes]:
    web = str(_WEB)
    pinned: dict[str, Any] = {
        "@context": "https://www.w3.org/ns/did/v1",
        "id": web,
        "verificationMethod": [
            {"id": "#a", "type": "JsonWebKey", "controller": web, "publicKeyJwk": jwk_of(_POINT)},
            {
                "id": f"{web}#b", "type": "Ed25519VerificationKey2020", "controller": web,
                "publicKeyMultibase": _ED.multikey(),
            },
        ],
        "authentication": ["#a"],
        "assertionMethod": [f"{web}#b"],
        "keyAgreement": [
            {
                "id": "#c", "type": "Multikey", "controller": web,
                "publicKeyMultibase": _SEALING.multikey(),
            }
        ],
    }  # fmt: skip
    return [json.dumps(pinned).encode(), write_own_document(_OWN, [_ED, _POINT], _SEALING)]


def _lists() -> list[bytes]:
    made: list[Any] = []
    for bits in (1, 2, 8):
        lst = base64url.encode(zlib.compress(b"\xb9\xa3\x00\x01"))
        made.append(
            {"sub": _URI, "iat": _NOW, "exp": _NOW + 9, "ttl": 60,
             "status_list": {"bits": bits, "lst": lst}}
        )  # fmt: skip
    encoded = base64url.encode(gzip.compress(b"\x80" + bytes(16_383), 9, mtime=0))
    made.append(
        {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": _URI,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": _ISS,
            "validFrom": "2026-01-01T00:00:00Z",
            "validUntil": "2027-01-01T00:00:00+01:00",
            "credentialSubject": {
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": "u" + encoded,
                "ttl": 5000,
            },
        }
    )
    bombs = [zlib.compress(bytes(limits.STATUS_LIST + 1), 9), gzip.compress(b"ab", mtime=0)]
    return [*(json.dumps(item).encode() for item in made), *bombs]


TARGETS = (
    Target("did", did, _dids),
    Target("did_document", did_document, _documents),
    Target("status_list", status_list, _lists),
)
