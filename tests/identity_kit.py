"""Issuer, holder and relying party for tests of the enclave, over a host in memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from adyton.client.credentials.holding import bind, hold
from adyton.client.credentials.holding import present as show
from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import JoseKey, sign_jws
from adyton.client.problems import error_of
from adyton.core.crypto import HpkeKey
from adyton.core.schema import Message, decode_one_of
from adyton.protocol.boundary import BlockResult
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.disclosed import Path
from adyton.protocol.credentials.jwk import PublicKey
from adyton.protocol.credentials.multikey import P256, X25519, Multikey
from adyton.protocol.envelope import Request
from adyton.protocol.identity import requests
from adyton.protocol.identity.answers import (
    ANSWER_LEAST,
    Answer,
    Checklist,
    ChecklistLine,
    IdentityEntry,
    Records,
    Registered,
    StatusKept,
    Verdict,
)
from adyton.protocol.identity.naming import name_of
from adyton.protocol.identity.registries import (
    RECORDS,
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)
from adyton.protocol.identity.requests import (
    BringStatus,
    OfRecord,
    Present,
    PresentationRequest,
    Presented,
    Register,
    SealedPresentation,
)
from adyton.protocol.ledger import PublicPart
from adyton.protocol.padding import unpad
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY, entropy
from tests.host_simulator import HostSimulator, SimulatedClient, public
from tests.identity_told import Told

_M = TypeVar("_M", bound=Message)
_R = TypeVar("_R", bound=Message)
ISS = "https://passport.example"
VCT = "urn:eudi:pid:1"
LIST = "https://passport.example/lists/1"
BIRTHDATE = "1990-02-28"
DAY_MS = 24 * 3600 * 1000
HIDDEN: tuple[Path, ...] = (
    ("given_name",), ("birthdate",), ("document_number",), ("age_equal_or_over", "18"),
)  # fmt: skip
ADULT: Path = ("age_equal_or_over", "18")
AGREEMENT = HpkeKey(b"\x66" * 32)


class IdentityClient:
    """One client of the identity app.

    Args:
        host: on which.
        client: whose requests they are.
    """

    def __init__(self, host: HostSimulator, client: SimulatedClient) -> None:
        self.host = host
        self.client = client

    @property
    def key(self) -> bytes:
        """The client's public key."""
        return self.client.key.public

    def name(self, record: Record) -> bytes:
        """Return a record's name."""
        return name_of(self.client.chain_id, record)

    def request(self, method: str, arguments: bytes) -> Request:
        """Return a request."""
        if len(self.client.tickets) < 2:
            self.client.contact()
        return self.client.request(requests.APP, method, arguments)

    def ordered(self, method: str, arguments: Message, told: type[_M]) -> tuple[_M, PublicPart]:
        """Carry out a request in a block of its own; raise what it is refused with."""
        request = self.request(method, arguments.encode())
        block = self.host.block(self.client.envelope(request))
        response = self.client.open(block, 0, request)
        part = public(block.entries[0])
        if response.code:
            assert part.body is None
            raise error_of(response.code, "refused in public")
        return told.decode(response.result), part

    def register(self, record: Record) -> bytes:
        """Register a record, and return its name."""
        told, part = self.ordered(requests.REGISTER, Register(record.encode()), Registered)
        assert (told.name, told.version) == (self.name(record), record.version)
        assert IdentityEntry.decode(part.body or b"") == IdentityEntry(record.encode(), ())
        return told.name

    def bring(self, issuer: bytes, token: str, uri: str = LIST) -> StatusKept:
        """Bring a status list in."""
        asked = BringStatus(issuer, uri, token.encode())
        told, part = self.ordered(requests.STATUS, asked, StatusKept)
        assert part.body is None
        return told

    def present(self, asked: Present | bytes) -> Told:
        """Have a presentation checked."""
        arguments = asked if isinstance(asked, bytes) else asked.encode()
        request = self.request(requests.PRESENT, arguments)
        return self.told(self.host.block(self.client.envelope(request)), request)

    def told(self, block: BlockResult, request: Request) -> Told:
        """Return what a block's only entry has left."""
        response = self.client.open(block, 0, request)
        assert response.code == ""
        answer = Answer.decode(unpad(response.result, least=ANSWER_LEAST))
        told = Told(block, request, public(block.entries[0]), response.result, answer)
        told.require_claims()
        return told

    # --- reads ----------------------------------------------------------------------------------

    def read(self, method: str, name: bytes, told: type[_R]) -> _R:
        """Ask without order."""
        answer = self.client.read(self.request(method, OfRecord(name).encode()))
        if answer.code:
            raise error_of(answer.code, "refused")
        return told.decode(answer.result)

    def resolve(self, name: bytes, kind: type[_R]) -> _R:
        """Return a record."""
        return self.read(requests.RESOLVE, name, kind)

    def checklist(self, request: bytes) -> Checklist:
        """Return the checklist of a request."""
        return self.read(requests.CHECKLIST, request, Checklist)

    def failed(self, request: bytes) -> ChecklistLine | None:
        """Return the line of a request's checklist that failed."""
        return next((line for line in self.checklist(request).lines if line.mark == "failed"), None)

    def records(self, after: bytes = bytes(32)) -> list[Message]:
        """Return the client's own records."""
        page = self.read(requests.LIST, after, Records).records
        return [_decoded(record) for record in page]


