"""Documents as JSON: ours are read back, and a pinned one is refused for everything that is odd about it."""

import copy
import json
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import CredentialError, Error, MalformedError, VerificationError
from adyton.protocol.credentials.base58 import write_multibase
from adyton.protocol.credentials.did import Did, read_did
from adyton.protocol.credentials.did_document import AGREEMENT, ASSERTION, AUTHENTICATION
from adyton.protocol.credentials.did_json import (
    document_json,
    read_document,
    read_pinned,
    web_address,
)
from adyton.protocol.credentials.did_jwk import did_of_jwk, jwk_of, resolve_did_jwk
from adyton.protocol.credentials.did_key import resolve_did_key
from adyton.protocol.credentials.did_own import DidKey, OwnDocument
from adyton.protocol.credentials.multikey import read_multikey

WEB = read_did("did:web:issuer.example")
ED = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"
X = "z6LSrHyXiPBhUbvPUtyUCdf32sniiMGPTAesgHrtEa4FePtr"
P = "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"
DOCUMENT: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
    "id": str(WEB),
    "verificationMethod": [
        {"id": f"{WEB}#a", "type": "Multikey", "controller": str(WEB), "publicKeyMultibase": ED},
        {
            "id": "#b", "type": "JsonWebKey", "controller": str(WEB),
            "publicKeyJwk": jwk_of(read_multikey(P)),
        },
    ],
    "authentication": ["#a"],
    "assertionMethod": [f"{WEB}#a", "#b"],
    "keyAgreement": [
        {
            "id": "#x", "type": "X25519KeyAgreementKey2020", "controller": str(WEB),
            "publicKeyMultibase": X,
        }
    ],
    "service": [{"id": "#s", "type": "LinkedDomains", "serviceEndpoint": "https://x.example"}],
}  # fmt: skip


