"""SD-JWT: its parts, and the form of disclosures."""

import json
from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.sd_jwt import read_disclosure, read_sd_jwt
from tests.credential_kit import (
    ADULT,
    credential_of,
    digest,
    disclosure,
    issued,
    jws,
    part,
    presented,
    refusal,
)

# RFC 9901, section 4.2.1 and 4.2.3.
PUBLISHED = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"


def test_the_published_disclosure() -> None:
    read = read_disclosure(PUBLISHED)
    assert (read.name, read.value) == ("family_name", "Möbius")
    assert read.digest == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_a_presentation_in_its_parts() -> None:
    text = presented(disclosed=[ADULT, ("given_name",)])
    read = read_sd_jwt(text)
    first, *disclosures, last = text.split("~")
    assert read.jwt.unverified_payload
    assert [item.text for item in read.disclosures] == disclosures
    assert [item.digest for item in read.disclosures] == [digest(item) for item in disclosures]
    # "Jane" and such have no order of their own: they come as the holder gave them.
    assert sorted(item.name or "" for item in read.disclosures) == [
        *("18", "age_equal_or_over", "given_name")
    ]
    assert read.binding is not None
    assert read.sd_hash == digest("~".join([first, *disclosures, ""]))
    assert read.binding.signed.decode() == last.rpartition(".")[0]


def test_without_a_binding() -> None:
    read = read_sd_jwt(issued())
    assert (read.binding, read.sd_hash) == (None, "")
    assert read_sd_jwt(credential_of({})).disclosures == ()


@pytest.mark.parametrize(
    ("parts", "name", "value"),
    [
        (("salt", "name", None), "name", None),
        (("salt", "name", {"a": [1]}), "name", {"a": [1]}),
        (("", "", ""), "", ""),
        (("salt", "value"), None, "value"),
        (("salt", None), None, None),
        (("salt", ["name", "value"]), None, ["name", "value"]),
    ],
)
def test_disclosures(parts: tuple[Any, ...], name: str | None, value: Any) -> None:
    read = read_disclosure(disclosure(*parts))
    assert (read.name, read.value) == (name, value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], Reason.DISCLOSURE_FORM),
        (["salt"], Reason.DISCLOSURE_FORM),
        (["salt", "name", 1, 2], Reason.DISCLOSURE_FORM),
        ([1, "name", 1], Reason.DISCLOSURE_FORM),
        ([None, "value"], Reason.DISCLOSURE_FORM),
        ([["salt"], "name", 1], Reason.DISCLOSURE_FORM),
        (["salt", 1, 1], Reason.DISCLOSURE_FORM),
        (["salt", None, 1], Reason.DISCLOSURE_FORM),
        (["salt", ["name"], 1], Reason.DISCLOSURE_FORM),
        ({"salt": 1}, Reason.DISCLOSURE_FORM),
        (b'"salt"', Reason.DISCLOSURE_FORM),
        (["salt", "_sd", ["x"]], Reason.NAME_RESERVED),
        (["salt", "...", "x"], Reason.NAME_RESERVED),
        (["salt", "_sd_alg", "sha-256"], Reason.NAME_RESERVED),
        (b'["salt","a",{"b":1,"b":2}]', Reason.JSON_DUPLICATE),
        (b'["salt","a",NaN]', Reason.JSON),
        (b'["salt","a",12345678901234567890]', Reason.JSON_NUMBER),
        (b'["salt","\\ud800",1]', Reason.JSON_TEXT),
        (b"[" * 40 + b"]" * 40, Reason.JSON_DEPTH),
        (b'["salt","a",1', Reason.JSON),
    ],
)
def test_what_is_no_disclosure(content: Any, reason: Reason) -> None:
    with refusal(reason):
        read_disclosure(part(content))


def test_a_disclosure_is_strict_base64url() -> None:
    for text in (PUBLISHED + "=", PUBLISHED[:-1] + "1", PUBLISHED + "\n", "W yJ"):
        with refusal(Reason.BASE64URL):
            read_disclosure(text)


SIGNED = jws({"alg": "ES256", "typ": "dc+sd-jwt"}, {})
ONE = disclosure("salt", "name", 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.SD_JWT_FORM),
        (SIGNED, Reason.SD_JWT_FORM),
        ("~", Reason.JWS_FORM),
        ("~" + SIGNED, Reason.JWS_FORM),
        (f"{SIGNED}~~", Reason.JSON),
        (f"{SIGNED}~{ONE}~~", Reason.JSON),
        (f"{SIGNED}~{ONE}", Reason.JWS_FORM),
        (f"{SIGNED}~{ONE}~{ONE}~", Reason.DISCLOSURE_TWICE),
        (f"{SIGNED}~{ONE}~ ", Reason.JWS_FORM),
        (f"{SIGNED}~é~", Reason.SD_JWT_FORM),
        (f"{SIGNED}~{SIGNED}~", Reason.BASE64URL),
        (json.dumps({"payload": "", "protected": "", "signature": ""}), Reason.SD_JWT_FORM),
    ],
)
def test_what_is_no_sd_jwt(text: str, reason: Reason) -> None:
    with refusal(reason):
        read_sd_jwt(text)


def test_sizes_are_bounded() -> None:
    most = limits.CREDENTIAL_DISCLOSURES
    many = [disclosure("salt", str(number)) for number in range(most + 1)]
    assert len(read_sd_jwt("~".join([SIGNED, *many[:most], ""])).disclosures) == most
    with refusal(Reason.DISCLOSURES_MANY):
        read_sd_jwt("~".join([SIGNED, *many, ""]))
    room = (limits.CREDENTIAL - len(SIGNED) - 2) * 3 // 4 - len('["",1]')
    largest = f"{SIGNED}~{part(json.dumps(['x' * room, 1], separators=(',', ':')).encode())}~"
    assert len(largest) == limits.CREDENTIAL
    assert read_sd_jwt(largest).disclosures[0].text == largest.split("~")[1]
    with refusal(Reason.TOO_LARGE):
        read_sd_jwt(largest + "A")
