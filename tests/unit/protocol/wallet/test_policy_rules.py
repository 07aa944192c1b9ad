"""Reading rules: what is refused, with its place and what to do."""

from typing import Any

import pytest

from tests.policy_kit import (
    MAX,
    address,
    allow,
    deny,
    policy,
    refusal,
)

TRANSFER = {"to": "@tokens", "abi": "transfer(address,uint256)", "args": {"0": "any", "1": "any"}}


def call(**members: Any) -> dict[str, Any]:
    return {name: item for name, item in {**TRANSFER, **members}.items() if item is not None}


def when(**members: Any) -> dict[str, Any]:
    return {"fee": "any", **members}


def source(value: Any) -> dict[str, Any]:
    return {**allow(), "from": value}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("x", "rules[0] must be an object"),
        ({}, "lacks 'id'"),
        ({"id": "a"}, "lacks 'effect'"),
        (allow(id=""), "rules[0].id must be a word"),
        (allow(id="a/b"), "must be a word"),
        (allow(effect="permit"), 'must be "allow" or "deny"'),
        (allow(allow=True), "has no field 'allow'"),
        (allow(method=["sign"]), "must be a list of some of transaction, cancel"),
        (allow(method=[]), "must be a list of some of"),
        (allow(method="transaction"), "method must be a list"),
        (allow(chain=None), "lacks 'chain'"),
        (allow(chain=[]), "chain is empty"),
        (allow(chain=[0]), "chain[0] is below 1"),
        (allow(chain=1), "chain must be a list"),
        (allow(type=[3]), "type[0] is over 2"),
        (allow(type=[]), "type is empty"),
        (allow(who=[]), "who is empty"),
        (allow(who=["carol"]), "nor one of the clients: alice, bob"),
        (allow(who=["@vendors"]), "names no set of clients; those are nobody, treasury"),
        (allow(who=[1]), "who[0] is neither"),
        (source(["@treasury"]), "from[0] names no set of addresses"),
        (source("0x00"), "from must be an address"),
        (allow(approvals={"m": 1, "of": "@vendors"}), "approvals.of names no set of clients"),
        (deny(limits=[]), "is for rules that allow"),
        (deny(approvals={"m": 1, "of": "@treasury"}), "is for rules that allow"),
        # the fee
        (allow(when=None), "does not bound the fee"),
        (allow(when={"gas": {"lte": 21_000}}), "does not bound the fee"),
        (allow(when={"maxFeePerGas": {"lte": 1}}), "does not bound the fee"),
        (allow(when={"fee": {"gte": 1}}), "does not bound the fee"),
        (allow(when={"maxCost": {"notIn": [1]}}), "does not bound the fee"),
        (allow(when=None, method=["cancel"]), "does not bound the fee"),
        (allow(when=None, limits=[{"sum": "value", "window": 1, "max": 1}]), "bound the fee"),
        # when
        (allow(when=when(price=1)), "has no field 'price'"),
        (allow(when=when(value=5)), 'must be an object of tests, as {"lte": 100}, or "any"'),
        (allow(when=when(value={})), "has no test"),
        (allow(when=when(value={"le": 5})), "has no field 'le'"),
        (allow(when=when(value={"lte": 1.5})), "fraction"),
        (allow(when=when(value={"lte": True})), "not a boolean"),
        (allow(when=when(value={"lte": -1})), "must not be negative"),
        (allow(when=when(value={"lte": MAX + 1})), "is over 2^256 - 1"),
        (allow(when=when(value={"lte": "0x00"})), "is not a quantity"),
        (allow(when=when(value={"lte": "1.5"})), "is not whole"),
        (allow(when=when(value={"lte": "@vendors"})), "is not an integer"),
        (allow(when=when(value={"in": []})), "can never hold"),
        (allow(when=when(value={"in": 5})), "value.in must be a list"),
        (allow(when=when(value={"gt": 5, "lt": 6})), "can never hold"),
        (allow(when=when(value={"in": [5], "notIn": [5]})), "can never hold"),
        (allow(when=when(value={"in": [1] * 1025})), "1024 are the most"),
        (allow(when=when(to={"lte": 5})), "has no field 'lte'"),
        (allow(when=when(to="@vendors")), 'as {"in": "@name"}'),
        (allow(when=when(to={"eq": [address(1)]})), "must be one address"),
        (allow(when=when(to={"in": []})), "is empty"),
        (allow(when=when(to={"in": "@treasury"})), "names no set of addresses"),
        (allow(when=when(to={"in": [address(1), "@gone"]})), "to.in[1] names no set"),
        (allow(when=when(to={"eq": address(0xAB).upper().replace("X", "x")})), "all uppercase"),
        (allow(when=when(to={"eq": address(0xAC).swapcase().replace("X", "x")})), "wrong checksum"),
        (allow(when=when(create=1)), "must be true or false"),
        (allow(when=when(create=True)), "state their code"),
        (allow(when=when(create=True, data="any", to={"in": "@vendors"})), "no receiver"),
        (allow(when=when(create=True), call=TRANSFER), "no receiver and no call"),
        (allow(when=when(data="some")), 'must be "any" or {"size"'),
        (allow(when=when(data={"size": {"lte": -1}})), "must not be negative"),
        (allow(when=when(data={"lte": 1})), 'must be "any" or {"size"'),
        # call
        (allow(call={"to": "@tokens"}), "lacks 'abi'"),
        (allow(call=call(abi="transfer")), "lacks '('"),
        (allow(call=call(abi=5)), "abi must be a string"),
        (allow(call=call(to=None)), "lacks 'to'"),
        (allow(call=call(to="vendors")), "must be an address"),
        (allow(call=call(args=None)), "lacks a test for argument 0 (address)"),
        (allow(call=call(args={"0": "any"})), "lacks a test for argument 1 (uint256)"),
        (allow(call=call(args={"0": "any", "1": "any", "2": "any"})), "is no argument of transfer"),
        (allow(call=call(args={"0": "any", "01": "any"})), "is no argument of"),
        (allow(call=call(args={"0.1": "any", "1": "any"})), "is a part of address"),
        (allow(call=call(args=["any", "any"])), "args must be an object"),
        (allow(call=call(args={"0": {"lte": 1}, "1": "any"})), "has no field 'lte'"),
        (allow(call=call(args={"0": "any", "1": {"size": {"lte": 1}}})), "has no field 'size'"),
        (allow(call=call(), when=when(data="any")), "is decided by `call`"),
        (
            allow(call=call(abi="f(uint8 a)", args={"0": "any", "a": "any"})),
            "is tested twice",
        ),
        (allow(call=call(abi="f(uint8)", args={"0": {"lte": 256}})), "is over"),
        (
            allow(call=call(abi="f((bool,uint8))", args={"0": "any", "0.1": "any"})),
            "together with a part of it",
        ),
        (
            allow(call=call(abi="f((bool,uint8))", args={"0.1": "any"})),
            "lacks a test for argument 0.0 (bool)",
        ),
        (
            allow(call=call(abi="f((bool,uint8)[])", args={"0.*.1": "any"})),
            "lacks a test for argument 0.*.0 (bool)",
        ),
        (
            allow(call=call(abi="f(uint8[])", args={"0.0": "any"})),
            "write '*' for all of its items",
        ),
        (
            allow(call=call(abi="f(uint8[])", args={"0": {"eq": 1}})),
            "test its parts",
        ),
        (allow(call=call(abi="f(bytes4)", args={"0": {"eq": "0x00"}})), "must be 4 bytes"),
        (allow(call=call(abi="f(bool)", args={"0": {"in": [True]}})), '{"eq": true}'),
        (allow(call=call(abi="f(string)", args={"0": {"in": "@vendors"}})), "must be a list"),
        (allow(call=call(abi="f(string)", args={"0": {"eq": "@vendors"}})), "not of texts"),
        # limits
        (allow(limits={}), "limits must be a list"),
        (allow(limits=[{"window": 1, "max": 1}]), 'must have one of "sum" and "count"'),
        (
            allow(limits=[{"sum": "fee", "count": True, "window": 1, "max": 1}]),
            'one of "sum" and "count"',
        ),
        (allow(limits=[{"count": 1, "window": 1, "max": 1}]), "count must be true"),
        (allow(limits=[{"count": True, "max": 1}]), "lacks 'window'"),
        (allow(limits=[{"count": True, "window": 1}]), "lacks 'max'"),
        (allow(limits=[{"count": True, "window": 0, "max": 1}]), "window is below 1"),
        (allow(limits=[{"count": True, "window": 10**10, "max": 1}]), "window is over"),
        (allow(limits=[{"count": True, "window": 1, "max": 0}]), "max is below 1"),
        (allow(limits=[{"sum": "gas", "window": 1, "max": 1}]), "must be value, fee, cost"),
        (allow(limits=[{"sum": 1, "window": 1, "max": 1}]), "must be value, fee, cost"),
        (allow(limits=[{"sum": "fee", "window": 1, "max": 1, "per": "day"}]), "must be one of"),
        (allow(limits=[{"sum": "fee", "window": 1, "max": 1, "name": ""}]), "must be a word"),
        (allow(limits=[{"sum": "arg:1", "window": 1, "max": 1}]), "the rule has no `call`"),
        (
            allow(call=TRANSFER, limits=[{"sum": "arg:0", "window": 1, "max": 1}]),
            "sums values of address",
        ),
        (allow(call=TRANSFER, limits=[{"sum": "arg:2", "window": 1, "max": 1}]), "no argument"),
        (allow(limits=[{"count": True, "window": 1, "max": n} for n in (1, 2)]), "there twice"),
        (allow(limits=[{"sum": "fee", "window": n, "max": 1} for n in range(1, 18)]), "16 are"),
        # messages and typed data
        (allow(method=["message"], when=None, chain=None), "needs the member 'message'"),
        (allow(method=["typedData"], when=None), "needs the member 'typedData'"),
        (allow(method=["transaction", "message"], chain=None), "make a rule of its own"),
        (allow(message="any"), "make a rule of its own"),
        (allow(message="any", when=None), "messages have no chain"),
        (allow(message={}, when=None, chain=None), 'must be "any", {"prefix"'),
        (allow(message={"prefix": ""}, when=None, chain=None), "is empty"),
        (allow(message={"hex": {"le": 1}}, when=None, chain=None), "has no field 'le'"),
        (allow(message="any", call=TRANSFER, when=None, chain=None), "make a rule of its own"),
        (
            allow(
                message="any",
                when=None,
                chain=None,
                limits=[{"count": True, "window": 1, "max": 1, "per": "to"}],
            ),
            "messages have no receiver",
        ),
        (
            allow(
                message="any", when=None, chain=None, limits=[{"sum": "fee", "window": 1, "max": 1}]
            ),
            "which only transactions have",
        ),
        (allow(when=None, typedData={}), "lacks 'contract'"),
        (allow(when=None, typedData={"contract": "any"}), "lacks 'primaryType'"),
        (allow(when=None, typedData={"contract": "any", "primaryType": "P"}), "lacks 'fields'"),
        (
            allow(when=None, chain=None, typedData={"contract": "any", "primaryType": "P"}),
            "lacks 'chain'",
        ),
        (deny(typedData={"primaryType": ""}), "1 to 128 characters"),
        (deny(typedData={"fields": {"a..b": "any"}}), "names with dots"),
        (deny(typedData={"fields": {".".join("a" * 17): "any"}}), "at most 16"),
        (deny(typedData={"fields": {"a": "any", "a.b": "any"}}), "together with a part"),
        (deny(typedData={"fields": {"a.b": "any", "a": "any"}}), "together with a part"),
        (deny(typedData={"fields": {"a": {}}}), "has no test"),
        (deny(typedData={"fields": {"a": {"in": "@gone"}}}), "names no set of addresses"),
        (deny(typedData={"fields": {"a": {"eq": address(0xAB).lower()}}}), "no checksum"),
        (deny(typedData={"fields": {"a": {"lte": "x"}}}), "is not an integer"),
        (deny(typedData={"fields": {"a": {"size": 5}}}), "must be an object of tests"),
        (deny(typedData={"contract": "@treasury"}), "names no set of addresses"),
        (deny(method=["message"], chain=[1]), "messages have no chain"),
        (deny(method=["message"], when=when()), "make a rule of its own"),
        (deny(call=TRANSFER, typedData={}), "make a rule of its own"),
    ],
)
def test_rules_that_are_refused(rule: Any, why: str) -> None:
    assert why in refusal(rule)


