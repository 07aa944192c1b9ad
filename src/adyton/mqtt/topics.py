"""The topics, and the names that stand in them.

    adyton/v1/{gateway}/{device}/{instance}/req   a device's relayed request
    adyton/v1/{gateway}/{device}/{instance}/res   its answer
    adyton/v1/{gateway}/{device}/tx               a signed transaction to broadcast
    adyton/v1/{gateway}/{device}/events           what became of it
    adyton/v1/{gateway}/status                    retained; last will

The broker's rules let a certificate with the common name X publish under the device X alone, so that a topic says who
has published. Nothing but availability rests on that: what matters is sealed and signed inside of the message.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from adyton.core.errors import UsageError

PREFIX: Final = "adyton/v1"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Sender(NamedTuple):
    """Who has published, as the topic says it; `instance` is empty for `tx`."""

    device: str
    instance: str


def require_name(name: str, what: str) -> str:
    """Return a name that may stand in a topic.

    Raises:
        UsageError: it may not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError("usage", f"{what} is 1 to 64 letters, digits, dots, dashes or underscores")
    return name


def request(gateway: str, device: str, instance: str) -> str:
    """Return the topic of a device's requests."""
    return f"{PREFIX}/{gateway}/{device}/{instance}/req"


def response(gateway: str, device: str, instance: str) -> str:
    """Return the topic of the answers to `request`; no requester names another."""
    return f"{PREFIX}/{gateway}/{device}/{instance}/res"


def transactions(gateway: str, device: str) -> str:
    """Return the topic where a device hands over signed transactions."""
    return f"{PREFIX}/{gateway}/{device}/tx"


def events(gateway: str, device: str) -> str:
    """Return the topic of what became of a device's transactions."""
    return f"{PREFIX}/{gateway}/{device}/events"


def status(gateway: str) -> str:
    """Return the topic where a gateway says that it is there."""
    return f"{PREFIX}/{gateway}/status"


def sender_of_request(gateway: str, topic: str) -> Sender | None:
    """Return who has sent a request to this gateway, or None where the topic is no such one."""
    parts = _below(gateway, topic)
    if len(parts) != 3 or parts[2] != "req" or not all(map(_NAME.fullmatch, parts)):
        return None
    return Sender(parts[0], parts[1])


def sender_of_transaction(gateway: str, topic: str) -> Sender | None:
    """Return who has handed a transaction to this gateway, or None where the topic is no such one."""
    parts = _below(gateway, topic)
    if len(parts) != 2 or parts[1] != "tx" or not _NAME.fullmatch(parts[0]):
        return None
    return Sender(parts[0], "")


def _below(gateway: str, topic: str) -> list[str]:
    prefix = f"{PREFIX}/{gateway}/"
    return topic.removeprefix(prefix).split("/") if topic.startswith(prefix) else []
