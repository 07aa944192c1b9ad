"""What a policy says of an intent: a rule that denies wins, else the first rule that allows and has room decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, TYPED_DATA, Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY, Charge, Decision, Meter, Policy
from adyton.protocol.wallet.rule import COUNT, Condition, Limit, Rule
from adyton.protocol.wallet.shown import printable

NO_CREDIT: Final[Mapping[bytes, int]] = MappingProxyType({})
_THINGS: Final = {
    TRANSACTION: "transactions",
    CANCEL: "cancelling a transaction",
    MESSAGE: "personal messages",
    TYPED_DATA: "typed data",
}


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
        intent: what would be signed; `typed` was made by `read_typed_data`.
        client: who asks, 32 bytes.
        owner: whose wallet it is, 32 bytes.
        used: gives what the window of a meter holds now.
        credit: by key of a meter, what is reserved already for the nonce that is replaced; only what is more is
            charged. Counts always are.
    """
    facts = Facts(intent, client, owner, policy.looks)
    asked = Asked(policy, facts)
    for rule in policy.denying[intent.method]:
        if asked.matches(rule):
            return Decision(DENY, rule.id, f"rule {rule.id!r} denies it")
    full = ""
    for rule in policy.allowing[intent.method]:
        if not asked.matches(rule):
            continue
        room = find_room((*rule.limits, *policy.limits), facts, used, credit)
        if type(room) is tuple:
            effect = APPROVE if rule.approvals else ALLOW
            return Decision(effect, rule.id, _allowed(rule), room, rule.approvals)
        full = full or f"rule {rule.id!r} would allow it, but {room}"
    return Decision(DENY, "", full or _refused(policy, Facts(intent, client, owner, policy.looks)))


class Asked:
    """The conditions of a policy, each asked once at the most.

    Attributes:
        passed, failed: bits of those that were asked.
    """

    __slots__ = ("_checks", "_facts", "failed", "passed")

    def __init__(self, policy: Policy, facts: Facts) -> None:
        self._checks = policy.checks
        self._facts = facts
        self.passed = self.failed = 0

    def matches(self, rule: Rule) -> bool:
        """Say whether all conditions of a rule hold, asking no more than that takes."""
        if rule.mask & self.failed:
            return False
        left = rule.mask & ~self.passed
        while left:
            bit = left & -left
            if not self._checks[bit.bit_length() - 1](self._facts):
                self.failed |= bit
                return False
            self.passed |= bit
            left ^= bit
        return True


def find_room(
    limits: tuple[Limit, ...],
    facts: Facts,
    used: Callable[[Meter], int],
    credit: Mapping[bytes, int],
) -> tuple[Charge, ...] | str:
    """Return what is to be charged, or why there is no room.

    Limits that share a meter charge it once for each quantity that they sum; each holds with its own maximum. A charge
    of 0 says that what is reserved already covers it, so that the next replacement has that credit too.
    """
    meters: dict[bytes, tuple[list[Meter], dict[str, int]]] = {}
    for limit in limits:
        amount = limit.amount(facts)
        if amount is None:
            return f"{printable(limit.quantity)}, which a limit sums, is not a number here"
        meter = limit.meter(facts)
        known = meters.get(meter.key)
        if known is None:
            meters[meter.key] = ([meter], {limit.quantity: amount})
        else:
            known[0].append(meter)
            known[1][limit.quantity] = amount
    charges = []
    for key, (sharing, amounts) in meters.items():
        total = sum(amounts.values())
        if credit and COUNT not in amounts:
            total = max(0, total - credit.get(key, 0))
        if not total and key not in credit:
            continue
        held = used(sharing[0])
        if not total:  # adds nothing, so it fits whatever the maximum has become
            charges.append(Charge(sharing[0], 0))
            continue
        for meter in sharing:
            if held + total > meter.maximum:
                return (
                    f"its limit of {meter.maximum} ({meter.label}) has no room: "
                    f"{held} are used, and this is {total} more"
                )
        charges.append(Charge(sharing[0], total))
    return tuple(charges)


def _allowed(rule: Rule) -> str:
    if rule.approvals is None:
        return f"rule {rule.id!r} allows it"
    count = len(rule.approvals.keys)
    return f"rule {rule.id!r} allows it when {rule.approvals.m} of {count} approve"


def _refused(policy: Policy, facts: Facts) -> str:
    """Say which rule came nearest, and what of it did not hold."""
    nearest: tuple[int, Rule, Condition] | None = None
    known: dict[tuple[str, ...], bool] = {}
    for rule in policy.allowing[facts.intent.method]:
        failing = []
        for condition in rule.conditions:
            if condition.key not in known:
                known[condition.key] = condition.holds(facts)
            if not known[condition.key]:
                failing.append(condition)
        if failing and (nearest is None or len(failing) < nearest[0]):
            nearest = (len(failing), rule, failing[0])
    if nearest is None:
        return f"no rule allows {_THINGS[facts.intent.method]}"
    _, rule, condition = nearest
    text = f"no rule allows it; nearest is {rule.id!r}, which wants: {condition.words}"
    return printable(f"{text} (it is: {condition.shown(facts)})")
