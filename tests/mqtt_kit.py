"""A broker with the published rules, a gateway, and devices, as tests of MQTT have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import Keystore, Session
from adyton.client.mqtt_transport import MqttTransport
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.mqtt import GatewaySettings, MqttGateway
from adyton.mqtt.identity import Identity
from tests.broker import Broker
from tests.certificates import Credentials

EXAMPLE = Path(__file__).parents[1] / "examples" / "mqtt"
GATEWAY = "gateway-1"
# What the fixture sets by itself, for its own files and port.
_FIXTURES = (
    "listener tls_version cafile certfile keyfile require_certificate use_identity_as_username "
    "allow_anonymous acl_file set_tcp_nodelay persistence persistence_location"
).split()


def example_settings() -> dict[str, str]:
    """Return what the published mosquitto.conf says."""
    lines = (EXAMPLE / "mosquitto.conf").read_text().splitlines()
    said = [line for line in lines if line and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in said)


def example_broker(*, persistence: bool = False) -> Broker:
    """Return a broker with the published rules and settings."""
    left = {name: value for name, value in example_settings().items() if name not in _FIXTURES}
    settings = "".join(f"{name} {value}\n" for name, value in left.items())
    return Broker((EXAMPLE / "acl").read_text(), persistence=persistence, settings=settings)


def identity(credentials: Credentials) -> Identity:
    return Identity(credentials.ca, credentials.cert, credentials.key)


def url(broker: Broker, gateway: str = GATEWAY) -> str:
    return f"mqtts://127.0.0.1:{broker.port}/{gateway}"


@contextmanager
def gateway(
    broker: Broker, server: str, *, name: str = GATEWAY, client_id: str = "gateway-1-session"
) -> Iterator[MqttGateway]:
    """Give a running gateway, in this process."""
    settings = GatewaySettings(
        name,
        server,
        ("127.0.0.1", broker.port),
        identity(broker.certificate(name)),
        client_id,
    )
    made = MqttGateway(settings, Counters())
    try:
        made.start()
        yield made
    finally:
        made.close()


def session(home: Path, transport: MqttTransport, fingerprint: str) -> Session:
    """Return a session that has pinned the server, through the transport."""
    made = Session(Keystore(home), transport, AppraisalPolicy(allow_simulated=True))
    made.trust(bytes.fromhex(fingerprint))
    return made
