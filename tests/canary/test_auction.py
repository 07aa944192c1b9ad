"""Nobody's losing bid is found anywhere outside of the enclave, nor the winner's; were sealing off, they would be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.canary import auction

PLACES = {"data", "logs", "traffic", "memory"}


@pytest.mark.timeout(180)
def test_the_auction_is_held_and_no_bid_but_the_price_is_found(tmp_path: Path) -> None:
    sold = auction.run(tmp_path)
    assert sold.outcome == {"winner": sold.winner, "price": sold.price}
    assert sold.searched == PLACES
    assert [hit for hits in sold.found.values() for hit in hits] == []


@pytest.mark.timeout(180)
def test_the_same_search_finds_bids_where_sealing_is_off(tmp_path: Path, unsealed: Path) -> None:
    sold = auction.run(tmp_path, unsealed)
    assert sold.outcome == {"winner": sold.winner, "price": sold.price}
    assert sold.found["data"]
    assert sold.found["traffic"]
