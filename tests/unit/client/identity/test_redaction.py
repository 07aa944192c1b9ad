"""Copies of a verdict's receipt that open less: they verify, hold nothing of what is closed, and hide what they can."""

from __future__ import annotations

import pytest

from adyton.client import Session
from adyton.client.identity_receipt import IdentityReceipt, make_identity_receipt, narrow
from adyton.client.identity_verdict import Judged
from adyton.client.redaction import redact_identity, told_besides
from adyton.core.errors import UsageError, VerificationError
from adyton.protocol.claims import IDENTITY_FIELDS
from tests.adversary.identity_server import IdentityServer
from tests.unit.client.identity.conftest import Desk
from tests.unit.client.identity.test_receipts import recommitted, verify

HIDEABLE = tuple(name for name in IDENTITY_FIELDS if name != "epoch")


@pytest.fixture
def desk(session: Session) -> Desk:
    return Desk.make(session, pseudonym="document_number")


@pytest.fixture
def whole(desk: Desk) -> IdentityReceipt:
    return make_identity_receipt(desk.session, desk.judge())


@pytest.mark.parametrize(
    "close",
    [
        ("request",),
        ("policy",),
        ("policy", "party"),
        ("range",),
        ("pseudonym",),
        ("answer", "reason", "pseudonym"),
        HIDEABLE,
    ],
)
def test_what_is_closed_is_nowhere_in_the_copy(
    server: IdentityServer, whole: IdentityReceipt, close: tuple[str, ...]
) -> None:
    copy = redact_identity(whole, close)
    encoded = copy.encode()
    verdict = verify(server, copy)
    assert set(verdict.shown) == set(IDENTITY_FIELDS) - set(close)
    assert set(verdict.closed) == set(close)
    assert verdict.task_hash == verify(server, whole).task_hash
    for opening in whole.openings:
        closed = opening.field in close
        assert (opening.salt in encoded) is not closed
        if len(opening.value) >= 32:  # shorter ones are found anywhere
            assert (opening.value in encoded) is not closed
    assert (b"Adults" in encoded) is ("policy" not in close)
    # Both are of one verdict, and a copy of a copy as well.
    assert copy.commitments == whole.commitments
    rest = [name for name in HIDEABLE if name not in close]
    assert set(verify(server, redact_identity(copy, rest)).shown) == {"epoch"}


@pytest.mark.parametrize(
    ("close", "match"),
    [
        (("colour",), "no field colour"),
        (("epoch",), "the entry itself says it"),
        (("party",), "policy says party too"),
        (("answer",), "reason says answer too"),
        (("reason",), "answer says reason too"),
        (("answer", "reason"), "pseudonym says answer and reason too"),
        ((*HIDEABLE, "height"), "no field height"),
        (("genesis",), "no field genesis"),
    ],
)
def test_what_would_be_known_all_the_same_is_not_closed(
    whole: IdentityReceipt, close: tuple[str, ...], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        redact_identity(whole, close)


def test_what_is_closed_cannot_be_closed_again(whole: IdentityReceipt) -> None:
    with pytest.raises(UsageError, match="request is not open; open are party"):
        redact_identity(redact_identity(whole, ("request",)), ("request",))


def test_of_a_no_the_reason_can_be_kept_back(server: IdentityServer, desk: Desk) -> None:
    no = {"answer": "no", "reason": "policy", "pseudonym": None}
    server.verdict = no
    copy = redact_identity(make_identity_receipt(desk.session, desk.judge()), ("reason",))
    assert verify(server, copy).shown["answer"] == "no"


def test_a_range_proof_says_the_answer(server: IdentityServer, desk: Desk) -> None:
    judged: Judged = desk.judge()
    lying = recommitted(server, judged, range=b"proof", pseudonym=b"")
    receipt = make_identity_receipt(desk.session, lying)
    with pytest.raises(UsageError, match="range says answer and reason too"):
        redact_identity(receipt, ("answer", "reason"))
    redact_identity(receipt, ("answer", "reason", "range"))


@pytest.mark.parametrize(
    ("show", "told"),
    [
        (IDENTITY_FIELDS, []),
        ((), []),
        (("party", "request", "policy", "epoch"), []),
        (("answer", "reason"), []),
        (("answer",), [("answer", ("reason",))]),
        (("reason",), [("reason", ("answer",))]),
        (("pseudonym",), [("pseudonym", ("answer", "reason"))]),
        (("range",), []),  # there is none
        (("pseudonym", "answer"), [("answer", ("reason",)), ("pseudonym", ("reason",))]),
    ],
)
def test_what_is_told_besides_is_said(
    desk: Desk, whole: IdentityReceipt, show: tuple[str, ...], told: list[object]
) -> None:
    """Whether it is made so or narrowed: leaving a field out hides nothing while another tells the same."""
    assert told_besides(narrow(whole, show)) == told
    judged = desk.judge()
    assert told_besides(make_identity_receipt(desk.session, judged, show)) == told


def test_a_no_tells_not_why(server: IdentityServer, desk: Desk) -> None:
    server.verdict = {"answer": "no", "reason": "policy", "pseudonym": None}
    receipt = make_identity_receipt(desk.session, desk.judge(), ("answer", "pseudonym"))
    assert told_besides(receipt) == []


def test_a_policy_is_shown_with_its_party(desk: Desk) -> None:
    with pytest.raises(UsageError, match="add party"):
        make_identity_receipt(desk.session, desk.judge(), ("policy", "answer"))


def test_an_opened_epoch_is_the_entrys(server: IdentityServer, desk: Desk) -> None:
    lying = make_identity_receipt(desk.session, recommitted(server, desk.judge(), epoch=b"7"))
    with pytest.raises(VerificationError, match="epoch is not the entry's"):
        verify(server, lying)
