"""One connection to a broker, kept up through the broker's restarts: MQTT v5 over TLS 1.3 with a certificate.

What a broker refuses surfaces here: in the reason of a SUBACK, and in that of each PUBACK. A broker may grant a
subscription and deliver nothing all the same; whoever must know subscribes and sends itself a message.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
_WATCH_S: Final = 2.0
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

    Callbacks run on the link's own thread: they must not wait, and what they raise is logged and forgotten.

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
        self._early: dict[int, int] = {}
        self._warden = threading.Thread(target=self._watch, name="mqtt-warden", daemon=True)
        self.problem = "the broker does not answer"
        self.connection = 0  # how often the subscriptions have come to stand
        made = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        made.suppress_exceptions = True
        made.tls_set_context(identity.context())
        made.max_queued_messages_set(_QUEUED)
        made.reconnect_delay_set(*_RETRY_S)
        made.on_socket_open = _without_delay
        made.on_connect = self._connected
        made.on_connect_fail = self._failed
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
        self._client.loop_start()
        self._warden.start()

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
        info = self._client.publish(
            message.topic, message.payload, qos=1, retain=message.retain, properties=properties
        )
        if info.rc == paho.MQTT_ERR_QUEUE_SIZE:
            raise UnavailableError("overloaded", "too much waits for the broker")
        # The acknowledgement may come before the message's number is known here: each side looks for the other's.
        self._waiting[info.mid] = acknowledged or _unawaited
        early = self._early.pop(info.mid, None)
        if early is not None:
            self._tell(info.mid, early)

    def close(self, last: Outgoing | None = None, timeout_s: float = 5.0) -> None:
        """Publish a last message, disconnect in order, and end."""
        if last is not None and self.up:
            sent = threading.Event()
            self.publish(last, lambda _: sent.set())
            sent.wait(timeout_s)
        self._closed.set()
        self._client.disconnect()
        self._client.loop_stop()

    def _watch(self) -> None:
        while not self._closed.wait(_WATCH_S):
            # The library's thread ends with whatever it makes of hostile packets; started twice, it stays one.
            if self._client.loop_start() == paho.MQTT_ERR_SUCCESS:
                _log.error("the connection to the broker broke, and begins anew")
                self._up.clear()
                with contextlib.suppress(OSError, ValueError):
                    self._client.reconnect()

    def _connected(
        self, client: paho.Client, _: Any, flags: Any, reason: ReasonCode, __: Any
    ) -> None:
        if reason.is_failure:
            self.problem = f"the broker refuses the connection: {reason}"
            _log.warning("%s", self.problem)
            return
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

    def _failed(self, _: paho.Client, __: Any) -> None:
        why = sys.exc_info()[1]
        self.problem = f"the broker cannot be reached: {why}" if why else "the broker is away"

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
        if number not in self._waiting:
            self._early[number] = reason.value
            if number not in self._waiting or self._early.pop(number, None) is None:
                return
        self._tell(number, reason.value)

    def _tell(self, number: int, reason: int) -> None:
        acknowledged = self._waiting.pop(number, None)
        if acknowledged is not None:
            acknowledged(reason)

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


def _properties(packet: int, **values: Any) -> Properties:
    made = Properties(packet)  # type: ignore[no-untyped-call]  # the one untyped class of the library
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
