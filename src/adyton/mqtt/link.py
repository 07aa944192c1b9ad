"""One connection to a broker, kept up through the broker's restarts: MQTT v5 over TLS 1.3 with a certificate.

What a broker refuses surfaces here: in the reason of a SUBACK, and in that of each PUBACK. A broker may grant a
subscription and deliver nothing all the same; whoever must know subscribes and sends itself a message.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from adyton.core import limits
from adyton.core.errors import UnavailableError, UsageError
from adyton.mqtt.identity import Identity

NOT_AUTHORIZED: Final = 0x87
NOBODY_LISTENS: Final = 0x10
KEEP_ALIVE_S: Final = 30
_PROPERTIES: Final = 4 * limits.KIB  # topic and properties of a packet beside its payload
PACKET: Final = limits.RELAY + _PROPERTIES
_QUEUED: Final = 1024  # messages that wait for the broker
_RETRY_S: Final = (1, 15)
_TURN_MS: Final = 1000  # after which it is looked whether the connection lives
_log = logging.getLogger("adyton.mqtt")

# Called with the reason of the PUBACK: below 128 the broker has it, NOBODY_LISTENS among them.
Acknowledged = Callable[[int], None]


@dataclass(frozen=True)
class Incoming:
    """A message, all of it unverified.

    Attributes:
        correlation, response_topic: as the sender gave them, or None.
        expiry_s: seconds until nobody waits for it any more, or None.
    """

    topic: str
    payload: bytes
    correlation: bytes | None
    response_topic: str | None
    expiry_s: int | None
    retained: bool


@dataclass(frozen=True)
class Outgoing:
    """A message to publish, once at least."""

    topic: str
    payload: bytes
    correlation: bytes | None = None
    expiry_s: int | None = None
    retain: bool = False


class Link:
    """A connection, from `start` to `close`; usable from several threads.

    Callbacks run on the link's own thread, and nobody publishes meanwhile: they must not wait, nor take a lock that
    anybody holds who publishes. What they raise is logged and forgotten. Whoever publishes writes to the socket
    himself, for to wake a thread that does it takes as long as the broker does.

    Args:
        broker: host and port.
        identity: certificate files.
        client_id: names the session; nobody else should be able to guess it.
        session_s: how long the broker keeps subscriptions and messages while the connection is down.
        topics: to subscribe to.
        on_message: gets each message; it is acknowledged when that returns.
        on_up: called each time that the subscriptions stand.
        will: what the broker publishes when the connection is lost.

    Raises:
        UsageError: the files are not what they should be.
    """

    def __init__(
        self,
        broker: tuple[str, int],
        identity: Identity,
        *,
        client_id: str,
        session_s: int,
        topics: Sequence[str],
        on_message: Callable[[Incoming], None],
        on_up: Callable[[], None],
        will: Outgoing | None = None,
    ) -> None:
        self._topics = topics
        self._on_message = on_message
        self._on_up = on_up
        self._up = threading.Event()
        self._closed = threading.Event()
        self._waiting: dict[int, Acknowledged] = {}
        # Invariant: the library is called by whoever holds this, and by nobody else.
        self._calling = threading.RLock()
        self._waking: tuple[socket.socket, socket.socket] | None = None
        self._pause_s = _RETRY_S[0]
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self.problem = "the broker does not answer"
        self.connection = 0  # how often the subscriptions have come to stand
        made = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        made.suppress_exceptions = True
        made.tls_set_context(identity.context())
        made.max_queued_messages_set(_QUEUED)
        made.on_socket_open = _without_delay
        made.on_connect = self._connected
        made.on_disconnect = self._disconnected
        made.on_subscribe = self._subscribed
        made.on_publish = self._published
        made.on_message = self._received
        if will is not None:
            made.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        connect = _properties(
            PacketTypes.CONNECT, SessionExpiryInterval=session_s, MaximumPacketSize=PACKET
        )
        host, port = broker
        made.connect_async(host, port, KEEP_ALIVE_S, clean_start=False, properties=connect)
        self._client = made

    @property
    def up(self) -> bool:
        """Whether the subscriptions stand."""
        return self._up.is_set()

    def start(self) -> None:
        """Begin to connect, and go on until `close`."""
        self._waking = socket.socketpair()
        for end in self._waking:
            end.setblocking(False)
        self._thread.start()

    def wait_up(self, timeout_s: float) -> bool:
        """Wait until the subscriptions stand; tell whether they do."""
        return self._up.wait(timeout_s)

    def publish(self, message: Outgoing, acknowledged: Acknowledged | None = None) -> None:
        """Hand a message to the broker, when it is there again if it is not.

        Raises:
            UsageError: `too_large`.
            UnavailableError: `overloaded`: too much waits for the broker.
        """
        if len(message.payload) > limits.RELAY:
            raise UsageError("too_large", f"a message over {limits.RELAY} bytes")
        properties = _properties(
            PacketTypes.PUBLISH,
            CorrelationData=message.correlation,
            MessageExpiryInterval=message.expiry_s,
        )
        with self._calling:
            info = self._client.publish(
                message.topic, message.payload, qos=1, retain=message.retain, properties=properties
            )
            if info.rc == paho.MQTT_ERR_QUEUE_SIZE:
                raise UnavailableError("overloaded", "too much waits for the broker")
            # Its acknowledgement cannot come before this is let go.
            self._waiting[info.mid] = acknowledged or _unawaited
            left = self._client.want_write() or self._client.socket() is None
        if left and threading.current_thread() is not self._thread:
            self._wake()

    def close(self, last: Outgoing | None = None, timeout_s: float = 5.0) -> None:
        """Publish a last message, disconnect in order, and end."""
        if last is not None and self.up:
            sent = threading.Event()
            # Where too much waits, it ends without its last word.
            with contextlib.suppress(UnavailableError):
                self.publish(last, lambda _: sent.set())
                sent.wait(timeout_s)
        self._closed.set()
        with self._calling:
            self._client.disconnect()
        self._wake()
        if self._thread.is_alive():
            self._thread.join()
        waking, self._waking = self._waking, None
        for end in waking or ():
            end.close()

    # --- the link's own thread ------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._connect()
                while self._turn():
                    pass
            except Exception:  # noqa: BLE001  # it is logged, and the connection made anew
                # The library ends with whatever it makes of hostile packets.
                _log.exception("the connection to the broker broke, and begins anew")
            self._up.clear()
            self._closed.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _RETRY_S[1])

    def _connect(self) -> None:
        try:
            with self._calling:
                if not self._closed.is_set():
                    self._client.reconnect()
        except (OSError, ValueError) as problem:
            self.problem = f"the broker cannot be reached: {problem}"

    def _turn(self) -> bool:
        """Wait for the socket, and do what is to be done then; say whether the connection stands."""
        client, poll = self._client, select.poll()
        roused = -1
        if self._waking is not None:
            roused = self._waking[1].fileno()
            poll.register(roused, select.POLLIN)
        with self._calling:
            sock: Any = client.socket()
            if sock is None:
                return False
            poll.register(sock, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
            # What TLS has deciphered already shows at no socket.
            held = sock.pending() > 0
        ready = {descriptor for descriptor, _ in poll.poll(0 if held else _TURN_MS)}
        with self._calling:
            if roused in ready and self._waking is not None:
                self._waking[1].recv(4096)
            if held or ready - {roused}:
                client.loop_read()
            if client.want_write():
                client.loop_write()
            client.loop_misc()
            return client.socket() is not None

    def _wake(self) -> None:
        waking = self._waking  # whoever closes may take it away
        if waking is not None:
            with contextlib.suppress(OSError):  # full: it wakes all the same
                waking[0].send(b"!")

    def _connected(
        self, client: paho.Client, _: Any, flags: Any, reason: ReasonCode, __: Any
    ) -> None:
        if reason.is_failure:
            self.problem = f"the broker refuses the connection: {reason}"
            _log.warning("%s", self.problem)
            return
        self._pause_s = _RETRY_S[0]
        # A session that is still there has its subscriptions; made again, they change nothing.
        options = SubscribeOptions(qos=1)
        client.subscribe([(topic, options) for topic in self._topics])

    def _subscribed(
        self, _: paho.Client, __: Any, ___: int, reasons: list[ReasonCode], ____: Any
    ) -> None:
        refused = [
            topic
            for topic, reason in zip(self._topics, reasons, strict=False)
            if reason.is_failure or reason.value < 1
        ]
        if refused or len(reasons) != len(self._topics):
            self.problem = f"the broker refuses the subscription to {', '.join(refused)}"
            _log.warning("%s", self.problem)
            return
        self.connection += 1
        self._up.set()
        self._on_up()

    def _disconnected(
        self, _: paho.Client, __: Any, ___: Any, reason: ReasonCode, ____: Any
    ) -> None:
        if self._up.is_set():
            _log.info("the connection to the broker ended: %s", reason)
        elif not self._closed.is_set():
            self.problem = (
                f"the broker ends the connection: {reason}; is the certificate its own authority's?"
            )
        self._up.clear()

    def _published(
        self, _: paho.Client, __: Any, number: int, reason: ReasonCode, ___: Any
    ) -> None:
        acknowledged = self._waiting.pop(number, None)
        if acknowledged is not None:
            acknowledged(reason.value)

    def _received(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties
        self._on_message(
            Incoming(
                message.topic,
                bytes(message.payload),
                getattr(properties, "CorrelationData", None),
                getattr(properties, "ResponseTopic", None),
                getattr(properties, "MessageExpiryInterval", None),
                message.retain,
            )
        )


@cache
def _empty(packet: int) -> Properties:
    # The library makes three tables for each, which takes longer than to publish.
    return Properties(packet)  # type: ignore[no-untyped-call]  # the one untyped class of the library


def _properties(packet: int, **values: Any) -> Properties:
    made = copy(_empty(packet))
    for name, value in values.items():
        if value is not None:
            setattr(made, name, value)
    return made


def _without_delay(_: paho.Client, __: Any, sock: Any) -> None:
    # With Nagle's delay left on, a small answer waits for the acknowledgement of the one before: 88 ms instead of 1.4.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _unawaited(reason: int) -> None:
    if reason >= 0x80:
        _log.warning("the broker refuses a message: reason %#x", reason)
