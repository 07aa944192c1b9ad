"""Issuer, holder and cinema: each a client with keys and a directory of its own, as they would be anywhere."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from adyton.attestation.policy import AppraisalPolicy
from adyton.client.credentials.holding import bind
from adyton.client.credentials.holding import present as show
from adyton.client.demo_issuer import (
    TYPE,
    DemoFile,
    Issued,
    age_claims,
    demo_issuer,
    issue_demo,
    new_demo_issuer,
    revoke_demo,
)
from adyton.client.identity import fresh_salt, own_key, register
from adyton.client.identity_answering import (
    Asking,
    Reply,
    hand_over,
    read_asking,
    seal_answer,
)
from adyton.client.identity_asking import make_request, read_uri, to_uri
from adyton.client.identity_dids import new_did
from adyton.client.identity_disclosure import Choice, choose
from adyton.client.identity_handing import send
from adyton.client.identity_held import Held, held_credentials, take
from adyton.client.identity_verdict import Judged, present, read_checklist
from adyton.client.keystore import Keystore
from adyton.client.session import Session
from adyton.client.transport import HttpTransport
from adyton.core.errors import UsageError
from adyton.protocol.evidence import EpochRecord
from adyton.protocol.identity.registries import PartyRecord, PolicyRecord
from adyton.protocol.identity.requests import (
    Present,
    PresentationRequest,
    Presented,
    SealedPresentation,
)
from examples.cinema.node import ADYTON, Node

ADULT_BORN: Final = "1994-05-17"
DOCUMENT: Final = "L01X00T47"
MINUTES: Final = 10  # that a request is open


def open_session(node: Node, home: Path) -> Session:
    """Return a session of a new client that has the node's fingerprint by another way than the node."""
    transport = HttpTransport(node.url)
    session = Session(Keystore(home), transport, AppraisalPolicy(allow_simulated=True))
    session.trust(node.fingerprint)
    return session


class Issuer:
    """The demo issuer: it believes whatever it is told."""

    def __init__(self, node: Node, home: Path) -> None:
        self.session = open_session(node, home)
        made, _ = new_demo_issuer(self.session, "Registry of Persons")
        self.record = made.issuer

    @property
    def file(self) -> DemoFile:
        """Return it as it is kept now."""
        return demo_issuer(self.session, None)

    def issue(self, holder: Holder, given_name: str, born: str, *, days: int = 365) -> Issued:
        """Issue an identity card."""
        claims = age_claims(born, self.session.now_ms())
        claims |= {"given_name": given_name, "document_number": DOCUMENT}
        key = holder.own.key.public
        return issue_demo(self.session, self.file, (holder.own.did, key), claims, days=days)

    def revoke(self, name: str) -> None:
        """Revoke a credential, and bring the list that says so to the network."""
        revoke_demo(self.session, self.file, name)


