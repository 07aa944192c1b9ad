"""Everybody together, and the visits so far. One visit at a time: the pages look on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from adyton.client.identity_answering import Asking, Reply, asking_lines
from adyton.client.identity_held import Held
from adyton.client.identity_verdict import Judged
from adyton.core.errors import Error, UsageError
from adyton.protocol.identity.requests import Present
from examples.cinema.node import Node
from examples.cinema.people import Cinema, Holder, Issuer
from examples.cinema.visit import (
    ALL_PASSED,
    FETCHED,
    HEIGHT,
    NONE_KEPT,
    RECEIVED,
    SHOWN,
    VERDICT,
    Line,
    Outcome,
    Visit,
)


class World:
    """A node, an issuer, a holder and a cinema.

    Args:
        node: that checks.
        place: private directory.
        response: address at which `receive` is served.
    """

    def __init__(self, node: Node, place: Path, response: str) -> None:
        self.node = node
        self.issuer = Issuer(node, place / "issuer")
        self.holder = Holder(node, place / "holder")
        self.cinema = Cinema(node, place / "cinema", self.issuer.record, response)
        self.visits: list[Visit] = []
        self.cards: dict[str, Held] = {}
        self._askings: dict[int, Asking] = {}
        self._counting, self._bringing = threading.Lock(), threading.Lock()
        self.one_at_a_time = threading.RLock()

    def close(self) -> None:
        for who in (self.issuer, self.holder, self.cinema):
            who.session.close()

    def visit(self, number: int) -> Visit:
        """Return a visit.

        Raises:
            UsageError: there is none of that number.
        """
        if not 1 <= number <= len(self.visits):
            raise UsageError("not_found", "there was no such visit")
        return self.visits[number - 1]

    # --- the cinema -----------------------------------------------------------------------------

    def begin(self, button: str = "") -> Visit:
        """Begin a visit."""
        with self._counting:
            visit = Visit(len(self.visits) + 1, button)
            self.visits.append(visit)
        return visit

    def ask(self, visit: Visit) -> None:
        """Have the cinema make a request and show it."""
        visit.asked, visit.uri = self.cinema.ask()
        visit.stages[SHOWN] = clock()

    def fetch(self, nonce: str) -> str:
        """Return the text of a request; the cinema notes that somebody has fetched it.

        Raises:
            UsageError: no such request.
        """
        visit = self.of(nonce)
        visit.stages[FETCHED] = clock()
        return visit.uri

    def receive(self, unverified: bytes) -> tuple[str, Reply]:
        """Take what a holder hands over, have it checked, and return whose request it answers and the reply."""
        presented = Present.decode(unverified)
        nonce = presented.request.nonce
        try:
            visit = self.of(nonce)
            visit.given = unverified
            visit.stages[RECEIVED] = f"{clock()}, {len(unverified)} bytes"
            outcome = self.bring(visit)
        except Error as problem:
            return nonce, Reply(problem.code, problem.message, "", "")
        if outcome.code:
            return nonce, Reply(outcome.code, visit.notes[-1], "", "")
        return nonce, Reply("", "", outcome.answer, outcome.reason)

    def bring(self, visit: Visit) -> Outcome:
        """Bring to the network what the holder has handed over; keep what the cinema and the operator see of it."""
        code = answer = reason = ""
        # One by one, so that the operator's newest entry is that of this one.
        with self._bringing:
            try:
                judged = self.cinema.bring(visit.presented)
            except Error as problem:
                code = problem.code
                visit.notes.append(problem.message)
            else:
                answer, reason = judged.verdict.answer, judged.verdict.reason
                visit.seen = seen_of(judged)
            visit.recorded.append(self.node.last_presentation())
            visit.stages[HEIGHT] = str(visit.recorded[-1].height)
        visit.searched = self.node.search(self.birthdays())
        visit.checklist = [Line(*line) for line in self.cinema.checklist(visit.request.name())]
        outcome = Outcome(code, answer, reason, summary(visit.checklist))
        visit.told.append(outcome)
        visit.stages[VERDICT] = outcome.verdict
        return outcome

    def of(self, nonce: str) -> Visit:
        """Return the visit of a request.

        Raises:
            UsageError: no such request.
        """
        for visit in reversed(self.visits):
            if visit.asked is not None and visit.asked.nonce == nonce:
                return visit
        raise UsageError("not_found", "no request of that name was made here")

    # --- the issuer -----------------------------------------------------------------------------

    def issue(self, given_name: str, born: str) -> None:
        """Issue a card to the holder."""
        with self.one_at_a_time:
            self.holder.keep(self.issuer.issue(self.holder, given_name, born).text)

    def revoke(self, name: str) -> None:
        """Revoke a card."""
        with self.one_at_a_time:
            self.issuer.revoke(name)

    # --- the holder -----------------------------------------------------------------------------

    def answer(
        self, visit: Visit, held: Held, seal: Callable[[Asking], Present] | None = None
    ) -> None:
        """Have the holder answer a request, by the wallet's own rules or by others.

        Args:
            visit: whose request.
            held: which credential.
            seal: gives what is sealed instead.

        Raises:
            Error: the cinema has no verdict.
        """
        asking = self.holder.read(self.fetch(visit.request.nonce))
        self.holder.hand_over(
            asking,
            lambda: seal(asking) if seal is not None else self.holder.seal(asking, held),
            lambda: visit.notes.append(SEALED_ANEW),
        )

    def answer_by_hand(self, visit: Visit, name: str) -> None:
        """Present the card of a name, as the holder has chosen; what goes wrong stands in the visit."""
        with self.one_at_a_time:
            if visit.done:
                return
            held = [one for one in self.holder.cards() if one.name == name]
            if not held:
                raise UsageError("not_found", "no card of that name")
            try:
                self.answer(visit, held[0])
            except Error as problem:
                visit.problem = f"{problem.code}: {problem.message}"
            visit.done = True

    def waiting(self) -> Visit | None:
        """Return the newest request that waits for the holder's own answer."""
        now_ms = self.holder.session.now_ms()
        for visit in reversed(self.visits):
            asked = visit.asked
            if not visit.button and not visit.done and asked and asked.deadline_ms > now_ms:
                return visit
        return None

    def asked_lines(self, visit: Visit) -> list[str]:
        """Return who asks for what, as the wallet tells it."""
        cards = self.holder.cards()
        if not cards:
            return ["there is no card to answer with yet"]
        try:
            if visit.number not in self._askings:
                self._askings[visit.number] = self.holder.read(self.fetch(visit.request.nonce))
            asking = self._askings[visit.number]
            return asking_lines(asking, self.holder.best(asking, cards))
        except Error as problem:
            return [f"{problem.code}: {problem.message}"]

    def birthdays(self) -> list[str]:
        """Return every birthday that is in a card of the holder."""
        return sorted({held.text_of("birthdate") for held in self.holder.cards()})


SEALED_ANEW = "the holder's tool sealed it anew, unasked: the key that it was sealed to is gone"


def seen_of(judged: Judged) -> dict[str, str]:
    """Return all that a verdict tells the cinema."""
    verdict = judged.verdict
    return {
        "answer": verdict.answer,
        "reason": verdict.reason or "—",
        "request": verdict.request.hex(),
        "policy": verdict.policy_hash.hex(),
        "epoch": str(verdict.epoch),
        "pseudonym": "—" if verdict.pseudonym is None else verdict.pseudonym.hex(),
        "range proof": f"{len(verdict.range_proof)} bytes, {judged.range_check}"
        if verdict.range_proof
        else "—",
    }


def summary(checklist: list[Line]) -> str:
    """Return a checklist in a few words."""
    if not checklist:
        return NONE_KEPT
    for line in checklist:
        if line.mark == "failed":
            return f"{line.step} {line.reason}"
    return ALL_PASSED


def clock() -> str:
    return time.strftime("%H:%M:%S")
