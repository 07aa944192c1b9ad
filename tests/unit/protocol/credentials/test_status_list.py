"""Lists as they are kept: what takes whose place, when one is out of date, and what a value means."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import CredentialError, VerificationError
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.status import ListKind, Status, StatusReference, require_valid
from adyton.protocol.credentials.status_bits import StatusBits
from adyton.protocol.credentials.status_list import (
    Source,
    StatusList,
    StatusListHead,
    Timing,
    page_of,
    require_successor,
    status_of,
)

URI = "https://issuer.example/1"
RECORD = b"\x51" * 32
NOW = 1_795_000_000


def listed(packed: bytes, bits: int = 2, purpose: str = "", **timing: Any) -> StatusList:
    kind = ListKind.BITSTRING if purpose else ListKind.TOKEN
    said = Timing(**{"issued_s": NOW - 100, "expires_s": None, "ttl_s": None, **timing})
    purposes = (purpose,) if purpose else ()
    return StatusList.of(Source(kind, URI, RECORD), purposes, said, StatusBits(bits, packed), NOW)


def place(index: int, purpose: str = "") -> StatusReference:
    kind = ListKind.BITSTRING if purpose else ListKind.TOKEN
    return StatusReference(kind, URI, index, purpose)


def look_up(
    made: StatusList, index: int, purpose: str = "", now_s: int = NOW, oldest_s: int | None = None
) -> Status:
    reference = place(index, purpose)
    page = made.statuses.pages()[page_of(made.head, reference)]
    return status_of(made.head, page, reference, now_s=now_s, oldest_s=oldest_s)


def test_what_is_kept_of_a_list() -> None:
    made = listed(b"\xe4", expires_s=NOW + 9, ttl_s=5).head
    assert (made.kind, made.uri, made.issuer, made.bits_log2, made.entries) == (
        "token", URI, RECORD, 1, 4,
    )  # fmt: skip
    assert (made.issued_s, made.expires_s, made.ttl_s, made.taken_s, made.until_s) == (
        NOW - 100, NOW + 9, 5, NOW, NOW + 5,
    )  # fmt: skip
    assert listed(b"\xe4").head.until_s is None


def test_what_the_values_of_a_token_list_mean() -> None:
    found = [look_up(listed(b"\xe4"), index) for index in range(4)]
    assert found == [Status.VALID, Status.REVOKED, Status.SUSPENDED, Status.OTHER]
    eight = listed(bytes((0, 1, 2, 3, 11, 15, 255)), bits=8)
    others = [look_up(eight, index) for index in range(3, 7)]
    assert others == [Status.OTHER] * 4
    for status, reason in (
        (Status.REVOKED, Reason.REVOKED),
        (Status.SUSPENDED, Reason.SUSPENDED),
        (Status.OTHER, Reason.STATUS_VALUE),
        (Status.STALE, Reason.STATUS_STALE),
    ):
        with pytest.raises(CredentialError) as refusal:
            require_valid(status)
        assert refusal.value.reason == reason.word


def test_what_the_bits_of_a_bitstring_mean() -> None:
    revoked = listed(b"\x02", bits=1, purpose="revocation")
    assert look_up(revoked, 0, "revocation") is Status.VALID
    assert look_up(revoked, 1, "revocation") is Status.REVOKED
    suspended = listed(b"\x01", bits=1, purpose="suspension")
    assert look_up(suspended, 0, "suspension") is Status.SUSPENDED


def test_a_list_of_both_purposes_says_what_the_credential_asks_it() -> None:
    both = listed(b"\x01", bits=1, purpose="revocation")
    both = replace(both, head=replace(both.head, purposes=("revocation", "suspension")))
    assert look_up(both, 0, "revocation") is Status.REVOKED
    assert look_up(both, 0, "suspension") is Status.SUSPENDED


def test_a_list_of_another_purpose_says_nothing() -> None:
    revoked = listed(b"\x00", bits=1, purpose="revocation")
    assert look_up(revoked, 0, "suspension") is Status.UNKNOWN


@given(st.integers(0, 8 * 40_000 - 1))
def test_any_place_of_a_long_list(index: int) -> None:
    packed = bytearray(40_000)
    packed[index // 8] = 1 << index % 8
    made = listed(bytes(packed), bits=1)
    assert look_up(made, index) is Status.REVOKED
    assert look_up(made, index ^ 1) is Status.VALID


@pytest.mark.parametrize("index", [-1, 4, 5, 8 * limits.STATUS_PAGE, 2**53])
def test_an_index_outside_is_refused_though_a_page_is_longer(index: int) -> None:
    made = listed(b"\0")
    for call in (
        lambda: page_of(made.head, place(index)),
        lambda: status_of(
            made.head, made.statuses.pages()[0], place(index), now_s=NOW, oldest_s=None
        ),
    ):
        with pytest.raises(CredentialError) as refusal:
            call()
        assert refusal.value.reason == Reason.STATUS_FORM.word


@pytest.mark.parametrize(
    ("timing", "oldest_s", "first_stale"),
    [
        ({"expires_s": NOW + 50}, None, NOW + 50),
        ({"ttl_s": 60}, None, NOW + 60),
        ({"expires_s": NOW + 50, "ttl_s": 60}, None, NOW + 50),
        ({"expires_s": NOW + 50, "ttl_s": 40}, None, NOW + 40),
        ({}, 130, NOW + 31),
        ({"ttl_s": 60}, 130, NOW + 31),
    ],
)
def test_when_a_list_is_out_of_date(
    timing: dict[str, Any], oldest_s: int | None, first_stale: int
) -> None:
    made = listed(b"\xe4", **timing)
    assert look_up(made, 0, now_s=first_stale - 1, oldest_s=oldest_s) is Status.VALID
    for index in range(4):
        assert look_up(made, index, now_s=first_stale, oldest_s=oldest_s) is Status.STALE


def test_a_list_without_bounds_stays() -> None:
    assert look_up(listed(b"\0"), 0, now_s=NOW + 10**9) is Status.VALID


def test_another_list_or_page_is_the_callers_mistake() -> None:
    made = listed(bytes(40_000), bits=1)
    pages = made.statuses.pages()
    with pytest.raises(VerificationError, match="another page"):
        status_of(made.head, pages[1], place(0), now_s=NOW, oldest_s=None)
    for other in (
        StatusReference(ListKind.TOKEN, URI + "0", 0),
        StatusReference(ListKind.BITSTRING, URI, 0, "revocation"),
    ):
        with pytest.raises(VerificationError, match="not the list"):
            status_of(made.head, pages[0], other, now_s=NOW, oldest_s=None)


def head(**changes: Any) -> StatusListHead:
    return replace(listed(b"\0").head, **changes)


def test_a_newer_list_takes_the_place_of_an_older_one() -> None:
    require_successor(head(), head(issued_s=NOW - 99, entries=8, bits_log2=2))
    require_successor(head(), head(taken_s=NOW + 5))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"issued_s": NOW - 101}, "status_stale"),
        ({"issuer": bytes(32)}, "status_invalid"),
        ({"uri": URI + "0"}, "status_invalid"),
        ({"kind": "bitstring"}, "status_invalid"),
    ],
)
def test_what_may_not_take_its_place(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(VerificationError) as refusal:
        require_successor(head(), head(**changes))
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("timing", "why"),
    [
        (Timing(NOW + 121, None, None), "in the future"),
        (Timing(NOW, NOW, None), "expired"),
        (Timing(NOW, NOW - 1, None), "expired"),
    ],
)
def test_a_list_of_another_time_is_refused(timing: Timing, why: str) -> None:
    with pytest.raises(VerificationError, match=why) as refusal:
        timing.require_at(NOW)
    assert refusal.value.code == "status_stale"


def test_a_list_within_clock_skew_is_taken() -> None:
    Timing(NOW + 120, NOW + 1, 1).require_at(NOW)
