"""A credential whose birthday is disclosed to the enclave, and a search for it everywhere but at holder and issuer."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from tests.canary.capture import Capture
from tests.canary.search import Hit, Search
from tests.e2e.command import Client, serving
from tests.e2e.identity_actors import Holder, Party


@dataclass(frozen=True)
class Checked:
    """What was answered, and what was found.

    Attributes:
        answers: exit code and answer of each check.
        found: hits by place.
        held: hits at the holder, where the birthday belongs.
    """

    answers: list[tuple[int, str]]
    found: dict[str, list[Hit]]
    held: list[Hit]


def run(place: Path, source: Path | None = None) -> Checked:
    """Have an adult and a child checked over real processes, and search for both birthdays.

    Args:
        place: directory for server and clients.
        source: directory of the package; by default the one that is tested.
    """
    births = [f"{first + secrets.randbelow(9)}-{1 + secrets.randbelow(12):02}-{1 + secrets.randbelow(28):02}"
              for first in (1931, 2015)]  # fmt: skip
    with serving(place / "data", source=source) as server:
        hall, kino = Client(place / "hall", server), Client(place / "kino", server)
        people = [Client(place / name, server) for name in ("erika", "kim")]
        for client in (hall, kino, *people):
            client.trust()
        issuer = hall.json("credential", "issuer", "City Hall")["issuer"]
        party = Party.make(kino, "Kino Nord", issuer, "--claim", "birthdate")
        holders = [Holder.make(client) for client in people]
        for holder, birth in zip(holders, births, strict=True):
            holder.given(hall, birthdate=birth)
        answers: list[tuple[int, str]] = []
        told = b""
        with Capture(server.port) as capture:
            for number, holder in enumerate(holders):
                sealed = holder.seal(party.ask(), kino.home / f"sealed-{number}")
                code, shown = party.present(sealed)
                answers.append((code, shown.get("answer", "")))
                told += repr(shown).encode()
        found: dict[str, list[Hit]] = {
            "data": [], "logs": [], "traffic": [], "memory": [], "party": [], "told": [],
        }  # fmt: skip
        held: list[Hit] = []
        for search in [Search(birth.encode()) for birth in births]:
            found["data"] += search.in_directory(server.data)
            found["logs"] += search.in_file(server.log)
            found["traffic"] += search.in_capture(capture)
            found["memory"] += search.in_process(server.pid)
            found["party"] += search.in_directory(kino.home)
            found["told"] += search.in_bytes("what the party was told", [told])
            for person in people:
                held += search.in_directory(person.home)
    return Checked(answers, found, held)
