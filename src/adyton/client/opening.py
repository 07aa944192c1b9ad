"""Which transport an address asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from adyton.core.errors import UsageError
from adyton.mqtt.address import SCHEME
from adyton.mqtt.identity import Identity

if TYPE_CHECKING:
    from adyton.client.transport import Transport

DIRECTORY: Final = "mqtt"
AUTHORITY, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"


def broker_identity(home: Path) -> Identity:
    """Return the files by which a client's directory is known to brokers; what is in them is not looked at yet.

    Raises:
        UsageError: one is not there.
    """
    files = home / DIRECTORY
    found = Identity(files / AUTHORITY, files / CERTIFICATE, files / KEY)
    for path in (found.authority, found.certificate, found.key):
        if not path.exists():
            raise UsageError(
                "usage",
                f"{path} is missing: a broker knows its clients by {AUTHORITY}, {CERTIFICATE} and {KEY} there",
            )
    return found


def open_transport(url: str, home: Path) -> Transport:
    """Return a transport to a server: HTTP, or MQTT where the address begins with `mqtts://`.

    Args:
        home: the client's directory; `mqtt/` in it holds `ca.pem`, `cert.pem` and `key.pem` for the broker.

    Raises:
        UsageError: no address of a server, or the files for its broker are not there.
    """
    if url.startswith(f"{SCHEME}://"):
        from adyton.client.mqtt_transport import MqttTransport

        return MqttTransport(url, broker_identity(home))
    from adyton.client.transport import HttpTransport

    return HttpTransport(url)
