"""Presentations through all of it: sealed request, numbered steps, status, pseudonym, verdict, use, receipt, commit."""

from __future__ import annotations

import itertools
import secrets
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import Es256Key, sign_jws
from adyton.client.session import wall_clock_ms
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, hpke_seal
from adyton.protocol.credentials import base64url, strict_json
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import P256, X25519, Multikey
from adyton.protocol.derived import seal_derived
from adyton.protocol.identity import requests
from adyton.protocol.identity.answers import (
    ANSWER_LEAST,
    USE_LEAST,
    YES,
    Answer,
    Registered,
    Verdict,
)
from adyton.protocol.identity.naming import name_of
from adyton.protocol.identity.registries import (
    MARCH,
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)
from adyton.protocol.identity.requests import (
    BringStatus,
    Present,
    PresentationRequest,
    Presented,
    Register,
    SealedPresentation,
)
from adyton.protocol.padding import unpad
from bench import floors, server
from bench.envelopes import Opened, Sealer, opened_all
from bench.figure import Figure, Floor, Goal
from bench.load import IN_FLIGHT, Load, many_and_alone, post_all
from bench.plan import Plan
from bench.summary import BenchError, Summary, cost, joined, spread

_HOLDERS: Final = 32  # who come again in turns
_ISS: Final = "https://passport.example"
_LIST: Final = "https://passport.example/lists/1"
_VCT: Final = "urn:eudi:pid:1"
_ENTRIES: Final = 131_072
_US: Final = 1e6
_MS: Final = 1e3


