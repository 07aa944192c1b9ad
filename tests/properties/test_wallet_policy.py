"""What holds of every policy: order of denials, denials only take away, more is never allowed where less is not."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.core.errors import UsageError
from adyton.protocol.wallet.explain import explain
from adyton.protocol.wallet.intent import Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY, Policy
from adyton.protocol.wallet.policy_reader import read_policy
from fuzz.target import ROOT
from tests.policy_kit import (
    ALICE,
    BASE,
    GWEI,
    MAX,
    OTHER,
    OWNER,
    SPENDER,
    TOKEN,
    VENDOR,
    address,
    approve,
    ask,
    cancel,
    message,
    permit,
    permit2,
    policy_json,
    transaction,
    transfer,
    typed,
)
from tests.schema_subset import holds

NUMBERS = st.sampled_from([0, 1, 5, 100, 101, 21_000, 21_000 * GWEI, "MAX"])
ADDRESSES = st.sampled_from(
    ["@vendors", "@tokens", address(VENDOR), [address(OTHER), "@vendors"], ["@nobody"]]
)


def objects(**members: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Give objects with some of these members."""
    return st.fixed_dictionaries({}, optional=members)


INTEGER_TESTS = st.just("any") | objects(
    eq=NUMBERS,
    lt=NUMBERS,
    lte=NUMBERS,
    gt=NUMBERS,
    gte=NUMBERS,
    notIn=st.lists(NUMBERS, max_size=2),
)
ADDRESS_TESTS = st.just("any") | objects(eq=st.just(address(VENDOR)), **{"in": ADDRESSES})
WHEN = objects(
    to=ADDRESS_TESTS,
    value=INTEGER_TESTS,
    maxCost=INTEGER_TESTS,
    fee=st.just("any") | INTEGER_TESTS,
    gas=INTEGER_TESTS,
    tip=INTEGER_TESTS,
    nonce=INTEGER_TESTS,
    data=st.just("any") | st.fixed_dictionaries({"size": INTEGER_TESTS}),
)
CALL = st.fixed_dictionaries(
    {
        "abi": st.sampled_from(["transfer(address,uint256)", "approve(address,uint256)"]),
        "args": st.fixed_dictionaries({"0": ADDRESS_TESTS, "1": INTEGER_TESTS}),
    },
    optional={"to": st.just("any") | ADDRESSES},
)
PERMIT = st.fixed_dictionaries(
    {
        "contract": st.just("any") | ADDRESSES,
        "primaryType": st.sampled_from(["Permit", "PermitBatch"]),
        "fields": st.fixed_dictionaries(
            dict.fromkeys(("owner", "nonce", "deadline"), st.just("any")),
            optional={"spender": ADDRESS_TESTS, "value": INTEGER_TESTS, "details": st.just("any")},
        ),
    }
)
LIMIT = st.fixed_dictionaries(
    {"sum": st.sampled_from(["value", "fee", "cost", "arg:1", "field:value"])},
    optional={"per": st.sampled_from(["wallet", "to", "client", "account"])},
).map(lambda made: {**made, "window": 60, "max": 100})
CLAUSES = st.one_of(
    objects(when=WHEN),
    objects(when=WHEN, call=CALL),
    st.fixed_dictionaries({"typedData": PERMIT}),
    st.fixed_dictionaries(
        {"message": st.sampled_from(["any", {"prefix": "a"}, {"hex": {"lte": 1}}])}
    ),
    objects(method=st.lists(st.sampled_from(["transaction", "cancel"]), min_size=1, max_size=2)),
)
COMMON = objects(
    chain=st.sampled_from([[1], [2, 3], "any"]),
    type=st.sampled_from([[2], [0, 1]]),
    who=st.sampled_from([["owner"], ["alice"], ["@treasury", "owner"]]),
)
ALLOWING = st.builds(
    lambda clauses, common, limits, m: {
        "effect": "allow",
        "chain": [1],
        **common,
        **clauses,
        **({"limits": limits} if limits else {}),
        **({"approvals": {"m": m, "of": "@treasury"}} if m else {}),
    },
    CLAUSES,
    COMMON,
    st.lists(LIMIT, max_size=1),
    st.sampled_from([0, 0, 1]),
)
DENYING = st.builds(
    lambda clauses, common: {"effect": "deny", **common, **clauses}, CLAUSES, COMMON
)

INTENTS: list[Intent] = [
    transaction(),
    transaction(OTHER, value=100),
    transaction(value=101, kind=0),
    transaction(chain=3, nonce=5),
    transaction(TOKEN, data=transfer(VENDOR, 5)),
    transaction(TOKEN, data=approve(SPENDER, MAX)),
    transaction(TOKEN, data=approve(SPENDER, MAX) + b"\0"),
    transaction(None, data=b"\x60"),
    cancel(),
    message(b""),
    message(b"abc"),
    typed(permit()),
    typed(permit(value=str(MAX))),
    typed(permit2(5, 6)),
]
INTENT = st.sampled_from(INTENTS)
CLIENT = st.sampled_from([OWNER, ALICE])
USED = st.sampled_from([0, 50, 100])


def made(*rules: dict[str, Any], **members: Any) -> Policy:
    numbered = [{**rule, "id": f"r{at}"} for at, rule in enumerate(rules)]
    return read_policy(json.dumps(policy_json(*numbered, **members)).encode())


def readable(rule: dict[str, Any]) -> bool:
    try:
        made(rule, **OF_WALLET)
    except UsageError:
        return False
    return True


# A fee bound of the wallet, so that most rules can be read.
OF_WALLET = {"limits": [{"sum": "fee", "window": 60, "max": 10**30}]}
ALLOWS, DENIES = ALLOWING.filter(readable), DENYING.filter(readable)


