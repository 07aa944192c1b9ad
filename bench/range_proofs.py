"""Range proofs and status lists: what they add to the check of a credential, in CPU of one core."""

from __future__ import annotations

import secrets
import time
import zlib

from adyton.client.credentials.signing import Es256Key, sign_jws
from adyton.client.range_check import verify_range_proof
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import SivKey
from adyton.enclave.range_prover import RangeProver
from adyton.protocol.credentials import base64url
from adyton.protocol.credentials.range_proof import Statement, nonce, witness
from adyton.protocol.credentials.status import ListKind, Status, StatusReference
from adyton.protocol.credentials.status_bits import StatusPage
from adyton.protocol.credentials.status_list import StatusList, page_of, status_of
from adyton.protocol.credentials.status_token import TYPE, read_token_list
from bench.figure import Figure, Floor, Goal
from bench.plan import Plan
from bench.summary import BenchError, cost

_MS = 1000
_NOW_S = 1_800_000_000
_URI = "https://issuer.example/lists/1"
_ENTRIES = 2**20
_CUTOFF, _BIRTH = 14_202, 11_016


def measure(plan: Plan) -> list[Figure]:
    """Measure a range proof on either side, a status list that is brought in, and a status that is looked up."""
    return [*_proofs(), *_lists()]


def _proofs() -> list[Figure]:
    prover, secret = RangeProver(secrets.token_bytes(32)), secrets.token_bytes(32)
    statement = Statement(_CUTOFF, secrets.token_bytes(32))
    made = prover.prove(secret, statement, _BIRTH)
    hidden = witness(secret, statement, _BIRTH)
    seed, context = nonce(secret, statement, hidden, made.commitment), bytes(32)

    def library() -> None:
        parsed, _ = prover._commit(hidden.value, hidden.blinding)
        prover._sign(parsed, hidden.value, hidden.blinding, seed, statement.least, context)

    made_s = cost(lambda: prover.prove(secret, statement, _BIRTH), clock=time.process_time)
    checked_s = cost(lambda: verify_range_proof(made, statement), clock=time.process_time)
    return [
        Figure(
            "range proof made, CPU", _MS * made_s, "ms", Goal(2),
            Floor(_MS * cost(library, clock=time.process_time), "secp256k1-zkp alone"),
            f"{len(made.encode()):,} bytes with its commitment",
        ),
        Figure(
            "range proof checked by a client, CPU", _MS * checked_s, "ms", Goal(150), None,
            "by another library, in pure Python",
        ),
    ]  # fmt: skip


def _lists() -> list[Figure]:
    issuer = Es256Key(b"\1" + secrets.token_bytes(31))
    packed = bytearray(_ENTRIES // 8)
    for _ in range(_ENTRIES // 100):
        packed[secrets.randbelow(len(packed))] |= 1 << secrets.randbelow(8)
    compressed = zlib.compress(packed, 9)
    token = sign_jws(
        issuer,
        {"typ": TYPE},
        {"sub": _URI, "iat": _NOW_S, "ttl": 3600,
         "status_list": {"bits": 1, "lst": base64url.encode(compressed)}},
    )  # fmt: skip
    signed, _, signature = token.rpartition(".")
    made = _taken_in(token, issuer)
    key = SivKey(secrets.token_bytes(32), Context.KDF_STATE_DURABLE)
    page = made.statuses.pages()[-1].encode()
    sealed = key.seal(page, Context.AD_STATE)

    def verified_and_inflated() -> None:
        issuer.public.verify(base64url.decode(signature, "it"), signed.encode())
        zlib.decompress(compressed)

    def looked_up() -> None:
        place = StatusReference(ListKind.TOKEN, _URI, made.head.entries - 1)
        page_of(made.head, place)
        opened = StatusPage.decode(key.open(sealed, Context.AD_STATE))
        if status_of(made.head, opened, place, now_s=_NOW_S, oldest_s=None) not in _EITHER:
            raise BenchError("a status is neither valid nor revoked")

    return [
        Figure(
            "status list taken in, CPU",
            _MS * cost(lambda: _taken_in(token, issuer), clock=time.process_time), "ms", None,
            Floor(_MS * cost(verified_and_inflated, clock=time.process_time), "signature, inflation"),
            f"{_ENTRIES:,} entries, 1 % revoked: {len(token):,} characters",
        ),
        Figure(
            "status looked up, its page opened, CPU",
            _MS * _MS * cost(looked_up, clock=time.process_time), "µs", None,
            Floor(
                _MS * _MS * cost(lambda: key.open(sealed, Context.AD_STATE), clock=time.process_time),
                "opening the page",
            ),
            f"a page of {limits.STATUS_PAGE:,} bytes that was not at hand",
        ),
    ]  # fmt: skip


_EITHER = (Status.VALID, Status.REVOKED)


def _taken_in(token: str, issuer: Es256Key) -> StatusList:
    made = read_token_list(token, uri=_URI, issuer=bytes(32), key=issuer.public, now_s=_NOW_S)
    made.statuses.pages()
    return made
