"""Who may ask: programs on this machine, and no web page that runs on it."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from adyton.core.errors import UsageError

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_JSON: Final = "application/json"


class Unwelcome(UsageError):
    """A request that is not read, answered in HTTP's own words.

    Args:
        status: of HTTP.
        text: what to do.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__("bad_argument", text)
        self.status = status

    def __reduce__(self) -> tuple[type[Unwelcome], tuple[int, str]]:  # type: ignore[override]  # other arguments than the base
        return type(self), (self.status, self.message)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a request must have before its body is read.

    A page in a browser can send requests here: it cannot leave out its `Origin`, nor, without being asked first, give
    JSON's content type. A name of its own that resolves to this machine shows in `Host`.

    Attributes:
        hosts: names besides loopback's that `Host` may give.
        origins: of pages that may ask.
        token: that every request must bear; empty for none.
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: bytes = b""

    def require(self, headers: Mapping[bytes, list[bytes]]) -> None:
        """Refuse a request by its head.

        Args:
            headers: lowercase names, and every value that was given.

        Raises:
            Unwelcome: 400 or 403 for its host or origin, 401 for its token.
        """
        # 1. By a name that this endpoint has (DNS rebinding).
        host = _one(headers, b"host")
        if host is None:
            raise Unwelcome(400, "one Host header is needed")
        if _name(host) not in _LOOPBACK | self.hosts:
            raise Unwelcome(
                403, "this Host is not served; use 127.0.0.1, or start with --allow-host"
            )
        # 2. Not out of a page that was not allowed (cross-site requests).
        if b"origin" in headers and _one(headers, b"origin") not in self.origins:
            raise Unwelcome(403, "web pages may not ask; allow one with --allow-origin")
        # 3. With the token, where there is one.
        if self.token:
            given = (_one(headers, b"authorization") or "").encode()
            if not hmac.compare_digest(given, b"Bearer " + self.token):
                raise Unwelcome(401, "a bearer token is needed: Authorization: Bearer TOKEN")

    def require_json(self, headers: Mapping[bytes, list[bytes]]) -> int:
        """Return the size of a body that is JSON.

        Raises:
            Unwelcome: 415, another type; 411, no size.
        """
        kind = (_one(headers, b"content-type") or "").partition(";")[0].strip().lower()
        if kind != _JSON:
            raise Unwelcome(415, "Content-Type must be application/json")
        if b"content-encoding" in headers:
            raise Unwelcome(415, "the body must not be compressed")
        size = _one(headers, b"content-length")
        if size is None or b"transfer-encoding" in headers or not size.isascii():
            raise Unwelcome(411, "Content-Length is needed")
        if not size.isdigit() or len(size) > 12:
            raise Unwelcome(400, "Content-Length is not a number")
        return int(size)


def read_token(text: bytes) -> bytes:
    """Return the token that a file holds, without the line's end.

    Raises:
        UsageError: shorter than 16 characters, or others than those of a header.
    """
    token = text.strip()
    if len(token) < 16 or not all(0x21 <= sign <= 0x7E for sign in token):
        raise UsageError("usage", "a token is at least 16 visible characters in one line")
    return token


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    """Return every value of each header."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def _one(headers: Mapping[bytes, list[bytes]], name: bytes) -> str | None:
    values = headers.get(name, [])
    return values[0].decode("latin-1") if len(values) == 1 else None


def _name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
