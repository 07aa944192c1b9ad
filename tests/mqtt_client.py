"""An MQTT 5 client of tests: one connection, each step waited for, every refusal raised."""

from __future__ import annotations

import queue
import socket
import ssl
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.certificates import Credentials

_PATIENCE = 60.0
_PERSISTENT_SECONDS = 3600


class Refused(Exception):
    """The broker has refused a step, with its reason code in words."""


def tls_context(ca: Path, credentials: Credentials | None) -> ssl.SSLContext:
    """Believe one authority and, with credentials, present a certificate."""
    context = ssl.create_default_context(cafile=str(ca))
    if credentials is not None:
        context.load_cert_chain(str(credentials.cert), str(credentials.key))
    return context


class MqttClient:
    """A connection that is open when it is made.

    Args:
        persistent: the broker keeps the session, named by `client_id`, when the connection ends; what it has
            kept is delivered to the next one.

    Raises:
        Refused: the broker refused the connection after the handshake.
        OSError: there is no broker, or the handshake fails.
    """

    def __init__(
        self, port: int, context: ssl.SSLContext, client_id: str, *, persistent: bool = False
    ) -> None:
        self.session_present = False
        self._events: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.tls_set_context(context)
        self._client.on_socket_open = _without_delay
        self._client.on_connect = self._connected
        self._client.on_disconnect = lambda *fact: self._events.put(("end", fact[3]))
        self._client.on_publish = lambda *fact: self._events.put(("publish", fact[3]))
        self._client.on_subscribe = lambda *fact: self._events.put(("subscribe", fact[3][0]))
        self._client.on_message = lambda *fact: self._messages.put(fact[2])
        expiry = {"SessionExpiryInterval": _PERSISTENT_SECONDS} if persistent else {}
        self._client.connect(
            "127.0.0.1",
            port,
            keepalive=30,
            clean_start=not persistent,
            properties=_properties(PacketTypes.CONNECT, expiry),
        )
        self._client.loop_start()
        try:
            self._await("connect")
        except BaseException:
            self._client.loop_stop()
            raise

    def __enter__(self) -> MqttClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def publish(self, topic: str, payload: bytes, **properties: Any) -> None:
        """Publish with QoS 1 and wait for the broker's word; `properties` are those of MQTT 5, `ResponseTopic` say.

        Raises:
            Refused: the broker does not allow it.
        """
        made = _properties(PacketTypes.PUBLISH, properties)
        self._client.publish(topic, payload, qos=1, properties=made)
        self._await("publish")

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 1. A broker may grant what its ACL will not deliver."""
        self._client.subscribe(topic, qos=1)
        self._await("subscribe")

    def receive(self, timeout: float = _PATIENCE) -> MQTTMessage:
        """Return the next message.

        Raises:
            queue.Empty: none came in that time.
        """
        return self._messages.get(timeout=timeout)

    def close(self) -> None:
        """End the connection; a persistent session stays."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, *__: Any
    ) -> None:
        self.session_present = flags.session_present
        self._events.put(("connect", reason))

    def _await(self, step: str) -> None:
        kind, reason = self._events.get(timeout=_PATIENCE)
        if kind != step or reason.is_failure:
            raise Refused(f"{kind}: {reason}")


def _properties(packet: int, values: dict[str, Any]) -> Properties:
    made = Properties(packet)  # type: ignore[no-untyped-call]  # the one untyped class of the library
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _without_delay(client: Client, _: Any, opened: Any) -> None:
    # Small packets that wait for each other's acknowledgement take 40 ms each.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
