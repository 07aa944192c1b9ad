"""A view as the keystore keeps it: one form, every other one refused."""

from __future__ import annotations

from typing import Any

import pytest

from adyton.client.verified import KnownNode
from adyton.client.verified_view import VerifiedView
from adyton.core import limits
from adyton.core.encoding import encode
from adyton.core.errors import MalformedError


@pytest.mark.parametrize("kept", [b"", b"\x80", b"\x85\x01\x02\x03\x04\x05"])
def test_what_was_never_a_view_is_refused(kept: bytes) -> None:
    with pytest.raises(MalformedError):
        VerifiedView.from_bytes(kept)


def kept_with(**changed: Any) -> bytes:
    """Return an empty view as it is kept, with other parts."""
    parts = {
        "name": "verified-view/1",
        "chain_id": bytes(32),
        "fingerprint": bytes(32),
        "checkpoint": None,
        "nodes": [[b"recorder", b"runner", b"measurement", b"evidence"]],
    }
    return encode([*{**parts, **changed}.values()])


def test_a_view_is_kept_in_one_form() -> None:
    made = VerifiedView.from_bytes(kept_with())
    assert made.nodes == (KnownNode(b"recorder", b"runner", b"measurement", b"evidence"),)
    assert made.to_bytes() == kept_with()


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "verified-view/2"},
        {"more": None},
        {"chain_id": bytes(31)},
        {"chain_id": "x" * 32},
        {"fingerprint": bytes(33)},
        {"fingerprint": "x" * 32},
        {"checkpoint": b""},
        {"nodes": None},
        {"nodes": {}},
        {"nodes": [{}]},
        {"nodes": [{b"1": 1, b"2": 2, b"3": 3, b"4": 4}]},
        {"nodes": [[b"", b"", b""]]},
        {"nodes": [[b"", b"", b"", b"", b""]]},
        {"nodes": [[b"", b"", b"", ""]]},
    ],
)
def test_a_view_of_another_form_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedError) as refused:
        VerifiedView.from_bytes(kept_with(**changed))
    assert refused.value.code == "malformed"


def test_a_view_that_is_full_comes_back() -> None:
    """As many starts as are held, with evidence as large as any."""
    nodes = [[bytes(32), bytes(32), bytes(48), bytes(4 * limits.EVIDENCE)]] * 64
    kept = kept_with(nodes=nodes)
    assert VerifiedView.from_bytes(kept).to_bytes() == kept
    with pytest.raises(MalformedError) as refused:
        VerifiedView.from_bytes(kept_with(nodes=nodes + nodes[:1]))
    assert refused.value.code == "too_large"