def answer_in(client: IdentityClient, block: BlockResult, place: int, request: Request) -> Verdict:
    """Return the verdict that an entry of a block holds for a request."""
    response = client.client.open(block, place, request)
    return Verdict.decode(Answer.decode(unpad(response.result, least=ANSWER_LEAST)).verdict)


def _decoded(encoded: bytes) -> Message:
    return decode_one_of(encoded, RECORDS)


class World:
    """An issuer, a relying party with a policy, and a holder.

    Args:
        host: on which.
        seed: of its clients, 31 bytes; another world has another.
    """

    def __init__(self, host: HostSimulator, seed: bytes = b"\x70" * 31) -> None:
        self.host = host
        self.issuer, self.party, self.developer, self.stranger, self.holder = (
            IdentityClient(host, SimulatedClient(host, seed + bytes([place]))) for place in range(5)
        )
        self.issuer_record = IssuerRecord(
            self.issuer.key, bytes(16), "Passports", ISS, (jwk(ISSUER_KEY.public),), (LIST,), 1
        )
        self.issuer_name = self.issuer.register(self.issuer_record)
        self.party_record = PartyRecord(
            self.party.key, bytes(16), "Kino Nord", (self.party.key,), (self.developer.key,),
            "https://kino.example/present", 1,
        )  # fmt: skip
        self.party_name = self.party.register(self.party_record)
        self.policy = self.make_policy()
        self.policy_name = self.party.register(self.policy)
        self.salts = 0

    @property
    def now_s(self) -> int:
        """Seconds of the next block."""
        return (self.host.time_ms + 1) // 1000

    def wait_until(self, time_ms: int) -> None:
        """Let the next block be made after this time; tickets may end meanwhile."""
        self.host.time_ms = time_ms
        for one in (self.issuer, self.party, self.developer, self.stranger, self.holder):
            one.client.tickets.clear()

    def make_policy(self, **changed: Any) -> PolicyRecord:
        """Return a policy of the party: adults, with any identity card of the issuer."""
        fields: dict[str, Any] = {
            "owner": self.party.key, "salt": bytes(16), "party": self.party_name,
            "name": "Adults", "age_over": 18, "types": (VCT,), "issuers": (self.issuer_name,),
            "claims": (), "feb29": "1mar", "offset_minutes": 840 + 60, "skew_s": 60,
            "binding_s": 600, "expiry": True, "status": False, "pseudonym": "",
            "range_proof": False, "ordering": "single-host", "version": 1,
        }  # fmt: skip
        return PolicyRecord(**{**fields, **changed})

    def use_policy(self, **changed: Any) -> None:
        """Register another policy, and ask by it from now on."""
        self.salts += 1
        salt = self.salts.to_bytes(16, "big")
        self.policy = self.make_policy(**{"salt": salt, **changed})
        self.policy_name = self.party.register(self.policy)

    def change_policy(self, **changed: Any) -> None:
        """Change the policy, and ask by it from now on."""
        self.policy = replace(self.policy, version=self.policy.version + 1, **changed)
        self.party.register(self.policy)

    def ask(self, **changed: Any) -> PresentationRequest:
        """Return a request of the party."""
        self.salts += 1
        fields: dict[str, Any] = {
            "chain_id": self.party.client.chain_id, "party": self.party_name,
            "policy": self.policy_name, "policy_hash": self.policy.hash(), "epoch": 0,
            "deadline_ms": self.host.time_ms + 600_000, "salt": self.salts.to_bytes(16, "big"),
        }  # fmt: skip
        return PresentationRequest(**{**fields, **changed})

    def issued(
        self,
        *,
        holder: PublicKey | None = HOLDER_KEY.public,
        key: JoseKey = ISSUER_KEY,
        hidden: Sequence[Path] = HIDDEN,
        without: Sequence[str] = (),
        **claims: Any,
    ) -> str:
        """Return a credential of the issuer."""
        values: dict[str, Any] = {
            "iss": ISS, "vct": VCT, "iat": self.now_s - 1000, "exp": self.now_s + 100_000_000,
            "given_name": "Erika", "birthdate": BIRTHDATE, "document_number": "L01X00T47",
            "age_equal_or_over": {"18": True}, **claims,
        }  # fmt: skip
        values = {name: value for name, value in values.items() if name not in without}
        places = [path for path in hidden if path[0] in values]
        return issue(values, hidden=places, key=key, kid="k1", holder=holder, entropy=entropy())

    def bound(
        self,
        request: PresentationRequest,
        credential: str | None = None,
        disclosed: Sequence[Path] = (ADULT,),
        *,
        key: JoseKey = HOLDER_KEY,
        audience: str = "",
        nonce: str = "",
        now_s: int | None = None,
    ) -> str:
        """Return a presentation for a request."""
        shown = show(hold(self.issued() if credential is None else credential), disclosed)
        return bind(
            shown, key=key, audience=audience or request.audience, nonce=nonce or request.nonce,
            now_s=self.now_s if now_s is None else now_s,
        )  # fmt: skip

    def seal(self, request: PresentationRequest, presentation: str, did: str = "") -> Present:
        """Return what the party brings for a presentation."""
        record = self.host.evidence().epoch.record
        presented = Presented(presentation, did)
        sealed = SealedPresentation.seal(presented, record.intake_key, request, record.epoch)
        return Present(request, sealed)

    def presented(
        self,
        credential: str | None = None,
        disclosed: Sequence[Path] = (ADULT,),
        *,
        did: str = "",
        request: PresentationRequest | None = None,
        **bound: Any,
    ) -> Told:
        """Ask, have the holder answer, and have it checked."""
        request = self.ask() if request is None else request
        presentation = self.bound(request, credential, disclosed, **bound)
        return self.party.present(self.seal(request, presentation, did))

    # --- status ---------------------------------------------------------------------------------

    def status_list(self, *, key: JoseKey = ISSUER_KEY, **changed: Any) -> str:
        """Return a signed Token Status List: 0 is valid, 1 revoked, 2 suspended, 3 something else."""
        packed = changed.pop("packed", bytes([0b11_10_01_00]))
        values: dict[str, Any] = {
            "sub": LIST, "iat": self.now_s - 10, "exp": self.now_s + 10_000, "ttl": 600,
            "status_list": {"bits": 2, "lst": base64url.encode(zlib.compress(packed, 9))},
            **changed,
        }  # fmt: skip
        values = {name: value for name, value in values.items() if value is not None}
        return sign_jws(key, {"typ": "statuslist+jwt"}, values)

    def at_status(self, index: int, uri: str = LIST) -> str:
        """Return a credential whose status is at that index of the list."""
        return self.issued(status={"status_list": {"idx": index, "uri": uri}})

    # --- the holder -----------------------------------------------------------------------------

    def did_record(self, **changed: Any) -> DidRecord:
        """Return the record of the holder's DID."""
        chain_id, owner = self.holder.client.chain_id, self.holder.key
        did = own_did(chain_id, own_name(chain_id, owner, bytes(16)))
        document = write_own_document(
            did, [p256(HOLDER_KEY.public)], Multikey(X25519, AGREEMENT.public)
        )
        fields: dict[str, Any] = {
            "owner": owner, "salt": bytes(16), "document": document, "version": 1, "active": True,
        }  # fmt: skip
        return DidRecord(**{**fields, **changed})

    @property
    def did(self) -> str:
        """The holder's DID."""
        chain_id = self.holder.client.chain_id
        return str(own_did(chain_id, own_name(chain_id, self.holder.key, bytes(16))))


def jwk(key: PublicKey, **more: Any) -> bytes:
    """Return a key as JWK."""
    return json.dumps({**key.members, **more}).encode()


def p256(key: PublicKey) -> Multikey:
    """Return a key as Multikey."""
    x, y = (base64url.decode(key.members[name], "x") for name in "xy")
    return Multikey(P256, bytes([2 + (y[31] & 1)]) + x)
