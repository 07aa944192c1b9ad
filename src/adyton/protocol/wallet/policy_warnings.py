"""What a policy allows although it should perhaps not: said when it is read, and left to its owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adyton.protocol.wallet.facts import Path
from adyton.protocol.wallet.intent import TRANSACTION
from adyton.protocol.wallet.rule import Limit, Rule
from adyton.protocol.wallet.rule_call import Call
from adyton.protocol.wallet.rule_typed import TypedRule
from adyton.protocol.wallet.shown import printable

if TYPE_CHECKING:
    from adyton.protocol.wallet.policy_rules import RuleReader

# Functions that hand out the right to take, and the place of how much.
_GRANTS: Final = {
    "approve(address,uint256)": 1,
    "increaseAllowance(address,uint256)": 1,
    "increaseApproval(address,uint256)": 1,
    "approve(address,address,uint160,uint48)": 2,
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": 2,
}
# Functions that move tokens, and the places of to whom and how much.
_MOVES: Final = {
    "transfer(address,uint256)": (0, 1),
    "transferFrom(address,address,uint256)": (1, 2),
}
_GRANTS_ALL: Final = "setApprovalForAll(address,bool)"
# The same by typed data: EIP-2612, Permit2 (single and batch, both of its kinds), and transfers of EIP-3009.
_PERMITS: Final[dict[str, Path]] = {
    "Permit": ("value",),
    "PermitSingle": ("details", "amount"),
    "PermitBatch": ("details", "*", "amount"),
    "PermitTransferFrom": ("permitted", "amount"),
    "PermitBatchTransferFrom": ("permitted", "*", "amount"),
    "PermitWitnessTransferFrom": ("permitted", "amount"),
    "PermitBatchWitnessTransferFrom": ("permitted", "*", "amount"),
    "TransferWithAuthorization": ("value",),
    "ReceiveWithAuthorization": ("value",),
}
_RECEIVER: Final[Path] = ("to",)
_AUTHORIZATIONS: Final = frozenset({"TransferWithAuthorization", "ReceiveWithAuthorization"})


def warnings_of(
    rules: tuple[Rule, ...], reader: RuleReader, of_wallet: tuple[Limit, ...], owner_exports: bool
) -> tuple[str, ...]:
    """Return one line for each thing that is worth a second look."""
    found: list[str] = []
    for rule in rules:
        if not rule.allows:
            continue
        about = []
        if rule.id in reader.whens:
            about += _of_transactions(rule, reader, of_wallet)
        if rule.id in reader.calls:
            about += _of_call(rule, reader.calls[rule.id])
        if rule.id in reader.typed:
            about += _of_typed(rule, reader.typed[rule.id])
        if rule.id in reader.open_messages:
            about.append("any message, so anything that somebody proves by a message")
        if rule.id in reader.open_chains:
            about.append("any chain")
        found += [f"{rule.id} allows {line}" for line in about]
    if owner_exports:
        found.append(
            "the owner alone can export the keys; outside of the wallet no rule binds them"
        )
    return tuple(found)


def _of_transactions(rule: Rule, reader: RuleReader, of_wallet: tuple[Limit, ...]) -> list[str]:
    when, call = reader.whens[rule.id], reader.calls.get(rule.id)
    about = []
    pays = TRANSACTION in rule.methods  # a cancel has neither receiver nor value
    if pays and call is None and not when.creates and "to" not in when.bounded:
        about.append("any receiver")
    summed = {limit.quantity for limit in (*rule.limits, *of_wallet)}
    valued = "value" in when.bounded or "maxCost" in when.bounded or summed & {"value", "cost"}
    if pays and not valued and (call is None or "value" in when.stated):
        about.append("any value")
    if "fee" in when.open and not when.bounded & {"maxCost"} and not summed & {"fee", "cost"}:
        about.append("any fee: all of the coin can be burnt as gas")
    if when.creates:
        about.append("contracts to be made, with any code")
    elif "data" in when.stated and call is None:
        about.append("any call of its receivers, whatever it does")
    return about


def _of_call(rule: Rule, call: Call) -> list[str]:
    about = []
    text = call.signature.text
    if call.open_to:
        about.append(f"{printable(text)} of any contract")
    receiver, place = _MOVES.get(text, (None, _GRANTS.get(text)))
    if receiver is not None and not call.bounded.get((receiver,)):
        about.append(f"{text} to any receiver")
    if place is not None and not call.bounded.get((place,)) and not _limited(rule, "arg:"):
        about.append(f"{text} without a bound on the amount")
    if text == _GRANTS_ALL:
        about.append(f"{text}, which hands over all tokens of the contract")
    return about


def _of_typed(rule: Rule, typed: TypedRule) -> list[str]:
    about = []
    if typed.open_contract:
        about.append("typed data for any contract")
    if typed.primary in _AUTHORIZATIONS and not typed.bounded.get(_RECEIVER):
        about.append(f"{typed.primary} to any receiver")
    field = _PERMITS.get(typed.primary or "")
    if field is not None and not typed.bounded.get(field) and not _limited(rule, "field:"):
        about.append(f"{typed.primary} without a bound on the amount")
    return about


def _limited(rule: Rule, quantity: str) -> bool:
    return any(limit.quantity.startswith(quantity) for limit in rule.limits)