def pinned(document: Any, did: Did = WEB) -> Any:
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    return read_pinned(data, did)


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the document with the value at a path of names and places changed; None takes it out."""
    made = copy.deepcopy(DOCUMENT)
    at: Any = made
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    for step in steps:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return made


def test_a_pinned_document() -> None:
    document = pinned(DOCUMENT)
    assert document.did == WEB
    assert document.key(f"{WEB}#a", AUTHENTICATION) == read_multikey(ED)
    assert document.key(f"{WEB}#b", ASSERTION) == read_multikey(P)
    assert document.agreement() == read_multikey(X)
    with pytest.raises(VerificationError) as refusal:
        document.key(f"{WEB}#b", AUTHENTICATION)
    assert refusal.value.code == "key_purpose"
    with pytest.raises(VerificationError):
        document.key(f"{WEB}#s", ASSERTION)


def test_what_we_write_is_read_back() -> None:
    for document in (
        pinned(DOCUMENT),
        resolve_did_key(Did("key", ED)),
        resolve_did_key(Did("key", P)),
        OwnDocument(bytes(32), 3, (DidKey("Ed25519", read_multikey(ED).data),),
                    read_multikey(X).data).document(bytes(32)),
    ):  # fmt: skip
        written = json.loads(json.dumps(document_json(document)))
        assert read_document(written, document.did) == document


def test_a_document_of_did_jwk_is_read_back() -> None:
    document = resolve_did_jwk(did_of_jwk(read_multikey(P)))
    assert read_document(document_json(document), document.did) == document


@pytest.mark.parametrize(
    ("path", "value", "why"),
    [
        ("id", "did:web:other.example", "id differs"),
        ("id", None, "id differs"),
        ("id", 5, "id differs"),
        ("@context", ["https://other.example"], "@context begins"),
        ("@context", [], "@context begins"),
        ("@context", [["https://www.w3.org/ns/did/v1"]], "@context begins"),
        ("publicKey", [], "not of DID core"),
        ("verificationMethod", None, "names a key that is not there"),
        ("verificationMethod", {}, "is a list"),
        ("verificationMethod", [5], "a key is an object"),
        ("verificationMethod/0/type", "Ed25519VerificationKey2018", "type is one of"),
        ("verificationMethod/0/type", "RsaVerificationKey2018", "type is one of"),
        ("verificationMethod/0/type", ["Multikey"], "type is one of"),
        ("verificationMethod/0/controller", "did:web:other.example", "another controller"),
        ("verificationMethod/0/controller", None, "another controller"),
        ("verificationMethod/0/id", "did:web:other.example#a", "of another did"),
        ("verificationMethod/0/id", str(WEB), "named by its did"),
        ("verificationMethod/0/id", "#b", "same id"),
        ("verificationMethod/0/id", None, "id is a text"),
        ("verificationMethod/0/id", "a", "not a did"),
        ("verificationMethod/0/publicKeyMultibase", None, "has its key as"),
        ("verificationMethod/0/publicKeyMultibase", 5, "is a text"),
        ("verificationMethod/0/publicKeyMultibase", "u7QFM", "behind a z"),
        ("verificationMethod/0/publicKeyMultibase", write_multibase(b"\x85\x24" + bytes(9)), "not a key"),
        ("verificationMethod/0/publicKeyJwk", {}, "has its key as"),
        ("verificationMethod/0/publicKeyPem", "", "has its key as"),
        ("verificationMethod/1/publicKeyJwk/d", "AA", "private key"),
        ("verificationMethod/1/publicKeyJwk", "x", "an object"),
        ("authentication", ["#c"], "names a key that is not there"),
        ("authentication", ["#a", f"{WEB}#a"], "names a key twice"),
        ("authentication", "#a", "is a list"),
        ("authentication", [None], "a key is an object"),
        ("authentication", ["#x"], "not there"),
        ("keyAgreement", ["#a"], "not one for keyAgreement"),
        ("keyAgreement/0/publicKeyMultibase", ED, "not of that curve"),
        ("keyAgreement/0/id", "#a", "same id"),
        ("assertionMethod", ["#a"] * (limits.DID_KEYS + 1), "is a list of at most"),
    ],
)  # fmt: skip
def test_what_is_odd_is_refused(path: str, value: Any, why: str) -> None:
    with pytest.raises(Error, match=why):
        pinned(changed(path, value))


def test_an_embedded_key_does_not_serve_another_purpose() -> None:
    with pytest.raises(MalformedError, match="not there"):
        pinned(changed("assertionMethod", ["#x"]))


def test_a_document_without_keys_is_refused() -> None:
    with pytest.raises(MalformedError, match="1 to"):
        pinned({"id": str(WEB)})


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "json"),
        (b"[]", "json_object"),
        (b'{"id":"a","id":"b"}', "json_duplicate"),
        (b'{"id":' + b"[" * 50 + b"]" * 50 + b"}", "json_depth"),
        (b" " * (limits.DID_DOCUMENT + 1), "too_large"),
        (b"\xef\xbb\xbf{}", "json"),
    ],
)
def test_json_that_two_could_read_differently_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CredentialError) as refusal:
        pinned(data)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("did", "address"),
    [
        ("did:web:w3c-ccg.github.io", "https://w3c-ccg.github.io/.well-known/did.json"),
        (
            "did:web:w3c-ccg.github.io:user:alice",
            "https://w3c-ccg.github.io/user/alice/did.json",
        ),
        ("did:web:example.com%3A3000", "https://example.com:3000/.well-known/did.json"),
        ("did:web:example.com%3A3000:user:alice", "https://example.com:3000/user/alice/did.json"),
        ("did:web:localhost%3A8443", "https://localhost:8443/.well-known/did.json"),
    ],
)
def test_where_a_did_web_lies(did: str, address: str) -> None:
    assert web_address(read_did(did)) == address


@pytest.mark.parametrize(
    "did",
    [
        "did:web:Example.com", "did:web:example..com", "did:web:-a.com", "did:web:a-.com",
        "did:web:example.com%3A", "did:web:example.com%3A0", "did:web:example.com%3A123456",
        "did:web:example.com%2Fx", "did:web:1.2.3.4", "did:web:1.2.3.4%3A80", "did:web:a_b.com",
        "did:web:example.com:..:x", "did:web:example.com::x", "did:web:example.com:%2E%2E",
        "did:web:example.com:.", "did:web:" + "a" * 64, "did:web:" + "a." * 127 + "aa",
        "did:key:" + ED,
    ],
)  # fmt: skip
def test_what_lies_nowhere_is_refused(did: str) -> None:
    with pytest.raises(MalformedError, match="not a did:web"):
        web_address(read_did(did))
    with pytest.raises(MalformedError, match="not a did:web"):
        pinned({**DOCUMENT, "id": did}, read_did(did))


# --- the network's own ----------------------------------------------------------------------------


def own(*keys: DidKey, agreement: bytes = read_multikey(X).data) -> OwnDocument:
    return OwnDocument(bytes(32), 0, keys, agreement)


SIGNING = DidKey("Ed25519", read_multikey(ED).data)
POINT = DidKey("P-256", read_multikey(P).data)


def test_an_own_document() -> None:
    kept = own(SIGNING, POINT)
    assert OwnDocument.decode(kept.encode()) == kept
    document = kept.document(b"\xab" * 32)
    assert str(document.did) == f"did:adyton:{'ab' * 8}:{'00' * 32}"
    assert [method.fragment for method in document.methods] == [ED, P, X]
    assert document.agreement() == read_multikey(X)
    assert document.key(f"{document.did}#{P}", ASSERTION) == read_multikey(P)
    with pytest.raises(VerificationError):
        document.key(f"{document.did}#{P}", AGREEMENT)


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (own(), "at least one key"),
        (own(SIGNING, SIGNING), "same name"),
        (own(DidKey("Ed25519", bytes(32))), "not a point"),
        (own(DidKey("Ed25519", POINT.data)), "not an Ed25519 key"),
        (own(DidKey("P-256", SIGNING.data)), "compressed point"),
        (own(SIGNING, agreement=bytes(32)), "small order"),
    ],
)
def test_an_own_document_that_is_none(kept: OwnDocument, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        OwnDocument.decode(kept.encode()).document(bytes(32))


def test_the_largest_own_document_fits() -> None:
    keys = tuple(DidKey("P-256", b"\xff" * 33) for _ in range(limits.DID_KEYS - 1))
    assert len(OwnDocument(b"\xff" * 32, 2**32 - 1, keys, bytes(32)).encode()) < 4096
