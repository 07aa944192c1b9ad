"""Who has to agree to another policy is told what it changes, not only what it says."""

from __future__ import annotations

import json
from typing import Any

from adyton.client.policy_difference import policy_difference
from tests.wallet_asking import VENDOR

KEY = "11" * 32
PAY: dict[str, Any] = {
    "id": "pay", "effect": "allow", "chain": [1],
    "when": {"to": {"in": "@all"}, "value": {"lte": "1000"}, "fee": {"lte": 9}},
    "limits": [{"sum": "value", "window": 60, "max": 7}],
}  # fmt: skip
NEVER = {"id": "never", "effect": "deny", "call": {"abi": "approve(address,uint256)"}}
CANCEL = {"id": "cancel", "effect": "allow", "method": ["cancel"], "chain": [1], "when": {"fee": "any"}}  # fmt: skip


def text(*rules: dict[str, Any], **more: Any) -> bytes:
    """Return a policy of these rules."""
    told = {"v": 1, "time": "host", "sets": {"all": [VENDOR]}, "rules": rules, **more}
    return json.dumps(told).encode()


def paid(**when: Any) -> dict[str, Any]:
    """Return the rule that pays, with other tests."""
    return PAY | {"when": PAY["when"] | when}


def test_one_digit_is_one_line() -> None:
    before, after = text(NEVER, PAY), text(NEVER, paid(value={"lte": "9000"}))
    assert policy_difference(before, after) == ['~ rules.pay.when.value.lte: "1000" -> "9000"']


def test_what_comes_and_goes_is_told_by_its_name() -> None:
    after = text(
        PAY, CANCEL, clients={"ann": KEY}, sets={"all": [VENDOR, VENDOR.lower()[:2] + "00" * 20]}
    )
    told = policy_difference(text(NEVER, PAY), after)
    assert [line[:14] for line in told] == [
        *('+ sets.all: "0', "- rules.never:", "+ rules.cancel", "+ clients: {\"a", "! cancel allow"),
    ]  # fmt: skip
    assert "approve(address,uint256)" in told[1]
    assert KEY in told[3]


def test_a_limit_that_is_taken_away_and_a_test_that_becomes_any() -> None:
    looser = paid(to="any")
    del looser["limits"]
    told = policy_difference(text(PAY), text(looser))
    assert next(line for line in told if "limits" in line).startswith("- rules.pay.limits: [{")
    assert '~ rules.pay.when.to: {"in": "@all"} -> "any"' in told
    assert "! pay allows any receiver" in told


def test_the_order_of_rules_means_something_and_that_of_members_does_not() -> None:
    before = text(PAY, CANCEL)
    told = policy_difference(before, text(CANCEL, PAY))
    assert told[0] == '~ rules are asked in another order: ["cancel", "pay"]'
    turned = json.dumps(json.loads(before), indent=3, sort_keys=True).encode()
    assert policy_difference(before, turned)[0] == "nothing that means anything"


def test_a_first_policy_is_new_as_a_whole() -> None:
    told = policy_difference(b"", text(PAY))
    assert any(line.startswith('+ rules.pay: {"id": "pay"') for line in told)


def test_what_is_no_policy_is_told_as_such() -> None:
    for wrong in (b"", b"{", b"\xff", b'{"v":1}', text({"id": "x"}), b"[" * 99, b"7"):
        (line,) = policy_difference(text(PAY), wrong)
        assert line.startswith("! no policy: ")
    (line,) = policy_difference(b"{", text(PAY))
    assert line.startswith("! no policy: ")


def test_a_long_difference_is_cut_and_says_so() -> None:
    many = [PAY | {"id": f"pay-{at}"} for at in range(128)]
    told = policy_difference(text(*many), text(*[one | {"id": one["id"] + "x"} for one in many]))
    assert "! and more than is shown here: read all of it" in told
    assert len(told) < 210
    assert all(len(line) < 260 for line in told)