def test_ids_are_unique() -> None:
    assert "is the id of another rule" in refusal(allow(), deny(id="rule"))


def test_limits_of_one_name_agree() -> None:
    shared = {"sum": "fee", "window": 60, "max": 5, "name": "m"}
    for other in ({"window": 61}, {"per": "to"}, {"sum": None, "count": True}):
        changed = {name: item for name, item in {**shared, **other}.items() if item is not None}
        text = refusal(allow(limits=[shared]), allow(id="b", limits=[changed]))
        assert "rules[1].limits[0] shares the meter 'm'" in text
    policy(allow(limits=[shared]), allow(id="b", limits=[{**shared, "max": 9, "sum": "value"}]))


def test_tests_are_bounded_in_number() -> None:
    fields = {f"f{n}": {"gt": 0} for n in range(1000)}
    rule = deny(typedData={"fields": fields})
    policy(rule)
    more = deny(id="b", typedData={"fields": {f"f{n}": {"gt": 0, "lt": 9} for n in range(13)}})
    assert "1024 tests" in refusal(rule, more)


@pytest.mark.parametrize(
    "enough",
    [
        {"when": {"fee": {"lte": 1}}},
        {"when": {"fee": {"lt": 1}}},
        {"when": {"fee": {"eq": 1}}},
        {"when": {"fee": {"in": [1, 2]}}},
        {"when": {"maxCost": {"lte": 1}}},
        {"when": {"gas": {"lte": 1}, "maxFeePerGas": {"lte": 1}}},
        {"when": {}, "limits": [{"sum": "fee", "window": 1, "max": 1}]},
        {"when": {}, "limits": [{"sum": "cost", "window": 1, "max": 1}]},
        {"when": {"fee": "any"}},
    ],
)
def test_what_bounds_the_fee(enough: dict[str, Any]) -> None:
    assert policy(allow(**enough)).rules


def test_a_limit_of_the_wallet_bounds_the_fee_of_every_rule() -> None:
    assert policy(allow(when=None), limits=[{"sum": "cost", "window": 60, "max": 5}]).rules
