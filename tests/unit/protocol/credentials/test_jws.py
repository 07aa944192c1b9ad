"""JWS: the key decides how it is verified, and the header decides nothing."""

import hashlib
import hmac
import json
from typing import Any

import pytest

from adyton.core.errors import CredentialError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.jwk import PublicKey, read_jwk
from adyton.protocol.credentials.jws import HEADER, read_jws
from adyton.protocol.credentials.reasons import Reason
from tests.credential_kit import ED_KEY, HOLDER_KEY, ISSUER_KEY, OTHER_KEY, jws, part, refusal
from tests.vectors_dir import vectors_dir


def verified(text: str, key: PublicKey = ISSUER_KEY.public) -> bytes:
    return read_jws(text, "it").verify(key, Reason.ISSUER_SIGNATURE)


@pytest.mark.parametrize("key", [ISSUER_KEY, ED_KEY])
def test_a_signature_verifies(key: Any) -> None:
    text = jws({"alg": key.alg, "typ": "x", "kid": "7", "x5c": ["AA"]}, b"payload", key)
    read = read_jws(text, "it")
    assert (read.alg, read.typ, read.kid) == (key.alg, "x", "7")
    assert read.verify(key.public, Reason.ISSUER_SIGNATURE) == b"payload"
    assert read_jws(jws({"alg": key.alg}, b"", key), "it").kid is None


def test_a_header_that_was_read_before_says_the_same_and_is_refused_the_same() -> None:
    for _ in range(2):
        for header in ({"alg": "ES256", "typ": "x", "kid": "7"}, {"alg": "ES256", "typ": "y"}):
            read = read_jws(jws(header, b"payload"), "it")
            assert (read.typ, read.kid) == (header["typ"], header.get("kid"))
        for what in ("one", "another"):
            with pytest.raises(CredentialError) as refused:
                read_jws(jws({"alg": "none"}, b"payload"), what)
            assert refused.value.message == f"{what} {Reason.ALG_NONE.text}"


def test_both_names_of_ed25519() -> None:
    assert verified(jws({"alg": "Ed25519"}, b"payload", ED_KEY), ED_KEY.public) == b"payload"


@pytest.mark.parametrize(
    ("key", "public", "reason"),
    [
        (OTHER_KEY, ISSUER_KEY.public, Reason.ISSUER_SIGNATURE),
        (ISSUER_KEY, HOLDER_KEY.public, Reason.ISSUER_SIGNATURE),
        (ED_KEY, ISSUER_KEY.public, Reason.ALG_MISMATCH),
        (ISSUER_KEY, ED_KEY.public, Reason.ALG_MISMATCH),
    ],
)
def test_another_key(key: Any, public: PublicKey, reason: Reason) -> None:
    with refusal(reason):
        verified(jws({"alg": key.alg}, b"payload", key), public)


@pytest.mark.parametrize(
    "alg", ["ES384", "ES256K", "RS256", "HS256", "es256", "", "ES256 ", "EdDSA"]
)
def test_the_key_pins_the_algorithm(alg: str) -> None:
    with refusal(Reason.ALG_MISMATCH):
        verified(jws({"alg": alg}, b"payload"))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AA"])
def test_what_is_not_signed(alg: str, signature: str) -> None:
    with refusal(Reason.ALG_NONE):
        read_jws(f"{part({'alg': alg})}.{part(b'payload')}.{signature}", "it")


def test_a_public_key_is_no_secret_of_a_mac() -> None:
    members = ISSUER_KEY.public.members
    secrets = [base64url.decode(members["x"], "x"), json.dumps(members).encode()]
    for secret in secrets:
        signed = f"{part({'alg': 'HS256'})}.{part(b'payload')}"
        mac = base64url.encode(hmac.digest(secret, signed.encode(), hashlib.sha256))
        with refusal(Reason.ALG_MISMATCH):
            verified(f"{signed}.{mac}")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"crit": ["exp"], "exp": 1}, Reason.HEADER_CRITICAL),
        ({"crit": []}, Reason.HEADER_CRITICAL),
        ({"b64": False}, Reason.HEADER_CRITICAL),
        ({"b64": True}, Reason.HEADER_CRITICAL),
        ({"jwk": dict(ISSUER_KEY.public.members)}, Reason.HEADER_KEY),
        ({"jku": "https://issuer.example/keys"}, Reason.HEADER_KEY),
        ({"x5u": "https://issuer.example/chain"}, Reason.HEADER_KEY),
        ({"alg": None}, Reason.JWS_HEADER),
        ({"alg": ["ES256"]}, Reason.JWS_HEADER),
        ({"alg": 256}, Reason.JWS_HEADER),
        ({"typ": None}, Reason.JWS_HEADER),
        ({"typ": ["dc+sd-jwt"]}, Reason.JWS_HEADER),
        ({"kid": 7}, Reason.JWS_HEADER),
        ({"kid": None}, Reason.JWS_HEADER),
    ],
)
def test_headers_that_are_refused(more: dict[str, Any], reason: Reason) -> None:
    with refusal(reason):
        read_jws(jws({"alg": "ES256", **more}, b"payload"), "it")


