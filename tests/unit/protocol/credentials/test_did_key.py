"""did:key: every published one of our curves, by its keys and their uses; others refused."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, UsageError, VerificationError
from adyton.protocol.credentials.base58 import decode_base58, write_multibase
from adyton.protocol.credentials.did import Did, read_did
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    DidDocument,
    Method,
)
from adyton.protocol.credentials.did_key import did_of_key, resolve_did_key
from adyton.protocol.credentials.multikey import (
    Multikey,
    key_agreement_of,
    read_multikey,
)
from tests.identity_vectors import load


def published() -> list[tuple[str, dict[str, Any]]]:
    """Return DID and document of every published key of the four curves."""
    found = [
        (did, case["didDocument"])
        for name in ("ed25519-x25519", "secp256k1", "nist-curves")
        for did, case in load("did-key", f"{name}.json").items()
        if not did.startswith("did:key:z2J9")  # P-384
    ]
    found += load("did-key", "x25519.json")["didDocument"].items()
    assert len(found) == 12
    return found


def key_bytes(method: dict[str, Any]) -> bytes:
    """Return the bytes of a published verification method's key."""
    if "publicKeyBase58" in method:
        return decode_base58(method["publicKeyBase58"])
    if "publicKeyMultibase" in method:
        return read_multikey(method["publicKeyMultibase"]).data
    jwk = method["publicKeyJwk"]
    if jwk["kty"] == "OKP":
        return _unpadded(jwk["x"])
    x, y = (int.from_bytes(_unpadded(jwk[name]), "big") for name in ("x", "y"))
    return bytes((2 + (y & 1),)) + x.to_bytes(32, "big")


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def names_for(document: dict[str, Any], purpose: str) -> set[str]:
    return {entry if isinstance(entry, str) else entry["id"] for entry in document.get(purpose, ())}


def test_published_documents() -> None:
    for text, described in published():
        document = resolve_did_key(read_did(text))
        assert str(document.did) == text == described["id"]
        expected = {method["id"]: key_bytes(method) for method in described["verificationMethod"]}
        assert {document.url(m): m.key.data for m in document.methods} == expected
        for purpose in (AUTHENTICATION, ASSERTION, AGREEMENT):
            made = {document.url(m) for m in document.methods if purpose in m.purposes}
            assert made == names_for(described, purpose), (text, purpose)
        assert did_of_key(document.methods[0].key) == document.did


@pytest.mark.parametrize("name", ["rsa", "bls12381"])
def test_published_keys_of_other_kinds_are_refused(name: str) -> None:
    found = load("did-key", f"{name}.json")
    for text in found if all(key.startswith("did:") for key in found) else found["didDocument"]:
        with pytest.raises(MalformedError):
            resolve_did_key(read_did(text))


def test_p_384_is_refused_by_name() -> None:
    (text,) = (did for did in load("did-key", "nist-curves.json") if did.startswith("did:key:z2J9"))
    with pytest.raises(MalformedError, match="use one of these"):
        resolve_did_key(read_did(text))


ED = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"


