"""Rules on typed data: every field spoken of, and what is not known neither allowed nor let past."""

from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.wallet.policy import ALLOW, DENY
from tests.policy_kit import (
    ACCOUNT,
    MAX,
    OTHER,
    SPENDER,
    TOKEN,
    address,
    allow,
    ask,
    deny,
    effect,
    permit,
    permit2,
    policy,
    typed,
)

FIELDS: dict[str, Any] = {
    "owner": "any",
    "spender": {"eq": address(SPENDER)},
    "value": {"lte": 100},
    "nonce": "any",
    "deadline": {"lt": 2_000_000_000},
}
DETAILS: dict[str, Any] = {
    "details.*.token": {"in": "@tokens"},
    "details.*.amount": {"lte": 100},
    "details.*.expiration": "any",
    "details.*.nonce": "any",
    "spender": "any",
    "sigDeadline": "any",
}


def rule(id: str = "rule", **members: Any) -> dict[str, Any]:
    """Return a rule that allows permits, its `typedData` changed; None leaves a member out."""
    of = {"contract": "@tokens", "primaryType": "Permit", "fields": FIELDS, **members}
    stated = {name: item for name, item in of.items() if item is not None}
    return allow(id, when=None, typedData=stated)


def one(kind: str, value: Any, **types: Any) -> dict[str, Any]:
    """Return typed data of one member, `it`."""
    return {
        "types": {
            "EIP712Domain": [{"name": "chainId", "type": "uint256"}],
            "One": [{"name": "it", "type": kind}],
            **types,
        },
        "primaryType": "One",
        "domain": {"chainId": 1},
        "message": {"it": value},
    }


def one_rule(test: Any, path: str = "it") -> dict[str, Any]:
    return rule(contract="any", primaryType="One", fields={path: test})


ANYTHING = one_rule("any")


def test_a_permit_within_its_tests() -> None:
    read = policy(rule())
    assert effect(read, typed(permit())) == ALLOW
    for changed in (
        permit(spender=address(OTHER)),
        permit(value=101),
        permit(value="101"),
        permit(value="0x65"),
        permit(deadline=2_000_000_000),
        {**permit(), "domain": {**permit()["domain"], "verifyingContract": address(OTHER)}},
        {**permit(), "domain": {**permit()["domain"], "chainId": 2}},
    ):
        assert effect(read, typed(changed)) == DENY
    assert effect(read, typed(permit(value="0x64"))) == ALLOW
    assert effect(read, typed(permit(spender=address(SPENDER).lower()))) == ALLOW
    assert effect(policy(rule(primaryType="Permits")), typed(permit())) == DENY


@pytest.mark.parametrize("missing", list(FIELDS))
def test_every_field_is_spoken_of(missing: str) -> None:
    fields = {name: test for name, test in FIELDS.items() if name != missing}
    decision = ask(policy(rule(fields=fields)), typed(permit()))
    assert decision.effect == DENY
    assert f"the rule speaks of every field (it is: not of {missing})" in decision.reason


def test_a_test_of_a_field_that_is_not_there_does_not_hold() -> None:
    assert effect(policy(rule(fields={**FIELDS, "amount": {"gte": 0}})), typed(permit())) == DENY
    assert effect(policy(rule(fields={**FIELDS, "amount": "any"})), typed(permit())) == ALLOW


def test_a_domain_says_chain_and_contract() -> None:
    bare = permit()
    bare["types"]["EIP712Domain"] = []
    bare["domain"] = {}
    open_rule = {**rule(contract="any"), "chain": "any"}
    assert "domain is not empty" in ask(policy(open_rule), typed(bare)).reason
    named = permit()
    named["types"]["EIP712Domain"] = [{"name": "name", "type": "string"}]
    named["domain"] = {"name": "USD Coin"}
    assert effect(policy(open_rule), typed(named)) == ALLOW
    assert effect(policy(rule(contract="any")), typed(named)) == DENY
    assert effect(policy({**rule(), "chain": "any"}), typed(named)) == DENY
    # What is not known does not slip past a rule that denies.
    for denied in (deny(chain=[5]), deny(typedData={"contract": address(OTHER)})):
        assert effect(policy(open_rule, denied), typed(named)) == DENY
        assert effect(policy(open_rule, denied), typed(permit())) == ALLOW


def test_a_batch_of_permit2_is_tested_item_by_item() -> None:
    read = policy(rule(primaryType="PermitBatch", fields=DETAILS))
    assert effect(read, typed(permit2(1, 100))) == ALLOW
    assert effect(read, typed(permit2())) == ALLOW
    assert effect(read, typed(permit2(1, 101))) == DENY
    endless = {"primaryType": "PermitBatch", "fields": {"details.*.amount": {"eq": "MAX"}}}
    wide = rule(
        primaryType="PermitBatch",
        fields=dict.fromkeys(("details", "spender", "sigDeadline"), "any"),
    )
    denying = policy(wide, deny(typedData=endless))
    assert effect(denying, typed(permit2(1, 2**160 - 2))) == ALLOW
    assert effect(denying, typed(permit2(1, 2**160 - 1))) == DENY


def test_a_single_permit2_by_dotted_fields() -> None:
    fields = {path.replace(".*", ""): test for path, test in DETAILS.items()}
    read = policy(rule(primaryType="PermitSingle", fields=fields))
    assert effect(read, typed(permit2(100, batch=False))) == ALLOW
    assert effect(read, typed(permit2(101, batch=False))) == DENY
    assert (
        effect(policy(rule(primaryType="PermitSingle", fields=DETAILS)), typed(permit2(1))) == DENY
    )


