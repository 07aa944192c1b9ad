"""What tests of wallets ask to be signed."""

from __future__ import annotations

from typing import Any

from adyton.client.wallet import Wallet
from adyton.protocol.wallet.answers import AuditEntry, Proposal

VENDOR = "0xF125691D24a6b5Cdcb87a89Cb825fdf4487c2A34"
POLICY = b'{"v":1,"rules":[]}'
PHRASE = b"test test test test test test test test test test test junk"
FIRST_OF_PHRASE = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
TYPED = {
    "types": {"EIP712Domain": [{"name": "chainId", "type": "uint256"}],
              "Order": [{"name": "amount", "type": "uint256"}]},
    "primaryType": "Order",
    "domain": {"chainId": 5},
    "message": {"amount": 7},
}  # fmt: skip


def payment(**changed: Any) -> dict[str, Any]:
    document = {
        "to": VENDOR, "value": 1025, "chainId": 4, "gas": 21_000, "maxFeePerGas": 20,
        "maxPriorityFeePerGas": 2,
    }  # fmt: skip
    return {name: value for name, value in (document | changed).items() if value is not None}


def approve(wallet: Wallet, named: bytes | None) -> Proposal:
    assert named is not None
    seen = wallet.proposal(named)
    wallet.approve(seen)
    return wallet.proposal(named)


def entry(place: int) -> AuditEntry:
    return AuditEntry(
        place, 1, 2, bytes(32), bytes(32), "transaction", "signed", "", "pay", 1, bytes(32),
        bytes(20), 4, 0, bytes(20), b"\1", b"\2", bytes(32), None,
    )  # fmt: skip
