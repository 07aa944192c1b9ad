"""Why a policy says what it says: every rule, every condition, every limit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from adyton.protocol.wallet.decision import NO_CREDIT, decide, find_room
from adyton.protocol.wallet.facts import Facts
from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import DENY, Decision, Meter, Policy
from adyton.protocol.wallet.rule import Rule
from adyton.protocol.wallet.shown import printable

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_REACHED: Final = "not reached"


@dataclass(frozen=True, slots=True)
class Line:
    """One condition of one rule, and how it came out.

    Attributes:
        rule: id; empty for the wallet's limits, and for the decision itself, the last line.
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
    """Return every condition of every rule in the order in which `decide` asks, and the decision as the last line.

    Rules that deny come first; those about other methods come last. Behind the first condition of a rule that fails,
    and behind the rule that decides, nothing is reached. Arguments as of `decide`.
    """
    decision = decide(policy, intent, client, owner, used, credit)
    denying = policy.denying[intent.method]
    allowing = policy.allowing[intent.method]
    others = tuple(rule for rule in policy.rules if intent.method not in rule.methods)
    lines: list[Line] = []
    decided = False
    for rule in (*denying, *allowing):
        if decided:
            lines += _not_reached(rule)
            continue
        facts = Facts(intent, client, owner, policy.looks)
        told = _conditions(rule, facts)
        lines += told
        if rule.allows:
            matched = all(line.outcome == PASSED for line in told)
            lines += _limits(policy, rule, matched, facts, used, credit)
        decided = decision.rule == rule.id
    for rule in others:
        lines.append(Line(rule.id, f"it is about {', '.join(sorted(rule.methods))}", FAILED))
    lines.append(_decision(decision))
    return lines


def _conditions(rule: Rule, facts: Facts) -> list[Line]:
    verb = "allows" if rule.allows else "denies"
    lines = [] if rule.conditions else [Line(rule.id, f"it {verb} without a condition", PASSED)]
    failed = False
    for condition in rule.conditions:
        words, outcome = condition.words, NOT_REACHED
        if not failed:
            failed = not condition.holds(facts)
            outcome = FAILED if failed else PASSED
        if outcome == FAILED:
            words = f"{words} (it is: {condition.shown(facts)})"
        lines.append(Line(rule.id, printable(words), outcome))
    return lines


def _limits(
    policy: Policy,
    rule: Rule,
    matched: bool,
    facts: Facts,
    used: Callable[[Meter], int],
    credit: Mapping[bytes, int],
) -> list[Line]:
    """Return the limits of a rule and of the wallet; they are asked where the conditions hold."""
    found = []
    for limit in (*rule.limits, *policy.limits):
        words = f"room for {limit.maximum} ({limit.label})"
        outcome = NOT_REACHED
        if matched:
            room = find_room((limit,), facts, used, credit)
            outcome = PASSED if type(room) is tuple else FAILED
            amount = limit.amount(facts)
            words += f": {used(limit.meter(facts))} are used, and this is {amount} more"
        found.append(Line(rule.id, printable(words), outcome))
    if matched and all(line.outcome == PASSED for line in found):
        together = find_room((*rule.limits, *policy.limits), facts, used, credit)
        if (
            type(together) is not tuple
        ):  # each has room, and not the quantities of one meter together
            found.append(Line(rule.id, printable(str(together)), FAILED))
    if rule.approvals is not None:
        words = f"{rule.approvals.m} of {len(rule.approvals.keys)} approve"
        found.append(Line(rule.id, words, NOT_REACHED))
    return found


def _not_reached(rule: Rule) -> list[Line]:
    return [Line(rule.id, condition.words, NOT_REACHED) for condition in rule.conditions] or [
        Line(rule.id, "it has no condition", NOT_REACHED)
    ]


def _decision(decision: Decision) -> Line:
    outcome = FAILED if decision.effect == DENY else PASSED
    return Line("", f"{decision.effect}: {decision.reason}", outcome)
