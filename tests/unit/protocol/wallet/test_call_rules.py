"""Rules on calls: arguments inside of tuples and arrays, by number and by name."""

from typing import Any

import pytest

from adyton.core import limits
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.wallet.abi_types import read_signature
from adyton.protocol.wallet.intent import TRANSACTION, Intent
from adyton.protocol.wallet.policy import ALLOW, DENY
from tests.abi_encoder import encode_call
from tests.policy_kit import (
    ACCOUNT,
    OTHER,
    TOKEN,
    VENDOR,
    address,
    allow,
    deny,
    effect,
    policy,
    raw,
    refusal,
    transaction,
    transfer,
)
from tests.wallet_vectors import cases, unhex

SWAP = "swap((address token, uint256 amount)[] path, bytes data, bool exact)"
TESTS: dict[str, Any] = {
    "path.*.token": {"in": "@tokens"},
    "path.*.amount": {"lte": 100},
    "data": {"size": {"lte": 4}},
    "exact": {"eq": True},
}


def calling(abi: str, args: dict[str, Any], **call: Any) -> dict[str, Any]:
    return allow(call={"to": "any", "abi": abi, "args": args, **call})


def swap(*path: tuple[int, int], data: bytes = b"", exact: bool = True) -> Any:
    values = (tuple((raw(token), amount) for token, amount in path), data, exact)
    return transaction(TOKEN, data=encode_call(read_signature(SWAP, "abi"), values))


def test_every_item_must_be_allowed() -> None:
    read = policy(calling(SWAP, TESTS))
    assert effect(read, swap()) == ALLOW
    assert effect(read, swap((TOKEN, 1), (TOKEN, 100), data=b"1234")) == ALLOW
    for other in (
        swap((TOKEN, 1), (TOKEN, 101)),
        swap((OTHER, 1)),
        swap(data=b"12345"),
        swap(exact=False),
    ):
        assert effect(read, other) == DENY


def test_one_item_is_enough_to_be_denied() -> None:
    wide = calling(SWAP, dict.fromkeys(("path", "data", "exact"), "any"))
    read = policy(wide, deny(call={"abi": SWAP, "args": {"path.*.amount": {"gt": 100}}}))
    assert effect(read, swap((TOKEN, 1), (TOKEN, 100))) == ALLOW
    assert effect(read, swap((TOKEN, 101), (TOKEN, 1))) == DENY
    assert effect(read, swap()) == ALLOW


def test_any_covers_what_is_below_it() -> None:
    assert (
        effect(policy(calling(SWAP, {"0": "any", "1": "any", "2": "any"})), swap((9, 9))) == ALLOW
    )
    by_item = {"0.*": "any", "1": "any", "2": "any"}
    assert effect(policy(calling(SWAP, by_item)), swap((9, 9))) == ALLOW


@pytest.mark.parametrize(
    ("kind", "test", "inside", "outside"),
    [
        ("uint8", {"eq": "MAX"}, 255, 254),
        ("uint160", {"lt": "MAX"}, 2**160 - 2, 2**160 - 1),
        ("int24", {"gte": -5}, -5, -6),
        ("address", {"eq": address(VENDOR)}, raw(VENDOR), raw(OTHER)),
        ("bool", {"eq": False}, False, True),
        ("bytes4", {"in": ["0x00000000", "0x01020304"]}, bytes(4), b"1234"),
        ("bytes", {"eq": "0x"}, b"", b"1"),
        ("string", {"notIn": ["no"]}, "yes", "no"),
    ],
)
def test_tests_of_each_type(kind: str, test: Any, inside: Any, outside: Any) -> None:
    abi = f"f({kind})"
    args = {"0": test}

    def of(value: Any) -> Any:
        return transaction(TOKEN, data=encode_call(read_signature(abi, "abi"), (value,)))

    read = policy(calling(abi, args))
    assert [effect(read, of(value)) for value in (inside, outside)] == [ALLOW, DENY]
    wide = calling(abi, {"0": "any"})
    read = policy(wide, deny(call={"to": "@tokens", "abi": abi, "args": args}))
    assert [effect(read, of(value)) for value in (inside, outside)] == [DENY, ALLOW]


