"""Which request is asked for again, where answers were lost."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.client.records import RequestRecord


def the_one(pending: Iterable[RequestRecord], named: str | None, what: str) -> RequestRecord:
    """Return the request without an answer that is named, or the only one.

    Args:
        pending: all that have none.
        named: the beginning of its task hash; None where there is only one.
        what: they are of, in the plural.

    Raises:
        UsageError: there is none, or more than one.
    """
    found = [one for one in pending if one.task_hash.hex().startswith(named or "")]
    if not found:
        raise UsageError("not_found", f"nothing of {what} is without an answer")
    if len(found) > 1:
        listed = ", ".join(f"{one.task_hash.hex()[:16]} ({one.name})" for one in found)
        raise UsageError("usage", f"several have no answer; name one of: {listed}")
    return found[0]
