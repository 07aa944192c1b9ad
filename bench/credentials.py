"""The check of a presented credential, inside of the enclave: its CPU beside that of the two signatures."""

from __future__ import annotations

import secrets
import time
from typing import Any

from adyton.client.credentials.holding import bind, hold, present
from adyton.client.credentials.issuing import issue
from adyton.client.credentials.signing import Es256Key
from adyton.core import limits
from adyton.core.crypto import HpkeKey
from adyton.core.errors import CredentialError
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.age import AgePolicy
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.multikey import P256, X25519, Multikey
from adyton.protocol.credentials.presentation import (
    CredentialPolicy,
    Expected,
    check_presentation,
)
from adyton.protocol.credentials.sd_jwt import read_sd_jwt
from adyton.protocol.credentials.sd_jwt_vc import Validity
from adyton.protocol.credentials.status import Status
from adyton.protocol.identity.naming import document_of
from adyton.protocol.identity.registries import DidRecord
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.summary import BenchError, cost
from tests.credential_kit import begun

_MS = 1000
_NOW_S = 1_800_000_000
_EXPECTED = Expected("x509_hash:network", "the-request")
_POLICY = CredentialPolicy(
    types=frozenset({"urn:eudi:pid:1"}),
    former_typ=False,
    validity=Validity(60, expiry_required=True),
    binding_required=True,
    binding_oldest_s=600,
    status_required=True,
    claims=frozenset(),
    age=AgePolicy(18, "1mar", 60),
)


def measure(plan: Plan) -> list[Figure]:
    """Measure the check of an ES256 credential with a key binding and one disclosure, the slowest refusal, a DID."""
    issuer, holder = _key(), _key()
    text = _presented(issuer, holder)
    read = read_sd_jwt(text)
    binding = read.binding
    if binding is None:
        raise BenchError("the presentation is not bound")

    def signatures() -> None:
        issuer.public.verify(read.jwt.signature, read.jwt.signed)
        holder.public.verify(binding.signature, binding.signed)

    floor_s = cost(signatures, clock=time.process_time)
    check_s = cost(lambda: _check(text, issuer), clock=time.process_time)
    forged = _largest(issuer)
    return [
        Figure(
            "check of a credential, CPU", _MS * check_s, "ms", Goal(0.4),
            Floor(_MS * floor_s, "two ES256 verifications"),
            f"{len(text):,} characters: issuer, key binding, one disclosure, status, age",
        ),
        Figure(
            "refusal of the largest forgery, CPU",
            _MS * cost(lambda: _refuse(forged, issuer), clock=time.process_time), "ms", None, None,
            f"{len(forged):,} characters of as many JSON values as are read, under a wrong signature",
        ),
        Figure(
            "holder's DID document read, CPU", _MS * _document_s(holder), "ms", None, None,
            "what a verdict on a holder who was not met lately costs more",
        ),
    ]  # fmt: skip


def _document_s(holder: Es256Key) -> float:
    chain_id, owner, salt = bytes(32), secrets.token_bytes(32), bytes(16)
    did = own_did(chain_id, own_name(chain_id, owner, salt))
    agreement = Multikey(X25519, HpkeKey(secrets.token_bytes(32)).public)
    document = write_own_document(did, [Multikey(P256, holder.public.data())], agreement)
    record = DidRecord(owner, salt, document, 1, True)
    return cost(lambda: document_of(chain_id, record), clock=time.process_time)


def _key() -> Es256Key:
    return Es256Key(b"\1" + secrets.token_bytes(31))


def _presented(issuer: Es256Key, holder: Es256Key) -> str:
    claims: dict[str, Any] = {
        "iss": "https://issuer.example",
        "vct": "urn:eudi:pid:1",
        "iat": _NOW_S - 9,
        "exp": _NOW_S + 9,
        "status": {"status_list": {"idx": 7, "uri": "https://issuer.example/lists/1"}},
        "given_name": "Erika",
        "family_name": "Mustermann",
        "birthdate": "1990-02-28",
        "age_over_18": True,
    }
    text = issue(
        claims,
        hidden=[(name,) for name in ("given_name", "family_name", "birthdate", "age_over_18")],
        key=issuer,
        kid="k1",
        holder=holder.public,
        entropy=secrets.token_bytes,
    )
    return bind(
        present(hold(text), [("age_over_18",)]),
        key=holder,
        audience=_EXPECTED.audience,
        nonce=_EXPECTED.nonce,
        now_s=_NOW_S,
    )


def _check(text: str, issuer: Es256Key) -> None:
    check_presentation(
        text,
        policy=_POLICY,
        expected=_EXPECTED,
        now_s=_NOW_S,
        issuer_key=lambda *_: issuer.public,
        status_of=lambda _: Status.VALID,
        checklist=begun(),
    )


def _largest(issuer: Es256Key) -> str:
    header = base64url.encode(b'{"alg":"ES256","typ":"dc+sd-jwt"}')
    room = limits.CREDENTIAL * 3 // 4 - 300
    member = b'"%s",' % (b"x" * (room // limits.CREDENTIAL_COMMAS - 3))
    listed = member * (limits.CREDENTIAL_COMMAS - 1)
    payload = b'{"iss":"https://issuer.example","a":[' + listed + b"{}]}"
    signed = f"{header}.{base64url.encode(payload)}"
    return f"{signed}.{base64url.encode(issuer.sign(b'something else'))}~"


def _refuse(text: str, issuer: Es256Key) -> None:
    try:
        _check(text, issuer)
    except CredentialError as problem:
        if problem.reason == "issuer_signature":
            return
    raise BenchError("a forgery is not refused for its signature")
