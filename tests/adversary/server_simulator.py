"""A server in memory, behind a client's `Transport` port: honest until a test makes it lie.

Keys, evidence, ledger and proofs are real. A lie is a function over an honest answer (`lies`), or a
replacement of what the server holds (`ledger`, `blobs`, `tickets`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import Keystore, Session
from adyton.client.transport import CBOR, OCTETS, Reply
from adyton.core.contexts import Context
from adyton.core.crypto import HpkeKey, hpke_seal, key_id
from adyton.core.encoding import decode, encode
from adyton.core.errors import (
    Error,
    MalformedError,
    PolicyError,
    RollbackError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol import account, notary
from adyton.protocol import task as tasks
from adyton.protocol.account import AccountItem, AccountPage
from adyton.protocol.claims import NOTARY_FIELDS, claims_digest, commit
from adyton.protocol.envelope import (
    Envelope,
    KeyAnswer,
    ReadAnswer,
    Request,
    Response,
    SealedKeyRequest,
    SealedReadAnswer,
    SignedKeyAnswer,
    SignedKeyRequest,
    envelope_info,
    epoch_bytes,
    open_padded,
    task_hash,
)
from adyton.protocol.evidence import EpochRecord, NodeEvidence, SignedEpochRecord
from adyton.protocol.ledger import EntryProof, Receipt
from adyton.protocol.task import (
    SignedFinish,
    Task,
    blob_id,
)
from tests.adversary.simulated_run import Contents, simulated_run
from tests.ledger_builder import Ledger

Answer = dict[str, Any]
Lie = Callable[[Answer], Any]
STATUS = {UsageError: 400, MalformedError: 400, VerificationError: 403, PolicyError: 403}


def open_session(home: Path, server: ServerSimulator, *, trust: bool = True) -> Session:
    """Return a session of the client whose keystore is at `home`."""
    policy = AppraisalPolicy(allow_simulated=True)
    session = Session(Keystore(home), server, policy, sleep=lambda _: None)
    if trust:
        session.trust(server.ledger.fingerprint)
    return session


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Recorded:
    """A request that is in the ledger."""

    request: Request
    exec_id: bytes
    place: tuple[int, int]
    finish: tuple[int, int] | None = None


@dataclass
class ServerSimulator:
    """One server; give it to a `Session` as its transport."""

    directory: Path
    server: str = "http://simulated.invalid:8384"
    lies: dict[str, Lie] = field(default_factory=dict)
    drops: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, bytes | None]] = field(default_factory=list)
    epoch: int = 0
    changed_finish: dict[str, Any] = field(default_factory=dict)
    changed_result: dict[str, Any] = field(default_factory=dict)
    changed_read: dict[str, Any] = field(default_factory=dict)
    large_result: bool = False
    finish_at_once: bool = True
    most: int = 3  # blocks of a page

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.directory, now_ms())
        self.ledger.start(now_ms())
        self.intake = HpkeKey(os.urandom(32))
        self.server_keys: dict[bytes, HpkeKey] = {}
        self.tickets: dict[bytes, bytes] = {}
        self.spent: set[bytes] = set()
        self.recorded: dict[bytes, Recorded] = {}
        self.seen: dict[tuple[bytes, bytes], bytes] = {}
        self.blobs: dict[bytes, bytes] = {}

    # --- transport ------------------------------------------------------------------------------

    def close(self) -> None:
        """Nothing is open."""

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = 30.0,
    ) -> Reply:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.calls.append((method, target, body))
        route = f"{method} /{parts.path.split('/')[1]}"
        if "key_id" in query:
            route += "?key_id"
        if "refused before" in self.drops and route == "POST /task":
            self.drops.remove("refused before")
            raise UnavailableError("unreachable", "dropped on the way in")
        try:
            answer: Any = self._route(route, parts.path, query, body)
        except UnavailableError:
            raise
        except Error as problem:
            answer = self.problem(problem)
        if route in self.drops:
            self.drops.remove(route)
            raise UnavailableError("timeout", "dropped on the way out")
        if route in self.lies:
            answer = self.lies[route](answer)
        reply = answer if isinstance(answer, Reply) else Reply(200, CBOR, encode(answer))
        if len(reply.body) > max_bytes:
            raise MalformedError("too_large", "the answer is too large")
        return reply

    def problem(self, error: Error) -> Reply:
        status = 409 if isinstance(error, RollbackError) else STATUS.get(type(error), 403)
        body = {"code": error.code, "detail": error.message, "status": status}
        return Reply(status, CBOR, encode(body))

    def _route(self, route: str, path: str, query: dict[str, str], body: bytes | None) -> Any:
        view = int(query.get("view", "0"))
        match route:
            case "POST /key":
                return {"answer": self.key(self._field(body, "request"))}
            case "POST /task":
                return self.task(self._field(body, "envelope"), view)
            case "POST /tasks":
                return self.tasks(decode(body or b"", max_bytes=1 << 22)["envelopes"], view)
            case "POST /read":
                return {"answer": self.read(self._field(body, "envelope"))}
            case "GET /block" if "from" in query:
                most = min(int(query["limit"]), self.most)
                return self.ledger.page(int(query["from"]), most)
            case "GET /block":
                return self.block(bytes.fromhex(query["task_hash"]), int(query["wait"]), view)
            case "GET /evidence":
                return {"evidence": self.evidence(bytes.fromhex(query["nonce"])).encode()}
            case "GET /evidence?key_id":
                return {"evidence": self.announced(bytes.fromhex(query["key_id"])).encode()}
            case "GET /checkpoint":
                return self.checkpoint(int(query["from"]), int(query.get("to", self.size)))
            case "PUT /blob":
                self.blobs[bytes.fromhex(path.split("/")[2])] = body or b""
                return Reply(201, CBOR, encode({"id": path.split("/")[2]}))
            case "GET /blob":
                return Reply(200, OCTETS, self.blobs[bytes.fromhex(path.split("/")[2])])
        raise UsageError("not_found", "no such route")

    @staticmethod
    def _field(body: bytes | None, name: str) -> bytes:
        value = decode(body or b"", max_bytes=1 << 20)[name]
        assert type(value) is bytes
        return value

    # --- what is shown --------------------------------------------------------------------------

    @property
    def size(self) -> int:
        return self.ledger.tree.size

    def evidence(self, nonce: bytes) -> NodeEvidence:
        ledger, node = self.ledger, self.ledger.node
        record = EpochRecord(ledger.chain_id, 0, self.epoch, self.intake.public, 0, None)
        return NodeEvidence(
            ledger.genesis.encode(),
            ledger.bundle("recorder", node.recorder, nonce),
            ledger.bundle("runner", node.runner, nonce),
            SignedEpochRecord.sign(record, node.recorder),
        )

    def announced(self, name: bytes) -> NodeEvidence:
        for node in self.ledger.nodes:
            if name in (key_id(node.recorder.public), key_id(node.runner.public)):
                return node.evidence
        raise UsageError("not_found", "no such key")

    def consistency(self, one: int, other: int) -> list[bytes]:
        low, high = sorted((one, other))
        if high > self.size:
            raise RollbackError("rollback", "larger than the log")
        return self.ledger.tree.consistency(low, high)

    def checkpoint(self, start: int, end: int) -> Answer:
        newest = self.ledger.blocks[-1].checkpoint.encode()
        return {"checkpoint": newest, "consistency": self.consistency(start, end)}

    # --- first contact and envelopes ------------------------------------------------------------

    def key(self, unverified: bytes) -> bytes:
        outer = SealedKeyRequest.decode(unverified)
        if outer.epoch != self.epoch:
            raise PolicyError("wrong_epoch", "another epoch")
        chain_id = self.ledger.chain_id
        opened = self.intake.open(
            outer.sealed, Context.HPKE_KEY_REQUEST, chain_id, epoch_bytes(outer.epoch)
        )
        signed = SignedKeyRequest.decode(opened)
        request = signed.verify()
        key = self.server_keys.setdefault(request.client_key, HpkeKey(os.urandom(32)))
        fresh = [os.urandom(64) for _ in range(4)]
        self.tickets |= dict.fromkeys(fresh, request.client_key)
        answer = KeyAnswer(key.public, self.epoch, tuple(fresh), signed.digest())
        encoded = SignedKeyAnswer.sign(answer, self.ledger.node.recorder).encode()
        return hpke_seal(
            request.reply_key, encoded, Context.HPKE_KEY_ANSWER, chain_id, signed.digest()
        )

    def open(self, unverified: bytes, context: Context) -> tuple[Request, bytes]:
        envelope = Envelope.decode(unverified)
        client = self.tickets.get(envelope.ticket)
        if envelope.epoch != self.epoch:
            raise PolicyError("wrong_epoch", "another epoch")
        if client is None:
            raise VerificationError("ticket_invalid", "no ticket of this chain")
        info = envelope_info(envelope.chain_id, envelope.epoch, envelope.ticket)
        opened = self.server_keys[client].open(envelope.sealed, context, *info)
        return open_padded(opened).verify(client), envelope.ticket

    def _ticket(self, client: bytes) -> bytes:
        ticket = os.urandom(64)
        self.tickets[ticket] = client
        return ticket

    def task(self, envelope: bytes, view: int) -> Answer:
        named = task_hash(envelope)
        if named not in self.recorded:
            self.execute(named, envelope)
        proof = self.ledger.proof(*self.recorded[named].place)
        if self.finish_at_once:
            self.finish(named)
        size = Receipt.decode(proof.receipt).facts.size
        consistency = self.consistency(view, size) if view else []
        return {"task_hash": named, "proof": proof.encode(), "consistency": consistency}

    def tasks(self, envelopes: list[bytes], view: int) -> Answer:
        answers: list[Answer] = []
        size = 0
        for envelope in envelopes:
            try:
                answer = self.task(envelope, 0)
            except Error as problem:
                answers.append({"task_hash": task_hash(envelope), "code": problem.code})
                continue
            answers.append({"task_hash": answer["task_hash"], "proof": answer["proof"]})
            size = max(size, EntryProof.decode(answer["proof"]).facts().size)
        return {
            "answers": answers,
            "consistency": self.consistency(view, size) if view and size else [],
        }

    def execute(self, named: bytes, envelope: bytes) -> None:
        request, ticket = self.open(envelope, Context.HPKE_REQUEST)
        time_ms = max(now_ms(), self.ledger.blocks[-1].header.time_ms)
        header = self.ledger.next_header([envelope], time_ms)
        exec_id = header.exec_id(0, 0)
        key = (request.client_key, request.request_id)
        claims = None
        if key in self.seen:
            response = Response("replayed", b"", None, self.seen[key])
        elif ticket in self.spent:
            response = Response("ticket_spent", b"", None, None)
        else:
            self.seen[key] = named
            self.spent.add(ticket)
            code, claims = self.app(request, exec_id)
            response = Response(code, b"", self._ticket(request.client_key), None)
        part = self.ledger.part(
            "request",
            task_hash=named,
            code=response.code,
            claims=claims,
            sealed=response.seal(request.response_key, exec_id),
        )
        self.ledger.add([part], header=header)
        self.recorded[named] = Recorded(request, exec_id, (header.height, 0))

    def app(self, request: Request, exec_id: bytes) -> tuple[str, bytes | None]:
        if request.app == notary.APP:
            values = {"file": notary.Notarize.decode(request.arguments).digest}
            return "", claims_digest(commit(NOTARY_FIELDS, values, request.result_key, exec_id))
        if request.app == tasks.APP:
            return "", None
        return "method_unknown", None

    # --- ends of tasks --------------------------------------------------------------------------

    def contents(self, task: Task) -> Contents:
        def content(one: tasks.Content) -> bytes:
            if one.blob is not None:
                return one.blob.open(self.blobs[one.blob.id])
            return one.inline or b""

        stdin = b"" if task.stdin is None else content(task.stdin)
        return content(task.code), [(i.name, content(i.content)) for i in task.inputs], stdin

    def finish(self, named: bytes) -> None:
        """Run a task, if it is one that has not run yet, and record its end."""
        recorded = self.recorded[named]
        if recorded.request.app != tasks.APP or recorded.finish is not None:
            return
        request, runner = recorded.request, self.ledger.node.runner
        contents = self.contents(Task.decode(request.arguments))
        finish, sealed = simulated_run(
            self.ledger, named, request, recorded.exec_id, contents, changed=self.changed_result
        )
        if self.large_result:
            self.blobs[blob_id(sealed)] = sealed
            finish = replace(finish, result=None, result_blob=blob_id(sealed))
        claims = finish.claims
        finish = replace(finish, **self.changed_finish)
        body = SignedFinish.sign(finish, runner).encode()
        part = self.ledger.part("finish", task_hash=named, claims=claims, body=body)
        time_ms = max(now_ms(), self.ledger.blocks[-1].header.time_ms)
        block = self.ledger.add([part], time_ms=time_ms)
        recorded.finish = (block.header.height, 0)

    def block(self, named: bytes, wait: int, view: int) -> Answer:
        recorded = self.recorded.get(named)
        if recorded is None:
            raise UsageError("not_found", "no such task")
        if wait:
            self.finish(named)
        places = [recorded.place, *([recorded.finish] if recorded.finish else [])]
        proofs = [self.ledger.proof(*place) for place in places]
        size = Receipt.decode(proofs[-1].receipt).facts.size
        return {
            "task_hash": named,
            "proofs": [proof.encode() for proof in proofs],
            "finished": recorded.finish is not None,
            "consistency": self.consistency(view, size) if view else [],
        }

    # --- reads ----------------------------------------------------------------------------------

    def read(self, envelope: bytes) -> bytes:
        request, _ = self.open(envelope, Context.HPKE_READ)
        start = account.AccountList.decode(request.arguments).start
        items = [
            AccountItem(
                r.request.request_id, named, r.request.app, r.request.method, r.place[0], 1, None
            )
            for named, r in self.recorded.items()
            if r.request.client_key == request.client_key
        ]
        page = AccountPage(len(items), tuple(items[start : start + 2]))
        answer = ReadAnswer(
            "",
            page.encode(),
            self._ticket(request.client_key),
            self.ledger.blocks[-1].checkpoint.encode(),
            now_ms() + 60_000,
        )
        answer = replace(answer, **self.changed_read)
        return SealedReadAnswer.seal(answer, request.response_key, os.urandom(32)).encode()
