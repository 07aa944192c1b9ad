"""The vectors of identity: records, requests, what is sealed for them, verdicts."""

from dataclasses import replace
from typing import Any

from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import X25519, Multikey
from adyton.protocol.credentials.range_proof import Statement
from adyton.protocol.credentials.reasons import Reason
from adyton.protocol.credentials.steps import Step
from adyton.protocol.envelope import epoch_bytes
from adyton.protocol.identity.answers import Answer, Verdict
from adyton.protocol.identity.giving_up import last_version
from adyton.protocol.identity.naming import given_up
from adyton.protocol.identity.record import commitments, proof_bound, with_proof
from adyton.protocol.identity.registries import (
    DidRecord,
    IssuerRecord,
    PartyRecord,
    PolicyRecord,
    Record,
)
from adyton.protocol.identity.requests import (
    SEALED_LEAST,
    PresentationRequest,
    Presented,
    SealedPresentation,
)
from adyton.protocol.padding import pad
from tests.credential_kit import HOLDER_KEY, ISSUER_KEY
from tests.identity_kit import jwk, p256
from tests.unit.attestation.forge import NOW_MS
from tools.spec_case import Case, flip
from tools.spec_cases_verdicts import verdict_cases
from tools.spec_world import CHAIN_ID, RESULT_KEY, World

_OWNER = b"\x71" * 32
_EXEC_ID = b"\x72" * 32
_SECRET = b"\x73" * 32
_INTAKE = HpkeKey(_SECRET)
_ISSUER = IssuerRecord(
    _OWNER, bytes(16), "Passports", "https://passport.example", (jwk(ISSUER_KEY.public),), (), 1
)
_PARTY = PartyRecord(_OWNER, bytes(16), "Kino Nord", (_OWNER,), (), "https://kino.example/in", 1)
_POLICY = PolicyRecord(
    _OWNER, bytes(16), b"\x74" * 32, "Adults", 18, ("urn:eudi:pid:1",), (b"\x75" * 32,), (), "1mar",
    900, 60, 600, True, True, "", True, "single-host", 1,
)  # fmt: skip
_REQUEST = PresentationRequest(
    CHAIN_ID, b"\x74" * 32, b"\x76" * 32, _POLICY.hash(), 0, NOW_MS + 600_000, bytes(16)
)
_DID = own_did(CHAIN_ID, own_name(CHAIN_ID, _OWNER, bytes(16)))
_DOCUMENT = write_own_document(_DID, [p256(HOLDER_KEY.public)], Multikey(X25519, _INTAKE.public))
_HOLDER = DidRecord(_OWNER, bytes(16), _DOCUMENT, 1, True)
_CUTOFF = 14_000


def identity_cases(world: World) -> list[Case]:
    """Return the vectors."""
    return [*_names(), *_sealed(world), *_verdicts(), *verdict_cases(world)]


def _names() -> list[Case]:
    def case(name: str, record: Record, code: str = "") -> Case:
        given = {"record": record.encode().hex(), "chain_id": CHAIN_ID.hex()}
        return Case(name, "record_name", given, code)

    def last(name: str, record: Record, code: str = "") -> Case:
        return Case(name, "last_version", {"record": record.encode().hex()}, code)

    cut = {"record": _PARTY.encode()[:-1].hex(), "chain_id": CHAIN_ID.hex()}
    web = _DOCUMENT.replace(str(_DID).encode(), b"did:web:a.example")
    return [
        case("an issuer", _ISSUER),
        case("a relying party", _PARTY),
        case("a policy", _POLICY),
        case("a did", _HOLDER),
        case("a did that is given up", replace(_HOLDER, document=given_up(_DID), active=False)),
        case("a did:web that is pinned", replace(_HOLDER, document=web)),
        case("another client's did", replace(_HOLDER, owner=bytes(32)), "not_found"),
        case("a did that is given up, with keys", replace(_HOLDER, active=False), "malformed"),
        last("a did is given up", _HOLDER),
        last("an issuer is given up", _ISSUER),
        last("a relying party is given up", _PARTY),
        last("a policy is given up", _POLICY),
        last("a did is given up twice", last_version(_HOLDER), "record_given_up"),
        last("an issuer is given up twice", last_version(_ISSUER), "record_given_up"),
        last("a relying party is given up twice", last_version(_PARTY), "record_given_up"),
        last("a policy is given up twice", last_version(_POLICY), "record_given_up"),
        Case("a record less a byte", "record_name", cut, "malformed"),
        Case("a request", "request_name", {"request": _REQUEST.encode().hex()}),
        Case("a request and a byte", "request_name", {"request": _REQUEST.encode().hex() + "00"}, "malformed"),
    ]  # fmt: skip


