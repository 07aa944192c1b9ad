"""Which transport an address asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from adyton.mqtt.address import SCHEME

if TYPE_CHECKING:
    from adyton.client.transport import Transport

DIRECTORY: Final = "mqtt"
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"


def open_transport(url: str, home: Path) -> Transport:
    """Return a transport to a server: HTTP, or MQTT where the address begins with `mqtts://`.

    Args:
        home: the client's directory; `mqtt/` in it holds `ca.pem`, `cert.pem` and `key.pem` for the broker.

    Raises:
        UsageError: no address of a server, or the files for its broker are not there.
    """
    if url.startswith(f"{SCHEME}://"):
        from adyton.client.mqtt_transport import MqttTransport
        from adyton.mqtt.identity import Identity

        files = home / DIRECTORY
        identity = Identity(files / AUTHORITY, files / CERTIFICATE, files / KEY)
        return MqttTransport(url, identity)
    from adyton.client.transport import HttpTransport

    return HttpTransport(url)
