"""A request's window: the first of its milliseconds is inside, the last is not."""

from __future__ import annotations

import pytest

from adyton.core import limits
from tests.host_fixtures import contacted
from tests.host_simulator import HostSimulator, public


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"not_before_ms": 0}, ""),
        ({"not_before_ms": 1}, "not_yet_valid"),
        ({"expiry_ms": 1}, ""),
        ({"expiry_ms": 0}, "expired"),
        ({"not_before_ms": -limits.WINDOW_MS + 9, "expiry_ms": 9}, ""),
        ({"not_before_ms": -limits.WINDOW_MS + 9, "expiry_ms": 10}, "window_too_long"),
    ],
)
def test_a_window_ends_where_it_says(
    host: HostSimulator, changes: dict[str, int], code: str
) -> None:
    """The times are told from that of the block: the first is inside, the last is not."""
    client = contacted(host)
    at = host.time_ms + 1
    times = {name: at + told for name, told in changes.items()}
    result = host.block(client.envelope(client.notarize(**times)))
    assert host.time_ms == at
    assert (result.entries[0].code, public(result.entries[0]).kind) == (
        code,
        "void" if code else "request",
    )
