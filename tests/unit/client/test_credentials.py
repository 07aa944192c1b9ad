"""Issuing and holding: what is hidden is hidden, and what is presented is what was chosen."""

import json
from typing import Any

import pytest

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import SALT, issue
from adyton.client.credentials.signing import EdDsaKey, Es256Key
from adyton.core.errors import UsageError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_sd_jwt
from tests.credential_kit import (
    ADULT,
    CLAIMS,
    ED_KEY,
    HIDDEN,
    HOLDER_KEY,
    ISSUER_KEY,
    NOW,
    OTHER_KEY,
    check,
    credential_of,
    disclosure,
    entropy,
    issued,
    presented,
    refusal,
)


def payload_of(text: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(read_sd_jwt(text).jwt.unverified_payload)
    return read


def test_what_is_hidden_is_not_in_the_jwt() -> None:
    text = issued()
    payload = read_sd_jwt(text).jwt.unverified_payload
    for secret in (b"Erika", b"1990-02-28", b'"DE"', b'"FR"', b"given_name", b"birthdate", b'"18"'):
        assert secret not in payload
    assert b"2026" not in payload
    assert payload_of(text)["cnf"] == {"jwk": dict(HOLDER_KEY.public.members)}
    assert "cnf" not in payload_of(issued(holder=None))
    header = base64url.decode(text.split(".")[0], "it")
    assert json.loads(header) == {"alg": "ES256", "typ": "dc+sd-jwt", "kid": "k1"}


def test_digests_are_sorted_and_decoys_look_like_them() -> None:
    plain, decoyed = payload_of(issued()), payload_of(issued(decoys=3))
    assert len(plain["_sd"]) == 3
    assert len(decoyed["_sd"]) == 6
    for payload in (plain, decoyed):
        assert payload["_sd"] == sorted(payload["_sd"])
        assert all(len(base64url.decode(digest, "it")) == 32 for digest in payload["_sd"])
    assert check(presented(issued(decoys=3))).age_by == "age_equal_or_over.18"


def test_salts_are_the_callers_and_never_the_same() -> None:
    asked: list[int] = []
    source = entropy()

    def counted(size: int) -> bytes:
        asked.append(size)
        return source(size)

    def made(entropy_of: Any) -> str:
        return issue(CLAIMS, hidden=HIDDEN, key=ISSUER_KEY, kid="", holder=None, entropy=entropy_of)

    text = made(counted)
    assert asked == [SALT] * len(HIDDEN)
    salts = {json.loads(base64url.decode(item, "it"))[0] for item in text.split("~")[1:-1]}
    assert len(salts) == len(HIDDEN)
    assert made(entropy()) == text
    assert made(entropy("other")).split("~")[1:-1] != text.split("~")[1:-1]


def test_nothing_hidden() -> None:
    text = issued(hidden=())
    assert text.count("~") == 1
    assert "_sd_alg" not in payload_of(text)
    assert hold(text).places == {}
    assert check(presented(text, ())).age_by == "age_equal_or_over.18"


@pytest.mark.parametrize(
    ("claims", "hidden", "why"),
    [
        ({"iss": None}, (), "needs iss and vct"),
        ({"vct": 5}, (), "needs iss and vct"),
        ({"cnf": {"jwk": {}}}, (), "give the holder's key as such"),
        ({}, [("nickname",)], "there is no nickname among the claims"),
        ({}, [("nationalities", 2)], r"there is no nationalities\.2 among"),
        ({}, [("nationalities", "0")], r"there is no nationalities\.0 among"),
        ({}, [("given_name", "first")], r"there is no given_name\.first among"),
        ({}, [("vct",)], "vct must always be visible"),
        ({"status": {"status_list": {}}}, [("status", "status_list")], "always be visible"),
        ({}, [()], "must always be visible"),
        ({"_sd": []}, (), "reserved name '_sd'"),
        ({"a": {"...": 1}}, (), "reserved name '...'"),
        ({"a": [{"_sd_alg": 1}]}, (), "reserved name '_sd_alg'"),
    ],
)
def test_what_is_not_issued(claims: dict[str, Any], hidden: list[Path], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        issue(
            {**CLAIMS, **claims},
            hidden=hidden,
            key=ISSUER_KEY,
            kid="",
            holder=None,
            entropy=entropy(),
        )


def test_a_holder_sees_all_and_what_can_be_chosen() -> None:
    held = hold(issued(decoys=2))
    shown = dict(held.unverified_claims)
    del shown["cnf"]
    assert shown == CLAIMS
    assert set(held.places) == set(HIDDEN)


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ([], set()),
        ([("given_name",)], {("given_name",)}),
        ([ADULT], {("age_equal_or_over",), ADULT}),
        ([("age_equal_or_over",)], {("age_equal_or_over",)}),
        ([("nationalities", 1), ADULT, ADULT], {("nationalities", 1), ADULT, ADULT[:1]}),
        (list(HIDDEN), set(HIDDEN)),
    ],
)
def test_a_presentation_holds_what_was_chosen(chosen: list[Path], shown: set[Path]) -> None:
    held = hold(issued())
    presentation = present(held, chosen)
    texts = presentation.split("~")[1:-1]
    assert {place for place, text in held.places.items() if text in texts} == shown
    assert len(texts) == len(shown)


def test_what_cannot_be_chosen_is_named_with_what_can() -> None:
    held = hold(issued(hidden=[("given_name",)]))
    with pytest.raises(UsageError, match="birthdate cannot be disclosed; there is given_name"):
        present(held, [("birthdate",)])
    with pytest.raises(UsageError, match="there is nothing"):
        present(hold(issued(hidden=())), [("birthdate",)])


def test_a_holder_refuses_what_is_no_credential() -> None:
    with pytest.raises(UsageError, match="give the credential as it was issued"):
        hold(presented())
    with refusal(Reason.DISCLOSURE_UNREFERENCED):
        hold(credential_of({}, disclosure("s", "a", 1)))
    with refusal(Reason.SD_JWT_FORM):
        hold("nonsense")


@pytest.mark.parametrize("key", [HOLDER_KEY, ED_KEY])
def test_a_binding(key: Any) -> None:
    text = present(hold(issued(holder=key.public)), [ADULT])
    bound = bind(text, key=key, audience="a", nonce="n", now_s=NOW)
    assert bound.startswith(text)
    binding = read_sd_jwt(bound).binding
    assert binding is not None
    assert (binding.alg, binding.typ) == (key.alg, "kb+jwt")
    claims = json.loads(binding.verify(key.public, Reason.BINDING_SIGNATURE))
    assert claims == {
        "iat": NOW,
        "aud": "a",
        "nonce": "n",
        "sd_hash": read_sd_jwt(bound).sd_hash,
    }
    with refusal(Reason.BINDING_SIGNATURE if key is HOLDER_KEY else Reason.ALG_MISMATCH):
        binding.verify(OTHER_KEY.public, Reason.BINDING_SIGNATURE)
    # Signatures follow from the key and what is signed.
    assert bind(text, key=key, audience="a", nonce="n", now_s=NOW) == bound


def test_keys_out_of_range() -> None:
    with pytest.raises(UsageError):
        Es256Key(bytes(32))
    assert EdDsaKey(bytes(32)).public.algorithms == ("EdDSA", "Ed25519")
