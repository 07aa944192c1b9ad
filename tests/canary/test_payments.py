"""A refused payment leaves no signature anywhere; that of an allowed one reaches its client alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary import payments

_HOST = ("data", "logs", "traffic")


@pytest.mark.timeout(180)
def test_a_refused_payment_leaves_no_signature_anywhere(tmp_path: Path) -> None:
    paid = payments.run(tmp_path)
    assert {place: hits for place, hits in paid.refused.items() if hits} == {}
    # What was signed went to the client alone: the same search finds it there, and nowhere on the host's disk or wire.
    assert paid.allowed["told"]
    assert {place: paid.allowed[place] for place in _HOST if paid.allowed[place]} == {}


@pytest.mark.timeout(180)
def test_the_same_search_finds_signatures_where_sealing_is_off(
    tmp_path: Path, unsealed: Path
) -> None:
    paid = payments.run(tmp_path, unsealed)
    assert paid.allowed["data"]
    assert paid.allowed["traffic"]
    # With sealing off, too, there is nothing to find of what was never signed.
    assert {place: hits for place, hits in paid.refused.items() if hits} == {}
