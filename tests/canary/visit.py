"""A holder is let in at a cinema: a search for her birthday and her name everywhere outside of enclave and clients."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.canary.capture import Capture
from tests.canary.search import Hit, Search, holds
from tests.e2e.command import Client, serving
from tests.e2e.identity_actors import Holder, Party


@dataclass(frozen=True)
class Visit:
    """What the relying party was told, and what was found of the holder.

    Attributes:
        told: verdict as it is printed.
        found: hits of birthday, name and credential, by place.
        searched: whether each place was really searched.
    """

    told: Any
    found: dict[str, list[Hit]]
    searched: frozenset[str]


def run(place: Path, source: Path | None = None) -> Visit:
    """Have a credential issued, presented and checked over real processes.

    Args:
        place: directory for server and clients.
        source: directory of the package; by default the one that is tested.
    """
    # A day and a name that occur nowhere by chance.
    month, day = 1 + secrets.randbelow(12), 1 + secrets.randbelow(28)
    birthday = f"{1912 + secrets.randbelow(40)}-{month:02}-{day:02}"
    name = secrets.token_hex(16)
    with serving(place / "data", source=source) as server:
        hall, kino, erika = (Client(place / who, server) for who in ("hall", "kino", "erika"))
        for client in (hall, kino, erika):
            client.trust()
        issuer = hall.json("credential", "issuer", "City Hall")["issuer"]
        party = Party(kino, kino.json("verifier", "register", "Kino Nord")["party"])
        party.policy(
            "Adults", issuer, "--age-over", "18", "--claim", "given_name",
            "--claim", "birthdate",
            "--pseudonym", "given_name",
        )  # fmt: skip
        holder = Holder.make(erika)
        credential = holder.given(hall, "--claim", f"given_name={name}", birthdate=birthday)
        with Capture(server.port) as capture:
            code, told = party.present(holder.seal(party.ask(), place / "sealed"))
        if code or told["answer"] != "yes":
            raise AssertionError(f"the holder of {credential} was not let in: {told}")
        found: dict[str, list[Hit]] = {
            "data": [],
            "logs": [],
            "traffic": [],
            "memory": [],
            "party": [],
        }
        search = Search(birthday.encode(), name.encode())
        found["data"] += search.in_directory(server.data)
        found["logs"] += search.in_file(server.log)
        found["traffic"] += search.in_capture(capture)
        found["memory"] += search.in_process(server.pid)
        # The relying party: what it was handed, and all that it keeps.
        found["party"] += search.in_file(place / "sealed") + search.in_directory(kino.home)
        searched = {"logs"} if server.log.exists() else set()
        searched |= {"memory"} if holds(server.pid, bytes.fromhex(server.fingerprint)) else set()
        # Who is registered is public, and so is found where the search looks.
        known = b"Kino Nord"
        if any(known in file.read_bytes() for file in server.data.rglob("*") if file.is_file()):
            searched.add("data")
        if any(known in stream for stream in capture.streams().values()):
            searched.add("traffic")
        if any(b"Adults" in file.read_bytes() for file in kino.home.rglob("*") if file.is_file()):
            searched.add("party")
    return Visit(told, found, frozenset(searched))
