"""A payment out of options: to whom, how much, which token, at which fees."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Final

from adyton.cli.wallet_parts import address, chain_id, integer, wei
from adyton.core import limits
from adyton.core.errors import UsageError

if TYPE_CHECKING:
    from adyton.protocol.ethereum.transaction import Transaction

_TRANSFER: Final = "transfer(address,uint256)"
_TRANSFER_GAS: Final = 21_000
_BUMP: Final = 10  # percent that a replacement pays more, at the least


def add_target(parser: Any) -> None:
    """Add the options that say who pays whom."""
    parser.add_argument(
        "--from",
        dest="sender",
        metavar="ADDRESS",
        help="the account that pays; not needed where there is one",
    )
    parser.add_argument("--chain", metavar="ID", help="Ethereum's chain id; 1 is the main chain")
    parser.add_argument("--to", metavar="ADDRESS", help="the receiver")
    parser.add_argument(
        "--value", metavar="WEI", help="an integer of wei, or with a unit: 0.05ether, 3gwei"
    )
    parser.add_argument("--data", metavar="0xHEX", help="calldata")
    parser.add_argument("--token", metavar="ADDRESS", help="pay an ERC-20 token of this contract")
    parser.add_argument("--amount", metavar="N", help="how much of the token, in its smallest unit")


def add_fees(parser: Any) -> None:
    """Add the options that say what it may cost."""
    parser.add_argument("--gas", metavar="N", help="gas limit; default 21000 for a plain payment")
    parser.add_argument("--max-fee", metavar="WEI", help="for one gas at the most (type 2)")
    parser.add_argument("--tip", metavar="WEI", help="for one gas to the block's maker (type 2)")
    parser.add_argument("--gas-price", metavar="WEI", help="for one gas (type 0)")


def payment(args: argparse.Namespace) -> dict[str, Any]:
    """Return the transaction that options stand for, in JSON-RPC's words, without fees and nonce.

    Raises:
        UsageError: an option is missing or cannot be; the text names it.
    """
    document: dict[str, Any] = {"chainId": chain_id(args)}
    if args.to is None:
        raise UsageError("usage", "--to is missing: whom to pay")
    receiver, value = address(args.to, "--to"), wei(args.value, "--value")
    if args.token is not None:
        if args.data is not None or value:
            raise UsageError("usage", "a payment of a --token has no --value and no --data")
        return document | _token(args, receiver)
    if args.amount is not None:
        raise UsageError("usage", "--amount is of a --token; give --value for the chain's own coin")
    if value is None and args.data is None:
        raise UsageError("usage", "--value is missing: how much to pay, in wei")
    document |= {"to": args.to, "value": hex(value or 0)}
    if args.data is not None:
        document["data"] = _data(args.data)
    return document


def _token(args: argparse.Namespace, receiver: bytes) -> dict[str, Any]:
    from adyton.protocol.ethereum.keccak import keccak
    from adyton.protocol.ethereum.transaction import WEI_MAX

    address(args.token, "--token")
    amount = integer(args.amount, "--amount", 0, WEI_MAX)
    if amount is None:
        raise UsageError("usage", "--amount is missing: how much of the token")
    call = keccak(_TRANSFER.encode())[:4] + receiver.rjust(32, b"\0") + amount.to_bytes(32, "big")
    return {"to": args.token, "value": "0x0", "data": "0x" + call.hex()}


def _data(text: str) -> str:
    from adyton.protocol.ethereum.quantities import read_data

    return "0x" + read_data(text, "--data", limits.ETHEREUM_TRANSACTION).hex()


def fees(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fees that options name; empty where they name none.

    Raises:
        UsageError: fees of two types, or half of them.
    """
    price, most, tip = (
        wei(args.gas_price, "--gas-price"),
        wei(args.max_fee, "--max-fee"),
        wei(args.tip, "--tip"),
    )
    if price is not None:
        if most is not None or tip is not None:
            raise UsageError("usage", "--gas-price is of type 0, --max-fee and --tip of type 2")
        return {"gasPrice": hex(price)}
    found = {}
    if most is not None:
        found["maxFeePerGas"] = hex(most)
    if tip is not None:
        found["maxPriorityFeePerGas"] = hex(tip)
    return found


def gas_and_nonce(args: argparse.Namespace) -> dict[str, Any]:
    """Return gas limit and nonce that options name."""
    from adyton.protocol.ethereum.transaction import GAS_MAX, NONCE_MAX

    named = {
        "gas": integer(args.gas, "--gas", 0, GAS_MAX),
        "nonce": integer(args.nonce, "--nonce", 0, NONCE_MAX),
    }
    return {name: hex(number) for name, number in named.items() if number is not None}


def without_node(document: dict[str, Any], *, has_node: bool = True) -> dict[str, Any]:
    """Return a transaction that needs nobody's estimate.

    Args:
        document: the transaction, as far as options name it.
        has_node: whether the command could have been given a node, for error texts.

    Raises:
        UsageError: fees or gas are missing, and there is no node to estimate them.
    """
    node = ", or --node, which estimates" if has_node else ""
    if "gasPrice" not in document and not {"maxFeePerGas", "maxPriorityFeePerGas"} <= set(document):
        raise UsageError("usage", f"no fees: give --max-fee and --tip, or --gas-price{node}")
    if "gas" not in document:
        if document.get("data", "0x") != "0x":
            raise UsageError("usage", f"a call takes --gas, a token's transfer 100000{node}")
        document = {**document, "gas": hex(_TRANSFER_GAS)}
    return document


def raised_fees(args: argparse.Namespace, before: Transaction | None) -> dict[str, Any]:
    """Return the fees of a replacement: those named, else a tenth over those of the transaction it replaces.

    Raises:
        UsageError: none are named, and what it replaces is not known here.
    """
    named = fees(args)
    if "gasPrice" in named or len(named) == 2:
        return named
    if before is None:
        raise UsageError(
            "not_found",
            "this directory does not hold the transaction of that nonce: name its fees, a tenth more than they were",
        )
    if before.tip is None:
        return {"gasPrice": hex(_raised(before.max_fee))}
    return {
        "maxFeePerGas": hex(_raised(before.max_fee)),
        "maxPriorityFeePerGas": hex(_raised(before.tip)),
    } | named


def _raised(wei_: int) -> int:
    return wei_ + -(-wei_ * _BUMP // 100)
