"""Notary requests sealed before the clock starts, and the check of their answers after it stopped."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.client import HttpTransport
from adyton.client.server_api import ServerApi
from adyton.client.session import wall_clock_ms
from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, SigningKey
from adyton.core.encoding import decode, encode
from adyton.protocol import notary
from adyton.protocol.claims import NOTARY_FIELDS, claims_digest, commit, content_digest
from adyton.protocol.envelope import (
    Envelope,
    KeyRequest,
    Request,
    Response,
    SealedKeyRequest,
    SignedKeyAnswer,
    SignedKeyRequest,
    SignedRequest,
    task_hash,
)
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.ledger import EntryProof
from bench.server import POLICY, Server
from bench.summary import BenchError


@dataclass(frozen=True)
class Sealed:
    """A request, and the body that is posted for it."""

    request: Request
    digest: bytes
    task_hash: bytes
    envelope: bytes
    body: bytes


class Sealer:
    """A client made of protocol primitives: it appraises once, then seals as many requests as wanted."""

    def __init__(self, server: Server) -> None:
        self._api = ServerApi(HttpTransport(server.url))
        nonce = secrets.token_bytes(limits.NONCE)
        self.node: NodeAppraisal = appraise_node(
            NodeEvidence.decode(self._api.get_evidence(nonce)),
            fingerprint=bytes.fromhex(server.fingerprint),
            policy=POLICY,
            nonce=nonce,
            now_ms=wall_clock_ms(),
        )
        self._key = SigningKey(secrets.token_bytes(32))
        self._server_key = b""
        self._tickets: list[bytes] = []

    @property
    def client_key(self) -> bytes:
        """The public key that its requests are signed by."""
        return self._key.public

    def close(self) -> None:
        """Close the connection."""
        self._api.transport.close()

    def _contact(self) -> None:
        """Make first contact once more, for 32 tickets more."""
        reply = HpkeKey(secrets.token_bytes(32))
        chain_id = self.node.chain_id
        asked = KeyRequest(
            self._key.public, reply.public, secrets.token_bytes(32), bytes(32), chain_id, None
        )
        signed = SignedKeyRequest.sign(asked, self._key)
        record = self.node.epoch
        request = SealedKeyRequest.seal(signed, record.intake_key, chain_id, record.epoch)
        opened = reply.open(
            self._api.post_key(request.encode()),
            Context.HPKE_KEY_ANSWER,
            chain_id,
            signed.digest(),
        )
        answer = SignedKeyAnswer.decode(opened).verify(self.node.recorder_key)
        self._server_key, self._tickets = answer.server_key, list(answer.tickets)

    def seal(self) -> Sealed:
        """Return a unique notary request, ready to be posted."""
        digest = content_digest(secrets.token_bytes(32))
        return self.request(notary.APP, notary.NOTARIZE, notary.Notarize(digest).encode(), digest)

    def request(self, app: str, method: str, arguments: bytes, digest: bytes = b"") -> Sealed:
        """Return a unique request of any kind, ready to be posted."""
        if not self._tickets:
            self._contact()
        now_ms = wall_clock_ms()
        request = Request(
            client_key=self._key.public,
            request_id=secrets.token_bytes(32),
            not_before_ms=now_ms - limits.CLOCK_SKEW_MS,
            expiry_ms=now_ms + limits.WINDOW_MS - limits.CLOCK_SKEW_MS,
            chain_id=self.node.chain_id,
            incarnation=self.node.epoch.incarnation,
            app=app,
            method=method,
            arguments=arguments,
            response_key=secrets.token_bytes(32),
            result_key=secrets.token_bytes(32),
            ordering="single-host",
        )
        envelope = Envelope.seal(
            SignedRequest.sign(request, self._key),
            server_key=self._server_key,
            chain_id=self.node.chain_id,
            epoch=self.node.epoch.epoch,
            ticket=self._tickets.pop(),
        ).encode()
        return Sealed(
            request, digest, task_hash(envelope), envelope, encode({"envelope": envelope})
        )


def check(sealer: Sealer, sent: Sequence[Sealed], answers: Sequence[bytes]) -> None:
    """Verify every proof, open every response, compare every claim.

    Raises:
        BenchError: an answer is not its request's, or a task hash or a place in the log came twice.
        Error: a proof does not hold, or a response does not open.
    """
    for one, opened in zip(sent, opened_all(sealer, sent, answers), strict=True):
        request = one.request
        values = {"file": one.digest}
        commitments = commit(NOTARY_FIELDS, values, request.result_key, opened.exec_id)
        if opened.claims != claims_digest(commitments):
            raise BenchError("an entry commits to something else")


@dataclass(frozen=True)
class Opened:
    """A verified answer: result, claims and execution."""

    result: bytes
    claims: bytes | None
    exec_id: bytes


def opened_all(sealer: Sealer, sent: Sequence[Sealed], answers: Sequence[bytes]) -> list[Opened]:
    """Verify every proof and open every response.

    Raises:
        BenchError: an answer is not its request's, or a task hash or a place in the log came twice.
        Error: a proof does not hold, or a response does not open.
    """
    if len(sent) != len(answers):
        raise BenchError("not as many answers as requests")
    hashes: set[bytes] = set()
    places: set[tuple[bytes, int]] = set()
    made: list[Opened] = []
    for one, body in zip(sent, answers, strict=True):
        answer = decode(body, max_bytes=limits.ENTRY)
        if answer["task_hash"] != one.task_hash:
            raise BenchError("an answer is for another envelope")
        proof = EntryProof.decode(answer["proof"])
        part, checkpoint = proof.verify(sealer.node.recorder_key, sealer.node.chain_id)
        if part.kind != "request" or part.task_hash != one.task_hash or part.code:
            raise BenchError("an entry is not of its request")
        exec_id = proof.exec_id()
        response = Response.open(part.sealed or b"", one.request.response_key, exec_id)
        if response.code or response.original is not None:
            raise BenchError("a request was refused, or taken for a repetition")
        made.append(Opened(response.result, part.claims, exec_id))
        hashes.add(one.task_hash)
        places.add((checkpoint.facts.block_hash, proof.index))
    if len(hashes) != len(sent) or len(places) != len(sent):
        raise BenchError("task hashes or places in the log are not distinct")
    return made


def check_batches(sealer: Sealer, sent: Sequence[Sealed], answers: Sequence[bytes]) -> None:
    """Check the answers to batches as `check` does, each request for itself.

    Raises:
        BenchError: a request was refused. Else as `check`.
    """
    each: list[bytes] = []
    for body in answers:
        for answer in decode(body, max_bytes=limits.FRAME, max_items=limits.CBOR_ITEMS_PAGE)[
            "answers"
        ]:
            if "proof" not in answer:
                raise BenchError(f"a request of a batch was refused: {answer['code']}")
            each.append(encode(answer))
    check(sealer, sent, each)