class Holder:
    """A person with a wallet: keys, credentials, and the say of what is shown to whom."""

    def __init__(self, node: Node, home: Path) -> None:
        self.session = open_session(node, home)
        self.own, _ = new_did(self.session)

    def keep(self, issued: str) -> Held:
        """Keep a credential."""
        return take(self.session, issued, [self.own])

    def cards(self) -> list[Held]:
        """Return all credentials."""
        return held_credentials(self.session)

    def best(self, asking: Asking, cards: list[Held]) -> Choice:
        """Return which of them answers best, and the least of it that has to be disclosed."""
        now_s = self.session.now_ms() // 1000
        return choose(cards, asking.policy, asking.by_iss(), named=None, now_s=now_s)

    def read(self, uri: str) -> Asking:
        """Look up who asks for what."""
        return read_asking(self.session, read_uri(uri))

    def choice(self, asking: Asking, held: Held) -> Choice:
        """Return the least of a credential that has to be disclosed."""
        return self.best(asking, [held])

    def uses(self) -> list[dict[str, Any]]:
        """Return who has looked at the holder's cards, as `adyton credential uses` tells it."""
        done = subprocess.run(
            [str(ADYTON), "credential", "uses", "--json"],
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "ADYTON_HOME": str(self.session.keystore.home),
                "ADYTON_ALLOW_SIMULATED": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UsageError("uses", done.stderr.strip() or "the command says nothing")
        found: list[dict[str, Any]] = json.loads(done.stdout)["uses"]
        return found

    def seal(self, asking: Asking, held: Held) -> Present:
        """Seal a presentation to the key of the epoch that is, as the wallet does it."""
        return seal_answer(self.session, asking, self.choice(asking, held), self.own)

    def seal_otherwise(
        self, asking: Asking, held: Held, *, audience: str = "", epoch: EpochRecord | None = None
    ) -> Present:
        """Seal a presentation as no wallet should: signed for another network, or to another epoch's key."""
        request = asking.request
        bound = bind(
            show(held.credential, self.choice(asking, held).disclosed),
            key=self.own.key,
            audience=audience or request.audience,
            nonce=request.nonce,
            now_s=self.session.now_ms() // 1000,
        )
        to = epoch or self.epoch()
        presented = Presented(bound, self.own.did)
        sealed = SealedPresentation.seal(presented, to.intake_key, request, to.epoch)
        return Present(request, sealed)

    def epoch(self) -> EpochRecord:
        """Appraise the node anew, and return its epoch with its keys."""
        return self.session.appraise(fresh=True).epoch

    def hand_over(
        self, asking: Asking, seal: Callable[[], Present], told: Callable[[], None]
    ) -> Reply:
        """Hand a presentation to whoever asks, and once more where its epoch has ended meanwhile."""
        return hand_over(seal, lambda sealed: send(asking.party.response, sealed), told)


class Cinema:
    """The relying party: it learns yes or no, and can read nothing of what passes through its hands.

    Args:
        node: that checks.
        home: its directory.
        issuer: record of the only issuer that it believes.
        response: where holders hand over.
    """

    def __init__(self, node: Node, home: Path, issuer: bytes, response: str) -> None:
        self.session = open_session(node, home)
        key = own_key(self.session)
        party = PartyRecord(key, fresh_salt(), "Kino Nord", (key,), (key,), response, 1)
        self.party = register(self.session, party).name
        self.policy = PolicyRecord(
            owner=key,
            salt=fresh_salt(),
            party=self.party,
            name="Late show: over 18",
            age_over=18,
            types=(TYPE,),
            issuers=(issuer,),
            claims=(),
            feb29="1mar",
            offset_minutes=840,
            skew_s=60,
            binding_s=600,
            expiry=True,
            status=True,
            pseudonym="document_number",
            range_proof=True,
            ordering="single-host",
            version=1,
        )
        self.policy_name = register(self.session, self.policy).name

    def ask(self) -> tuple[PresentationRequest, str]:
        """Make a request, and the text that carries it to a holder."""
        now_ms = self.session.now_ms()
        epoch = self.session.appraise(fresh=True).epoch.epoch
        deadline_ms = now_ms + MINUTES * 60_000
        request = make_request(
            self.session.pin.chain_id,
            self.policy_name,
            self.policy,
            epoch=epoch,
            deadline_ms=deadline_ms,
        )
        return request, to_uri(request)

    def bring(self, presented: Present) -> Judged:
        """Have what a holder has handed over checked."""
        return present(self.session, presented, self.policy)

    def checklist(self, request: bytes) -> list[tuple[int, str, str, str]]:
        """Return step, mark, word and text of each line of the checklist; none where none is kept."""
        try:
            found = read_checklist(self.session, request)
        except UsageError as problem:
            if problem.code != "not_found":
                raise
            return []
        return [(line.step, str(line.mark), line.reason, line.text) for line in found.lines]


def born_years_ago(years: int, now_ms: int) -> str:
    """Return the birthday of somebody who has completed so many years, and half of the next one."""
    today = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC).date()
    return (
        today.replace(year=today.year - years, day=1) - datetime.timedelta(days=180)
    ).isoformat()
