"""What an intent would do, in words."""

from __future__ import annotations

from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import Policy


def describe(policy: Policy, intent: Intent) -> list[str]:
    """Return lines that say to whom, how much, which call or typed data, and what it may cost."""
    raise NotImplementedError
