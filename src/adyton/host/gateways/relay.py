"""Relays devices' requests to a node, each for itself: bounded, one bad one never in the way of the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from adyton.core import limits
from adyton.core.errors import Error, InvariantError, MalformedError, UnavailableError, UsageError
from adyton.host.api.problems import CONTENT_TYPE, problem_body, status_of
from adyton.host.gateways.allowed import CBOR, OCTETS, require_allowed, waits_long
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.upstream import Upstream
from adyton.host.shares import Places, Rate
from adyton.mqtt import topics
from adyton.mqtt.link import Incoming, Outgoing
from adyton.protocol.relay import RelayRequest, RelayResponse

CORRELATION: Final = 16
IN_FLIGHT: Final = 256  # requests at one time
IN_FLIGHT_EACH: Final = 32  # of one device
LARGE: Final = 2 * limits.MIB  # who may get a larger answer takes a place of these as well
LARGE_IN_FLIGHT: Final = 16
LARGE_EACH: Final = 4
PER_SECOND: Final = 2000  # of all devices
PER_SECOND_EACH: Final = 500  # of one
_WORKERS: Final = 32
_PATIENT_WORKERS: Final = 128  # for requests whose answer the node may hold back
_TIMEOUT_S: Final = 120.0
_DRAIN_STEP_S: Final = 0.01
_ACCEPT: Final = f"{CBOR}, {CONTENT_TYPE.decode()}, {OCTETS}"
_log = logging.getLogger("adyton.gateway")


class Relay:
    """Between a broker and a node's HTTP interface.

    Trust: runs in the untrusted host. What is relayed is sealed and signed; nothing here opens or keeps any of it.

    Args:
        gateway: name in the topics.
        node: to relay to.
        publish: gives an answer to the broker, and is told the reason of its acknowledgement.
    """

    def __init__(
        self,
        gateway: str,
        node: Upstream,
        publish: Callable[[Outgoing, Callable[[int], None]], None],
        counters: Counters,
    ) -> None:
        self._gateway = gateway
        self._node = node
        self._publish = publish
        self._counters = counters
        self._lock = threading.Lock()
        self._places = Places(IN_FLIGHT, IN_FLIGHT_EACH, "requests of this device at one time")
        self._large = Places(
            LARGE_IN_FLIGHT, LARGE_EACH, "large requests of this device at one time"
        )
        self._rate = Rate(PER_SECOND_EACH, PER_SECOND)
        self._in_flight: set[tuple[topics.Sender, bytes]] = set()
        self._quick = ThreadPoolExecutor(_WORKERS, "relay")
        self._patient = ThreadPoolExecutor(_PATIENT_WORKERS, "relay-wait")

    def offer(self, sender: topics.Sender, message: Incoming) -> None:
        """Take a request; it is answered later, on its sender's own topic. Raises nothing."""
        correlation = message.correlation
        if correlation is None or len(correlation) != CORRELATION:
            # Nobody could tell whose answer it would be.
            self._counters.dropped("no correlation")
            return
        response = topics.response(self._gateway, *sender)
        if message.response_topic not in (None, response):
            self._refuse(
                sender,
                correlation,
                "foreign response topic",
                UsageError("bad_argument", "answers go to the device's own topic alone"),
            )
            return
        name = (sender, correlation)
        with self._lock:
            if name in self._in_flight:
                self._counters.dropped("duplicate")
                return
            try:
                self._rate.take(sender.device)
                self._places.take(sender.device)
            except UnavailableError as problem:
                full: UnavailableError | None = problem
            else:
                full = None
                self._in_flight.add(name)
                self._counters.in_flight.inc()
        if full is not None:
            self._refuse(sender, correlation, "over its share", full)
            return
        held = _Held(self, sender, correlation)
        try:
            self._begin(held, message)
        except Error as problem:
            reason = "malformed" if isinstance(problem, MalformedError) else "not allowed"
            if isinstance(problem, UnavailableError):
                reason = "over its share"
            self._counters.dropped(reason)
            self._answer(held, _problem(problem))
        except BaseException:
            held.free()
            raise

    def close(self) -> None:
        """Take no more; what is under way goes on to its end."""
        self._quick.shutdown(wait=False)
        self._patient.shutdown(wait=False)

    def drain(self, timeout_s: float) -> None:
        """Wait until the broker has every answer, or so long."""
        deadline = time.monotonic() + timeout_s
        while self._places.count and time.monotonic() < deadline:
            time.sleep(_DRAIN_STEP_S)

    def _begin(self, held: _Held, message: Incoming) -> None:
        request = RelayRequest.decode(message.payload)
        require_allowed(
            request.method,
            request.target,
            request.content_type,
            has_body=request.body is not None,
        )
        if max(request.most, len(request.body or b"")) > LARGE:
            with self._lock:
                self._large.take(held.sender.device)
            held.large = True
        workers = self._patient if waits_long(request.target) else self._quick
        deadline = time.monotonic() + min(message.expiry_s or _TIMEOUT_S, _TIMEOUT_S)
        try:
            workers.submit(self._carry, held, request, deadline)
        except RuntimeError as ending:
            raise UnavailableError("unreachable", "the gateway is ending") from ending

    def _carry(self, held: _Held, request: RelayRequest, deadline: float) -> None:
        began = time.monotonic()
        try:
            answer = self._asked(request, deadline)
        except Error as problem:
            answer = _problem(problem)
        except Exception:  # noqa: BLE001  # one request's defect is nobody else's, and its sender waits
            _log.exception("a request was not relayed")
            answer = _problem(InvariantError("invariant", "internal error"))
        self._counters.seconds.observe(time.monotonic() - began)
        self._answer(held, answer)

    def _asked(self, request: RelayRequest, deadline: float) -> RelayResponse:
        left = deadline - time.monotonic()
        if left <= 0:
            raise UnavailableError("overloaded", "the request waited too long at the gateway")
        headers = {"Accept": _ACCEPT}
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        answered = self._node.ask(
            request.method,
            request.target,
            request.body,
            headers,
            most=min(request.most, limits.RELAY_BODY),
            timeout_s=left,
        )
        return RelayResponse(answered.status, answered.content_type, answered.body)

    def _free(self, held: _Held) -> None:
        with self._lock:
            self._in_flight.discard((held.sender, held.correlation))
            self._places.free(held.sender.device)
            if held.large:
                self._large.free(held.sender.device)
            self._counters.in_flight.dec()

    def _refuse(
        self, sender: topics.Sender, correlation: bytes, reason: str, problem: Error
    ) -> None:
        self._counters.dropped(reason)
        self._publish_answer(sender, correlation, _problem(problem), _leave_it)

    def _answer(self, held: _Held, answer: RelayResponse) -> None:
        # From now on it may be asked again: the broker may lose the answer. Its place is free once the broker has it,
        # so that a device cannot pile answers up here.
        with self._lock:
            self._in_flight.discard((held.sender, held.correlation))
        if not self._publish_answer(held.sender, held.correlation, answer, lambda _: held.free()):
            held.free()

    def _publish_answer(
        self,
        sender: topics.Sender,
        correlation: bytes,
        answer: RelayResponse,
        acknowledged: Callable[[int], None],
    ) -> bool:
        topic = topics.response(self._gateway, *sender)
        message = Outgoing(topic, answer.encode(), correlation, round(_TIMEOUT_S))
        try:
            self._publish(message, acknowledged)
        except Error as problem:
            _log.warning("an answer was not published: %s", problem)
            return False
        self._counters.relayed(answer.status)
        return True


class _Held:
    """A request's place, given back once."""

    def __init__(self, relay: Relay, sender: topics.Sender, correlation: bytes) -> None:
        self._relay: Relay | None = relay
        self.sender = sender
        self.correlation = correlation
        self.large = False

    def free(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay._free(self)


def _leave_it(_: int) -> None:
    """Do nothing."""


def _problem(problem: Error) -> RelayResponse:
    status = status_of(problem)
    return RelayResponse(status, CONTENT_TYPE.decode(), problem_body(problem, status))
