"""Decisions on transactions: denied by default, a rule that denies wins, the first rule that allows decides."""

from typing import Any

import pytest

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY
from tests.policy_kit import (
    ACCOUNT,
    ALICE,
    BOB,
    ETHER,
    GWEI,
    MAX,
    OTHER,
    OWNER,
    SPENDER,
    STRANGER,
    TOKEN,
    VENDOR,
    address,
    allow,
    approve,
    ask,
    cancel,
    deny,
    effect,
    message,
    permit,
    policy,
    raw,
    transaction,
    transfer,
    typed,
    word,
)

# The three of the language's first description, with what the defaults want besides.
PAY = {
    "id": "pay",
    "effect": "allow",
    "method": ["transaction"],
    "chain": [1],
    "type": [2],
    "when": {
        "to": {"in": "@vendors"},
        "value": {"lte": "0xde0b6b3a7640000"},
        "maxCost": {"lte": "0x11c37937e08000"},
    },
    "limits": [
        {"sum": "value", "window": 86400, "max": "0x4563918244f40000", "per": "wallet"},
        {"count": True, "window": 60, "max": 10},
    ],
}
USDC = {
    "id": "usdc",
    "effect": "allow",
    "chain": [1],
    "when": {"fee": {"lte": str(ETHER // 100)}},
    "call": {
        "to": "@tokens",
        "abi": "transfer(address,uint256)",
        "args": {"0": {"in": "@vendors"}, "1": {"lte": "0x3b9aca00"}},
    },
    "approvals": {"m": 2, "of": "@treasury"},
}
NO_INF = {
    "id": "no-inf",
    "effect": "deny",
    "call": {"abi": "approve(address,uint256)", "args": {"1": {"eq": "MAX"}}},
}


def when(**members: Any) -> dict[str, Any]:
    return {"fee": "any", "value": "any", **members}


def test_the_three_rules_of_the_note() -> None:
    read = policy(PAY, USDC, NO_INF)
    paid = ask(read, transaction(VENDOR, value=10**15))
    assert (paid.effect, paid.rule, paid.approvals) == (ALLOW, "pay", None)
    assert [charge.amount for charge in paid.charges] == [10**15, 1]
    assert [charge.meter.maximum for charge in paid.charges] == [5 * ETHER, 10]
    sent = ask(read, transaction(TOKEN, data=transfer(VENDOR, 10**9), gas=60_000))
    assert (sent.effect, sent.rule, sent.charges) == (APPROVE, "usdc", ())
    assert sent.approvals is not None
    assert sent.approvals.keys == {ALICE, BOB}
    assert "2 of 2 approve" in sent.reason
    endless = ask(read, transaction(TOKEN, data=approve(SPENDER, MAX), gas=60_000))
    assert (endless.effect, endless.rule) == (DENY, "no-inf")
    for refused in (
        transaction(OTHER, value=1),
        transaction(VENDOR, value=ETHER + 1),
        transaction(VENDOR, value=5 * 10**15),  # and its gas: over maxCost
        transaction(VENDOR, kind=0),
        transaction(VENDOR, chain=2),
        transaction(TOKEN, data=transfer(OTHER, 1)),
        transaction(TOKEN, data=transfer(VENDOR, 10**9 + 1)),
        transaction(VENDOR, data=transfer(VENDOR, 1)),
        transaction(TOKEN, data=transfer(VENDOR, 1), value=1),
        transaction(TOKEN, data=approve(SPENDER, 5)),
    ):
        assert effect(read, refused) == DENY


def test_nothing_is_allowed_by_default() -> None:
    for intent in (transaction(), cancel(), message(b""), typed(permit())):
        decision = ask(policy(), intent)
        assert (decision.effect, decision.rule, decision.charges) == (DENY, "", ())
        assert decision.reason.startswith("no rule allows")


def test_a_rule_that_denies_wins_wherever_it_stands() -> None:
    for rules in ([allow(), deny()], [deny(), allow()]):
        decision = ask(policy(*rules), transaction())
        assert (decision.effect, decision.rule) == (DENY, "no")


def test_the_first_rule_that_allows_decides() -> None:
    rules = [
        allow("high", when=when(value={"gte": 100}), approvals={"m": 1, "of": "@treasury"}),
        allow("low", when=when()),
    ]
    assert ask(policy(*rules), transaction(value=100)).rule == "high"
    assert ask(policy(*rules), transaction(value=99)).rule == "low"
    assert ask(policy(*reversed(rules)), transaction(value=100)).rule == "low"


@pytest.mark.parametrize(
    ("field", "tests", "inside", "outside"),
    [
        ("value", {"lte": 5}, {"value": 5}, {"value": 6}),
        ("value", {"lt": 5}, {"value": 4}, {"value": 5}),
        ("value", {"gte": 5}, {"value": 5}, {"value": 4}),
        ("value", {"gt": 5}, {"value": 6}, {"value": 5}),
        ("value", {"eq": "0x5"}, {"value": 5}, {"value": 4}),
        ("value", {"in": [1, "5"]}, {"value": 5}, {"value": 2}),
        ("value", {"notIn": [1, 5]}, {"value": 2}, {"value": 5}),
        ("value", {"gt": 2, "lt": 6, "notIn": [4]}, {"value": 5}, {"value": 4}),
        ("value", {"lt": "MAX"}, {"value": MAX - 21_000 * GWEI - 1}, {}),
        ("to", {"eq": address(VENDOR)}, {"to": VENDOR}, {"to": OTHER}),
        ("to", {"in": "@vendors"}, {"to": 0x11}, {"to": OTHER}),
        ("to", {"in": ["@vendors", address(OTHER)]}, {"to": OTHER}, {"to": 3}),
        ("to", {"notIn": ["@vendors"]}, {"to": OTHER}, {"to": VENDOR}),
        ("to", {"in": "@vendors", "notIn": [address(0x11)]}, {"to": VENDOR}, {"to": 0x11}),
        ("fee", {"lte": 21_000 * GWEI}, {}, {"gas": 21_001}),
        ("fee", {"lte": 21_000 * GWEI}, {"kind": 0}, {"kind": 0, "max_fee": GWEI + 1}),
        ("maxCost", {"lte": 21_000 * GWEI + 5}, {"value": 5}, {"value": 6}),
        ("gas", {"lte": 21_000}, {}, {"gas": 21_001}),
        ("maxFeePerGas", {"lte": GWEI}, {"kind": 0}, {"max_fee": GWEI + 1}),
        ("tip", {"lte": 1}, {"tip": 1}, {"tip": 2}),
        ("tip", {"lt": GWEI}, {"tip": 1}, {"kind": 0}),  # all of a gas price is a tip
        ("nonce", {"lt": 3}, {"nonce": 2}, {"nonce": 3}),
        ("data", {"size": {"lte": 4}}, {"data": b"1234"}, {"data": b"12345"}),
        ("data", "any", {"data": b"12345"}, {"chain": 2}),
        ("create", False, {}, {"to": None}),
    ],
)
def test_each_test_of_when(
    field: str, tests: Any, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    read = policy(allow(when=when(**{field: tests})))
    assert effect(read, transaction(**inside)) == ALLOW
    if outside:
        assert effect(read, transaction(**outside)) == DENY
    denying = policy(allow(when=when(data="any")), deny(when={field: tests}))
    assert effect(denying, transaction(**inside)) == DENY
    if outside and outside.get("chain") is None and outside.get("to", 0) is not None:
        assert effect(denying, transaction(**outside)) == ALLOW


@pytest.mark.parametrize(
    ("member", "stated", "inside", "outside"),
    [
        ("chain", [1, 10], {"chain": 10}, {"chain": 2}),
        ("chain", "any", {"chain": 2**64 - 1}, {}),
        ("type", [0, 1], {"kind": 1}, {"kind": 2}),
        ("from", address(0xAC), {}, {"account": raw(1)}),
        ("from", ["@vendors"], {"account": raw(0x11)}, {}),
    ],
)
def test_each_member_of_a_rule(
    member: str, stated: Any, inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    read = policy({**allow(), member: stated})
    assert effect(read, transaction(**inside)) == ALLOW
    if outside:
        assert effect(read, transaction(**outside)) == DENY


def test_who_may_ask() -> None:
    own = policy(allow())
    assert effect(own, transaction(), OWNER) == ALLOW
    assert effect(own, transaction(), ALICE) == DENY
    named = policy(allow(who=["alice"]))
    assert [effect(named, transaction(), who) for who in (ALICE, BOB, OWNER)] == [ALLOW, DENY, DENY]
    grouped = policy(allow(who=["owner", "@treasury"]))
    assert [effect(grouped, transaction(), who) for who in (ALICE, BOB, OWNER)] == [ALLOW] * 3
    assert effect(grouped, transaction(), STRANGER) == DENY
    by_key = policy(allow(who=[STRANGER.hex()]))
    assert effect(by_key, transaction(), STRANGER) == ALLOW


def test_a_rule_that_denies_is_for_everybody_unless_it_says_who() -> None:
    rules = [allow(who=["owner", "@treasury"])]
    assert effect(policy(*rules, deny()), transaction(), ALICE) == DENY
    narrow = policy(*rules, deny(who=["alice"]))
    assert effect(narrow, transaction(), ALICE) == DENY
    assert effect(narrow, transaction(), BOB) == ALLOW


def test_data_is_allowed_where_it_is_said() -> None:
    plain = policy(allow())
    assert effect(plain, transaction(data=b"\0")) == DENY
    assert effect(plain, transaction(data=transfer())) == DENY
    assert effect(policy(allow(when=when(data="any"))), transaction(data=transfer())) == ALLOW


def test_contracts_are_made_where_it_is_said() -> None:
    for rule in (allow(when=when(data="any")), allow(when=when(data="any", to="any"))):
        assert effect(policy(rule), transaction(None, data=b"\x60\0")) == DENY
    excluded = allow(when=when(data="any", to={"notIn": "@vendors"}))
    assert effect(policy(excluded), transaction(None, data=b"\x60\0")) == DENY
    making = policy(allow(when=when(create=True, data={"size": {"lte": 2}})))
    assert effect(making, transaction(None, data=b"\x60\0")) == ALLOW
    assert effect(making, transaction(None, data=b"\x60\0\0")) == DENY
    assert effect(making, transaction(VENDOR, data=b"\x60\0")) == DENY
    denied = policy(allow(when=when(create=True, data="any")), deny(when={"create": True}))
    assert effect(denied, transaction(None, data=b"\x60\0")) == DENY


def test_a_cancel_has_rules_of_its_own() -> None:
    paying = policy(allow())
    assert effect(paying, cancel()) == DENY
    read = policy(allow(method=["cancel"], when={"fee": {"lte": 21_000 * GWEI}}))
    assert effect(read, cancel()) == ALLOW
    assert effect(read, cancel(max_fee=GWEI + 1)) == DENY
    assert effect(read, transaction()) == DENY
    both = policy(allow(method=["transaction", "cancel"], when=when()))
    assert [effect(both, intent) for intent in (cancel(), transaction())] == [ALLOW, ALLOW]


def test_what_a_rule_denies_without_a_method() -> None:
    everything = [
        allow("t", method=["transaction", "cancel"]),
        allow("m", message="any", when=None, chain=None),
        allow(
            "p",
            when=None,
            typedData={
                "contract": "any",
                "primaryType": "Permit",
                "fields": dict.fromkeys(("owner", "spender", "value", "nonce", "deadline"), "any"),
            },
        ),
    ]
    intents = [transaction(), cancel(), message(b"x"), typed(permit())]

    def effects(*rules: Any) -> list[str]:
        return [effect(policy(*everything, *rules), intent) for intent in intents]

    assert effects() == [ALLOW] * 4
    assert effects(deny()) == [DENY] * 4
    assert effects(deny(who=["owner"])) == [DENY] * 4
    assert effects(deny(chain=[1])) == [DENY, DENY, ALLOW, DENY]
    assert effects(deny(when={"fee": {"gt": 1}})) == [DENY, DENY, ALLOW, ALLOW]
    assert effects(deny(type=[2])) == [DENY, DENY, ALLOW, ALLOW]
    assert effects(deny(message="any")) == [ALLOW, ALLOW, DENY, ALLOW]
    assert effects(deny(typedData={})) == [ALLOW, ALLOW, ALLOW, DENY]
    assert effects(deny(method=["transaction", "message"])) == [DENY, ALLOW, DENY, ALLOW]


@pytest.mark.parametrize(
    ("member", "inside", "outside"),
    [
        ("any", [b"", b"x" * 100], []),
        ({"prefix": "example.org wants"}, [b"example.org wants you"], [b"Example", b"example.org"]),
        ({"hex": {"lte": 3}}, [b"", b"123"], [b"1234"]),
        ({"hex": {"notIn": [32]}}, [b""], [bytes(32)]),
        ({"prefix": "ü", "hex": {"eq": 3}}, ["üx".encode()], ["ü".encode(), b"xxx"]),
    ],
)
def test_personal_messages(member: Any, inside: list[bytes], outside: list[bytes]) -> None:
    read = policy(allow(message=member, when=None, chain=None))
    assert {effect(read, message(item)) for item in inside} == {ALLOW}
    assert {effect(read, message(item)) for item in outside} <= {DENY}
    anything = allow("any", message="any", when=None, chain=None)
    denying = policy(anything, deny(message=member))
    assert {effect(denying, message(item)) for item in inside} == {DENY}
    assert {effect(denying, message(item)) for item in outside} <= {ALLOW}


def test_a_refusal_names_what_came_nearest() -> None:
    read = policy(PAY, USDC)
    near = ask(read, transaction(VENDOR, value=2 * ETHER, gas=21_000, max_fee=1)).reason
    assert near.startswith("no rule allows it; nearest is 'pay', which wants: value is at most")
    assert f"(it is: {2 * ETHER})" in near
    wrong = ask(read, transaction(TOKEN, data=transfer(OTHER, 5))).reason
    assert "nearest is 'usdc', which wants: argument 0 is in @vendors" in wrong
    assert f"(it is: {address(OTHER)})" in wrong
    assert ask(read, message(b"")).reason == "no rule allows personal messages"
    assert ask(read, cancel()).reason == "no rule allows cancelling a transaction"
    assert "rule 'no' denies it" in ask(policy(deny()), transaction()).reason


def test_an_intent_has_the_parts_of_its_method() -> None:
    good = cancel().transaction
    for method, account, parts in (
        ("sign", ACCOUNT, {"transaction": good}),
        (TRANSACTION, ACCOUNT[1:], {"transaction": good}),
        (TRANSACTION, ACCOUNT, {}),
        (TRANSACTION, ACCOUNT, {"message": b""}),
        (TRANSACTION, ACCOUNT, {"transaction": good, "message": b""}),
        (MESSAGE, ACCOUNT, {"transaction": good}),
        (CANCEL, raw(1), {"transaction": good}),
        (CANCEL, ACCOUNT, {"transaction": Transaction(2, 1, 0, 21_000, ACCOUNT, 1, b"", 1, 1)}),
        (CANCEL, ACCOUNT, {"transaction": Transaction(2, 1, 0, 21_000, ACCOUNT, 0, b"x", 1, 1)}),
    ):
        with pytest.raises(UsageError):
            Intent(method, account, **parts)


def test_calldata_that_is_not_strict_is_neither_allowed_nor_let_past() -> None:
    endless = approve(SPENDER, MAX)
    spent = allow(
        call={
            "to": "@tokens",
            "abi": "approve(address,uint256)",
            "args": {"0": "any", "1": {"lte": 5}},
        }
    )
    loose = allow("loose", when=when(data="any"))
    for data in (
        endless + b"\0",  # trailing
        endless[:-1],
        endless[:4],
        endless[:4] + b"\1" + endless[5:],  # dirty padding before the address
        endless[:4] + word(2**200) + word(1),
    ):
        assert effect(policy(spent), transaction(TOKEN, data=data)) == DENY
        assert effect(policy(loose), transaction(TOKEN, data=data)) == ALLOW
        decision = ask(policy(loose, NO_INF), transaction(TOKEN, data=data))
        assert (decision.effect, decision.rule) == (DENY, "no-inf")
    assert effect(policy(spent), transaction(TOKEN, data=approve(SPENDER, 5))) == ALLOW
    assert effect(policy(loose, NO_INF), transaction(TOKEN, data=approve(SPENDER, 5))) == ALLOW
    # Without all of its selector it calls nothing.
    assert effect(policy(loose, NO_INF), transaction(TOKEN, data=endless[:3])) == ALLOW
    # What makes a contract is no call, whatever it begins with.
    creating = policy(allow(when=when(create=True, data="any")), NO_INF)
    assert effect(creating, transaction(None, data=endless)) == ALLOW
