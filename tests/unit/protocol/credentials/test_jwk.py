"""JWK: public keys for signatures alone, one thumbprint for each."""

from typing import Any

import pytest

from adyton.core.errors import VerificationError
from adyton.protocol.credentials.jwk import read_jwk
from adyton.protocol.credentials.reasons import Reason
from tests.credential_kit import ED_KEY, HOLDER_KEY, refusal

EC: dict[str, Any] = dict(HOLDER_KEY.public.members)
OKP: dict[str, Any] = dict(ED_KEY.public.members)
# RFC 8037, appendix A.3.
PUBLISHED = {"crv": "Ed25519", "kty": "OKP", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


def test_the_published_thumbprint() -> None:
    key = read_jwk(dict(PUBLISHED), "it")
    assert key.thumbprint().hex() == (
        "90facafea9b1556698540f70c0117a22ea37bd5cf3ed3c47093c1707282b4b89"
    )


@pytest.mark.parametrize("key", [HOLDER_KEY, ED_KEY])
def test_a_key_is_read_and_verifies(key: Any) -> None:
    read = read_jwk({**key.public.members, "kid": "any", "x5c": []}, "it")
    assert read.thumbprint() == key.public.thumbprint()
    assert key.alg in read.algorithms
    read.verify(key.sign(b"message"), b"message")
    for signature, message in ((key.sign(b"message"), b"Message"), (b"", b"message")):
        with pytest.raises(VerificationError):
            read.verify(signature, message)


def test_what_says_what_a_key_is_for() -> None:
    uses: list[dict[str, Any]] = [{"use": "sig"}, {"key_ops": ["verify"]}, {"alg": "ES256"}]
    for more in uses:
        assert read_jwk({**EC, **more}, "it").thumbprint() == HOLDER_KEY.public.thumbprint()
    assert read_jwk({**OKP, "alg": "Ed25519"}, "it").algorithms == ("EdDSA", "Ed25519")


@pytest.mark.parametrize(
    "more",
    [
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": ["verify", "deriveKey"]},
        {"key_ops": []},
        {"alg": "ES384"},
        {"alg": "ECDH-ES"},
        {"alg": "HS256"},
        {"alg": None},
        {"alg": ["ES256"]},
    ],
)
def test_a_key_for_something_else(more: dict[str, Any]) -> None:
    with refusal(Reason.JWK_USE):
        read_jwk({**EC, **more}, "it")


@pytest.mark.parametrize("name", ["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
@pytest.mark.parametrize("key", [EC, OKP, {"kty": "oct"}])
def test_a_private_key_is_named_as_such(name: str, key: dict[str, Any]) -> None:
    with refusal(Reason.JWK_PRIVATE):
        read_jwk({**key, name: "AA"}, "it")


@pytest.mark.parametrize(
    "value",
    [
        *(None, [], "key", 5, {}, {"kty": "EC"}, {"kty": "RSA", "n": "AA", "e": "AQAB"}),
        {**EC, "crv": "P-384"},
        {**EC, "crv": "secp256k1"},
        {**EC, "crv": "p-256"},
        {**EC, "kty": "OKP"},
        {**EC, "kty": ["EC"]},
        {**OKP, "kty": "EC"},
        {**OKP, "crv": "X25519"},
        {**OKP, "crv": "Ed448"},
        {**EC, "x": EC["y"]},
        {**EC, "x": EC["x"][:-1]},
        {**EC, "x": EC["x"] + "A"},
        {**EC, "y": ""},
        {**EC, "y": None},
        {**EC, "y": 5},
        {**EC, "x": "A" * 43, "y": "A" * 43},
        {"kty": "EC", "crv": "P-256", "x": EC["x"]},
        {**OKP, "x": OKP["x"][:-1]},
    ],
)
def test_what_is_no_key(value: Any) -> None:
    with refusal(Reason.JWK):
        read_jwk(value, "it")


@pytest.mark.parametrize("end", ["=", "B", "+", " "])
def test_a_coordinate_has_one_text(end: str) -> None:
    with refusal(Reason.BASE64URL):
        read_jwk({**EC, "x": EC["x"][:-1] + end}, "it")


def test_a_key_of_small_order_signs_for_nobody() -> None:
    key = read_jwk({"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}, "it")
    with pytest.raises(VerificationError):
        key.verify(bytes(64), b"anything")