@pytest.mark.parametrize(
    ("kind", "test", "inside", "outside"),
    [
        ("uint8", {"lte": 5}, 5, 6),
        ("uint8", {"eq": "MAX"}, 255, 254),
        ("uint256", {"eq": "MAX"}, str(MAX), str(MAX - 1)),
        ("int8", {"eq": "MAX"}, 127, 126),
        ("int16", {"gte": -5}, "-5", -6),
        ("int16", {"in": [-1, 1]}, -1, 0),
        ("address", {"in": "@tokens"}, address(TOKEN), address(OTHER)),
        ("address", {"notIn": ["@tokens"]}, address(OTHER), address(TOKEN)),
        ("bool", {"eq": False}, False, True),
        ("string", {"eq": "a"}, "a", "b"),
        ("string", {"in": ["a", "ü"]}, "ü", "u"),
        ("string", {"size": {"lte": 2}}, "ü", "üb"),
        ("bytes", {"eq": "0x00"}, "0x00", "0x0000"),
        ("bytes", {"size": {"gte": 2}}, "0x0000", "0x00"),
        ("bytes4", {"notIn": ["0x00000000"]}, "0x00000001", "0x00000000"),
        # tests that are not for such a type
        ("string", {"lte": 5}, None, "5"),
        ("uint256", {"eq": "five"}, None, 5),
        ("address", {"eq": True}, None, address(TOKEN)),
        ("uint256", {"in": "@tokens"}, None, int(address(TOKEN), 16)),
        ("uint8", {"lte": 256}, None, 5),
        ("bool", {"eq": 1}, None, True),
        ("bytes4", {"eq": "0x00"}, None, "0x00000000"),
        ("uint8[]", {"lte": 5}, None, []),
    ],
)
def test_tests_of_each_type(kind: str, test: Any, inside: Any, outside: Any) -> None:
    read = policy(one_rule(test))
    assert effect(read, typed(one(kind, outside))) == DENY
    denying = policy(ANYTHING, deny(typedData={"primaryType": "One", "fields": {"it": test}}))
    if inside is not None:
        assert effect(read, typed(one(kind, inside))) == ALLOW
        assert effect(denying, typed(one(kind, inside))) == DENY
        assert effect(denying, typed(one(kind, outside))) == ALLOW
    else:  # not known whether it holds, so it does not get past
        assert effect(denying, typed(one(kind, outside))) == DENY


def test_a_field_that_is_not_there_does_not_get_past_a_rule_that_denies() -> None:
    denied = deny(typedData={"primaryType": "One", "fields": {"other": {"eq": 1}}})
    assert effect(policy(ANYTHING), typed(one("uint8", 1))) == ALLOW
    assert effect(policy(ANYTHING, denied), typed(one("uint8", 1))) == DENY


def test_arrays_of_arrays_and_of_structs() -> None:
    inner = {"Two": [{"name": "x", "type": "uint8[][2]"}]}
    value = [{"x": [[1, 2], [3]]}, {"x": [[], [4]]}]
    data = one("Two[]", value, **inner)
    for path, test, outcome in (
        ("it.*.x.*.*", {"lte": 4}, ALLOW),
        ("it.*.x.*.*", {"lte": 3}, DENY),
        ("it.*.x.*", {"lte": 4}, DENY),
        ("it.*.x", "any", ALLOW),
        ("it.*", "any", ALLOW),
        ("it.0.x", "any", DENY),
        ("it.*.y", "any", DENY),
        ("it.x", "any", DENY),
    ):
        assert effect(policy(one_rule(test, path)), typed(data)) == outcome, path


def test_names_with_dots_are_under_any_or_not_allowed() -> None:
    inner = {"Two": [{"name": "a.b", "type": "uint8"}]}
    data = one("Two", {"a.b": 1}, **inner)
    assert effect(policy(one_rule("any", "it.a.b")), typed(data)) == DENY
    assert effect(policy(one_rule("any")), typed(data)) == ALLOW


def test_what_is_too_much_to_look_at_is_not_known() -> None:
    """Conditions share a bounded number of values that they look at; text counts by its length."""
    shared = limits.WALLET_LOOKS // 64
    others = [
        deny(f"d{at}", who=["alice"], typedData={"fields": {"it.*": {"gt": at}}})
        for at in range(63)
    ]
    items, most = one("uint8[]", [1] * (shared // 2)), one("uint8[]", [1] * (shared // 2 + 1))
    text, long = one("string", "x" * 64 * (shared - 1)), one("string", "x" * 64 * shared)
    for within, beyond, path, test in (
        (items, most, "it.*", {"lte": 5}),
        (text, long, "it", {"size": {"gt": 0}}),
    ):
        read = policy(one_rule(test, path), *others)
        assert effect(read, typed(within)) == ALLOW
        assert effect(read, typed(beyond)) == DENY
        assert effect(policy(one_rule(test, path)), typed(beyond)) == ALLOW
    fails = deny(typedData={"primaryType": "One", "fields": {"it.*": {"gt": 5}}})
    assert effect(policy(ANYTHING, fails, *others), typed(items)) == ALLOW
    assert effect(policy(ANYTHING, fails, *others), typed(most)) == DENY


def test_the_account_is_not_taken_from_the_message() -> None:
    """A permit for another owner is worthless, and still no field decides who signs."""
    read = policy(rule(fields={**FIELDS, "owner": {"eq": address(OTHER)}}))
    assert effect(read, typed(permit())) == DENY
    assert typed(permit()).account == ACCOUNT
