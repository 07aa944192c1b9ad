"""Caps are read exactly, and shown exactly."""

from __future__ import annotations

import pytest

from adyton.client.rpc.caps import ETHER, GWEI, Caps, read_decimal, shown
from adyton.core.errors import PolicyError, UsageError
from adyton.protocol.ethereum.transaction import Transaction


@pytest.mark.parametrize(
    ("text", "unit", "wei"),
    [
        ("1", GWEI, GWEI),
        ("0", GWEI, 0),
        ("1.5", GWEI, 1_500_000_000),
        ("0.000000001", GWEI, 1),
        ("0.1", ETHER, 10**17),
        ("0.000000000000000001", ETHER, 1),
        ("1.500000000000000000", GWEI, 1_500_000_000),
        ("123456789012345678901234567890", ETHER, 123456789012345678901234567890 * ETHER),
    ],
)
def test_decimals_are_exact(text: str, unit: int, wei: int) -> None:
    assert read_decimal(text, unit, "--x") == wei
    if "0000000000" not in text.partition(".")[2] or unit == ETHER:
        assert read_decimal(shown(wei, unit), unit, "--x") == wei


@pytest.mark.parametrize(
    "text",
    ["", ".5", "5.", "-1", "+1", "1e3", "1,5", "0x1", " 1", "1 ", "nan", "0.0000000001", "١"],
)
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-fee-gwei is a decimal number"):
        read_decimal(text, GWEI, "--max-fee-gwei")


def payment(**changes: int) -> Transaction:
    fields = {"gas": 100, "max_fee": 10, "tip": 5, **changes}
    return Transaction(2, 1, 0, fields["gas"], bytes(20), 0, b"", fields["max_fee"], fields["tip"])


def test_each_cap_holds_by_itself() -> None:
    caps = Caps(gas=100, fee=10, tip=5, cost=1000)
    caps.require(payment())
    for changes in ({"gas": 101, "max_fee": 5}, {"max_fee": 11, "gas": 50}, {"tip": 6}):
        with pytest.raises(PolicyError) as caught:
            caps.require(payment(**changes))
        assert caught.value.code == "payment_refused"
    with pytest.raises(PolicyError, match="--max-gas-cost"):
        Caps(gas=100, fee=10, tip=5, cost=999).require(payment())
