"""Why a policy says what it says: every rule, every condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adyton.protocol.wallet.decision import NO_CREDIT
from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import Meter, Policy


@dataclass(frozen=True, slots=True)
class Line:
    """One condition of one rule, and how it came out.

    Attributes:
        rule: id; empty for the decision itself, the last line.
        condition: for people.
        outcome: "passed", "failed" or "not reached".
    """

    rule: str
    condition: str
    outcome: str


def explain(
    policy: Policy,
    intent: Intent,
    client: bytes,
    owner: bytes,
    used: Callable[[Meter], int],
    credit: Mapping[bytes, int] = NO_CREDIT,
) -> list[Line]:
    """Return every condition that `decide` looks at, in order, and the decision as the last line."""
    raise NotImplementedError
