"""The file receiver: opens envelopes, authenticates, places in time, deduplicates.

Opening needs nothing but keys, and is done for a whole block before any of it is executed. Admission needs the state:
one record per request, under (client key, request id). It keeps the request from acting twice, its ticket from being
spent twice, and is the client's own index of what it has asked. The record of a refused request expires with request
and ticket; of one that was carried out it stays.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, TypeVar

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import (
    Error,
    InvariantError,
    MalformedError,
    PolicyError,
    VerificationError,
)
from adyton.core.recent import Recent
from adyton.core.schema import Bytes32, Code, Message, Uint, message
from adyton.enclave.apps.base import Call
from adyton.enclave.keys import Keys
from adyton.enclave.state import Loaded, State
from adyton.protocol.envelope import (
    Envelope,
    Request,
    SignedRequest,
    Word,
    envelope_info,
    open_padded,
    task_hash,
)

APP: Final = "intake"
_READS_KEPT: Final = 2**16
_A = TypeVar("_A")
_B = TypeVar("_B")
_HPKE: Final = {"request": Context.HPKE_REQUEST, "read": Context.HPKE_READ}


@message("intake/1", max_bytes=512)
class IntakeRecord(Message):
    """That a request was executed.

    Attributes:
        signed: digest of the signed request, to tell a repetition from another request of the same id.
        ticket: digest of the ticket that named it; a ticket serves one request.
        ticket_ends_ms: after which the ticket is refused for its age.
        task_hash: of the envelope that was executed.
        exec_id: of its execution.
        app: what was asked; with the method.
        height: of its block.
        time_ms: of its block.
        code: empty, or why it was refused.
    """

    signed: Bytes32
    ticket: Bytes32
    ticket_ends_ms: Uint
    task_hash: Bytes32
    exec_id: Bytes32
    app: Word
    method: Word
    height: Uint
    time_ms: Uint
    code: Code


class Opened(NamedTuple):
    """An authentic request: opened, signed by the client that the ticket names, for this chain."""

    request: Request
    signed: bytes
    ticket: bytes
    ticket_ends_ms: int
    task_hash: bytes
    epoch: int

    def __repr__(self) -> str:
        return f"<Opened {self.task_hash.hex()[:16]}>"


class _Named(NamedTuple):
    """An envelope whose ticket names a client."""

    unverified: bytes
    envelope: Envelope
    client_key: bytes
    ticket_ends_ms: int

    def __repr__(self) -> str:
        return "<_Named>"


class _Unsealed(NamedTuple):
    """What was in it; authentic once `_verified` has let it through."""

    named: _Named
    signed: SignedRequest


def _verified(unsealed: _Unsealed) -> _Unsealed:
    # 4
    unsealed.signed.verify_signature(unsealed.named.client_key)
    return unsealed


def _each(items: Iterable[_A | Error], step: Callable[[_A], _B]) -> list[_B | Error]:
    """Return what the step makes of each item, or why it does not; what has failed before stays as it is."""
    made: list[_B | Error] = []
    for item in items:
        if isinstance(item, Error):
            made.append(item)
            continue
        try:
            made.append(step(item))
        except InvariantError:
            raise
        except Error as problem:
            made.append(problem)
    return made


class Repeated(PolicyError):
    """The request was recorded before.

    Attributes:
        original: task hash of the entry that was executed.
        identical: whether it came in the very same envelope.
    """

    def __init__(self, original: bytes, identical: bool) -> None:
        super().__init__("replayed", "this request was already recorded")
        self.original = original
        self.identical = identical


class Intake:
    """Opens and admits requests of one chain."""

    def __init__(self, keys: Keys, state: State) -> None:
        self._keys = keys
        self._state = state
        # Spent tickets that have not expired; rebuilt from the records when the state is loaded.
        self._spent: dict[bytes, bytes] = {}
        self._spent_queue: list[tuple[int, bytes]] = []
        self._read = Recent[bytes, bool](_READS_KEPT)

    def visit(self, loaded: Loaded) -> None:
        """Take up a record met while the state is loaded."""
        if loaded.app == APP:
            self._remember(loaded.name, loaded.message(IntakeRecord))

    def open(self, unverified: bytes, purpose: str, now_ms: int) -> Opened:
        """Open an envelope and authenticate its client.

        Steps, as in `docs/spec/envelope.md`:
          1. the bytes are one envelope, for this chain and purpose;
          2. its epoch is open, and its ticket is of that epoch and has not ended;
          3. it opens with the server key of the client that the ticket names;
          4. the signed request verifies under that client's key and names it;
          5. the request is for this chain and incarnation.

        Trust: the bytes come from the host or from anybody through it.

        Raises:
            MalformedError: step 1, 3 or 4. PolicyError: step 2 or 5. VerificationError: step 1 to 5.
        """
        (opened,) = self.open_each((unverified,), purpose, now_ms)
        if isinstance(opened, Error):
            raise opened
        return opened

    def open_each(
        self, unverified: Sequence[bytes], purpose: str, now_ms: int
    ) -> list[Opened | Error]:
        """Return for each envelope what `open` returns or raises.

        Every step is taken for all of them before the next: its code and tables stay in the processor's cache.
        """
        named = _each(unverified, lambda one: self._named(one, purpose, now_ms))
        unsealed = _each(named, self._unsealed)
        verified = _each(unsealed, _verified)
        return _each(verified, self._opened)

    def _named(self, unverified: bytes, purpose: str, now_ms: int) -> _Named:
        # 1
        envelope = Envelope.decode(unverified)
        if envelope.chain_id != self._keys.chain_id:
            raise VerificationError("wrong_chain", "the envelope is for another chain")
        if envelope.purpose != purpose:
            raise MalformedError("malformed", f"not an envelope for a {purpose}")
        # 2
        client_key, ticket_ends_ms = self._keys.open_ticket(envelope.ticket, envelope.epoch, now_ms)
        return _Named(unverified, envelope, client_key, ticket_ends_ms)

    def _unsealed(self, named: _Named) -> _Unsealed:
        # 3
        envelope = named.envelope
        info = envelope_info(envelope.chain_id, envelope.epoch, envelope.ticket)
        server_key = self._keys.server(envelope.epoch, named.client_key)
        opened = server_key.open(envelope.sealed, _HPKE[envelope.purpose], *info)
        return _Unsealed(named, open_padded(opened))

    def _opened(self, verified: _Unsealed) -> Opened:
        # 4, after `_verified`
        (unverified, envelope, client_key, ticket_ends_ms), signed = verified
        request = Request.decode(signed.body)
        if request.client_key != client_key:
            raise VerificationError("bad_signature", "the request names another client")
        # 5
        if request.chain_id != self._keys.chain_id:
            raise VerificationError("wrong_chain", "the request is for another chain")
        if request.incarnation != self._keys.incarnation:
            raise PolicyError("wrong_incarnation", "the request is for another incarnation")
        return Opened(
            request,
            signed.digest(),
            digest(Context.TICKET_ID, envelope.ticket),
            ticket_ends_ms,
            task_hash(unverified),
            envelope.epoch,
        )

    def require_window(self, request: Request, now_ms: int) -> None:
        """Refuse a request outside its window.

        Raises:
            PolicyError: too early, too late, or a window longer than an hour.
        """
        if request.expiry_ms - request.not_before_ms > limits.WINDOW_MS:
            raise PolicyError("window_too_long", "a window is at most an hour")
        if now_ms < request.not_before_ms:
            raise PolicyError("not_yet_valid", "the request's window has not begun")
        if now_ms >= request.expiry_ms:
            raise PolicyError("expired", "the request's window has ended")

    def admit(self, opened: Opened, time_ms: int) -> None:
        """Refuse a request that must not be executed now.

        Raises:
            Repeated: it was executed before.
            PolicyError: outside its window, its id was used by another request, or its ticket was.
        """
        request = opened.request
        name = request.client_key + request.request_id
        held = self._state.get(APP, name)
        if held is not None:
            record = IntakeRecord.decode(held)
            if record.signed != opened.signed:
                raise PolicyError("request_id_reused", "the request id was used by another request")
            raise Repeated(record.task_hash, record.task_hash == opened.task_hash)
        self.require_window(request, time_ms)
        if self._spent.get(opened.ticket, name) != name:
            raise PolicyError("ticket_spent", "the ticket was used by another request")

    def spend_on_read(self, opened: Opened) -> None:
        """Refuse a read whose ticket was used; remembered in memory alone, for the newest reads.

        Raises:
            PolicyError: the ticket was spent by a request or a read.
        """
        if opened.ticket in self._spent or opened.ticket in self._read:
            raise PolicyError("ticket_spent", "the ticket was used before")
        self._read.put(opened.ticket, True)

    def outdated(self, opened: Opened, time_ms: int) -> PolicyError | None:
        """Return why a request that was never executed cannot be any more, or yet; None where it can, or was."""
        request = opened.request
        if self._state.has(APP, request.client_key + request.request_id):
            return None
        try:
            self.require_window(request, time_ms)
        except PolicyError as problem:
            return problem
        return None

    def record(self, opened: Opened, call: Call, code: str) -> None:
        """Record that the request was executed, and whether it was refused."""
        request = opened.request
        name = request.client_key + request.request_id
        record = IntakeRecord(
            opened.signed,
            opened.ticket,
            opened.ticket_ends_ms,
            opened.task_hash,
            call.exec_id,
            request.app,
            request.method,
            call.height,
            call.time_ms,
            code,
        )
        expires_ms = max(request.expiry_ms, opened.ticket_ends_ms) if code else None
        self._state.set(APP, name, record.encode(), expires_ms=expires_ms)
        self._remember(name, record)

    def forget_ended(self, time_ms: int) -> None:
        """Forget spent tickets that would be refused for their age."""
        while self._spent_queue and self._spent_queue[0][0] <= time_ms:
            self._spent.pop(heapq.heappop(self._spent_queue)[1], None)

    def _remember(self, name: bytes, record: IntakeRecord) -> None:
        self._spent[record.ticket] = name
        heapq.heappush(self._spent_queue, (record.ticket_ends_ms, record.ticket))
