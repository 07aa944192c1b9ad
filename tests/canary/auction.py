"""A sealed-bid auction with three bidders, and a search for every bid but the price."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.canary.capture import Capture
from tests.canary.search import Hit, Search, holds
from tests.contract_kit import BUILT
from tests.e2e.command import Client, serving, until

BIDDERS = ("ann", "bob", "eve")
_LASTS_MS = (4_000, 16_000, 64_000)


@dataclass(frozen=True)
class Sold:
    """What the auction came to, and what was found of the bids that nobody may learn.

    Attributes:
        outcome: as its public event tells it.
        winner: public key of the highest bidder.
        price: second highest bid.
        found: hits of the highest and the lowest bid, by place.
        searched: whether each place was really searched.
    """

    outcome: dict[str, Any]
    winner: str
    price: int
    found: dict[str, list[Hit]]
    searched: frozenset[str]


def run(place: Path, source: Path | None = None) -> Sold:
    """Hold the auction over real processes.

    Args:
        place: directory for server and clients.
        source: directory of the package; by default the one that is tested.
    """
    # Bids of eight bytes that occur nowhere by chance.
    bids = [secrets.randbelow(2**62) + 2**62 for _ in BIDDERS]
    lowest, price, highest = sorted(bids)
    with serving(place / "data", source=source) as server:
        clients = {name: Client(place / name, server) for name in ("seller", *BIDDERS)}
        for client in clients.values():
            client.trust()
        keys = {name: clients[name].json("whoami")["client_key"] for name in BIDDERS}
        with Capture(server.port) as capture:
            address = _held(clients, bids)
        listed = clients["seller"].json("contract", "events", address)["events"]
        search = Search(*_forms(lowest), *_forms(highest))
        found = {
            "data": search.in_directory(server.data),
            "logs": search.in_file(server.log),
            "traffic": search.in_capture(capture),
            "memory": search.in_process(server.pid),
        }
        task = bytes.fromhex(listed[0]["task"])
        searched = {"logs"} if server.log.exists() else set()
        searched |= {"memory"} if holds(server.pid, bytes.fromhex(server.fingerprint)) else set()
        if any(task in stream for stream in capture.streams().values()):
            searched.add("traffic")
        if any(task in file.read_bytes() for file in server.data.rglob("*") if file.is_file()):
            searched.add("data")
    winner = BIDDERS[bids.index(highest)]
    return Sold(listed[0]["data"], keys[winner], price, found, frozenset(searched))


def _held(clients: dict[str, Client], bids: list[int]) -> str:
    """Hold the auction from its beginning to its close; return its address."""
    for lasts_ms in _LASTS_MS:
        ends = _now_ms() + lasts_ms
        terms = json.dumps({"item": "a painting", "ends_ms": ends, "reserve": 1})
        made = clients["seller"].json("contract", "deploy", str(BUILT / "auction.wasm"), terms)
        for name, bid in zip(BIDDERS, bids, strict=True):
            amount = json.dumps({"amount": bid})
            clients[name].json("contract", "call", made["address"], "bid", amount)
        # Where the commands took longer than that, there is another auction, which lasts longer.
        if _now_ms() < ends:
            break
    else:
        raise AssertionError("no auction was long enough")
    address: str = made["address"]
    for name, bid in zip(BIDDERS, bids, strict=True):
        asked = clients[name].json("contract", "query", address, "mine")
        if asked["value"]["amount"] != bid:
            raise AssertionError(f"{name} does not see the bid")
    until(lambda: _now_ms() > ends, "the auction's end", 60)
    clients["eve"].json("contract", "call", address, "close")
    return address


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _forms(bid: int) -> tuple[bytes, bytes]:
    """Return a bid as the contract stores it, and as people write it."""
    return bid.to_bytes(8, "little"), str(bid).encode()