def test_a_header_without_alg_and_one_that_is_too_large() -> None:
    with refusal(Reason.JWS_HEADER):
        read_jws(jws({}, b"payload"), "it")
    with refusal(Reason.TOO_LARGE):
        read_jws(jws({"alg": "ES256", "x5c": "A" * HEADER}, b"payload"), "it")
    with refusal(Reason.JSON_DUPLICATE):
        read_jws(jws(b'{"alg":"none","alg":"ES256"}', b"payload"), "it")
    with refusal(Reason.JSON_OBJECT):
        read_jws(jws(b'["ES256"]', b"payload"), "it")


SOUND = jws({"alg": "ES256"}, b"payload")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.JWS_FORM),
        (".", Reason.JWS_FORM),
        ("..", Reason.JSON),
        (SOUND.rpartition(".")[0], Reason.JWS_FORM),
        (SOUND + ".", Reason.JWS_FORM),
        (SOUND + ".AAAA", Reason.JWS_FORM),
        ("." + SOUND, Reason.JWS_FORM),
        (SOUND + "=", Reason.BASE64URL),
        (SOUND + "\n", Reason.BASE64URL),
        (" " + SOUND, Reason.BASE64URL),
        (SOUND.replace(".", "=.", 1), Reason.BASE64URL),
        (SOUND.replace(".", ". ", 1), Reason.BASE64URL),
        (SOUND.replace(".", "é.", 1), Reason.BASE64URL),
        ('{"payload":"","signatures":[]}', Reason.JWS_FORM),
    ],
)
def test_what_is_no_compact_jws(text: str, reason: Reason) -> None:
    with refusal(reason):
        read_jws(text, "it")


@pytest.mark.parametrize("size", [0, 1, 63, 65, 72])
def test_a_signature_has_64_bytes(size: int) -> None:
    signed = SOUND.rpartition(".")[0]
    with refusal(Reason.ISSUER_SIGNATURE):
        verified(f"{signed}.{base64url.encode(bytes([1]) * size)}")


def _wycheproof() -> list[tuple[Any, Any]]:
    path = vectors_dir("identity", "wycheproof", "json_web_signature_test.json")
    groups = json.loads(path.read_text())["testGroups"]
    return [
        (group.get("public") or group["private"], case)
        for group in groups
        for case in group["tests"]
    ]


def test_wycheproof() -> None:
    """Every case: under a key of ours what is invalid is refused, and other keys are no keys here."""
    tried = {"P-256": 0, "other": 0}
    for members, case in _wycheproof():
        ours = members["kty"] == "EC" and members["crv"] == "P-256"
        tried["P-256" if ours else "other"] += 1
        key = dict(members)
        text = case["jws"]
        assert isinstance(text, str)
        if not ours:
            with pytest.raises(Exception, match=r"credential_refused"):
                read_jwk(key, "it")
            # No key of ours takes it either.
            with pytest.raises(Exception, match=r"credential_refused"):
                verified(text)
        else:
            assert case["result"] == "invalid", case
            with pytest.raises(Exception, match=r"credential_refused"):
                verified(text, read_jwk(key, "it"))
    assert min(tried.values()) > 10


def test_keys_of_wycheproof() -> None:
    """What the cases above are refused for is not the key, but where it is for encryption."""
    uses = {
        members["use"]: members for members, _ in _wycheproof() if members.get("crv") == "P-256"
    }
    assert uses.keys() == {"sig", "enc"}
    assert read_jwk(dict(uses["sig"]), "it").algorithms == ("ES256",)
    with refusal(Reason.JWK_USE):
        read_jwk(dict(uses["enc"]), "it")
