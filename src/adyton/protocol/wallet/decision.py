"""What a policy says of an intent: a rule that denies wins, else the first rule that allows and has room decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, TYPED_DATA, Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY, Charge, Decision, Meter, Policy
from adyton.protocol.wallet.rule import COUNT, Limit, Rule

NO_CREDIT: Final[Mapping[bytes, int]] = MappingProxyType({})
_REASON: Final = 500  # characters
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
    facts = Facts(intent, client, owner)
    for rule in policy.denying[intent.method]:
        if first_failing(rule, facts) is None:
            return Decision(DENY, rule.id, f"rule {rule.id!r} denies it")
    nearest: tuple[int, Rule] | None = None
    full: tuple[Rule, str] | None = None
    for rule in policy.allowing[intent.method]:
        failing = first_failing(rule, facts)
        if failing is not None:
            if nearest is None or failing > nearest[0]:
                nearest = (failing, rule)
            continue
        room = find_room((*rule.limits, *policy.limits), facts, used, credit)
        if type(room) is tuple:
            effect = APPROVE if rule.approvals else ALLOW
            return Decision(effect, rule.id, _allowed(rule), room, rule.approvals)
        if full is None:
            full = (rule, str(room))
    if full is not None:
        return Decision(DENY, "", f"rule {full[0].id!r} would allow it, but {full[1]}")
    return Decision(DENY, "", _refused(nearest, Facts(intent, client, owner)))


def first_failing(rule: Rule, facts: Facts) -> int | None:
    """Return the place of the first condition that does not hold; None where the rule matches."""
    for at, check in enumerate(rule.checks):
        if not check(facts):
            return at
    return None


def find_room(
    limits: tuple[Limit, ...],
    facts: Facts,
    used: Callable[[Meter], int],
    credit: Mapping[bytes, int],
) -> tuple[Charge, ...] | str:
    """Return what is to be charged, or why there is no room.

    Limits that share a meter charge it once for each quantity that they sum; each holds with its own maximum.
    """
    meters: dict[bytes, list[Meter]] = {}
    amounts: dict[bytes, dict[str, int]] = {}
    for limit in limits:
        amount = limit.amount(facts)
        if amount is None:
            return f"{limit.quantity}, which a limit sums, is not a number here"
        meter = limit.meter(facts)
        meters.setdefault(meter.key, []).append(meter)
        amounts.setdefault(meter.key, {})[limit.quantity] = amount
    charges = []
    for key, sharing in meters.items():
        total = sum(amounts[key].values())
        if COUNT not in amounts[key]:
            total = max(0, total - credit.get(key, 0))
        if not total:  # adds nothing, so it fits whatever the maximum has become
            continue
        held = used(sharing[0])
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


def _refused(nearest: tuple[int, Rule] | None, facts: Facts) -> str:
    """Say which rule came nearest, and what of it did not hold."""
    if nearest is None:
        return f"no rule allows {_THINGS[facts.intent.method]}"
    at, rule = nearest
    condition = rule.conditions[at]
    text = f"no rule allows it; nearest is {rule.id!r}, which wants: {condition.words}"
    return printable(f"{text} (it is: {condition.shown(facts)})")


def printable(text: str) -> str:
    """Return a text cut short, without what would steer a terminal."""
    shown = "".join(char if char.isprintable() else "?" for char in text[:_REASON])
    return shown + ("…" if len(text) > _REASON else "")
