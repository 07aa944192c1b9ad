"""Explanations: every rule and condition in order, ending in the decision that `decide` makes."""

from typing import Any

from adyton.protocol.wallet.explain import FAILED, NOT_REACHED, PASSED, Line, explain
from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import Meter, Policy
from tests.policy_kit import (
    GWEI,
    OTHER,
    OWNER,
    SPENDER,
    TOKEN,
    allow,
    approve,
    ask,
    deny,
    message,
    permit,
    policy,
    transaction,
    typed,
)

SMALL: dict[str, Any] = {"fee": {"lte": 10**15}, "to": {"in": "@vendors"}, "value": {"lte": 5}}
READ = policy(
    allow("small", when=SMALL, limits=[{"sum": "value", "window": 60, "max": 9}]),
    allow("big", when={**SMALL, "value": "any"}, approvals={"m": 2, "of": "@treasury"}),
    deny("endless", call={"abi": "approve(address,uint256)", "args": {"1": {"gt": 9}}}),
    allow("note", message={"prefix": "hi"}, when=None, chain=None),
)


def lines(intent: Intent, used: int = 0, read: Policy = READ) -> list[Line]:
    def held(_: Meter) -> int:
        return used

    return explain(read, intent, OWNER, OWNER, held)


def of(rule: str, found: list[Line]) -> list[tuple[str, str]]:
    return [(line.condition, line.outcome) for line in found if line.rule == rule]


def test_a_rule_that_decides_and_those_behind_it() -> None:
    found = lines(transaction(value=5))
    assert [*dict.fromkeys(line.rule for line in found)] == ["endless", "small", "big", "note", ""]
    assert of("endless", found) == [
        ("it calls approve(address,uint256) (it is: no call)", FAILED),
        ("argument 1 is over 9", NOT_REACHED),
    ]
    assert of("small", found) == [
        ("chain is 1", PASSED),
        ("asked by owner", PASSED),
        ("it makes no contract", PASSED),
        ("receiver is in @vendors", PASSED),
        ("value is at most 5", PASSED),
        ("fee is at most 1000000000000000", PASSED),
        ("it has no calldata", PASSED),
        ("room for 9 (small: sum of value per 60 s): 0 are used, and this is 5 more", PASSED),
    ]
    assert {outcome for _, outcome in of("big", found)} == {NOT_REACHED}
    assert of("note", found) == [("it is about message", FAILED)]
    assert found[-1] == Line("", "allow: rule 'small' allows it", PASSED)


def test_a_rule_without_room_and_one_that_wants_approvals() -> None:
    found = lines(transaction(value=5), used=5)
    assert of("small", found)[-1] == (
        "room for 9 (small: sum of value per 60 s): 5 are used, and this is 5 more",
        FAILED,
    )
    assert of("big", found)[-1] == ("2 of 2 approve", NOT_REACHED)
    assert found[-1].condition.startswith("approve: rule 'big' allows it when 2 of 2")
    assert found[-1].outcome == PASSED


def test_what_failed_is_shown_with_what_it_is() -> None:
    found = lines(transaction(OTHER, value=5))
    assert of("small", found)[3][0].startswith("receiver is in @vendors (it is: 0x0202")
    assert of("small", found)[4:] == [
        ("value is at most 5", NOT_REACHED),
        ("fee is at most 1000000000000000", NOT_REACHED),
        ("it has no calldata", NOT_REACHED),
        ("room for 9 (small: sum of value per 60 s)", NOT_REACHED),
    ]
    assert found[-1].outcome == FAILED
    assert "nearest is" in found[-1].condition


def test_a_rule_that_denies() -> None:
    found = lines(transaction(TOKEN, data=approve(SPENDER, 10), max_fee=GWEI))
    assert {outcome for _, outcome in of("endless", found)} == {PASSED}
    assert {outcome for _, outcome in of("small", found)} == {NOT_REACHED}
    assert found[-1] == Line("", "deny: rule 'endless' denies it", FAILED)


def test_rules_without_a_condition() -> None:
    read = policy(allow("any", message="any", when=None, chain=None, who=["owner"]), deny())
    found = lines(message(b""), read=read)
    assert of("no", found) == [("it denies without a condition", PASSED)]
    assert {outcome for _, outcome in of("any", found)} == {NOT_REACHED}


def test_limits_that_have_room_alone_and_not_together() -> None:
    limits = [
        {"sum": "value", "window": 60, "max": 21_000 * GWEI, "name": "m"},
        {"sum": "fee", "window": 60, "max": 21_000 * GWEI, "name": "m"},
    ]
    read = policy(allow(limits=limits))
    found = lines(transaction(value=1), read=read)
    assert of("rule", found)[-1][1] == FAILED
    assert "has no room" in of("rule", found)[-1][0]
    assert found[-1].outcome == FAILED


def test_the_last_line_is_the_decision() -> None:
    for intent in (
        transaction(),
        transaction(OTHER),
        message(b"hi"),
        message(b""),
        typed(permit()),
    ):
        for used in (0, 9):
            decision = ask(READ, intent, used=used)
            assert lines(intent, used)[-1].condition == f"{decision.effect}: {decision.reason}"
