"""Token Status Lists: the published ones, and every part of one that can be wrong."""

import hashlib
import json
import re
import zlib
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import CredentialError, Error, MalformedError, VerificationError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.status_bits import SIZES, ZLIB, StatusBits, inflate
from adyton.protocol.credentials.status_list import StatusList
from adyton.protocol.credentials.status_token import read_status_list, read_token_list
from tests.credential_kit import ED_KEY, ISSUER_KEY, NOW, OTHER_KEY, jws
from tests.identity_vectors import text
from tests.status_kit import RECORD, URI, token

EXAMPLE = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


def read(unverified: str, **changes: Any) -> StatusList:
    given: dict[str, Any] = {
        "uri": URI, "issuer": RECORD, "key": ISSUER_KEY.public, "now_s": NOW, **changes,
    }  # fmt: skip
    return read_token_list(unverified, **given)


def values(bits: StatusBits) -> list[int]:
    return [bits.status(index) for index in range(bits.entries)]


# --- published ------------------------------------------------------------------------------------


def published_json(name: str) -> Any:
    return json.loads(text("token-status-list", "examples", name).partition("encoded:")[2])


def published_cbor(name: str) -> dict[str, Any]:
    digits = text("token-status-list", "examples", name)
    return dict(cbor2.loads(bytes.fromhex("".join(re.findall(r"^[0-9a-f]+$", digits, re.M)))))


def test_published_lists() -> None:
    assert values(read_status_list(published_json("status_list_encoding_json.md"))) == EXAMPLE
    two = values(read_status_list(published_json("status_list_encoding2_json.md")))
    assert two == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


def test_published_lists_in_cbor_inflate_alike() -> None:
    one = published_cbor("status_list_encoding_cbor.md")
    assert values(StatusBits(one["bits"], inflate(one["lst"], ZLIB))) == EXAMPLE


def test_the_long_published_list() -> None:
    """2^20 statuses of two bits; the positions are those of the specification's appendix."""
    long = published_cbor("status_list_encoding2_long_cbor.md")
    bits = StatusBits(long["bits"], inflate(long["lst"], ZLIB))
    assert bits.entries == 2**20
    number = int.from_bytes(bits.packed, "little")
    found = {}
    while number:
        index = (number & -number).bit_length() - 1 >> 1
        found[index] = bits.status(index)
        number &= ~(3 << 2 * index)
    assert found == {
        0: 1, 1993: 2, 25460: 1, 159495: 3, 495669: 1, 554353: 1, 645645: 2, 723232: 1,
        854545: 1, 934534: 2, 1000345: 3,
    }  # fmt: skip


def test_the_published_token() -> None:
    """Its claims, signed by a key of ours: the publisher's signature is not among the examples."""
    header, payload = map(
        json.loads, text("token-status-list", "examples", "status_list_jwt.md").split("\n.\n")
    )
    made = read(jws(header, payload), uri=payload["sub"], now_s=payload["iat"] + 10)
    assert values(made.statuses) == EXAMPLE
    assert (made.head.issued_s, made.head.expires_s, made.head.ttl_s) == (
        1686920170, 2291720170, 43200,
    )  # fmt: skip
    with pytest.raises(VerificationError, match="expired"):
        read(jws(header, payload), uri=payload["sub"], now_s=2291720170)


# --- sound ----------------------------------------------------------------------------------------


def test_what_is_kept() -> None:
    made = read(token(bytes(5), bits=2))
    head = made.head
    assert (head.kind, head.uri, head.purposes, head.issuer) == ("token", URI, (), RECORD)
    assert (head.bits, head.entries) == (2, 20)
    assert (head.issued_s, head.expires_s, head.ttl_s, head.taken_s) == (
        NOW - 100, NOW + 1000, 600, NOW,
    )  # fmt: skip
    assert type(head).decode(head.encode()) == head


@pytest.mark.parametrize("without", ["exp", "ttl"])
def test_what_an_issuer_need_not_say(without: str) -> None:
    head = read(token(without=without)).head
    assert (head.expires_s is None, head.ttl_s is None) == (without == "exp", without == "ttl")


def test_a_list_in_which_much_is_set() -> None:
    """What does not compress is as long as a transaction can carry."""
    mixed = b"".join(hashlib.sha512(number.to_bytes(2, "big")).digest() for number in range(2400))
    made = read(token(mixed, bits=8))
    assert made.head.entries == 64 * 2400
    assert made.statuses.packed == mixed


@given(st.sampled_from(SIZES), st.binary(min_size=1, max_size=64))
def test_a_list_is_read_back(bits: int, packed: bytes) -> None:
    made = read_status_list({"bits": bits, "lst": base64url.encode(zlib.compress(packed))})
    assert made == StatusBits(bits, packed)


def test_an_ed25519_issuer() -> None:
    made = read(token(alg="EdDSA", key=ED_KEY), key=ED_KEY.public)
    assert values(made.statuses) == EXAMPLE


