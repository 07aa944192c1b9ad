"""The server's routes as typed calls: bodies built, answers taken apart, problem details raised.

What a call returns has the right form and nothing more. Every `bytes` of it is unverified.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adyton.client.problems import error_of, error_of_problem
from adyton.client.transport import CBOR, OCTETS, TIMEOUT_S, Reply, Transport
from adyton.core import limits
from adyton.core.cose import checked_path
from adyton.core.encoding import decode, encode
from adyton.core.errors import Error, MalformedError, UnavailableError, VerificationError

_SMALL: Final = 64 * limits.KIB
_PROOF: Final = limits.PUBLIC_PART + 16 * limits.KIB
_BLOB: Final = limits.BLOB + 8 * limits.MIB  # a content in its size class, and its seal
_WAIT_MARGIN_S: Final = 15.0


@dataclass(frozen=True)
class TaskAnswer:
    """Answer to a posted envelope: its name, its entry's proof, the way from the client's view."""

    task_hash: bytes
    proof: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True)
class EntryAnswer:
    """The entries of one task hash: the request's, then the finish's once there is one."""

    task_hash: bytes
    proofs: tuple[bytes, ...]
    finished: bool
    consistency: tuple[bytes, ...]


@dataclass(frozen=True)
class CheckpointAnswer:
    """The newest checkpoint, and the consistency proof that was asked for."""

    checkpoint: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True)
class BlockAnswer:
    """One block of a page; its entries are pairs of public part and digest of the write set."""

    header: bytes
    checkpoint: bytes
    entries: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class BlocksAnswer:
    """A page of the chain."""

    genesis: bytes
    height: int
    blocks: tuple[BlockAnswer, ...]


@dataclass(frozen=True)
class TaskAnswers:
    """What `POST /tasks` answers: of each envelope its task hash, and a proof or why there is none.

    Attributes:
        consistency: proof from the view to the largest tree among the proofs.
    """

    answers: tuple[tuple[bytes, bytes | Error], ...]
    consistency: tuple[bytes, ...]


class ServerApi:
    """The routes of one server.

    Trust: runs in the client; everything returned comes from the host.

    Every call raises `UnavailableError` when there is no answer, the error that problem details
    name, or `answer_invalid` and `malformed` where the answer has another form than the route's.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def post_key(self, request: bytes) -> bytes:
        """`POST /key`: return the sealed key answer."""
        answer = self._post("/key", {"request": request}, _SMALL)
        return _bytes(answer, "answer")

    def post_task(self, envelope: bytes, view: int) -> TaskAnswer:
        """`POST /task`: return what the ledger recorded of the envelope."""
        answer = self._post(f"/task?view={view}", {"envelope": envelope}, _PROOF + _SMALL)
        return TaskAnswer(_hash(answer), _bytes(answer, "proof"), _path(answer))

    def post_tasks(self, envelopes: Sequence[bytes], view: int) -> TaskAnswers:
        """`POST /tasks`: return what the ledger recorded of each envelope, in their order."""
        body = encode({"envelopes": list(envelopes)})
        most = _SMALL + len(envelopes) * (_PROOF + _SMALL)
        reply = self._call("POST", f"/tasks?view={view}", body, most, 2 * TIMEOUT_S)
        answer = _map(reply, most)
        listed = answer.get("answers")
        if type(listed) is not list or len(listed) != len(envelopes):
            raise VerificationError("answer_invalid", "not one answer for each envelope")
        return TaskAnswers(tuple(map(_one_answer, listed)), _path(answer))

    def post_read(self, envelope: bytes) -> bytes:
        """`POST /read`: return the sealed answer."""
        answer = self._post("/read", {"envelope": envelope}, 2 * limits.ENTRY + _SMALL)
        return _bytes(answer, "answer")

    def get_entry(self, task_hash: bytes, *, wait_s: int, view: int) -> EntryAnswer:
        """`GET /block?task_hash=`: return the entries; wait at most `wait_s` for the finish."""
        target = f"/block?task_hash={task_hash.hex()}&wait={wait_s}&view={view}"
        answer = self._get(target, 2 * _PROOF + _SMALL, wait_s + _WAIT_MARGIN_S)
        proofs = answer.get("proofs")
        finished = answer.get("finished")
        if (
            type(proofs) is not list
            or not 1 <= len(proofs) <= 2
            or any(type(proof) is not bytes for proof in proofs)
            or type(finished) is not bool
        ):
            raise VerificationError("answer_invalid", "the entries have not the route's form")
        return EntryAnswer(_hash(answer), tuple(proofs), finished, _path(answer))

    def get_blocks(self, start: int, most: int) -> BlocksAnswer:
        """`GET /block?from=`: return a page of the chain from height `start` on."""
        answer = self._get(f"/block?from={start}&limit={most}", limits.FRAME, TIMEOUT_S)
        height, blocks = answer.get("height"), answer.get("blocks")
        if type(height) is not int or height < 0 or type(blocks) is not list:
            raise VerificationError("answer_invalid", "the page has not the route's form")
        if len(blocks) > limits.PAGE_BLOCKS:
            raise MalformedError("too_large", "a page of too many blocks")
        return BlocksAnswer(_bytes(answer, "genesis"), height, tuple(map(_block, blocks)))

    def put_blob(self, blob_id: bytes, ciphertext: bytes) -> None:
        """`PUT /blob/{id}`: store a sealed content."""
        target = f"/blob/{blob_id.hex()}"
        timeout = TIMEOUT_S + len(ciphertext) / limits.MIB
        self._call("PUT", target, ciphertext, _SMALL, timeout, OCTETS)

    def get_blob(self, blob_id: bytes) -> bytes:
        """`GET /blob/{id}`: return the raw bytes."""
        return self._call("GET", f"/blob/{blob_id.hex()}", None, _BLOB, 4 * TIMEOUT_S).body

    def get_evidence(self, nonce: bytes) -> bytes:
        """`GET /evidence?nonce=`: return node evidence that should answer the nonce."""
        answer = self._get(f"/evidence?nonce={nonce.hex()}", 5 * limits.EVIDENCE, TIMEOUT_S)
        return _bytes(answer, "evidence")

    def get_announced(self, key_id: bytes) -> bytes:
        """`GET /evidence?key_id=`: return the evidence by which a key was announced."""
        answer = self._get(f"/evidence?key_id={key_id.hex()}", 5 * limits.EVIDENCE, TIMEOUT_S)
        return _bytes(answer, "evidence")

    def get_checkpoint(self, start: int = 0, end: int | None = None) -> CheckpointAnswer:
        """`GET /checkpoint`: return the newest checkpoint, and the proof from `start` to `end`."""
        until = "" if end is None else f"&to={end}"
        answer = self._get(f"/checkpoint?from={start}{until}", _SMALL, TIMEOUT_S)
        return CheckpointAnswer(_bytes(answer, "checkpoint"), _path(answer))

    def health(self) -> dict[str, Any]:
        """`GET /health`: return what the server says of itself."""
        return self._get("/health", _SMALL, TIMEOUT_S)

    def _get(self, target: str, max_bytes: int, timeout_s: float) -> dict[str, Any]:
        return _map(self._call("GET", target, None, max_bytes, timeout_s), max_bytes)

    def _post(self, target: str, body: Mapping[str, bytes], max_bytes: int) -> dict[str, Any]:
        reply = self._call("POST", target, encode(dict(body)), max_bytes, 2 * TIMEOUT_S)
        return _map(reply, max_bytes)

    def _call(
        self,
        method: str,
        target: str,
        body: bytes | None,
        max_bytes: int,
        timeout_s: float,
        content_type: str = CBOR,
    ) -> Reply:
        reply = self.transport.exchange(
            method,
            target,
            body,
            content_type=content_type,
            max_bytes=max_bytes,
            timeout_s=timeout_s,
        )
        if not 200 <= reply.status < 300:
            raise _problem(reply)
        return reply


