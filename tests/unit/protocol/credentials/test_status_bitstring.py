"""Bitstring Status Lists: the published one, and every part of one that can be wrong."""

import gzip
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import Error, MalformedError, VerificationError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.status import ListKind, StatusReference, read_status
from adyton.protocol.credentials.status_bitstring import (
    LEAST_ENTRIES,
    read_bitstring_list,
    read_encoded_list,
)
from adyton.protocol.credentials.status_list import StatusList
from tests.credential_kit import ED_KEY, ISSUER, ISSUER_KEY, NOW, OTHER_KEY, jws
from tests.identity_vectors import text
from tests.status_kit import CONTEXT, RECORD, URI, bitstring_credential, encoded

START = 1_795_000_000 - 400  # validFrom of the kit


def read(unverified: str, **changes: Any) -> StatusList:
    given: dict[str, Any] = {
        "uri": URI, "issuer": RECORD, "iss": ISSUER, "key": ISSUER_KEY.public,
        "now_s": NOW, **changes,
    }  # fmt: skip
    return read_bitstring_list(unverified, **given)


def published(number: str) -> str:
    return text("bitstring-status-list", "examples", f"{number}.txt")


def test_the_published_list_credential() -> None:
    described = json.loads(published("04"))
    made = read(jws({"alg": "ES256", "typ": "vc+jwt"}, described), uri=described["id"],
                iss=described["issuer"])  # fmt: skip
    assert made.head.entries == LEAST_ENTRIES
    assert not any(made.statuses.packed)


def test_the_published_entries() -> None:
    entry = json.loads(published("03"))
    expected = StatusReference(
        ListKind.BITSTRING, "https://example.com/credentials/status/3", 94567, "revocation"
    )
    assert read_status(entry) == (expected,)


def test_a_published_entry_with_messages_is_refused() -> None:
    listed = published("01").replace("...", '{"status":"0x3","message":"undefined"}', 1)
    entry = json.loads(listed.replace(",\n    ...", ""))
    with pytest.raises(Error, match="cannot be looked up"):
        read_status(entry)


@given(st.integers(0, LEAST_ENTRIES - 1))
def test_index_0_is_the_leftmost_bit(index: int) -> None:
    bitstring = bytearray(LEAST_ENTRIES // 8)
    bitstring[index // 8] = 0x80 >> index % 8
    statuses = read_encoded_list(encoded(bytes(bitstring)))
    assert statuses.status(index) == 1
    assert sum(map(int.bit_count, statuses.packed)) == 1


def test_what_is_kept() -> None:
    head = read(bitstring_credential(subject={"ttl": 300_500})).head
    assert (head.kind, head.uri, head.purposes, head.issuer) == (
        "bitstring", URI, ("revocation",), RECORD,
    )  # fmt: skip
    assert (head.bits, head.entries) == (1, LEAST_ENTRIES)
    assert (head.issued_s, head.expires_s, head.ttl_s, head.taken_s) == (START, None, 300, NOW)
    assert type(head).decode(head.encode()) == head


@pytest.mark.parametrize(
    ("changes", "expires"),
    [
        ({"validUntil": "2026-11-18T12:06:40+01:00", "validFrom": "2026-11-18T11:00:00.5Z"}, None),
        ({"validUntil": "2026-11-18T11:06:41Z"}, NOW + 1),
        ({"validUntil": "2026-11-18T12:06:41.9+01:00"}, NOW + 1),
        ({"exp": NOW + 5, "validUntil": "2026-11-18T11:06:50Z"}, NOW + 5),
        ({"exp": NOW + 50, "validUntil": "2026-11-18T11:06:50Z"}, NOW + 10),
    ],
)
def test_when_it_ends(changes: dict[str, Any], expires: int | None) -> None:
    if expires is None:
        with pytest.raises(VerificationError, match="expired"):
            read(bitstring_credential(**changes))
    else:
        assert read(bitstring_credential(**changes)).head.expires_s == expires


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": {"id": ISSUER, "name": "A city"}},
        {"subject": {"statusPurpose": ["suspension", "revocation"]}},
        {"subject": {"statusSize": 1}},
        {"subject": {"type": ["BitstringStatusList"]}},
        {"@context": [CONTEXT, "https://other.example"]},
    ],
)
def test_other_ways_to_say_the_same(changes: dict[str, Any]) -> None:
    assert read(bitstring_credential(**changes)).head.entries == LEAST_ENTRIES


