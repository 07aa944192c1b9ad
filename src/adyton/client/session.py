"""A client's session with one server: asks, verifies every answer, and loses nothing on the way."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.client.keystore import ChainStore, Keystore
from adyton.client.problems import error_of
from adyton.client.records import ACCEPTED, PENDING, REFUSED, KnownClaims, Pin, RequestRecord
from adyton.client.server_api import ServerApi, TaskAnswer
from adyton.client.server_keys import ServerKeys
from adyton.client.transport import Transport
from adyton.client.verified_view import VerifiedEntry
from adyton.client.view_keeper import ViewKeeper
from adyton.core import limits
from adyton.core.errors import (
    Error,
    PolicyError,
    RollbackError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.protocol.envelope import (
    Envelope,
    Invite,
    Request,
    Response,
    SealedReadAnswer,
    SignedRequest,
    task_hash,
)
from adyton.protocol.evidence import NodeEvidence
from adyton.protocol.words import require_ordering

# The same signed request is sealed anew when only its envelope was refused; its id keeps it from acting twice.
_SEAL_ANEW: Final = frozenset(("wrong_epoch", "ticket_expired", "ticket_invalid", "ticket_spent"))
_SEALS: Final = 3
_BACKOFF_S: Final = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
_T = TypeVar("_T")


def wall_clock_ms() -> int:
    """Return the client's clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Accepted:
    """A request that was carried out and recorded, all of it verified.

    Attributes:
        entry: where it is recorded.
        response: opened.
        exec_id: name of the execution, 32 bytes.
        result_key: secret; opens results and salts claims.
        task_hash: public name of the request, 32 bytes.
    """

    entry: VerifiedEntry
    response: Response
    request_id: bytes
    result_key: bytes
    exec_id: bytes
    task_hash: bytes

    def __repr__(self) -> str:
        return f"<Accepted {self.task_hash.hex()[:16]}>"


