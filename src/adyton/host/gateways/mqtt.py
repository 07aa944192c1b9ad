"""The MQTT gateway: one link to a broker, what comes over it given to its part, and a status that says it is there."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from adyton.core.errors import PolicyError, UnavailableError
from adyton.host.gateways import reports
from adyton.host.gateways.broadcaster import Broadcaster
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.relay import Relay
from adyton.host.gateways.upstream import Upstream
from adyton.mqtt import topics
from adyton.mqtt.identity import Identity
from adyton.mqtt.link import Incoming, Link, Outgoing

START_S: Final = 20.0
_DRAIN_S: Final = 3.0
_SELF_TEST: Final = "selftest"
_SELF_TEST_S: Final = 10.0
_log = logging.getLogger("adyton.gateway")


@dataclass(frozen=True)
class GatewaySettings:
    """What a gateway is started with.

    Attributes:
        name: in the topics.
        client_id: names its session at the broker.
        session_s: how long the broker keeps that session without a connection.
        chain: chain id of what it broadcasts; None where it broadcasts nothing.
    """

    name: str
    server: str
    broker: tuple[str, int]
    identity: Identity
    client_id: str
    session_s: int = 0
    chain: int | None = None


class MqttGateway:
    """Relays between a broker and a node, from `start` to `close`.

    Trust: runs in the untrusted host, as the broker does: both see who speaks, when, and how much.
    """

    def __init__(self, settings: GatewaySettings, counters: Counters) -> None:
        self.settings = settings
        self.counters = counters
        self.broadcaster: Broadcaster | None = None
        self._boot = secrets.token_hex(8)
        self._node = Upstream(settings.server)
        self._nonce = secrets.token_bytes(32)
        self._settled = threading.Event()
        name = settings.name
        self._self_test = topics.request(name, name, _SELF_TEST)
        self._link = Link(
            settings.broker,
            settings.identity,
            client_id=settings.client_id,
            session_s=settings.session_s,
            topics=(topics.request(name, "+", "+"), topics.transactions(name, "+")),
            on_message=self._received,
            on_up=self._came_up,
            will=self._status("offline"),
        )
        self._relay = Relay(name, self._node, self._link.publish, counters)

    def start(self) -> None:
        """Connect, and return when the broker is known to deliver.

        Raises:
            UnavailableError: the broker is not there. PolicyError: `not_authorized`: its rules are not as they must be.
        """
        self._link.start()
        if not self._link.wait_up(START_S):
            raise UnavailableError("unreachable", self._link.problem)
        # A broker may grant a subscription and deliver nothing. What it lets through is seen, not believed.
        refused = threading.Event()

        def acknowledged(reason: int) -> None:
            if reason >= 0x80:
                refused.set()
                self._settled.set()

        self._link.publish(
            Outgoing(self._self_test, self._nonce, expiry_s=round(START_S)), acknowledged
        )
        if not self._settled.wait(_SELF_TEST_S) or refused.is_set():
            topic = f"{topics.PREFIX}/{self.settings.name}/#"
            done = "lets this gateway publish nothing" if refused.is_set() else "delivers nothing"
            raise PolicyError(
                "not_authorized", f"the broker {done}; let it read and write {topic} in its rules"
            )

    def publish(self, message: Outgoing, acknowledged: Callable[[int], None] | None = None) -> None:
        """Give a message to the broker; see `Link.publish`."""
        self._link.publish(message, acknowledged)

    def close(self) -> None:
        """Say goodbye, and end."""
        self._relay.close()
        # Whoever waits for the node is told that there is no answer, before the gateway is gone.
        self._node.close()
        if self._link.up:
            self._relay.drain(_DRAIN_S)
        self._link.close(self._status("offline"))

    def _came_up(self) -> None:
        self._link.publish(self._status("online"))
        if self.broadcaster is not None:
            self.broadcaster.came_up()

    def _status(self, status: str) -> Outgoing:
        said = reports.status(status, self._boot, self.settings.chain)
        return Outgoing(topics.status(self.settings.name), said, retain=True)

    def _received(self, message: Incoming) -> None:
        name = self.settings.name
        if message.topic == self._self_test:
            if secrets.compare_digest(message.payload, self._nonce):
                self._settled.set()
            return
        if message.retained:
            # A request that the broker keeps would be made anew with each connection.
            self.counters.dropped("retained")
            return
        sender = topics.sender_of_request(name, message.topic)
        if sender is not None:
            self._relay.offer(sender, message)
            return
        sender = topics.sender_of_transaction(name, message.topic)
        if sender is None:
            self.counters.dropped("topic")
        elif self.broadcaster is None:
            self.counters.dropped("no chain")
            told = reports.refusal(reports.NO_CHAIN, "this gateway broadcasts nothing")
            self._link.publish(Outgoing(topics.events(name, sender.device), told))
        else:
            self.broadcaster.take(sender, message.payload)