@pytest.mark.parametrize(
    ("changes", "code", "why"),
    [
        ({"typ": "statuslist+jwt"}, "status_invalid", "typ is not vc"),
        ({"typ": "JWT"}, "status_invalid", "typ is not vc"),
        ({"key": OTHER_KEY}, "credential_refused", "does not verify"),
        ({"key": ED_KEY}, "credential_refused", "does not verify"),
        ({"id": URI + "0"}, "status_invalid", "id differs"),
        ({"without": "id"}, "status_invalid", "id differs"),
        ({"issuer": "https://other.example"}, "status_invalid", "another issuer"),
        ({"issuer": {"name": ISSUER}}, "status_invalid", "another issuer"),
        ({"without": "issuer"}, "status_invalid", "another issuer"),
        ({"@context": "https://www.w3.org/2018/credentials/v1"}, "malformed", "@context"),
        ({"@context": ["https://www.w3.org/2018/credentials/v1"]}, "malformed", "@context"),
        ({"@context": []}, "malformed", "@context"),
        ({"type": ["VerifiableCredential"]}, "malformed", "types are"),
        ({"type": "BitstringStatusListCredential"}, "malformed", "types are"),
        ({"without": "credentialSubject"}, "malformed", "its subject"),
        ({"credentialSubject": []}, "malformed", "its subject"),
        ({"subject": {"type": "StatusList2021"}}, "malformed", "its subject"),
        ({"subject": {"statusPurpose": []}}, "status_invalid", "purpose"),
        ({"subject": {"statusPurpose": [["revocation"]]}}, "status_invalid", "purpose"),
        ({"subject": {"statusPurpose": "message"}}, "status_invalid", "purpose"),
        ({"subject": {"statusPurpose": None}}, "status_invalid", "purpose"),
        ({"subject": {"statusSize": 2}}, "malformed", "statusSize"),
        ({"subject": {"statusSize": True}}, "malformed", "statusSize"),
        ({"subject": {"ttl": 999}}, "malformed", "ttl"),
        ({"subject": {"ttl": "300000"}}, "malformed", "ttl"),
        ({"subject": {"ttl": None}}, "malformed", "ttl"),
        ({"without": "validFrom"}, "malformed", "validFrom"),
        ({"validFrom": "2026-11-18"}, "malformed", "validFrom is a time"),
        ({"validFrom": "2026-11-18T11:00:00"}, "malformed", "validFrom is a time"),
        ({"validFrom": "2026-11-18 09:00:00Z"}, "malformed", "validFrom is a time"),
        ({"validFrom": "2026-02-29T11:00:00Z"}, "malformed", "no day or hour"),
        ({"validFrom": "2026-02-28T24:00:00Z"}, "malformed", "no day or hour"),
        ({"validFrom": "0001-01-01T00:00:00+14:00"}, "malformed", "no day or hour"),
        ({"validFrom": "1969-12-31T23:59:59Z"}, "malformed", "before 1970"),
        ({"validFrom": 1795000000}, "malformed", "validFrom is a time"),
        ({"validFrom": None}, "malformed", "validFrom is a time"),
        ({"validFrom": "2026-11-18T11:08:42Z"}, "status_stale", "future"),
        ({"exp": NOW}, "status_stale", "expired"),
        ({"exp": "never"}, "malformed", "exp is a whole number"),
        ({"subject": {"encodedList": 5}}, "malformed", "behind a u"),
        ({"subject": {"encodedList": ""}}, "malformed", "behind a u"),
        ({"subject": {"encodedList": "zH4sI"}}, "malformed", "behind a u"),
        ({"subject": {"encodedList": encoded(bytes(16_384)) + "="}}, "credential_refused", "base64"),
        ({"bitstring": bytes(16_383)}, "malformed", "131072 entries at least"),
        ({"bitstring": b""}, "malformed", "131072 entries at least"),
        ({"bitstring": bytes(limits.STATUS_LIST + 1)}, "too_large", "split it"),
    ],
)  # fmt: skip
def test_what_is_refused(changes: dict[str, Any], code: str, why: str) -> None:
    with pytest.raises(Error, match=why) as refusal:
        read(bitstring_credential(**changes))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("suspension", ("suspension",)),
        (["suspension", "revocation"], ("revocation", "suspension")),
        (["message", "suspension"], ("suspension",)),
    ],
)
def test_purposes(said: Any, kept: tuple[str, ...]) -> None:
    assert read(bitstring_credential(subject={"statusPurpose": said})).head.purposes == kept


@pytest.mark.parametrize(("ttl_ms", "ttl_s"), [(1000, 1), (1999, 1), (2000, 2), (3_600_000, 3600)])
def test_its_time_to_live(ttl_ms: int, ttl_s: int) -> None:
    assert read(bitstring_credential(subject={"ttl": ttl_ms})).head.ttl_s == ttl_s


@pytest.mark.parametrize(
    ("said", "issued"), [("1970-01-01T00:00:00Z", 0), ("1970-01-01T01:00:01.999+01:00", 1)]
)
def test_when_it_was_made(said: str, issued: int) -> None:
    assert read(bitstring_credential(validFrom=said)).head.issued_s == issued


def test_a_list_in_which_much_is_set() -> None:
    """What does not compress is as long as a transaction can carry."""
    mixed = b"".join(hashlib.sha512(number.to_bytes(2, "big")).digest() for number in range(2000))
    made = read(bitstring_credential(mixed))
    assert made.head.entries == 8 * 64 * 2000
    assert made.statuses.status(7) == mixed[0] & 1
    assert len(made.statuses.pages()) == 8


def test_two_streams_in_one_are_refused() -> None:
    """gzip may hold several members; readers differ on what that means."""
    one = gzip.compress(bytes(16_384), mtime=0)
    with pytest.raises(MalformedError, match="behind the stream"):
        read_encoded_list("u" + base64url.encode(one + one))


def test_the_longest_list_is_taken() -> None:
    assert read_encoded_list(encoded(bytes(limits.STATUS_LIST))).entries == 8 * limits.STATUS_LIST


def test_a_credential_that_is_too_long_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedError, match="split it"):
        read("a" * (limits.STATUS_TOKEN + 1))
