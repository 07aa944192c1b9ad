"""Policies out of JSON."""

from __future__ import annotations

from adyton.protocol.wallet.policy import Policy


def read_policy(text: bytes) -> Policy:
    """Return the policy that a JSON text is.

    Raises:
        UsageError: `policy_invalid`; the text says where and what to do.
    """
    raise NotImplementedError
