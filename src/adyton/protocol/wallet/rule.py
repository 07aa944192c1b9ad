"""Rules and limits that have been read: conditions ready to be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.protocol.wallet.facts import Facts

WALLET, ACCOUNT, TO, CLIENT = "wallet", "account", "to", "client"
SUBJECTS: Final = (WALLET, ACCOUNT, TO, CLIENT)
COUNT: Final = "count"


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold for a rule to match.

    Attributes:
        key: what it asks, exactly: conditions of one key are asked once for a decision.
        words: for people.
        holds: whether it does. What is not known fails in rules that allow, and holds in rules that deny.
        shown: what it looked at, in words.
    """

    key: tuple[str, ...]
    words: str
    holds: Callable[[Facts], bool]
    shown: Callable[[Facts], str]


@dataclass(frozen=True, slots=True)
class Approvals:
    """How many of whom have to agree.

    Attributes:
        m: how many.
        keys: of whom: client keys, 32 bytes each.
        within_s: how long a proposal waits for them; None where the policy does not say.
    """

    m: int
    keys: frozenset[bytes]
    within_s: int | None


@dataclass(frozen=True, slots=True)
class Meter:
    """What counts against a limit, over a window of time.

    Attributes:
        key: 32 bytes; does not depend on the maximum, so that raising it forgets nothing.
        window_s: length of the window.
        maximum: what may be in a window.
        label: for people.
    """

    key: bytes
    window_s: int
    maximum: int
    label: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that has been read.

    Attributes:
        quantity: what is summed (`value`, `arg:1`, …), or `COUNT`.
        amount: what an intent adds; None where that is not known.
        window_s: length of the window.
        maximum: what may be in it.
        per: one of `SUBJECTS`.
        scope: what the key of its meters begins with: whose limit it is, and what it counts.
        label: for people.
    """

    quantity: str
    amount: Callable[[Facts], int | None]
    window_s: int
    maximum: int
    per: str
    scope: tuple[bytes, ...]
    label: str
    _of_wallet: Meter | None = field(init=False, compare=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.per == WALLET:  # one meter, whatever the intent is
            object.__setattr__(self, "_of_wallet", self._meter(b""))

    def meter(self, facts: Facts) -> Meter:
        """Return the meter that an intent counts on."""
        if self._of_wallet is not None:
            return self._of_wallet
        subject = {ACCOUNT: facts.account, TO: facts.to or b"", CLIENT: facts.client}
        return self._meter(subject[self.per])

    def _meter(self, subject: bytes) -> Meter:
        key = digest(
            Context.WALLET_METER,
            *self.scope,
            self.window_s.to_bytes(8, "big"),
            self.per.encode(),
            subject,
        )
        return Meter(key, self.window_s, self.maximum, self.label)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that has been read.

    Attributes:
        id: unique in its policy.
        allows: else it denies.
        methods: of the intents that it is about.
        conditions: all of them must hold.
        mask: their numbers among all conditions of the policy, as bits.
        limits: with room for what it allows.
        approvals: that are needed besides.
    """

    id: str
    allows: bool
    methods: frozenset[str]
    conditions: tuple[Condition, ...]
    mask: int
    limits: tuple[Limit, ...]
    approvals: Approvals | None
