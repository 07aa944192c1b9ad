"""did:jwk: the specification's examples, our own text of each key, and what is no public key."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import CredentialError, Error, MalformedError, VerificationError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.did import Did, read_did
from adyton.protocol.credentials.did_document import (
    AGREEMENT,
    ASSERTION,
    AUTHENTICATION,
    PURPOSES,
)
from adyton.protocol.credentials.did_jwk import (
    did_of_jwk,
    jwk_of,
    read_public_jwk,
    resolve_did_jwk,
    verifier,
)
from adyton.protocol.credentials.multikey import Multikey, read_multikey
from adyton.protocol.credentials.strict_json import Json
from tests.credential_kit import ED_KEY, ISSUER_KEY
from tests.identity_vectors import load

# The two examples of the method's specification.
P256 = (
    "did:jwk:eyJjcnYiOiJQLTI1NiIsImt0eSI6IkVDIiwieCI6ImFjYklRaXVNczNpOF91c3pFakoydHBUdFJNNEVVM3l6"
    "OTFQSDZDZEgyVjAiLCJ5IjoiX0tjeUxqOXZXTXB0bm1LdG00NkdxRHo4d2Y3NEk1TEtncmwyR3pIM25TRSJ9"
)
X25519 = (
    "did:jwk:eyJrdHkiOiJPS1AiLCJjcnYiOiJYMjU1MTkiLCJ1c2UiOiJlbmMiLCJ4IjoiM3A3YmZYdDl3YlRUVzJIQzdP"
    "UTFOei1EUThoYmVHZE5yZngtRkctSUswOCJ9"
)
ED = "z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"
K1 = "zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"


def did_for(value: Any) -> Did:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Did("jwk", base64url.encode(data))


def test_the_examples_of_the_specification() -> None:
    (method,) = resolve_did_jwk(read_did(P256)).methods
    assert method.key.curve == "P-256"
    assert method.purposes == PURPOSES
    assert did_of_jwk(method.key) == read_did(P256)
    document = resolve_did_jwk(read_did(X25519))
    assert document.agreement().curve == "X25519"
    assert document.url(document.methods[0]) == X25519 + "#0"
    assert document.methods[0].purposes == (AGREEMENT,)


def test_keys_of_published_did_documents() -> None:
    found = 0
    for name in ("nist-curves", "secp256k1"):
        for did, case in load("did-key", f"{name}.json").items():
            jwk = case["didDocument"]["verificationMethod"][0].get("publicKeyJwk")
            if jwk is None or jwk["crv"] not in ("P-256", "secp256k1"):
                continue
            key, _ = read_public_jwk(jwk, "it")
            assert did == f"did:key:{key.multikey()}"
            found += 1
    assert found


def test_a_key_of_a_did_verifies_signatures() -> None:
    for signing in (ISSUER_KEY, ED_KEY):
        key, _ = read_public_jwk(dict(signing.public.members), "it")
        verifier(key).verify(signing.sign(b"message"), b"message")
        with pytest.raises(VerificationError):
            verifier(key).verify(signing.sign(b"message"), b"another")
    with pytest.raises(CredentialError, match="P-256 or Ed25519"):
        verifier(read_multikey(K1))


@pytest.mark.parametrize("text", [ED, K1])
def test_a_key_is_read_back(text: str) -> None:
    key = read_multikey(text)
    assert resolve_did_jwk(did_of_jwk(key)).methods[0].key == key


@given(st.binary(min_size=32, max_size=33), st.sampled_from(["Ed25519", "X25519", "P-256"]))
def test_any_key_is_read_back(data: bytes, curve: str) -> None:
    try:
        key = Multikey(curve, data)
    except MalformedError:
        return
    assert resolve_did_jwk(did_of_jwk(key)).methods[0].key == key


def test_the_text_that_was_given_stays_the_did() -> None:
    jwk = jwk_of(read_multikey(ED))
    spaced = did_for({"kid": "x", "alg": "EdDSA", **jwk})
    document = resolve_did_jwk(spaced)
    assert document.did == spaced != did_of_jwk(read_multikey(ED))
    assert document.methods[0].key == read_multikey(ED)
    assert document.methods[0].purposes == (AUTHENTICATION, ASSERTION)


@pytest.mark.parametrize(
    ("use", "purposes"), [("sig", (AUTHENTICATION, ASSERTION)), ("enc", (AGREEMENT,))]
)
def test_use_narrows_what_a_key_is_for(use: str, purposes: tuple[str, ...]) -> None:
    jwk = jwk_of(read_multikey(K1))
    assert resolve_did_jwk(did_for({**jwk, "use": use})).methods[0].purposes == purposes


POINT: dict[str, Any] = {
    "kty": "EC", "crv": "P-256", "x": "acbIQiuMs3i8_uszEjJ2tpTtRM4EU3yz91PH6CdH2V0",
    "y": "_KcyLj9vWMptnmKtm46GqDz8wf74I5LKgrl2GzH3nSE",
}  # fmt: skip
OKP: dict[str, Any] = {
    "kty": "OKP", "crv": "Ed25519", "x": "TLWr9q15-_WrvMr8wmnYXNJlHtS4hbWGnyQa7fCluik",
}  # fmt: skip


@pytest.mark.parametrize(
    ("jwk", "why"),
    [
        ({**POINT, "d": "AA"}, "private key"),
        ({**OKP, "d": "AA"}, "private key"),
        ({"kty": "oct", "k": "AA"}, "private key"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "kty and crv"),
        ({**POINT, "kty": "OKP"}, "kty and crv"),
        ({**OKP, "kty": "EC"}, "kty and crv"),
        ({**POINT, "crv": "P-384"}, "kty and crv"),
        ({**POINT, "crv": ["P-256"]}, "kty and crv"),
        ({"x": "", "y": ""}, "kty and crv"),
        ({**OKP, "kty": "", "crv": "Ed448"}, "kty and crv"),
        ({**OKP, "kty": None, "crv": "Ed448"}, "kty and crv"),
        ({"crv": "Ed448", "x": OKP["x"]}, "kty and crv"),
        ({**POINT, "y": POINT["x"]}, "not a point"),
        ({**POINT, "x": OKP["x"]}, "not a"),
        ({**POINT, "y": None}, "32 bytes"),
        ({**POINT, "x": POINT["x"] + "="}, "32 bytes"),
        ({**POINT, "x": "A" + POINT["x"]}, "32 bytes"),
        ({**POINT, "x": POINT["x"][:-1]}, "32 bytes"),
        ({**POINT, "x": POINT["x"][:-1] + "1"}, "base64url"),
        ({**OKP, "x": "A" * 43}, "not a point of its group"),
        ({**OKP, "crv": "X25519", "x": "A" * 43}, "small order"),
        ({**OKP, "use": "enc"}, "use is not"),
        ({**POINT, "use": "both"}, "use is not"),
        ({**POINT, "use": ["sig"]}, "use is not"),
        ({**POINT, "use": None}, "use is not"),
        ([POINT], "an object"),
        ("x", "an object"),
    ],
)
def test_what_is_no_public_key_is_refused(jwk: Json, why: str) -> None:
    with pytest.raises(Error, match=why) as refusal:
        resolve_did_jwk(did_for(jwk))
    assert "acbI" not in str(refusal.value)


def test_the_other_y_is_another_key() -> None:
    """Half of all wrong y have the right last bit: it is compared whole."""
    field = 2**256 - 2**224 + 2**192 + 2**96 - 1
    y = int.from_bytes(base64url.decode(POINT["y"], "y"), "big")
    other = base64url.encode((field - y).to_bytes(32, "big"))
    first = resolve_did_jwk(did_for(POINT)).methods[0].key
    second = resolve_did_jwk(did_for({**POINT, "y": other})).methods[0].key
    assert first.data[1:] == second.data[1:]
    assert first.data[0] ^ second.data[0] == 1
    for wrong in (y ^ 2, y ^ 1 << 200):
        text = base64url.encode(wrong.to_bytes(32, "big"))
        with pytest.raises(MalformedError, match="not a point"):
            resolve_did_jwk(did_for({**POINT, "y": text}))


@pytest.mark.parametrize(
    ("did", "reason"),
    [
        (Did("jwk", P256[8:] + "="), "base64url"),
        (Did("jwk", P256[8:-4]), "json"),
        (Did("jwk", "a"), "base64url"),
        (did_for(b'{"kty":"EC","kty":"EC"}'), "json_duplicate"),
        (did_for(b"{" * 40), "json_depth"),
        (did_for(b"\xff"), "json_text"),
        (did_for(b" " * 8193), "too_large"),
    ],
)
def test_another_form_is_refused(did: Did, reason: str) -> None:
    with pytest.raises(CredentialError) as refusal:
        resolve_did_jwk(did)
    assert refusal.value.reason == reason


def test_a_did_of_another_method_is_refused() -> None:
    with pytest.raises(MalformedError, match="not a did:jwk"):
        resolve_did_jwk(Did("key", P256[8:]))
