"""A visitor's birthday and name are found nowhere outside of the enclave; were sealing off, they would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary import visit

PLACES = {"data", "logs", "memory", "party"}


@pytest.mark.timeout(180)
def test_the_visitor_is_let_in_and_nothing_of_her_is_found(tmp_path: Path) -> None:
    seen = visit.run(tmp_path)
    assert seen.searched >= PLACES
    assert [hit for hits in seen.found.values() for hit in hits] == []


@pytest.mark.timeout(180)
def test_the_same_search_finds_her_where_sealing_is_off(tmp_path: Path, unsealed: Path) -> None:
    seen = visit.run(tmp_path, unsealed)
    assert seen.found["traffic"]
    assert seen.found["party"]  # what it was handed
    # Nor then in what is stored: it is not kept under seal, it is not kept.
    assert seen.found["data"] == []
