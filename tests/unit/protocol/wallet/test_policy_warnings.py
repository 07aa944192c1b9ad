"""What a policy warns of although it is followed."""

from typing import Any

import pytest

from tests.policy_kit import (
    ETHER,
    address,
    allow,
    deny,
    policy,
)

TRANSFER = {"to": "@tokens", "abi": "transfer(address,uint256)", "args": {"0": "any", "1": "any"}}


def call(**members: Any) -> dict[str, Any]:
    return {name: item for name, item in {**TRANSFER, **members}.items() if item is not None}


def when(**members: Any) -> dict[str, Any]:
    return {"fee": "any", **members}


def source(value: Any) -> dict[str, Any]:
    return {**allow(), "from": value}


BOUNDED = when(to={"in": "@vendors"}, value={"lte": ETHER}, fee={"lte": ETHER})


@pytest.mark.parametrize(
    ("rule", "warnings"),
    [
        (allow(when=BOUNDED), []),
        (allow(when={**BOUNDED, "to": {"notIn": [address(1)]}}), ["any receiver"]),
        (allow(when={**BOUNDED, "value": {"gte": 1}}), ["any value"]),
        (allow(when={**BOUNDED, "fee": "any"}), ["any fee: all of the coin can be burnt as gas"]),
        (allow(when={**BOUNDED, "data": "any"}), ["any call of its receivers, whatever it does"]),
        (allow(when=BOUNDED, chain="any"), ["any chain"]),
        (
            allow(when={"maxCost": {"lte": 5}, "create": True, "data": "any"}),
            ["contracts to be made, with any code"],
        ),
        (allow(call=TRANSFER, when={"fee": {"lte": 5}}), []),
        (allow(call=TRANSFER, when={"fee": {"lte": 5}, "value": "any"}), ["any value"]),
        (
            allow(call=call(to="any"), when={"fee": {"lte": 5}}),
            ["transfer(address,uint256) of any contract"],
        ),
        (
            allow(call=call(abi="approve(address,uint256)"), when={"fee": {"lte": 5}}),
            ["approve(address,uint256) without a bound on the amount"],
        ),
        (
            allow(
                call=call(abi="approve(address,uint256)", args={"0": "any", "1": {"lte": 5}}),
                when={"fee": {"lte": 5}},
            ),
            [],
        ),
        (
            allow(
                call=call(abi="approve(address,uint256)"),
                when={"fee": {"lte": 5}},
                limits=[{"sum": "arg:1", "window": 60, "max": 5}],
            ),
            [],
        ),
        (
            allow(call=call(abi="setApprovalForAll(address,bool)"), when={"fee": {"lte": 5}}),
            ["setApprovalForAll(address,bool), which hands over all tokens of the contract"],
        ),
        (
            allow(message="any", when=None, chain=None),
            ["any message, so anything that somebody proves by a message"],
        ),
        (
            allow(
                when=None,
                typedData={"contract": "any", "primaryType": "Permit", "fields": {"value": "any"}},
            ),
            ["typed data for any contract", "Permit without a bound on the amount"],
        ),
        (allow(method=["cancel"], when={"fee": {"lte": 5}}), []),
        (deny(), []),
    ],
)
def test_warnings(rule: dict[str, Any], warnings: list[str]) -> None:
    assert list(policy(rule).warnings) == [f"rule allows {line}" for line in warnings]


def test_the_owners_export_is_warned_of() -> None:
    assert "export the keys" in policy(export="owner").warnings[0]