def measure(plan: Plan) -> list[Figure]:
    """Measure verdicts in flight together and alone, beside the cryptography of each and a commit."""
    place = plan.directory("identity")
    crypto = [_crypto_s()]
    seen = _measured(plan.server(), place, plan.requests, plan.alone, plan.runs)
    crypto.append(_crypto_s())
    floor, commits = median(crypto), Summary.of(floors.commit_s(place, plan.alone))
    rates, alone = seen["rates"], Summary.of(seen["latencies"])
    enclave, host = (_US * median(seen[side]) for side in ("enclave", "host"))
    return [
        Figure(
            f"verdicts, {IN_FLIGHT} in flight", median(rates), "/s",
            Goal(1000, at_least=True),
            Floor(1 / floor, "the cryptography of one, one core"),
            joined(
                "issuer, binding, status, age, pseudonym, sealed use, receipt and commit in each; each answer checked",
                spread(rates),
                f"CPU per verdict: enclave {enclave:.0f}, host {host:.0f} us",
            ),
        ),
        Figure(
            "verdict, CPU of the enclave beside its cryptography", enclave / _MS - _MS * floor, "ms",
            Goal(0.8), Floor(_MS * floor, "two ES256, two HPKE, Ed25519, X25519, AES-SIV"), "",
        ),
        Figure(
            "verdict, 1 in flight, p50", _MS * alone.p50, "ms", None,
            Floor(_MS * (floor + commits.p50), "that cryptography and a commit"),
            f"{alone.count} verdicts, p99 {_MS * alone.p99:.2f} ms",
        ),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Holder:
    """Somebody with a credential.

    Attributes:
        key: that binds it.
        did: whose document has that key.
        credential: with all its disclosures.
    """

    key: Es256Key
    did: str
    credential: str


@dataclass(frozen=True)
class _World:
    """What is registered, and who comes.

    Attributes:
        party, policy: names.
        record: the policy.
        holders: of credentials.
    """

    party: bytes
    policy: bytes
    record: PolicyRecord
    holders: tuple[_Holder, ...]


def _measured(
    running: server.Server, place: Path, count: int, alone: int, runs: int
) -> dict[str, Any]:
    sealer = Sealer(running)
    try:
        world = _made(sealer, running.port, place)
        watched = (running.enclave_pid, running.pid)

        def post(count: int, in_flight: int) -> Load:
            return _post(sealer, running.port, place, watched, world, count, in_flight)

        return many_and_alone(post, count, alone, runs)
    finally:
        sealer.close()


def _post(
    sealer: Sealer,
    port: int,
    place: Path,
    watched: Sequence[int],
    world: _World,
    count: int,
    in_flight: int,
) -> Load:
    """Post presentations, and check every verdict that comes back."""
    holders = itertools.islice(itertools.cycle(world.holders), count)
    asked = [_presented(sealer, world, holder) for holder in holders]
    sent = [sealer.request(requests.APP, requests.PRESENT, one.encode()) for one in asked]
    load = post_all(port, [one.body for one in sent], in_flight, place, watched)
    for one, opened in zip(asked, opened_all(sealer, sent, load.answers), strict=True):
        answer = Answer.decode(unpad(opened.result, least=ANSWER_LEAST))
        if answer.code:
            raise BenchError(f"a presentation was not checked: {answer.reason}")
        verdict = Verdict.decode(answer.verdict)
        if (verdict.request, verdict.answer) != (one.request.name(), YES):
            raise BenchError(f"a sound presentation was refused: {verdict.reason}")
    return load


def _presented(sealer: Sealer, world: _World, holder: _Holder) -> Present:
    record = sealer.node.epoch
    now_ms = wall_clock_ms()
    request = PresentationRequest(
        sealer.node.chain_id, world.party, world.policy, world.record.hash(), record.epoch,
        now_ms + 3_600_000, secrets.token_bytes(16),
    )  # fmt: skip
    shown = present(hold(holder.credential), [("age_equal_or_over", "18"), ("document_number",)])
    bound = bind(
        shown, key=holder.key, audience=request.audience, nonce=request.nonce,
        now_s=now_ms // 1000,
    )  # fmt: skip
    told = Presented(bound, holder.did)
    sealed = SealedPresentation.seal(told, record.intake_key, request, record.epoch)
    return Present(request, sealed)


# --- what is registered -----------------------------------------------------------------------------


def _made(sealer: Sealer, port: int, place: Path) -> _World:
    """Register all that a check needs, and issue credentials."""
    issuer = Es256Key(b"\1" + secrets.token_bytes(31))
    chain_id, owner = sealer.node.chain_id, sealer.client_key

    def ask(method: str, arguments: bytes) -> Opened:
        sent = [sealer.request(requests.APP, method, arguments)]
        return opened_all(sealer, sent, post_all(port, [sent[0].body], 1, place).answers)[0]

    def register(record: Record) -> bytes:
        told = Registered.decode(ask(requests.REGISTER, Register(record.encode()).encode()).result)
        if told.name != name_of(chain_id, record):
            raise BenchError("a record has another name")
        return told.name

    jwk = strict_json.write(dict(issuer.public.members))
    named = register(IssuerRecord(owner, bytes(16), "Passports", _ISS, (jwk,), (_LIST,), 1))
    party = register(PartyRecord(owner, bytes(16), "Kino Nord", (owner,), (owner,), "", 1))
    policy = PolicyRecord(
        owner, bytes(16), party, "Adults", 18, (_VCT,), (named,), (), MARCH, 900, 120, 3600,
        True, True, "document_number", False, "single-host", 1,
    )  # fmt: skip
    name = register(policy)

    def holder(index: int) -> _Holder:
        key, salt = Es256Key(b"\1" + secrets.token_bytes(31)), index.to_bytes(16, "big")
        did = own_did(chain_id, own_name(chain_id, owner, salt))
        signing = Multikey(P256, key.public.data())
        agreement = Multikey(X25519, HpkeKey(secrets.token_bytes(32)).public)
        document = write_own_document(did, [signing], agreement)
        register(DidRecord(owner, salt, document, 1, True))
        return _Holder(key, str(did), _credential(issuer, key, index))

    ask(requests.STATUS, BringStatus(named, _LIST, _list(issuer).encode()).encode())
    return _World(party, name, policy, tuple(map(holder, range(_HOLDERS))))


def _list(issuer: Es256Key) -> str:
    lst = base64url.encode(zlib.compress(bytes(_ENTRIES // 8)))
    claims: Any = {"sub": _LIST, "iat": _now_s() - 60, "status_list": {"bits": 1, "lst": lst}}
    return sign_jws(issuer, {"typ": "statuslist+jwt"}, claims)


def _credential(issuer: Es256Key, holder: Es256Key, index: int) -> str:
    now_s = _now_s()
    claims: dict[str, Any] = {
        "iss": _ISS, "vct": _VCT, "iat": now_s - 100, "exp": now_s + 10**6,
        "given_name": "Erika", "family_name": "Mustermann", "birthdate": "1990-02-28",
        "document_number": f"L01X{index:05}", "age_equal_or_over": {"16": True, "18": True},
        "status": {"status_list": {"idx": 77_777 + index, "uri": _LIST}},
    }  # fmt: skip
    hidden = [
        ("given_name",), ("family_name",), ("birthdate",), ("document_number",),
        ("age_equal_or_over", "16"), ("age_equal_or_over", "18"),
    ]  # fmt: skip
    return issue(
        claims, hidden=hidden, key=issuer, kid="k", holder=holder.public,
        entropy=secrets.token_bytes,
    )  # fmt: skip


def _now_s() -> int:
    return wall_clock_ms() // 1000


# --- the floor --------------------------------------------------------------------------------------


def _crypto_s() -> float:
    """Return the CPU of the cryptography of one verdict, in seconds."""
    key, intake = Es256Key(b"\1" + secrets.token_bytes(31)), HpkeKey(secrets.token_bytes(32))
    message = secrets.token_bytes(1200)
    signature = key.sign(message)
    sealed = hpke_seal(intake.public, bytes(4096), Context.HPKE_PRESENTATION)
    secret, use = secrets.token_bytes(32), bytes(USE_LEAST)

    def carry_out() -> None:
        key.public.verify(signature, message)
        key.public.verify(signature, message)
        intake.open(sealed, Context.HPKE_PRESENTATION)
        seal_derived(secret, secret, 0, intake.public, use)

    return floors.crypto_s() + cost(carry_out, clock=time.process_time)
