"""What a client's directory holds of one chain, for commands that ask no server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from adyton.cli.settings import Settings

if TYPE_CHECKING:
    from adyton.client.chain_keeping import ChainStore
    from adyton.client.records import Pin
    from adyton.client.signers import Ask, Signers
    from adyton.client.verified_view import VerifiedView


def stored_view(store: ChainStore, pin: Pin) -> VerifiedView:
    """Return the verified view that is kept of the pin's chain; an empty one where there is none.

    Raises:
        UsageError: `keystore`, it is damaged.
    """
    from adyton.client.held_view import HeldView
    from adyton.client.verified_view import VerifiedView

    with HeldView(store, pin).lend() as view:
        return VerifiedView.from_bytes(view.to_bytes())


def stored_signers(
    pin: Pin, view: VerifiedView, settings: Settings, ask: Ask | None = None
) -> Signers:
    """Return the recorder keys that the view knows; others are asked for, where `ask` is given."""
    from adyton.client.signers import Signers
    from adyton.protocol.evidence import NodeEvidence
    from adyton.protocol.genesis import Genesis

    made = Signers(
        Genesis.decode(pin.genesis),
        allow_simulated=settings.allow_simulated,
        now_ms=time.time_ns() // 1_000_000,
        ask=ask,
    )
    made.add([NodeEvidence.decode(node.evidence).recorder for node in reversed(view.nodes)])
    return made
