"""Policies and intents for tests: short to write, with names for those who take part."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.address import checksummed
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.typed_data import read_typed_data
from adyton.protocol.wallet.decision import NO_CREDIT, decide
from adyton.protocol.wallet.intent import CANCEL, MESSAGE, TRANSACTION, TYPED_DATA, Intent
from adyton.protocol.wallet.policy import Decision, Meter, Policy
from adyton.protocol.wallet.policy_reader import read_policy

MAX = 2**256 - 1
GWEI = 10**9
ETHER = 10**18


def address(number: int) -> str:
    """Return an address as a policy has it."""
    return checksummed(raw(number))


def raw(number: int) -> bytes:
    return bytes([number]) * 20


def key(number: int) -> bytes:
    return bytes([number]) * 32


OWNER, ALICE, BOB, STRANGER = key(0xA0), key(0xA1), key(0xA2), key(0xEE)
ACCOUNT = raw(0xAC)
VENDOR, OTHER, TOKEN, SPENDER = 1, 2, 5, 6

BASE: dict[str, Any] = {
    "v": 1,
    "clients": {"alice": ALICE.hex(), "bob": BOB.hex()},
    "sets": {
        "vendors": [address(VENDOR), address(0x11)],
        "tokens": [address(TOKEN)],
        "treasury": ["alice", "bob"],
        "nobody": [],
    },
}


def policy_json(*rules: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**BASE, "rules": list(rules), **members}


def policy(*rules: dict[str, Any], **members: Any) -> Policy:
    """Return a policy with the clients and sets of BASE."""
    return read_policy(json.dumps(policy_json(*rules, **members)).encode())


def refusal(*rules: Any, **members: Any) -> str:
    """Return what a policy is refused with."""
    with pytest.raises(UsageError) as caught:
        policy(*rules, **members)
    assert caught.value.code == "policy_invalid"
    return caught.value.message


def allow(id: str = "rule", **members: Any) -> dict[str, Any]:
    """Return a rule that allows plain payments on chain 1, changed by `members`; None leaves one out."""
    rule = {"id": id, "effect": "allow", "chain": [1], "when": {"fee": "any"}, **members}
    return {name: value for name, value in rule.items() if value is not None}


def deny(id: str = "no", **members: Any) -> dict[str, Any]:
    return {"id": id, "effect": "deny", **members}


def transaction(
    to: int | None = VENDOR,
    *,
    value: int = 0,
    data: bytes = b"",
    chain: int = 1,
    kind: int = 2,
    gas: int = 21_000,
    max_fee: int = GWEI,
    tip: int | None = 1,
    nonce: int = 0,
    account: bytes = ACCOUNT,
) -> Intent:
    made = Transaction(
        kind=kind,
        chain_id=chain,
        nonce=nonce,
        gas=gas,
        to=None if to is None else raw(to),
        value=value,
        data=data,
        max_fee=max_fee,
        tip=tip if kind == 2 else None,
    )
    return Intent(TRANSACTION, account, made)


def cancel(*, max_fee: int = GWEI) -> Intent:
    return Intent(CANCEL, ACCOUNT, Transaction(2, 1, 0, 21_000, ACCOUNT, 0, b"", max_fee, 1))


def message(content: bytes) -> Intent:
    return Intent(MESSAGE, ACCOUNT, message=content)


def typed(value: dict[str, Any]) -> Intent:
    return Intent(TYPED_DATA, ACCOUNT, typed=read_typed_data(value))


def word(number: int) -> bytes:
    """Return an integer as 32 bytes of calldata."""
    return (number % 2**256).to_bytes(32, "big")


def transfer(to: int = VENDOR, amount: int = 1) -> bytes:
    """Return calldata of `transfer(address,uint256)`."""
    return bytes.fromhex("a9059cbb") + bytes(12) + raw(to) + word(amount)


def approve(spender: int = SPENDER, amount: int = 1) -> bytes:
    """Return calldata of `approve(address,uint256)`."""
    return bytes.fromhex("095ea7b3") + bytes(12) + raw(spender) + word(amount)


def permit(**message: Any) -> dict[str, Any]:
    """Return a permit of EIP-2612 for the token, its message changed."""
    names = ("owner", "spender", "value", "nonce", "deadline")
    kinds = ("address", "address", "uint256", "uint256", "uint256")
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Permit": [{"name": n, "type": k} for n, k in zip(names, kinds, strict=True)],
        },
        "primaryType": "Permit",
        "domain": {"name": "USD Coin", "chainId": 1, "verifyingContract": address(TOKEN)},
        "message": {
            "owner": "0x" + ACCOUNT.hex(),
            "spender": address(SPENDER),
            "value": 100,
            "nonce": 0,
            "deadline": 1_800_000_000,
            **message,
        },
    }


def permit2(*amounts: int, batch: bool = True) -> dict[str, Any]:
    """Return a batch of Permit2, or a single one, of these amounts of the token."""
    details = [
        {"token": address(TOKEN), "amount": str(amount), "expiration": 1, "nonce": 0}
        for amount in amounts
    ]
    primary = "PermitBatch" if batch else "PermitSingle"
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "PermitDetails": [
                {"name": "token", "type": "address"},
                {"name": "amount", "type": "uint160"},
                {"name": "expiration", "type": "uint48"},
                {"name": "nonce", "type": "uint48"},
            ],
            primary: [
                {"name": "details", "type": "PermitDetails" + ("[]" if batch else "")},
                {"name": "spender", "type": "address"},
                {"name": "sigDeadline", "type": "uint256"},
            ],
        },
        "primaryType": primary,
        "domain": {"name": "Permit2", "chainId": 1, "verifyingContract": address(TOKEN)},
        "message": {
            "details": details if batch else details[0],
            "spender": address(SPENDER),
            "sigDeadline": "1800000000",
        },
    }


def ask(
    policy: Policy,
    intent: Intent,
    client: bytes = OWNER,
    used: dict[str, int] | int = 0,
    credit: dict[bytes, int] | None = None,
) -> Decision:
    """Decide, with what the meters hold by their label, or the same for all."""

    def held(meter: Meter) -> int:
        return used if isinstance(used, int) else used.get(meter.label, 0)

    return decide(policy, intent, client, OWNER, held, NO_CREDIT if credit is None else credit)


def effect(policy: Policy, intent: Intent, client: bytes = OWNER) -> str:
    return ask(policy, intent, client).effect
