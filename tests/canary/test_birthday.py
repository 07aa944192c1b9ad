"""A visitor's birthday is found nowhere outside of holder and issuer; were sealing off, it would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary import birthday
from tests.canary.unsealed import unsealed_source


@pytest.mark.timeout(240)
def test_the_birthday_is_found_nowhere_but_at_its_holder(tmp_path: Path) -> None:
    checked = birthday.run(tmp_path)
    assert [code for code, _ in checked.answers] == [0, 5]
    assert checked.held
    assert {place: hits for place, hits in checked.found.items() if hits} == {}


@pytest.mark.timeout(240)
def test_the_same_search_finds_birthdays_where_sealing_is_off(tmp_path: Path) -> None:
    checked = birthday.run(tmp_path, unsealed_source(tmp_path / "unsealed"))
    assert [code for code, _ in checked.answers] == [0, 5]
    # Requests are on the ledger by their hash alone: the disk holds none of what was sent.
    assert checked.found["traffic"]
    assert checked.found["party"]
