"""A policy to begin with: payments to some receivers, within a limit a day, and never an allowance."""

from __future__ import annotations

from typing import Any, Final

_DAY_S: Final = 86_400


def example(
    *,
    chain: int,
    receivers: tuple[str, ...],
    most: int,
    per_day: int,
    fee: int,
    token: str | None,
    amount: int,
    data: int = 0,
    clients: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return a policy in its JSON form.

    Args:
        chain: Ethereum's chain id.
        receivers: addresses; without any, everybody may be paid.
        most: wei of one payment.
        per_day: wei of all payments in a day.
        fee: wei of one payment's gas.
        token: address of an ERC-20 contract whose payments are allowed too; None for none.
        amount: of one payment of the token, in its smallest unit.
        data: bytes that a payment may bring as `data`, for a transaction id; 0 for none.
        clients: keys, in hex, of who may pay beside the owner.
    """
    to: Any = {"in": "@receivers"} if receivers else "any"
    who: dict[str, Any] = {"who": ["owner", *clients]} if clients else {}
    brought: dict[str, Any] = {"data": {"size": {"lte": data}}} if data else {}
    rules: list[dict[str, Any]] = [
        {"id": "no-allowance", "effect": "deny", "chain": "any", "call": _approve()},
        {
            "id": "pay",
            "effect": "allow",
            "chain": [chain],
            **who,
            "when": {"to": to, "value": {"lte": str(most)}, "fee": {"lte": str(fee)}, **brought},
            "limits": [{"sum": "value", "window": _DAY_S, "max": str(per_day), "name": "day"}],
        },
    ]
    if token is not None:
        paid = {"0": to, "1": {"lte": str(amount)}}
        call = {"to": token, "abi": "transfer(address,uint256)", "args": paid}
        rules.append(
            {
                "id": "token",
                "effect": "allow",
                "chain": [chain],
                **who,
                "call": call,
                "when": {"fee": {"lte": str(fee)}},
                "limits": [{"count": True, "window": _DAY_S, "max": 10}],
            }
        )
    # Cancelling what is stuck moves nothing, and costs a fee.
    rules.append(
        {
            "id": "cancel",
            "effect": "allow",
            "method": ["cancel"],
            "chain": [chain],
            "when": {"fee": {"lte": str(fee)}},
        }
    )
    made: dict[str, Any] = {"v": 1, "time": "host"}
    if receivers:
        made["sets"] = {"receivers": list(receivers)}
    return made | {"rules": rules}


def _approve() -> dict[str, Any]:
    return {"abi": "approve(address,uint256)"}