def _problem(reply: Reply) -> Error:
    unverified: Any = None
    if len(reply.body) <= _SMALL:
        try:
            if reply.content_type == CBOR:
                unverified = decode(reply.body, max_bytes=_SMALL)
            else:
                unverified = json.loads(reply.body)
        except (Error, ValueError, RecursionError):
            unverified = None
    if unverified is None and reply.status in (502, 503, 504):
        # A proxy or a dying server says it in its own words: not now.
        return UnavailableError("unreachable", f"status {reply.status} without problem details")
    return error_of_problem(unverified, reply.status)


def _map(reply: Reply, max_bytes: int) -> dict[str, Any]:
    if reply.content_type != CBOR:
        raise VerificationError("answer_invalid", "the answer is not of the type asked for")
    value = decode(reply.body, max_bytes=max_bytes, max_items=limits.CBOR_ITEMS_PAGE)
    if type(value) is not dict:
        raise VerificationError("answer_invalid", "the answer is not a map")
    return value


def _bytes(answer: Mapping[str, Any], name: str) -> bytes:
    value = answer.get(name)
    if type(value) is not bytes:
        raise VerificationError("answer_invalid", f"the answer has no bytes under {name}")
    return value


def _one_answer(unverified: Any) -> tuple[bytes, bytes | Error]:
    if type(unverified) is not dict:
        raise VerificationError("answer_invalid", "an answer is not a map")
    code = unverified.get("code")
    if code is None:
        return _hash(unverified), _bytes(unverified, "proof")
    if type(code) is not str or not 1 <= len(code) <= 40:
        raise VerificationError("answer_invalid", "a refusal without its code")
    return _hash(unverified), error_of(code, f"the server refuses the envelope: {code}")


def _hash(answer: Mapping[str, Any]) -> bytes:
    value = _bytes(answer, "task_hash")
    if len(value) != 32:
        raise VerificationError("answer_invalid", "a task hash has 32 bytes")
    return value


def _path(answer: Mapping[str, Any]) -> tuple[bytes, ...]:
    return checked_path(answer.get("consistency"))


def _block(unverified: Any) -> BlockAnswer:
    if type(unverified) is not dict or type(unverified.get("entries")) is not list:
        raise VerificationError("answer_invalid", "a block has not the route's form")
    entries = unverified["entries"]
    for entry in entries:
        pair = type(entry) is list and len(entry) == 2
        if not pair or type(entry[0]) is not bytes or type(entry[1]) is not bytes:
            raise VerificationError("answer_invalid", "an entry has not the route's form")
    return BlockAnswer(
        _bytes(unverified, "header"),
        _bytes(unverified, "checkpoint"),
        tuple((public, writes) for public, writes in entries),
    )
