"""A client's session with one server: asks, verifies every answer, and loses nothing on the way."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adyton.attestation.node import NodeAppraisal, appraise_node
from adyton.attestation.policy import AppraisalPolicy
from adyton.client.chain_keeping import ChainStore
from adyton.client.exchange import Accepted, Exchange
from adyton.client.keystore import Keystore
from adyton.client.patience import Patience
from adyton.client.records import PENDING, KnownClaims, Pin, RequestRecord
from adyton.client.server_api import ServerApi
from adyton.client.server_keys import ServerKeys
from adyton.client.transport import Transport
from adyton.client.view_keeper import ViewKeeper
from adyton.core import limits
from adyton.core.errors import Error, PolicyError, UsageError
from adyton.protocol.envelope import Invite, Request, SignedRequest, task_hash
from adyton.protocol.evidence import NodeEvidence


def wall_clock_ms() -> int:
    """Return the client's clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


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
        self.patience = Patience(sleep)
        self._invite = invite
        self._server = transport.server
        self._lock = threading.RLock()
        self._bound: _Bound | None = None

    def close(self) -> None:
        """Close connections and files."""
        self.api.transport.close()
        with self._lock:
            bound, self._bound = self._bound, None
        if bound is not None:
            bound.store.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- trust ----------------------------------------------------------------------------------

    def trust(self, fingerprint: bytes, *, replace_pin: bool = False) -> NodeAppraisal:
        """Pin this server: appraise it under a fingerprint that came another way, and keep what
        that covers.

        Raises:
            UsageError: `exists`, another fingerprint is pinned for this server and `replace_pin` is
                not set.
            EvidenceError: the server is not the one that the fingerprint names, or a step does not
                hold.
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
        """Return the appraisal of the server's node; at most `limits.APPRAISAL_REUSE_S` old unless
        `fresh`.

        Raises:
            PolicyError: `not_trusted`, no fingerprint is pinned. EvidenceError: a step does not
                hold.
        """
        return self.keeper.appraise(fresh=fresh)[0]

    def first_contact(self) -> None:
        """Have server key and tickets at hand, so that the next request is one round trip."""
        self._chain().keys.refill()

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

    @property
    def exchange(self) -> Exchange:
        """Carries this client's requests to the server's chain."""
        return self._chain().exchange

    def _chain(self) -> _Bound:
        with self._lock:
            if self._bound is None:
                pin = self.keystore.pin(self._server)
                if pin is None:
                    raise PolicyError("not_trusted", f"no fingerprint is pinned for {self._server}")
                store = self.keystore.chain(pin.chain_id)
                keeper = ViewKeeper(store, self.api, pin, self.policy, self.now_ms)
                keys = ServerKeys(store, self.api, self.keystore.identity, keeper, self._invite)
                exchange = Exchange(self.api, store, keeper, keys, self.now_ms, self.patience)
                self._bound = _Bound(pin, store, keeper, keys, exchange)
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

        The envelope is on disk before it is sent: after any failure, `resume` sends identical bytes
        again.

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
        record, request = self._pending(app, method, arguments, ordering, name, claimed)
        return self.exchange.carry_out(record, keep=keep, request=request)

    def request_all(
        self,
        app: str,
        method: str,
        arguments: Sequence[bytes],
        *,
        ordering: str = "single-host",
        names: Sequence[str] = (),
        keep: bool = False,
    ) -> list[Accepted | Error]:
        """Have many requests of one kind carried out, `limits.BATCH_ENVELOPES` in one round trip.

        Each is a request of its own, with its own envelope, entry and proof; each one's outcome is returned in its
        place. Else as `request`.

        Args:
            arguments: of each.
            names: of each, for the client's own list; may be shorter.

        Raises:
            Error: the first round trip had no answer. Where a later one has none, its error stands in the place of each
                request from there on. The requests of that round trip stay pending, and those after it were not made.
        """
        outcomes: list[Accepted | Error] = []
        titles = [*names, *[""] * len(arguments)]
        while len(outcomes) < len(arguments):
            start = len(outcomes)
            end = start + _batch(arguments[start:])
            try:
                records = [
                    self._pending(app, method, encoded, ordering, title, None)[0]
                    for encoded, title in zip(arguments[start:end], titles[start:end], strict=True)
                ]
                outcomes += self.exchange.carry_out_all(records, keep=keep)
            except Error as problem:
                if not outcomes:
                    raise
                # The keys to what was recorded before lie in its outcomes alone.
                outcomes += [problem] * (len(arguments) - start)
        return outcomes

    def _pending(
        self,
        app: str,
        method: str,
        arguments: bytes,
        ordering: str,
        name: str,
        claimed: KnownClaims | None,
    ) -> tuple[RequestRecord, Request]:
        """Sign, seal and keep a request that is to be sent."""
        signed, request = self._signed(app, method, arguments, ordering)
        envelope = self._chain().keys.seal(signed, request.chain_id, "request").encode()
        record = RequestRecord(
            request_id=request.request_id,
            task_hash=task_hash(envelope),
            app=app,
            method=method,
            name=name,
            created_ms=self.now_ms(),
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
        return record, request

    def resume(self, request_id: bytes, *, keep: bool = True) -> Accepted:
        """Send a pending request again, in identical bytes; one request has one effect.

        Raises:
            UsageError: no such request, or it is not pending. Else as `request`.
        """
        record = self.store.request(request_id)
        if record is None or record.state != PENDING:
            raise UsageError("not_found", "no pending request of that id")
        return self.exchange.carry_out(record, keep=keep)

    # --- reads ----------------------------------------------------------------------------------

    def read(self, app: str, method: str, arguments: bytes) -> bytes:
        """Return the encoded result of a read: answered at once, recorded nowhere.

        Raises:
            RollbackError: the answer is of a ledger older than what was seen. Else as `request`.
        """
        signed, _ = self._signed(app, method, arguments, "single-host")
        return self.exchange.read(signed)

    def _signed(
        self, app: str, method: str, arguments: bytes, ordering: str
    ) -> tuple[SignedRequest, Request]:
        identity, chain_id = self.keystore.identity, self.pin.chain_id
        request_id = secrets.token_bytes(32)
        # The server's clock may be behind: the window begins earlier by what the clocks may differ.
        not_before = max(0, self.now_ms() - limits.CLOCK_SKEW_MS)
        request = Request(
            client_key=identity.signing_key.public,
            request_id=request_id,
            not_before_ms=not_before,
            expiry_ms=not_before + limits.WINDOW_MS,
            chain_id=chain_id,
            incarnation=self.appraise().epoch.incarnation,
            app=app,
            method=method,
            arguments=arguments,
            response_key=identity.response_key(chain_id, request_id),
            result_key=identity.result_key(chain_id, request_id),
            ordering=ordering,
        )
        return SignedRequest.sign(request, identity.signing_key), request


def _batch(arguments: Sequence[bytes]) -> int:
    """Return how many of the requests go in one round trip, at least one."""
    size = 0
    for count, encoded in enumerate(arguments[: limits.BATCH_ENVELOPES]):
        # An envelope is padded by an eighth at most, and has less than 2 KiB around the arguments.
        size += len(encoded) * 9 // 8 + 2 * limits.KIB
        if count and size > limits.BATCH_BYTES:
            return count
    return min(len(arguments), limits.BATCH_ENVELOPES)


@dataclass(frozen=True)
class _Bound:
    """What a session has once it knows its chain."""

    pin: Pin
    store: ChainStore
    keeper: ViewKeeper
    keys: ServerKeys
    exchange: Exchange
