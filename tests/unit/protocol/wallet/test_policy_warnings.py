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

PAID = {"0": {"in": "@vendors"}, "1": {"lte": 5}}
TRANSFER = {"to": "@tokens", "abi": "transfer(address,uint256)", "args": PAID}
ANYTHING = {"0": "any", "1": "any"}
LEAST = {"fee": {"lte": 5}}


def call(**members: Any) -> dict[str, Any]:
    return {name: item for name, item in {**TRANSFER, **members}.items() if item is not None}


def authorization(to: Any, value: Any) -> dict[str, Any]:
    """Return a test on a payment by signature alone (EIP-3009)."""
    fields = dict.fromkeys(("from", "validAfter", "validBefore", "nonce"), "any")
    named = {"contract": "@tokens", "primaryType": "TransferWithAuthorization"}
    return {**named, "fields": {**fields, "to": to, "value": value}}


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
            allow(call=call(args=ANYTHING), when=LEAST),
            [
                "transfer(address,uint256) to any receiver",
                "transfer(address,uint256) without a bound on the amount",
            ],
        ),
        (
            allow(call=call(args={"0": {"notIn": [address(1)]}, "1": {"lte": 5}}), when=LEAST),
            ["transfer(address,uint256) to any receiver"],
        ),
        (
            allow(
                call=call(
                    abi="transferFrom(address,address,uint256)",
                    args={"0": {"in": "@vendors"}, "1": "any", "2": "any"},
                ),
                when=LEAST,
                limits=[{"sum": "arg:2", "window": 60, "max": 5}],
            ),
            ["transferFrom(address,address,uint256) to any receiver"],
        ),
        (
            allow(call=call(abi="approve(address,uint256)", args=ANYTHING), when=LEAST),
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
                call=call(abi="approve(address,uint256)", args=ANYTHING),
                when={"fee": {"lte": 5}},
                limits=[{"sum": "arg:1", "window": 60, "max": 5}],
            ),
            [],
        ),
        (
            allow(
                call=call(abi="setApprovalForAll(address,bool)", args=ANYTHING),
                when={"fee": {"lte": 5}},
            ),
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
        (
            allow(when=None, typedData=authorization("any", "any")),
            [
                "TransferWithAuthorization to any receiver",
                "TransferWithAuthorization without a bound on the amount",
            ],
        ),
        (allow(when=None, typedData=authorization({"in": "@vendors"}, {"lte": 5})), []),
        (allow(method=["cancel"], when={"fee": {"lte": 5}}), []),
        (deny(), []),
    ],
)
def test_warnings(rule: dict[str, Any], warnings: list[str]) -> None:
    assert list(policy(rule).warnings) == [f"rule allows {line}" for line in warnings]


def test_the_owners_export_is_warned_of() -> None:
    assert "export the keys" in policy(export="owner").warnings[0]