class Session:
    """Requests and reads under one client's keys; usable from several threads.

    Args:
        keystore: whose identity asks, and where everything is kept.
        transport: to the server.
        policy: what is demanded of evidence; there is no default.
        invite: where the chain admits by invitation.
        now_ms: clock, milliseconds since 1970.
        sleep: waits between attempts, seconds.
    """

    def __init__(
        self,
        keystore: Keystore,
        transport: Transport,
        policy: AppraisalPolicy,
        *,
        invite: Invite | None = None,
        now_ms: Callable[[], int] = wall_clock_ms,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.keystore = keystore
        self.policy = policy
        self.api = ServerApi(transport)
        self.now_ms = now_ms
        self._sleep = sleep
        self._invite = invite
        self._server = transport.server
        self._lock = threading.RLock()
        self._bound: _Bound | None = None

    def close(self) -> None:
        """Close the connections."""
        self.api.transport.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- trust ----------------------------------------------------------------------------------

    def trust(self, fingerprint: bytes, *, replace_pin: bool = False) -> NodeAppraisal:
        """Pin this server: appraise it under a fingerprint that came another way, and keep what that covers.

        Raises:
            UsageError: `exists`, another fingerprint is pinned for this server and `replace_pin` is not set.
            EvidenceError: the server is not the one that the fingerprint names, or a step does not hold.
        """
        held = self.keystore.pin(self._server)
        if held is not None and held.fingerprint != fingerprint and not replace_pin:
            raise UsageError("exists", "another fingerprint is pinned for this server")
        nonce = secrets.token_bytes(limits.NONCE)
        unverified = NodeEvidence.decode(self.api.get_evidence(nonce))
        appraisal = appraise_node(
            unverified,
            fingerprint=fingerprint,
            policy=self.policy,
            nonce=nonce,
            now_ms=self.now_ms(),
        )
        genesis = appraisal.genesis.encode()
        self.keystore.put_pin(Pin(self._server, fingerprint, appraisal.chain_id, genesis))
        with self._lock:
            self._bound = None
        return appraisal

    def appraise(self, *, fresh: bool = False) -> NodeAppraisal:
        """Return the appraisal of the server's node; at most `limits.APPRAISAL_REUSE_S` old unless `fresh`.

        Raises:
            PolicyError: `not_trusted`, no fingerprint is pinned. EvidenceError: a step does not hold.
        """
        return self.keeper.appraise(fresh=fresh)[0]

    def first_contact(self) -> None:
        """Make sure that there are a server key and tickets, so that the next request is one round trip."""
        bound = self._chain()
        with bound.store.locked():
            held = bound.store.tickets()
        if held is None or not held.tickets:
            bound.keys.refill()

    @property
    def pin(self) -> Pin:
        """What the server is held to.

        Raises:
            PolicyError: `not_trusted`.
        """
        return self._chain().pin

    @property
    def store(self) -> ChainStore:
        """What the keystore holds of the server's chain."""
        return self._chain().store

    @property
    def keeper(self) -> ViewKeeper:
        """The verified view of the server's chain."""
        return self._chain().keeper

    def _chain(self) -> _Bound:
        with self._lock:
            if self._bound is None:
                pin = self.keystore.pin(self._server)
                if pin is None:
                    raise PolicyError("not_trusted", f"no fingerprint is pinned for {self._server}")
                store = self.keystore.chain(pin.chain_id)
                keeper = ViewKeeper(store, self.api, pin, self.policy, self.now_ms)
                keys = ServerKeys(store, self.api, self.keystore.identity, keeper, self._invite)
                self._bound = _Bound(pin, store, keeper, keys)
            return self._bound

    # --- requests -------------------------------------------------------------------------------

    def request(
        self,
        app: str,
        method: str,
        arguments: bytes,
        *,
        ordering: str = "single-host",
        name: str = "",
        claimed: KnownClaims | None = None,
        keep: bool = False,
    ) -> Accepted:
        """Have a request carried out and recorded; return when both are proven.

        The envelope is on disk before it is sent: after any failure, `resume` sends identical bytes again.

        Args:
            arguments: encoded, as the method demands.
            ordering: the least ordering level to accept.
            name: for the client's own list.
            claimed: what the client knows of a task's claims.
            keep: whether the record stays in the client's list when it is accepted.

        Raises:
            UnavailableError: no answer, and it is not known whether the request took effect.
            VerificationError: an answer that does not hold; the request is kept.
            Error: the enclave's own refusal, by its code.
        """
        identity = self.keystore.identity
        chain_id = self.pin.chain_id
        appraisal = self.appraise()
        request_id = secrets.token_bytes(32)
        now = self.now_ms()
        not_before = max(0, now - limits.CLOCK_SKEW_MS)
        request = Request(
            client_key=identity.signing_key.public,
            request_id=request_id,
            not_before_ms=not_before,
            expiry_ms=not_before + limits.WINDOW_MS,
            chain_id=chain_id,
            incarnation=appraisal.epoch.incarnation,
            app=app,
            method=method,
            arguments=arguments,
            response_key=identity.response_key(chain_id, request_id),
            result_key=identity.result_key(chain_id, request_id),
            ordering=ordering,
        )
        signed = SignedRequest.sign(request, identity.signing_key)
        envelope = self._chain().keys.seal(signed, chain_id, "request").encode()
        record = RequestRecord(
            request_id=request_id,
            task_hash=task_hash(envelope),
            app=app,
            method=method,
            name=name,
            created_ms=now,
            ordering=ordering,
            state=PENDING,
            signed=signed.encode(),
            envelope=envelope,
            exec_id=None,
            accepted=None,
            finished=None,
            claimed=claimed,
            code="",
        )
        self.store.put_request(record)
        return self._carry_out(record, keep)

    def resume(self, request_id: bytes, *, keep: bool = True) -> Accepted:
        """Send a pending request again, in identical bytes; one request has one effect.

        Raises:
            UsageError: no such request, or it is not pending. Else as `request`.
        """
        record = self.store.request(request_id)
        if record is None or record.state != PENDING:
            raise UsageError("not_found", "no pending request of that id")
        return self._carry_out(record, keep)

    def _carry_out(self, record: RequestRecord, keep: bool) -> Accepted:
        chain = self._chain()
        for seals_left in reversed(range(_SEALS)):
            try:
                accepted = self._send(record)
                break
            except (PolicyError, VerificationError) as problem:
                if problem.code not in _SEAL_ANEW or not seals_left:
                    raise
            chain.keys.forget()
            record = self._seal_anew(record)
        else:
            raise VerificationError("answer_invalid", "unreachable")
        code = accepted.response.code
        if keep:
            done = replace(
                record,
                task_hash=accepted.task_hash,
                state=REFUSED if code else ACCEPTED,
                signed=None,
                envelope=None,
                exec_id=accepted.exec_id,
                accepted=accepted.entry.proof.encode(),
                code=code,
            )
            chain.store.put_request(done)
        else:
            chain.store.drop_request(record.request_id)
        if code:
            raise error_of(code, "the enclave refuses the request")
        return accepted

    def _seal_anew(self, record: RequestRecord) -> RequestRecord:
        signed = SignedRequest.decode(record.signed or b"")
        envelope = self._chain().keys.seal(signed, self.pin.chain_id, "request").encode()
        anew = replace(record, envelope=envelope, task_hash=task_hash(envelope))
        self.store.put_request(anew)
        return anew

    def _send(self, record: RequestRecord) -> Accepted:
        """Post a pending envelope and verify the answer.

        Steps, as in `docs/spec/envelope.md`:
          1. the answer names this envelope;
          2. the entry lies in this chain, under an attested key, joined to the view;
          3. it is the request's, executed by attested code, ordered as demanded, inside its window;
          4. the response opens under this request's own key for this very execution;
          5. where it repeats an earlier entry, that entry passes 2 to 4 instead.
        """
        envelope = record.envelope or b""
        request = Request.decode(SignedRequest.decode(record.signed or b"").body)
        keeper = self.keeper
        view = keeper.size
        try:
            answer = self.patiently(lambda: self.api.post_task(envelope, view))
        except PolicyError as problem:
            if problem.code != "replayed":
                raise
            # The host has it already, and not its answer at hand: the ledger has.
            answer = self._recorded(record.task_hash, view)
        # 1
        if answer.task_hash != record.task_hash:
            raise VerificationError("answer_invalid", "the answer is for another envelope")
        # 2, 3, 4
        entry = self.proven(lambda: keeper.accept_entry(answer.proof, answer.consistency, view))
        response = self._opened(entry, request, record.task_hash)
        epoch = Envelope.decode(envelope).epoch
        if response.code in _SEAL_ANEW:
            raise error_of(response.code, "the enclave refuses the envelope")
        named = record.task_hash
        if response.original is not None and response.original != named:
            # 5
            named = response.original
            proof = self.patiently(lambda: self._recorded(named, 0)).proof
            entry = self.proven(lambda: keeper.accept_entry(proof))
            response = self._opened(entry, request, named)
        self._chain().keys.put_back(response.ticket, epoch)
        require_ordering(entry.checkpoint.facts.ordering, record.ordering)
        return Accepted(
            entry, response, request.request_id, request.result_key, entry.exec_id, named
        )

    def _recorded(self, named: bytes, view: int) -> TaskAnswer:
        found = self.api.get_entry(named, wait_s=0, view=view)
        if len(found.proofs) == 1:
            return TaskAnswer(found.task_hash, found.proofs[0], found.consistency)
        # With two proofs the consistency is the last one's; the keeper fetches the first one's.
        size = self.keeper.size
        return TaskAnswer(found.task_hash, found.proofs[0], ()) if size == 0 else TaskAnswer(
            found.task_hash, found.proofs[0], ()
        )

    def _opened(self, entry: VerifiedEntry, request: Request, named: bytes) -> Response:
        part, facts = entry.part, entry.checkpoint.facts
        if part.kind != "request" or part.task_hash != named or part.sealed is None:
            raise VerificationError("answer_invalid", "the entry is not this request's")
        if part.measurement != self.keeper.recorder(entry.recorder_key).measurement:
            raise VerificationError("answer_invalid", "executed by code that is not attested")
        response = Response.open(part.sealed, request.response_key, entry.exec_id)
        if response.code != part.code:
            raise VerificationError("answer_invalid", "public and sealed outcome differ")
        in_window = request.not_before_ms <= facts.time_ms < request.expiry_ms
        if not response.code and not in_window:
            raise VerificationError("answer_invalid", "executed outside the request's window")
        return response

    # --- reads ----------------------------------------------------------------------------------

    def read(self, app: str, method: str, arguments: bytes) -> bytes:
        """Return the encoded result of a read: answered at once, recorded nowhere.

        Raises:
            RollbackError: the answer is of a ledger older than what was seen. Else as `request`.
        """
        raise NotImplementedError

    # --- patience -------------------------------------------------------------------------------

    def patiently(self, call: Callable[[], _T]) -> _T:
        """Call again, with growing pauses, while the server is not available; the bytes stay the same.

        Raises:
            UnavailableError: it stays away. Error: whatever else the call raises.
        """
        for pause in _BACKOFF_S:
            try:
                return call()
            except UnavailableError:
                self._sleep(pause)
        return call()

    def proven(self, call: Callable[[], _T]) -> _T:
        """Call, and give an unsigned claim of a rollback the checkpoints that prove it.

        Raises:
            RollbackError: with both checkpoints. Error: whatever else the call raises.
        """
        try:
            return call()
        except RollbackError as claim:
            if claim.shown:
                raise
            self.keeper.update()
            raise VerificationError(
                "answer_invalid", "the server says rollback, and shows none"
            ) from claim


@dataclass(frozen=True)
class _Bound:
    """What a session has once it knows its chain."""

    pin: Pin
    store: ChainStore
    keeper: ViewKeeper
    keys: ServerKeys
