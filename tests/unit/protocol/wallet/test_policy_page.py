"""The chapter on policies: its examples are read without a warning and decide as it says."""

import re
from pathlib import Path
from typing import Any

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.wallet.intent import CANCEL, TRANSACTION, Intent
from adyton.protocol.wallet.policy import ALLOW, APPROVE, DENY
from adyton.protocol.wallet.policy_reader import read_policy
from tests.policy_kit import (
    ACCOUNT,
    ETHER,
    GWEI,
    MAX,
    OWNER,
    approve,
    ask,
    effect,
    message,
    permit,
    permit2,
    typed,
    word,
)

PAGE = (Path(__file__).resolve().parents[4] / "docs/spec/wallet-policy.md").read_text()
SHOP, SPENDING = (
    read_policy(text.encode())
    for text in re.findall(r"<!-- policy: read by a test -->\n```json\n(.*?)```", PAGE, re.DOTALL)
)
(PAYEE,) = SHOP.sets["vendors"]
(USDC,) = SHOP.sets["usdc"]
(ROUTER,) = SPENDING.sets["routers"]


def pay(to: bytes, value: int = 0, data: bytes = b"", max_fee: int = GWEI) -> Intent:
    return Intent(TRANSACTION, ACCOUNT, Transaction(2, 1, 0, 60_000, to, value, data, max_fee, 1))


def transfer(to: bytes, amount: int) -> bytes:
    return bytes.fromhex("a9059cbb") + bytes(12) + to + word(amount)


def test_the_shop() -> None:
    assert SHOP.warnings == ()
    assert effect(SHOP, pay(PAYEE, ETHER)) == ALLOW
    assert effect(SHOP, pay(PAYEE, ETHER, max_fee=900 * GWEI)) == DENY  # 1.054 ether
    assert effect(SHOP, pay(USDC, 0, transfer(PAYEE, 10**9))) == APPROVE
    assert effect(SHOP, pay(USDC, 1, transfer(PAYEE, 10**9))) == DENY
    assert effect(SHOP, pay(PAYEE, 0, transfer(PAYEE, 1))) == DENY
    assert ask(SHOP, pay(USDC, 0, approve(5, MAX))).rule == "no-inf"


def of(value: dict[str, Any], contract: bytes) -> dict[str, Any]:
    domain = {**value["domain"], "verifyingContract": "0x" + contract.hex()}
    return {**value, "domain": domain}


def test_one_meter_for_what_is_sent_and_what_is_permitted() -> None:
    (warned,) = SPENDING.warnings
    assert warned == "send allows transfer(address,uint256) to any receiver"
    (permit2_contract,) = SPENDING.sets["permit2"]
    batch = permit2(7, 8)
    for details in batch["message"]["details"]:
        details["token"] = "0x" + USDC.hex()
    batch["message"]["spender"] = "0x" + ROUTER.hex()
    decisions = [
        ask(SPENDING, intent)
        for intent in (
            pay(USDC, 0, transfer(PAYEE, 5)),
            typed(of(permit(spender="0x" + ROUTER.hex(), value=6), USDC)),
            typed(of(batch, permit2_contract)),
        )
    ]
    spent = [decision.charges[0] for decision in decisions]
    assert [decision.rule for decision in decisions] == ["send", "permit", "permit2"]
    assert [charge.amount for charge in spent] == [5, 6, 15]
    (key,) = {charge.meter.key for charge in spent}
    assert key == digest(
        Context.WALLET_METER,
        b"name",
        b"usdc",
        b"sum",
        (86_400).to_bytes(8, "big"),
        b"wallet",
        b"",
    )
    empty = Intent(CANCEL, ACCOUNT, Transaction(2, 1, 0, 21_000, ACCOUNT, 0, b"", GWEI, 1))
    assert ask(SPENDING, empty).rule == "free-nonce"
    assert ask(SPENDING, empty, used=5 * 10**16).effect == DENY
    assert ask(SPENDING, message(b"shop.example wants you to sign in with"), OWNER).rule == "login"


def test_the_bounds_that_it_names() -> None:
    for name, shown in (
        ("WALLET_RULES", "128 rules"),
        ("WALLET_SETS", "64 sets of 1,024 items (4,096 in all)"),
        ("WALLET_CLIENTS", "256 clients"),
        ("WALLET_LIMITS", "16 limits in a rule"),
        ("ABI_SIGNATURE", "signatures of 1,024 characters with 1,024 values nested 8 deep"),
        ("WALLET_TESTS", "1,024 tests"),
        ("WALLET_LOOKS", "share 16,384 values, at least 64 each"),
    ):
        assert shown in PAGE
        assert f"{getattr(limits, name):,}" in shown