def _sealed(world: World) -> list[Case]:
    info = (CHAIN_ID, epoch_bytes(0), _REQUEST.name())
    presented = Presented("eyJ.eyJ.AAAA~eyJ.eyJ.AAAA", str(_DID)).encode()

    def seal(name: str, plain: bytes) -> bytes:
        return world.once.seal(name, _INTAKE, plain, Context.HPKE_PRESENTATION, *info)

    sound = seal("a presentation", pad(presented, least=SEALED_LEAST))
    unpadded = seal("a presentation without padding", presented.ljust(SEALED_LEAST, b"\0"))

    def case(name: str, sealed: bytes, *refused: Any, epoch: int = 0, salt: int = 0) -> Case:
        request = replace(_REQUEST, salt=salt.to_bytes(16, "big"))
        given = {
            "request": request.encode().hex(), "secret": _SECRET.hex(),
            "sealed": SealedPresentation(epoch, sealed).encode().hex(),
        }  # fmt: skip
        if not refused:
            return Case(name, "open_presentation", given)
        step, reason = refused
        code = "credential_refused"
        return Case(name, "open_presentation", given, code, step.value, reason.word)

    return [
        case("what a holder seals", sound),
        case("less a byte", sound[:-1], Step.ENVELOPE, Reason.ENVELOPE),
        case("nothing", b"", Step.ENVELOPE, Reason.ENVELOPE),
        case("altered", flip(sound), Step.DECRYPTION, Reason.UNOPENABLE),
        case("of another epoch", sound, Step.DECRYPTION, Reason.UNOPENABLE, epoch=1),
        case("for another request", sound, Step.DECRYPTION, Reason.UNOPENABLE, salt=1),
        case("not padded", unpadded, Step.DECRYPTION, Reason.PRESENTED),
    ]


def _verdicts() -> list[Case]:
    yes = Verdict(
        _REQUEST.name(), _REQUEST.party, _POLICY.hash(), 0, "yes", "", b"\x77" * 32, b"", 0
    )
    no = replace(yes, answer="no", reason="revoked", pseudonym=None)
    bound = proof_bound(commitments(yes, RESULT_KEY, _EXEC_ID), _EXEC_ID)
    proof = RangeProver(bytes(32)).prove(_SECRET, Statement(_CUTOFF, bound), _CUTOFF - 3000)
    proven = with_proof(yes, proof, _CUTOFF)

    def case(name: str, verdict: Verdict, code: str = "") -> Case:
        given = {
            "verdict": verdict.encode().hex(), "result_key": RESULT_KEY.hex(),
            "exec_id": _EXEC_ID.hex(),
        }  # fmt: skip
        return Case(name, "commit_verdict", given, code)

    def decoded(name: str, message: str, data: bytes, code: str = "") -> Case:
        return Case(name, "decode_message", {"message": message, "bytes": data.hex()}, code)

    answer = Answer("", "", proven.encode()).encode()
    return [
        case("yes", yes),
        case("no", no),
        case("yes, with a proof", proven),
        case("a cutoff without a proof", replace(yes, cutoff_day=1), "malformed"),
        case("a proof with another cutoff", replace(proven, cutoff_day=proven.cutoff_day + 1), "range_proof_invalid"),
        case("a proof that is none", replace(proven, range_proof=b"\x80"), "malformed"),
        decoded("an answer", "identity-answer/1", answer),
        decoded("a reason that is none", "verdict/1", replace(no, reason="late").encode(), "malformed"),
    ]  # fmt: skip
