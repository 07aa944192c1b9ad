"""A broker with the published rules, a gateway, and devices, as tests of MQTT have them."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adyton.attestation.policy import AppraisalPolicy
from adyton.client import Keystore, Session
from adyton.client.mqtt_transport import MqttTransport
from adyton.host.gateways.counters import Counters
from adyton.host.gateways.mqtt import GatewaySettings, MqttGateway
from adyton.mqtt.identity import Identity
from tests.broker import Broker
from tests.certificates import Credentials
from tests.e2e.command import ADYTON, START_S, environment

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


class GatewayProcess:
    """A running `adyton gateway mqtt`.

    Args:
        options: further flags.
    """

    def __init__(
        self, broker: Broker, server: str, directory: Path, *options: str, name: str = GATEWAY
    ) -> None:
        files = broker.certificate(name)
        self.log = directory / "gateway.log"
        self.facts: dict[str, Any] = {}
        self._command = [*ADYTON, "gateway", "mqtt", "--json", "--server", server]
        self._command += ["--broker", f"127.0.0.1:{broker.port}", "--ca", str(files.ca)]
        self._command += ["--cert", str(files.cert), "--key", str(files.key)]
        self._command += ["--data", str(directory / "gateway-data"), *options]
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the gateway is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it says that it is ready."""
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment()
            )
        timer = threading.Timer(START_S, self._process.kill)
        timer.start()
        said = ""
        try:
            for line in self._process.stdout or ():
                said += line
                if line == "}\n":
                    break
        finally:
            timer.cancel()
        self.facts = json.loads(said or "{}")
        if "url" not in self.facts:
            self._process.wait(START_S)
            raise RuntimeError(f"the gateway did not start:\n{said}{self.log.read_text()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, and return its exit code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(how)
        code = process.wait(START_S)
        if process.stdout is not None:
            process.stdout.close()
        return code

    def __enter__(self) -> GatewayProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
