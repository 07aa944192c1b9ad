"""What a policy says of an intent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import Decision, Meter, Policy

NO_CREDIT: Final[Mapping[bytes, int]] = MappingProxyType({})


def decide(
    policy: Policy,
    intent: Intent,
    client: bytes,
    owner: bytes,
    used: Callable[[Meter], int],
    credit: Mapping[bytes, int] = NO_CREDIT,
) -> Decision:
    """Say whether a wallet signs.

    Args:
        policy: the wallet's.
        intent: what would be signed.
        client: who asks, 32 bytes.
        owner: whose wallet it is, 32 bytes.
        used: gives what the window of a meter holds now.
        credit: by key of a meter, what is reserved already for the nonce that is replaced; only what is more is
            charged. Counts always are.
    """
    raise NotImplementedError
