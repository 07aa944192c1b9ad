"""Documents as JSON: ours are read back, and a pinned one is refused for everything that is odd about it."""

import copy
import json
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.errors import CredentialError, Error, MalformedError, VerificationError
from adyton.core.p256 import P256SigningKey
from adyton.protocol.credentials.base58 import write_multibase
from adyton.protocol.credentials.did import Did, own_did, read_did
from adyton.protocol.credentials.did_document import AGREEMENT, ASSERTION, AUTHENTICATION
from adyton.protocol.credentials.did_json import (
    document_json,
    read_document,
    read_own_document,
    read_pinned,
    web_address,
    write_own_document,
)
from adyton.protocol.credentials.did_jwk import did_of_jwk, jwk_of, resolve_did_jwk
from adyton.protocol.credentials.did_key import resolve_did_key
from adyton.protocol.credentials.multikey import Multikey, key_agreement_of, read_multikey
from adyton.protocol.credentials.reasons import Reason

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
    ):  # fmt: skip
        written = json.loads(json.dumps(document_json(document)))
        assert read_document(written, document.did) == document


@pytest.mark.parametrize(
    "context", ["https://www.w3.org/ns/did/v1", ["https://www.w3.org/ns/did/v1.1"], None]
)
def test_contexts(context: Any) -> None:
    assert pinned(changed("@context", context)) == pinned(DOCUMENT)


def test_as_many_keys_as_a_document_may_have() -> None:
    method = DOCUMENT["verificationMethod"][0]
    keys = [{**method, "id": f"#{number}"} for number in range(limits.DID_KEYS)]
    made = {"id": str(WEB), "verificationMethod": keys}
    assert len(pinned(made).methods) == limits.DID_KEYS


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
        (b" " * (limits.IDENTITY_JSON + 1), "too_large"),
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


OWN = own_did(b"\xab" * 32, bytes(32))
SIGNING, POINT, SEALING = map(read_multikey, (ED, P, X))


def test_an_own_document() -> None:
    written = write_own_document(OWN, [SIGNING, POINT], SEALING)
    document = read_own_document(written, OWN)
    assert [method.fragment for method in document.methods] == [ED, P, X]
    assert document.agreement() == SEALING
    assert document.key(f"{OWN}#{P}", ASSERTION) == POINT
    assert document.key(f"{OWN}#{ED}", AUTHENTICATION) == SIGNING
    with pytest.raises(VerificationError):
        document.key(f"{OWN}#{P}", AGREEMENT)
    assert len(written) < 2048


def test_the_largest_own_document_fits() -> None:
    points = [
        P256SigningKey(number.to_bytes(32, "big")).public for number in range(1, limits.DID_KEYS)
    ]
    keys = [Multikey("P-256", bytes((2 + (point.y[31] & 1),)) + point.x) for point in points]
    written = write_own_document(OWN, keys[:9], SEALING)
    assert len(read_own_document(written, OWN).methods) == 10
    with pytest.raises(CredentialError) as refusal:
        write_own_document(OWN, keys, SEALING)
    assert refusal.value.reason == Reason.TOO_LARGE.word
    with pytest.raises(MalformedError, match="1 to 16"):
        write_own_document(OWN, [*keys, SIGNING], SEALING)


@pytest.mark.parametrize(
    ("signing", "agreement", "why"),
    [
        ([], SEALING, "keys of Ed25519 and P-256 that sign"),
        ([SIGNING, SIGNING], SEALING, "same name"),
        ([SIGNING], POINT, "one X25519 key"),
        ([SIGNING, read_multikey("zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme")], SEALING,
         "keys of Ed25519 and P-256 that sign"),
        ([SIGNING], SIGNING, "same name|not one for keyAgreement"),
        ([SIGNING, SEALING], key_agreement_of(SIGNING), "same name|only"),
    ],
)  # fmt: skip
def test_other_keys_than_an_own_document_has(
    signing: list[Multikey], agreement: Multikey, why: str
) -> None:
    with pytest.raises(MalformedError, match=why):
        write_own_document(OWN, signing, agreement)


def test_an_own_document_is_refused_for_what_is_odd_about_it() -> None:
    good = json.loads(write_own_document(OWN, [SIGNING], SEALING))
    for change, why in (
        ({"id": str(own_did(bytes(32), bytes(32)))}, "id differs"),
        ({"assertionMethod": []}, "a key that signs serves"),
        ({"keyAgreement": []}, "one X25519 key"),
    ):
        with pytest.raises(Error, match=why):
            read_own_document(json.dumps({**good, **change}).encode(), OWN)
    with pytest.raises(MalformedError, match="not a did:adyton"):
        read_own_document(json.dumps(DOCUMENT).encode(), WEB)
    with pytest.raises(CredentialError):
        read_own_document(b" " * (limits.IDENTITY_JSON + 1), OWN)