# --- unsound --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"typ": "jwt"}, "status_invalid", "typ is not statuslist"),
        ({"typ": ""}, "status_invalid", "typ is not statuslist"),
        ({"typ": "application/statuslist+jwt"}, "status_invalid", "typ is not"),
        ({"typ": 1}, "credential_refused", "header"),
        ({"alg": "none"}, "credential_refused", "alg is none"),
        ({"alg": "EdDSA"}, "credential_refused", "another algorithm"),
        ({"alg": "HS256"}, "credential_refused", "another algorithm"),
        ({"key": OTHER_KEY}, "credential_refused", "does not verify"),
        ({"sub": URI + "0"}, "status_invalid", "sub differs"),
        ({"without": "sub"}, "status_invalid", "sub differs"),
        ({"sub": [URI]}, "status_invalid", "sub differs"),
        ({"without": "iat"}, "malformed", "iat"),
        ({"iat": None}, "malformed", "iat is a whole number"),
        ({"iat": str(NOW)}, "malformed", "iat is a whole number"),
        ({"iat": True}, "malformed", "iat is a whole number"),
        ({"iat": -1}, "malformed", "iat is a whole number"),
        ({"iat": NOW + 121}, "status_stale", "in the future"),
        ({"exp": NOW}, "status_stale", "expired"),
        ({"exp": 1.5}, "malformed", "exp is a whole number"),
        ({"ttl": 0}, "malformed", "ttl"),
        ({"ttl": "600"}, "malformed", "ttl is a whole number"),
        ({"without": "status_list"}, "malformed", "status_list is an object"),
        ({"status_list": []}, "malformed", "status_list is an object"),
        ({"status_list": {"bits": 1}}, "malformed", "it has bits"),
        ({"status_list": {"lst": "eNrbuRgAAhcBXQ"}}, "malformed", "it has bits"),
        ({"status_list": {"bits": 1, "lst": ["eNrbuRgAAhcBXQ"]}}, "malformed", "it has bits"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}}, "credential_refused", "base64url"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXR"}}, "credential_refused", "base64url"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcB+Q"}}, "credential_refused", "base64url"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcB"}}, "malformed", "cut off"),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQAA"}}, "malformed", "behind"),
        ({"status_list": {"bits": 1, "lst": ""}}, "malformed", "cut off"),
        ({"status_list": {"bits": 1, "lst": "AAAA"}}, "malformed", "not a stream"),
        ({"packed": b""}, "too_large", "1 to"),
        ({"bits": 3}, "malformed", "1, 2, 4 or 8"),
        ({"bits": 16}, "malformed", "1, 2, 4 or 8"),
        ({"bits": True}, "malformed", "it has bits"),
        ({"bits": "1"}, "malformed", "it has bits"),
        ({"packed": bytes(limits.STATUS_LIST + 1)}, "too_large", "split it"),
    ],
)  # fmt: skip
def test_what_is_refused(changes: dict[str, Any], code: str, why: str) -> None:
    with pytest.raises(Error, match=why) as refusal:
        read(token(**changes))
    assert refusal.value.code == code


@pytest.mark.parametrize("unverified", ["", "a", "a.b", "a.b.c", "a.b.c.d", "....", "é.é.é"])
def test_what_is_no_token_is_refused(unverified: str) -> None:
    with pytest.raises(CredentialError):
        read(unverified)


def test_a_token_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match="split it") as refusal:
        read("a" * (limits.STATUS_TOKEN + 1))
    assert refusal.value.code == "too_large"


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"sub":"a","sub":"b"}', "json_duplicate"),
        (b'{"status_list":{"bits":1,"bits":2}}', "json_duplicate"),
        (b'{"iat":NaN}', "json"),
        (b'{"iat":1e3}', ""),
        (b"[1]", "json_object"),
        (b"\xff", "json_text"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", "json_depth"),
        (b'{"a":9007199254740993}', "json_number"),
    ],
)
def test_json_that_two_could_read_differently_is_refused(payload: bytes, reason: str) -> None:
    unverified = jws({"alg": "ES256", "typ": "statuslist+jwt"}, payload)
    with pytest.raises(Error) as refusal:
        read(unverified)
    assert getattr(refusal.value, "reason", "") == reason


def bomb(mebibytes: int) -> str:
    packer = zlib.compressobj(9)
    zeros = bytes(1 << 20)
    made = b"".join(packer.compress(zeros) for _ in range(mebibytes)) + packer.flush()
    return base64url.encode(made)


def test_a_bomb_is_refused() -> None:
    """Zeros take a thousandth of their size: 200 MB are too long a token, 140 MB are not."""
    with pytest.raises(MalformedError, match="inflated"):
        read_status_list({"bits": 1, "lst": bomb(200)})
    with pytest.raises(MalformedError, match="characters are the most"):
        read(token(status_list={"bits": 1, "lst": bomb(200)}))
    with pytest.raises(MalformedError, match="inflated"):
        read(token(status_list={"bits": 1, "lst": bomb(140)}))


@given(st.integers(0, 400), st.integers(1, 255))
def test_an_altered_token_is_refused(at: int, change: int) -> None:
    good = token()
    raw = bytearray(good.encode())
    at %= len(raw)
    raw[at] ^= change & 0x7F or 1
    altered = raw.decode("latin-1")
    with pytest.raises(Error):
        read(altered)
