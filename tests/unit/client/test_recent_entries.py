"""Entries that a client has just verified are kept up to a bound in bytes; the others are verified again."""

from __future__ import annotations

import pytest

from adyton.client import Session, view_keeper
from adyton.client.notary import NotaryReceipt, notarize_all

ROOM = 3000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let sessions that are made from now on keep a few entries."""
    monkeypatch.setattr(view_keeper, "_RECENT_BYTES", ROOM)


def test_what_a_server_sends_does_not_pile_up(session: Session) -> None:
    outcomes = notarize_all(session, [b"file %d" % number for number in range(8)])
    proofs = [one.proof.encode() for one in outcomes if isinstance(one, NotaryReceipt)]
    assert len(proofs) == 8
    recent = session.keeper._recent
    assert 0 < sum(map(len, recent)) == recent.weight <= ROOM
    assert 0 < sum(proof in recent for proof in proofs) < 8
    for proof in proofs:
        assert session.keeper.reopen_entry(proof).proof.encode() == proof