@given(
    st.lists(ALLOWS, max_size=3),
    st.lists(DENIES, min_size=1, max_size=4),
    st.data(),
    INTENT,
    CLIENT,
)
def test_the_order_of_denials_changes_nothing(
    allows: list[Any], denies: list[Any], data: st.DataObject, intent: Intent, client: bytes
) -> None:
    one = ask(made(*allows, *denies, **OF_WALLET), intent, client)
    shuffled = data.draw(st.permutations(denies))
    for other in (made(*allows, *shuffled, **OF_WALLET), made(*shuffled, *allows, **OF_WALLET)):
        again = ask(other, intent, client)
        assert again.effect == one.effect
        assert [charge.amount for charge in again.charges] == [c.amount for c in one.charges]


@given(st.lists(ALLOWS, max_size=3), DENIES, INTENT, CLIENT, USED)
def test_a_denial_more_never_allows_more(
    allows: list[Any], denial: Any, intent: Intent, client: bytes, used: int
) -> None:
    before = ask(made(*allows, **OF_WALLET), intent, client, used)
    after = ask(made(*allows, denial, **OF_WALLET), intent, client, used)
    assert after == before or after.effect == DENY


@given(st.lists(ALLOWS, max_size=3), st.lists(DENIES, max_size=2), INTENT, CLIENT, USED)
@settings(max_examples=60)
def test_an_explanation_ends_in_the_decision(
    allows: list[Any], denies: list[Any], intent: Intent, client: bytes, used: int
) -> None:
    read = made(*allows, *denies, **OF_WALLET)
    decision = ask(read, intent, client, used)
    lines = explain(read, intent, client, OWNER, lambda _: used)
    assert lines[-1].condition == f"{decision.effect}: {decision.reason}"
    if decision.effect != DENY:
        decided = [line.outcome for line in lines if line.rule == decision.rule]
        assert set(decided) <= {"passed", "not reached"}
        assert "passed" in decided or not decided


UPPER = objects(lte=NUMBERS, lt=NUMBERS)
AMOUNTS = st.integers(0, 200) | st.sampled_from([MAX - 21_000 * GWEI - 1, 21_000 * GWEI])


def amounts_of(kind: str, amount: int) -> Intent:
    if kind == "transaction":
        return transaction(value=amount)
    if kind == "call":
        return transaction(TOKEN, data=transfer(VENDOR, amount))
    return typed(permit(value=str(amount)))


def upper_rules(bound: Any, maximum: int) -> list[dict[str, Any]]:
    """Return rules whose only tests of amounts are upper bounds."""
    bound = bound or "any"
    limit = {"window": 60, "max": maximum}
    args = {"0": "any", "1": bound}
    fields = dict.fromkeys(("owner", "spender", "nonce", "deadline"), "any")
    return [
        {
            "effect": "allow",
            "chain": [1],
            "when": {"value": bound},
            "limits": [{"sum": "value", **limit}],
        },
        {
            "effect": "allow",
            "chain": [1],
            "call": {"to": "any", "abi": "transfer(address,uint256)", "args": args},
            "limits": [{"sum": "arg:1", **limit}],
        },
        {
            "effect": "allow",
            "chain": [1],
            "typedData": {
                "contract": "any",
                "primaryType": "Permit",
                "fields": {**fields, "value": bound},
            },
            "limits": [{"sum": "field:value", **limit}],
        },
    ]


@given(
    UPPER, st.integers(0, 150), AMOUNTS, AMOUNTS, st.sampled_from(["transaction", "call", "typed"])
)
def test_more_is_never_allowed_where_less_is_not(
    bound: Any, maximum: int, one: int, other: int, kind: str
) -> None:
    try:
        read = made(*upper_rules(bound, maximum), **OF_WALLET)
    except UsageError:  # below 0
        return
    less, more = sorted((one, other))
    if ask(read, amounts_of(kind, less)).effect == DENY:
        assert ask(read, amounts_of(kind, more)).effect == DENY


JSON = st.recursive(
    st.none()
    | st.booleans()
    | NUMBERS
    | ADDRESSES
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(
        ["any", "owner", "alice", "@treasury", "MAX", "0x", "transfer(address,uint256)"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "id effect method chain type from who when call typedData message limits approvals to "
                "abi args value fee data size eq in notIn lt lte gt gte sum count window max per name "
                "m of within contract primaryType fields prefix hex create 0 1".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def require_code(problem: UsageError) -> None:
    assert problem.code == "policy_invalid"


@given(
    st.fixed_dictionaries(
        {"v": st.just(1), "rules": JSON | st.lists(JSON | ALLOWING | DENYING, max_size=3)},
        optional=dict.fromkeys(
            ("name", "time", "clients", "sets", "limits", "changes", "export"), JSON
        ),
    ),
    st.booleans(),
)
@settings(max_examples=300)
def test_a_reader_raises_only_refusals(value: dict[str, Any], based: bool) -> None:
    whole = {**BASE, **value} if based else value
    try:
        text = json.dumps(whole).encode()
        read = read_policy(text)
    except UsageError as problem:
        require_code(problem)
        return
    for intent in INTENTS:
        assert ask(read, intent).effect in (ALLOW, APPROVE, DENY)


SCHEMA = json.loads((ROOT / "docs/spec/wallet-policy.schema.json").read_text())


@given(st.lists(ALLOWS | DENIES, min_size=1, max_size=3))
def test_the_schema_takes_what_the_reader_takes(rules: list[dict[str, Any]]) -> None:
    assert holds(SCHEMA, json.loads(made(*rules, **OF_WALLET).text), SCHEMA)


@given(st.binary(max_size=200))
def test_bytes_are_a_policy_or_refused(text: bytes) -> None:
    try:
        read_policy(text)
    except UsageError as problem:
        require_code(problem)
