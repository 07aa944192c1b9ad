"""The address of a server behind a gateway: `mqtts://broker:port/gateway`."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from adyton.core.errors import UsageError
from adyton.mqtt.topics import require_name

SCHEME: Final = "mqtts"
DEFAULT_PORT: Final = 8883


class Address(NamedTuple):
    """Which broker, and which gateway at it."""

    host: str
    port: int
    gateway: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{SCHEME}://{host}:{self.port}/{self.gateway}"


def read_address(url: str) -> Address:
    """Return what an address says; its text is the one form under which a server is pinned.

    Raises:
        UsageError: not such an address.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as problem:
        raise UsageError("usage", "the port of the broker's address is not a number") from problem
    if parts.scheme != SCHEME or not parts.hostname or not parts.path.startswith("/"):
        raise UsageError("usage", "the address is not of the form mqtts://broker:port/gateway")
    if parts.query or parts.fragment or parts.username:
        raise UsageError("usage", "the address has more than broker, port and gateway")
    gateway = require_name(parts.path.removeprefix("/"), "a gateway's name")
    return Address(parts.hostname, port or DEFAULT_PORT, gateway)