@pytest.mark.parametrize(
    ("to", "inside", "outside"),
    [
        (address(TOKEN), TOKEN, OTHER),
        ("@tokens", TOKEN, OTHER),
        (["@tokens", address(OTHER)], OTHER, VENDOR),
        ({"notIn": "@vendors"}, TOKEN, VENDOR),
        ("any", OTHER, None),
    ],
)
def test_receivers_of_a_call(to: Any, inside: int, outside: int | None) -> None:
    args = {"to": "any", "amount": "any"}
    read = policy(calling("transfer(address to, uint256 amount)", args, to=to))
    assert effect(read, transaction(inside, data=transfer())) == ALLOW
    if outside is not None:
        assert effect(read, transaction(outside, data=transfer())) == DENY
    assert effect(read, transaction(None, data=transfer())) == DENY


def test_a_call_carries_no_coin_unless_the_rule_says_so() -> None:
    args = {"0": "any", "1": "any"}
    rule = calling("transfer(address,uint256)", args)
    assert effect(policy(rule), transaction(TOKEN, data=transfer(), value=1)) == DENY
    rule["when"] = {"fee": "any", "value": {"lte": 1}}
    assert effect(policy(rule), transaction(TOKEN, data=transfer(), value=1)) == ALLOW
    assert effect(policy(rule), transaction(TOKEN, data=transfer(), value=2)) == DENY


def test_a_function_without_arguments() -> None:
    read = policy(calling("pause()", {}))
    data = read_signature("pause()", "abi").selector
    assert effect(read, transaction(TOKEN, data=data)) == ALLOW
    assert effect(read, transaction(TOKEN, data=data + b"\0")) == DENY


def test_what_is_too_much_to_look_at_is_not_known() -> None:
    """Conditions share a bounded number of values that they look at."""
    abi = "f(uint256[])"
    allowing = calling(abi, {"0.*": {"lte": 5}})
    shared = limits.WALLET_LOOKS // 64

    def of(items: int) -> Intent:
        return transaction(TOKEN, data=encode_call(read_signature(abi, "abi"), ((1,) * items,)))

    def others(which: str, number: int) -> list[dict[str, Any]]:
        made = calling(abi, {"0.*": {"gt": 5}}) if which == "allow" else DENIED
        return [{**made, "id": f"r{at}", "who": ["alice"]} for at in range(number)]

    assert effect(policy(allowing), of(1000)) == ALLOW
    for which in ("allow", "deny"):
        assert effect(policy(allowing, *others(which, 63)), of(shared)) == ALLOW
        assert effect(policy(allowing, *others(which, 63)), of(shared + 1)) == DENY
    wide = calling(abi, {"0": "any"})
    assert effect(policy(wide, DENIED, *others("deny", 63)), of(shared)) == ALLOW
    assert effect(policy(wide, DENIED, *others("deny", 63)), of(shared + 1)) == DENY


DENIED = deny(call={"abi": "f(uint256[])", "args": {"0.*": {"eq": 7}}})


def test_two_functions_of_one_selector_are_refused() -> None:
    rules = [
        {**deny(call={"abi": abi}), "id": abi[0]}
        for abi in ("collate_propagate_storage(bytes16)", "burn(uint256)")
    ]
    assert "has the selector of collate_propagate_storage(bytes16) too" in refusal(*rules)
    assert policy(rules[0], {**rules[0], "id": "again"}).rules


VAULTS = {
    "vault_deposit_with_eth": "deposit(uint256,address)",
    "vault_redeem_with_eth": "redeem(uint256,address,address)",
    "vault_withdraw_with_eth": "withdraw(uint256,address,address)",
}


def test_coin_that_a_vault_would_keep_is_not_sent_along() -> None:
    """A hardware wallet refuses calls of vaults with ether in them; so does a rule that does not speak of coin."""
    met = []
    for case in cases("trezor-sign_tx_error"):
        given, abi = case["parameters"], VAULTS[case["name"]]
        count = abi.count(",") + 1
        to, data = unhex(given["to_address"]), unhex(given["data"])
        call = {"to": checksummed(to), "abi": abi, "args": {str(at): "any" for at in range(count)}}
        read = policy(allow(call=call))
        for value, wanted in ((0, ALLOW), (int(given["value"], 16), DENY)):
            paid = Transaction(0, 1, 0, 90_000, to, value, data, int(given["gas_price"], 16))
            assert effect(read, Intent(TRANSACTION, ACCOUNT, paid)) == wanted, case["name"]
        met.append(case["name"])
    assert sorted(met) == sorted(VAULTS)
