"""A `Transport` over MQTT: one message for each exchange, through a broker and a gateway that can read neither."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from adyton.client.transport import CBOR, TIMEOUT_S, Reply
from adyton.core import limits
from adyton.core.errors import (
    Error,
    MalformedError,
    PolicyError,
    UnavailableError,
    UsageError,
    VerificationError,
)
from adyton.mqtt import topics
from adyton.mqtt.address import read_address
from adyton.mqtt.identity import Identity
from adyton.mqtt.link import NOBODY_LISTENS, NOT_AUTHORIZED, Incoming, Link, Outgoing
from adyton.protocol.relay import RelayRequest, RelayResponse

CORRELATION: Final = 16
SESSION_S: Final = 3600  # the broker holds answers so long for a device that lost its connection
_STATUS: Final = 4 * limits.KIB


@dataclass
class _Waiting:
    """An exchange that has no answer yet."""

    packet: bytes
    deadline: float
    answered: threading.Event = field(default_factory=threading.Event)
    unverified: bytes = b""
    problem: Error | None = None
    unheard: bool = False
    sent_over: int = 0  # the connection's number


class MqttTransport:
    """Exchanges by way of a broker and a gateway; usable from several threads.

    When the broker or the gateway was away, what is unanswered is sent again: every request of ours has one effect
    however often its bytes arrive. Answers are taken once; a second one of the same exchange is dropped.

    Args:
        url: `mqtts://broker:port/gateway`.
        identity: the device's certificate for the broker; its common name is the device's name there.
        on_event: gets what the gateway reports of this device's transactions, unverified JSON; on the link's thread.
    """

    def __init__(
        self, url: str, identity: Identity, *, on_event: Callable[[bytes], None] | None = None
    ) -> None:
        address = read_address(url)
        self._server = str(address)
        self._gateway = address.gateway
        self._device = topics.require_name(identity.common_name(), "a certificate's common name")
        instance = secrets.token_hex(8)
        self._request = topics.request(self._gateway, self._device, instance)
        self._response = topics.response(self._gateway, self._device, instance)
        self._events = topics.events(self._gateway, self._device)
        self._on_event = on_event
        self._lock = threading.Lock()
        self._waiting: dict[bytes, _Waiting] = {}
        self._boot: str | None = None
        self._started = self._closed = False
        self._link = Link(
            (address.host, address.port),
            identity,
            client_id=f"adyton-{secrets.token_hex(16)}",
            session_s=SESSION_S,
            topics=(self._response, self._events, topics.status(self._gateway)),
            on_message=self._received,
            on_up=self._connected,
        )

    @property
    def server(self) -> str:
        """The normalised URL of the gateway's server."""
        return self._server

    def close(self) -> None:
        """Disconnect; exchanges that wait end as unavailable."""
        with self._lock:
            started, self._closed = self._started, True
            waiting, self._waiting = list(self._waiting.values()), {}
        for one in waiting:
            if not one.answered.is_set():
                one.problem = _closed()
                one.answered.set()
        if started:
            self._link.close()

    def exchange(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        content_type: str = CBOR,
        max_bytes: int,
        timeout_s: float = TIMEOUT_S,
    ) -> Reply:
        """Send one request and return the reply; see `Transport.exchange`.

        Raises:
            PolicyError: `not_authorized`: the broker's rules refuse this certificate.
            UsageError: `too_large`: the body is over `limits.RELAY_BODY`; HTTP takes more.
        """
        if body is not None and len(body) > limits.RELAY_BODY:
            raise UsageError("too_large", f"a body over {limits.RELAY_BODY} bytes needs HTTP")
        kind = content_type if body is not None else ""
        request = RelayRequest(method, target, kind, body, min(max_bytes, limits.UINT_MAX))
        correlation = secrets.token_bytes(CORRELATION)
        waiting = _Waiting(request.encode(), time.monotonic() + timeout_s)
        self._start()
        with self._lock:
            # Nobody would end it any more.
            if self._closed:
                raise _closed()
            self._waiting[correlation] = waiting
        try:
            if self._link.up:
                self._send_once(correlation, waiting)
            waiting.answered.wait(timeout_s)
        finally:
            with self._lock:
                self._waiting.pop(correlation, None)
        return self._reply(waiting, max_bytes)

    def hand_over(self, message: bytes, timeout_s: float = TIMEOUT_S) -> None:
        """Give a message of the form `tx` to the gateway; return when the broker has it.

        Raises:
            UnavailableError: the broker does not take it in time. PolicyError: `not_authorized`.
        """
        self._start()
        taken = threading.Event()
        reasons: list[int] = []

        def acknowledged(reason: int) -> None:
            reasons.append(reason)
            taken.set()

        if not self._link.wait_up(timeout_s):
            raise UnavailableError("unreachable", self._link.problem)
        topic = topics.transactions(self._gateway, self._device)
        self._link.publish(Outgoing(topic, message), acknowledged)
        if not taken.wait(timeout_s):
            raise UnavailableError("timeout", "the broker has not taken the transaction in time")
        problem = _refusal(reasons[0])
        if problem is not None:
            raise problem
        if reasons[0] == NOBODY_LISTENS:
            raise UnavailableError("unreachable", "no gateway of that name listens at this broker")

    def _start(self) -> None:
        with self._lock:
            if self._closed:
                raise _closed()
            if not self._started:
                self._started = True
                self._link.start()

    def _send(self, correlation: bytes, waiting: _Waiting) -> None:
        left = waiting.deadline - time.monotonic()
        if left <= 0:
            return

        def acknowledged(reason: int) -> None:
            waiting.unheard = reason == NOBODY_LISTENS
            problem = _refusal(reason)
            if problem is not None:
                waiting.problem = problem
                waiting.answered.set()

        message = Outgoing(self._request, waiting.packet, correlation, max(1, round(left)))
        self._link.publish(message, acknowledged)

    def _send_once(self, correlation: bytes, waiting: _Waiting) -> None:
        # Whoever asks just when the connection comes to stand would send beside the link's own thread.
        with self._lock:
            if waiting.sent_over == self._link.connection:
                return
            waiting.sent_over = self._link.connection
        self._send(correlation, waiting)

    def _connected(self) -> None:
        for correlation, one in self._unanswered():
            self._send_once(correlation, one)

    def _send_again(self) -> None:
        for correlation, one in self._unanswered():
            self._send(correlation, one)

    def _unanswered(self) -> list[tuple[bytes, _Waiting]]:
        with self._lock:
            waiting = list(self._waiting.items())
        return [(correlation, one) for correlation, one in waiting if not one.answered.is_set()]

    def _received(self, message: Incoming) -> None:
        if message.topic == self._response:
            with self._lock:
                waiting = self._waiting.get(message.correlation or b"")
            if waiting is not None and not waiting.answered.is_set():
                waiting.unverified = message.payload
                waiting.answered.set()
        elif message.topic == self._events:
            if self._on_event is not None:
                self._on_event(message.payload)
        else:
            self._heard_status(message.payload)

    def _heard_status(self, unverified: bytes) -> None:
        """Send again what a gateway cannot have that was not there, or began anew."""
        try:
            said: Any = json.loads(unverified[:_STATUS])
        except (ValueError, RecursionError):
            return
        if not isinstance(said, dict) or said.get("status") != "online":
            return
        boot = str(said.get("boot"))
        with self._lock:
            before, self._boot = self._boot, boot
            unheard = any(one.unheard for one in self._waiting.values())
        if unheard or (before is not None and before != boot):
            self._send_again()

    def _reply(self, waiting: _Waiting, max_bytes: int) -> Reply:
        if waiting.problem is not None:
            raise waiting.problem
        if not waiting.answered.is_set():
            if not self._link.up:
                raise UnavailableError("unreachable", self._link.problem)
            if waiting.unheard:
                raise UnavailableError(
                    "unreachable", "no gateway of that name listens at this broker"
                )
            raise UnavailableError(
                "timeout",
                "no answer from the gateway in time; does the broker let this device read its answers?",
            )
        try:
            response = RelayResponse.decode(waiting.unverified)
        except MalformedError as problem:
            raise VerificationError(
                "answer_invalid", "the answer is not a relayed one"
            ) from problem
        if not 200 <= response.status <= 599 or 300 <= response.status < 400:
            raise VerificationError("answer_invalid", "the answer has no status that is understood")
        if len(response.body) > max_bytes:
            raise MalformedError("too_large", f"the answer is over {max_bytes} bytes")
        kind = response.content_type.partition(";")[0].strip().lower()
        return Reply(response.status, kind, response.body)


def _closed() -> UnavailableError:
    return UnavailableError("unreachable", "the connection was closed")


def _refusal(reason: int) -> Error | None:
    if reason == NOT_AUTHORIZED:
        return PolicyError(
            "not_authorized", "the broker does not let this certificate publish to the gateway"
        )
    if reason >= 0x80:
        return UnavailableError("overloaded", f"the broker refuses the message: reason {reason:#x}")
    return None
