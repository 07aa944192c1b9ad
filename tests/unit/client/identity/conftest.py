"""A relying party, and a server with registries that a test makes lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adyton.client import Session
from adyton.client.identity import own_key, register
from adyton.client.identity_asking import make_request
from adyton.client.identity_verdict import Judged, present
from adyton.protocol.credentials import strict_json
from adyton.protocol.identity.registries import IssuerRecord, PartyRecord, PolicyRecord
from adyton.protocol.identity.requests import (
    Present,
    PresentationRequest,
    Presented,
    SealedPresentation,
)
from tests.adversary.identity_server import IdentityServer
from tests.adversary.server_simulator import open_session
from tests.credential_kit import ISSUER_KEY

KEY = strict_json.write(dict(ISSUER_KEY.public.members))


@dataclass
class Desk:
    """A relying party with a policy.

    Attributes:
        session: of its client.
        party, issuer, name: names of its records; the last of its policy.
        policy: for adults.
    """

    session: Session
    party: bytes
    issuer: bytes
    name: bytes
    policy: PolicyRecord

    @classmethod
    def make(cls, session: Session, **changed: Any) -> Desk:
        own = own_key(session)
        issuer = IssuerRecord(own, bytes(16), "Passports", "https://a.example", (KEY,), (), 1)
        party = PartyRecord(own, bytes(16), "Kino Nord", (own,), (own,), "", 1)
        named = register(session, party).name
        fields: dict[str, Any] = {
            "owner": own, "salt": bytes(16), "party": named, "name": "Adults", "age_over": 18,
            "types": ("card",), "issuers": (register(session, issuer).name,), "claims": (),
            "feb29": "1mar", "offset_minutes": 840, "skew_s": 60, "binding_s": 600, "expiry": True,
            "status": False, "pseudonym": "", "range_proof": False, "ordering": "single-host",
            "version": 1, **changed,
        }  # fmt: skip
        policy = PolicyRecord(**fields)
        made = register(session, policy)
        return cls(session, named, policy.issuers[0], made.name, policy)

    def ask(self) -> PresentationRequest:
        now_ms = self.session.now_ms()
        chain_id = self.session.pin.chain_id
        return make_request(chain_id, self.name, self.policy, epoch=0, deadline_ms=now_ms + 600_000)

    def sealed(self, request: PresentationRequest | None = None) -> Present:
        request = request or self.ask()
        key = self.session.appraise().epoch.intake_key
        return Present(request, SealedPresentation.seal(Presented("x", ""), key, request, 0))

    def judge(self) -> Judged:
        return present(self.session, self.sealed(), self.policy)


@pytest.fixture
def server(tmp_path: Path) -> IdentityServer:
    (tmp_path / "server").mkdir()
    return IdentityServer(tmp_path / "server")


@pytest.fixture
def session(tmp_path: Path, server: IdentityServer) -> Iterator[Session]:
    with open_session(tmp_path / "home", server) as made:
        yield made


@pytest.fixture
def desk(session: Session) -> Desk:
    return Desk.make(session)
