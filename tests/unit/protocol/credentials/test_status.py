"""Where a status stands: two kinds of lists, and nothing that cannot be looked up."""

from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.status import (
    ListKind,
    Status,
    StatusReference,
    read_status,
    require_valid,
)
from tests.credential_kit import refusal

URI = "https://issuer.example/lists/1"
TOKEN: dict[str, Any] = {"status_list": {"idx": 7, "uri": URI}}
BITS: dict[str, Any] = {
    "id": "https://issuer.example/lists/2#94567",
    "type": "BitstringStatusListEntry",
    "statusPurpose": "revocation",
    "statusListIndex": "94567",
    "statusListCredential": "https://issuer.example/lists/2",
}


def test_both_kinds() -> None:
    token = StatusReference(ListKind.TOKEN, URI, 7)
    bits = StatusReference(
        ListKind.BITSTRING, "https://issuer.example/lists/2", 94567, "revocation"
    )
    assert read_status({}) == ()
    assert read_status({"status": TOKEN}) == (token,)
    assert read_status({"credentialStatus": BITS}) == (bits,)
    both: dict[str, Any] = {
        "status": TOKEN,
        "credentialStatus": [BITS, {**BITS, "statusPurpose": "suspension"}],
    }
    assert [(item.kind, item.purpose) for item in read_status(both)] == [
        (ListKind.TOKEN, ""),
        (ListKind.BITSTRING, "revocation"),
        (ListKind.BITSTRING, "suspension"),
    ]


def test_the_ends_of_what_is_taken() -> None:
    longest = "x:" + "a" * 2046
    (first,) = read_status({"status": {"status_list": {"idx": 0, "uri": longest}}})
    assert (first.index, first.uri) == (0, longest)
    with refusal(Reason.STATUS_FORM):
        read_status({"status": {"status_list": {"idx": 0, "uri": longest + "a"}}})
    last = {**BITS, "statusListIndex": str(limits.JSON_INTEGER)}
    assert [place.index for place in read_status({"credentialStatus": [last] * 4})] == [
        *[limits.JSON_INTEGER] * 4
    ]


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        *(({"status": value}, Reason.STATUS_FORM) for value in (None, [], "valid", 0, [TOKEN])),
        ({"status": {}}, Reason.STATUS_MECHANISM),
        ({"status": {"identifier_list": {}}}, Reason.STATUS_MECHANISM),
        ({"status": {**TOKEN, "other_list": {}}}, Reason.STATUS_MECHANISM),
        ({"status": {"status_list": None}}, Reason.STATUS_FORM),
        ({"status": {"status_list": [7, URI]}}, Reason.STATUS_FORM),
        ({"status": {"status_list": {"uri": URI}}}, Reason.STATUS_FORM),
        ({"status": {"status_list": {"idx": 7}}}, Reason.STATUS_FORM),
        *(
            ({"status": {"status_list": {"idx": index, "uri": URI}}}, Reason.STATUS_FORM)
            for index in (-1, "7", True, None, 7.5)
        ),
        *(
            ({"status": {"status_list": {"idx": 7, "uri": uri}}}, Reason.STATUS_FORM)
            for uri in (None, 7, "", "no address", "https:", "https://é", URI + " ", URI * 99)
        ),
        *(
            ({"credentialStatus": value}, Reason.STATUS_FORM)
            for value in (None, [], "x", [BITS] * 5, [[BITS]])
        ),
        ({"credentialStatus": {**BITS, "type": "StatusList2021Entry"}}, Reason.STATUS_MECHANISM),
        ({"credentialStatus": {**BITS, "statusPurpose": "message"}}, Reason.STATUS_MECHANISM),
        ({"credentialStatus": {**BITS, "statusPurpose": None}}, Reason.STATUS_MECHANISM),
        ({"credentialStatus": {**BITS, "statusPurpose": []}}, Reason.STATUS_MECHANISM),
        *(
            ({"credentialStatus": {**BITS, "statusListIndex": index}}, Reason.STATUS_FORM)
            for index in (7, "-1", "07", "", "7 ", "0x7", "٧", "9" * 16, "9" * 40, None)
        ),
        ({"credentialStatus": {**BITS, "statusListCredential": None}}, Reason.STATUS_FORM),
        ({"credentialStatus": [BITS, {}]}, Reason.STATUS_MECHANISM),
    ],
)
def test_what_cannot_be_looked_up(claims: dict[str, Any], reason: Reason) -> None:
    with refusal(reason):
        read_status(claims)


def test_only_valid_is_valid() -> None:
    require_valid(Status.VALID)
    refusing = [status for status in Status if status is not Status.VALID]
    assert {Status.REVOKED, Status.SUSPENDED, Status.UNKNOWN, Status.STALE} <= set(refusing)
    for status in refusing:
        assert status.value is not None
        with refusal(status.value):
            require_valid(status)