@pytest.mark.parametrize(
    ("identifier", "why"),
    [
        (ED[:-1], "not a key of"),
        (ED + "1", "not a key of"),
        (write_multibase(b"\xed\x01" + bytes(31)), "not an Ed25519 key"),
        ("z", "not a key of"),
        (ED[1:], "behind a z"),
        (write_multibase(b"\xed\x01" + bytes(32)), "not a point of its group"),
        (write_multibase(b"\xed\x01\x01" + bytes(31)), "not a point of its group"),
        (write_multibase(b"\xed\x01" + b"\xff" * 32), "not a point of its group"),
        (write_multibase(b"\xec\x01" + bytes(32)), "of small order"),
        (write_multibase(b"\xec\x01\x01" + bytes(31)), "of small order"),
        (write_multibase(b"\xec\x01" + bytes(31)), "not 32 bytes"),
        (write_multibase(b"\xec\x01\x09" + bytes(30) + b"\x80"), "another encoding"),
        (write_multibase(b"\xec\x01" + (2**255 - 10).to_bytes(32, "little")), "another encoding"),
        (write_multibase(b"\x80\x24\x02" + b"\xff" * 32), "not a point of the curve"),
        (write_multibase(b"\x80\x24\x04" + bytes(64)), "compressed point"),
        (write_multibase(b"\x80\x24\x05" + b"\x01" * 32), "not a point of the curve"),
        (write_multibase(b"\xe7\x01\x02" + b"\xff" * 32), "not a point of the curve"),
        (write_multibase(b"\xe7\x01\x00"), "compressed point"),
    ],
)
def test_what_is_no_key_is_refused(identifier: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        resolve_did_key(Did("key", identifier))


def test_a_did_of_another_method_is_refused() -> None:
    with pytest.raises(MalformedError, match="not a did:key"):
        resolve_did_key(Did("web", ED))


@given(st.binary(min_size=32, max_size=33), st.sampled_from(["Ed25519", "X25519", "P-256"]))
def test_a_key_has_one_text(data: bytes, curve: str) -> None:
    try:
        key = Multikey(curve, data)
    except MalformedError:
        return
    assert read_multikey(key.multikey()) == key
    assert resolve_did_key(did_of_key(key)).methods[0].key == key


def test_unknown_curves_and_forms() -> None:
    with pytest.raises(MalformedError, match="curve is one of"):
        Multikey("P-384", bytes(49))
    key = read_multikey(ED)
    with pytest.raises(UsageError, match="uncompressed"):
        key.uncompressed()
    with pytest.raises(UsageError, match="twin"):
        key_agreement_of(key_agreement_of(key))
    point = read_multikey("zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv")
    assert point.uncompressed()[:33] == b"\x04" + point.data[1:]


def test_a_key_is_looked_up_by_its_full_name_and_use() -> None:
    document = resolve_did_key(Did("key", ED))
    signing, sealing = document.methods
    assert document.key(document.url(signing), AUTHENTICATION) == signing.key
    assert document.agreement() == sealing.key
    with pytest.raises(VerificationError) as refusal:
        document.key(document.url(signing), AGREEMENT)
    assert refusal.value.code == "key_purpose"
    for name in (f"did:key:{ED}#other", f"did:web:{ED}#{ED}"):
        with pytest.raises(VerificationError) as refusal:
            document.key(name, AUTHENTICATION)
        assert refusal.value.code == "not_found"
    with pytest.raises(MalformedError):
        document.key(f"#{ED}", AUTHENTICATION)


def test_a_document_without_a_key_for_sealing_says_so() -> None:
    document = resolve_did_key(Did("key", "zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv"))
    with pytest.raises(VerificationError, match="no X25519 key") as refusal:
        document.agreement()
    assert refusal.value.code == "key_purpose"


def test_documents_that_make_no_sense_are_refused() -> None:
    document = resolve_did_key(Did("key", ED))
    signing, sealing = document.methods
    with pytest.raises(MalformedError, match="1 to"):
        DidDocument(document.did, ())
    many = [Method(str(number), signing.key, (ASSERTION,)) for number in range(limits.DID_KEYS + 1)]
    assert len(DidDocument(document.did, tuple(many[1:])).methods) == limits.DID_KEYS
    with pytest.raises(MalformedError, match="1 to") as refusal:
        DidDocument(document.did, tuple(many))
    assert refusal.value.code == "too_large"
    with pytest.raises(MalformedError, match="same name"):
        DidDocument(document.did, (signing, signing))
    for method, purposes, why in (
        (signing, (AGREEMENT,), "not one for"),
        (sealing, (ASSERTION,), "only"),
        (signing, (ASSERTION, AUTHENTICATION), "in order"),
        (signing, ("capabilityInvocation",), "in order"),
    ):
        changed = type(method)(method.fragment, method.key, purposes)
        with pytest.raises(MalformedError, match=why):
            DidDocument(document.did, (changed,))
