"""Nothing of what a client keeps secret is found outside of the enclave; were sealing off, it would be."""

from __future__ import annotations

from pathlib import Path

from tests.canary import scenario

PLACES = {"data", "logs", "traffic", "memory"}


def test_nothing_of_a_secret_is_found_outside_of_the_enclave(tmp_path: Path) -> None:
    found = scenario.run(tmp_path)
    assert found.searched == PLACES
    assert found.dropped == 0
    hits = [*found.data, *found.logs, *found.traffic, *found.during, *found.after]
    assert hits == []


def test_the_same_search_finds_it_where_sealing_is_off(tmp_path: Path, unsealed: Path) -> None:
    found = scenario.run(tmp_path, unsealed)
    assert found.searched == PLACES
    # What lies on the ledger, what went over the wire, what the host had in its hands.
    assert found.data
    assert found.traffic
    assert found.during
    forms = {hit.form for hit in found.traffic}
    assert {"raw", "hex"} <= forms
