"""What an intent would do, in words, for whoever has to agree to it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from adyton.core.errors import MalformedError
from adyton.protocol.ethereum.address import checksummed, create_address
from adyton.protocol.ethereum.transaction import Transaction
from adyton.protocol.ethereum.typed_data import TypedData
from adyton.protocol.ethereum.typed_types import array_of, bits_of
from adyton.protocol.wallet.abi import decode_call
from adyton.protocol.wallet.abi_types import (
    ADDRESS,
    ARRAY,
    INT,
    TUPLE,
    UINT,
    Type,
    read_signature,
)
from adyton.protocol.wallet.intent import CANCEL, Intent
from adyton.protocol.wallet.policy import Policy
from adyton.protocol.wallet.shown import printable

_LINES: Final = 200
_VALUE: Final = 160  # characters of one value
_GWEI: Final = 9
_ETHER: Final = 18
# Chains whose own coin is ether, tests' chains among them; of every other one it is not said what its coin is called.
_ETHER_CHAINS: Final = frozenset(
    (
        *(1, 4, 5, 11155111, 17000, 560048, 1337, 31337),
        *(10, 130, 324, 8453, 34443, 42161, 42170, 57073, 59144, 81457, 534352, 7777777),
    )
)
_AMOUNT: Final = 96  # bits of an integer that can be an amount of a token
_COMMON: Final = tuple(
    read_signature(text, "abi")
    for text in (
        "transfer(address to, uint256 amount)",
        "transferFrom(address from, address to, uint256 amount)",
        "approve(address spender, uint256 amount)",
        "increaseAllowance(address spender, uint256 amount)",
        "decreaseAllowance(address spender, uint256 amount)",
        "setApprovalForAll(address operator, bool approved)",
        "safeTransferFrom(address from, address to, uint256 id)",
        "safeTransferFrom(address from, address to, uint256 id, bytes data)",
        "permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)",
        "deposit()",
        "withdraw(uint256 amount)",
    )
)

_BY_TEXT: Final = {signature.text: signature for signature in _COMMON}
_ALL: Final = 2**256 - 1


def describe(policy: Policy, intent: Intent) -> list[str]:
    """Return lines that say to whom, how much, which call or typed data, and what it may cost at the most.

    Calls are decoded by the signatures of the policy and some that are common; what does not decode is shown as bytes.
    """
    if intent.transaction is not None:
        lines = _transaction(policy, intent, intent.transaction)
    elif intent.typed is not None:
        lines = _typed(policy, intent, intent.typed)
    else:
        lines = _message(intent, intent.message or b"")
    return [printable(line) for line in lines]


def amount_in_words(wei: int, chain_id: int) -> str:
    """Return an amount of a chain's own coin, in its unit and in wei."""
    coin = "ETH" if chain_id in _ETHER_CHAINS else "of the chain's coin"
    return f"{_decimal(wei, _ETHER)} {coin} ({wei} wei)"


def _transaction(policy: Policy, intent: Intent, transaction: Transaction) -> list[str]:
    what = "cancel" if intent.method == CANCEL else "transaction"
    where = f"on chain {transaction.chain_id}, nonce {transaction.nonce}"
    lines = [f"{what} {where}, from {checksummed(intent.account)}"]
    if transaction.to is None:
        made = create_address(intent.account, transaction.nonce)
        lines.append(f"makes the contract {checksummed(made)}")
    else:
        lines.append(f"to {_address(policy, transaction.to)}")
    lines.append(f"value {amount_in_words(transaction.value, transaction.chain_id)}")
    if transaction.to is not None and transaction.data:
        lines += _call(policy, transaction.to, transaction.data)
    elif transaction.data:
        lines.append(f"code {_bytes(transaction.data)}")
    fee = amount_in_words(transaction.gas * transaction.max_fee, transaction.chain_id)
    lines.append(
        f"fee at most {fee}: {transaction.gas} gas at {_decimal(transaction.max_fee, _GWEI)} gwei"
    )
    lines.append(f"costs at most {amount_in_words(transaction.max_cost, transaction.chain_id)}")
    return lines


def _call(policy: Policy, to: bytes, data: bytes) -> list[str]:
    problem = "calls a function that nobody names here"
    for signature in (*policy.signatures, *_COMMON):
        if data[:4] != signature.selector:
            continue
        try:
            arguments = decode_call(signature, data)
        except MalformedError as error:
            problem = f"calls {signature.text}, but {error.message}"
            continue
        named = signature
        if not any(signature.arguments.names):
            named = _BY_TEXT.get(signature.text, signature)
        members = _members(policy, named.arguments, arguments, "")
        token = _token(policy, to, signature.text, arguments)
        return [*token, f"calls {signature.text}", *_bounded(members)]
    return [problem, f"  calldata {_bytes(data)}"]


def _token(policy: Policy, to: bytes, text: str, arguments: tuple[Any, ...]) -> list[str]:
    """Return what a call means where the contract is a token (ERC-20), as far as its function is one of those."""
    token = _address(policy, to)
    if text == "transfer(address,uint256)":
        receiver, amount = arguments
        return [f"token {amount} (smallest unit) of {token} to {_address(policy, receiver)}"]
    if text == "transferFrom(address,address,uint256)":
        owner, receiver, amount = arguments
        both = f"from {_address(policy, owner)} to {_address(policy, receiver)}"
        return [f"token {amount} (smallest unit) of {token} {both}"]
    if text in ("approve(address,uint256)", "increaseAllowance(address,uint256)"):
        spender, amount = arguments
        much = "all there ever is" if amount == _ALL else f"{amount} (smallest unit)"
        more = " more" if text.startswith("increase") else ""
        return [f"token lets {_address(policy, spender)} take {much}{more} of {token}, from now on"]
    return []


def _bounded(lines: Iterator[str]) -> Iterator[str]:
    yield from islice(lines, _LINES)
    if next(lines, None) is not None:
        yield "  and more than is shown here: do not agree to what you cannot read"


def _members(policy: Policy, kind: Type, values: tuple[Any, ...], path: str) -> Iterator[str]:
    for at, value in enumerate(values):
        inner = kind.items[at] if kind.family == TUPLE else kind.items[0]
        name = kind.names[at] if kind.family == TUPLE and kind.names[at] else str(at)
        where = f"{path}.{name}" if path else name
        if inner.family in (TUPLE, ARRAY):
            yield from _members(policy, inner, value, where)
        else:
            yield f"  {where}: {_plain(policy, inner.family, value)}"


def _typed(policy: Policy, intent: Intent, typed: TypedData) -> list[str]:
    lines = [f"typed data {typed.primary_type} from {checksummed(intent.account)}"]
    for name, value in typed.domain.items():
        if name == "verifyingContract":
            value = _address(policy, bytes.fromhex(value[2:]))
        if name == "chainId":
            value = _field("uint256", value)
        lines.append(f"domain {name}: {_cut(str(value))}")
    lines += _bounded(_fields(policy, typed, typed.primary_type, typed.message, ""))
    return lines


def _fields(policy: Policy, typed: TypedData, kind: str, value: Any, path: str) -> Iterator[str]:
    array = array_of(kind)
    if array is not None:
        for at, item in enumerate(value):
            yield from _fields(policy, typed, array[0], item, f"{path}.{at}")
    elif kind in typed.types.structs:
        for name, inner in typed.types.structs[kind]:
            where = f"{path}.{name}" if path else name
            yield from _fields(policy, typed, inner, value[name], where)
    elif kind == ADDRESS:
        yield f"  {path}: {_address(policy, bytes.fromhex(value[2:]))}"
    else:
        yield f"  {path}: {_field(kind, value)}"


def _field(kind: str, value: Any) -> str:
    sized = bits_of(kind)
    if sized is None or sized[0] not in (UINT, INT):
        return _cut(str(value))
    number = value if type(value) is int else int(value, 0)
    endless = sized[0] == UINT and sized[1] >= _AMOUNT and number == 2 ** sized[1] - 1
    return f"{number} (the most there is)" if endless else str(number)


def _message(intent: Intent, message: bytes) -> list[str]:
    lines = [f"personal message of {len(message)} bytes from {checksummed(intent.account)}"]
    try:
        text = message.decode("utf-8")
    except UnicodeDecodeError:
        return [*lines, f"  {_bytes(message)}"]
    if not text or not all(char.isprintable() or char == "\n" for char in text):
        return [*lines, f"  {_bytes(message)}"]
    return [*lines, *_bounded(f"  {line}" for line in text.split("\n"))]


def _plain(policy: Policy, family: str, value: Any) -> str:
    if family == ADDRESS:
        return _address(policy, value)
    if type(value) is bytes:
        return _bytes(value)
    if type(value) is bool:
        return str(value).lower()
    return _cut(str(value))


def _address(policy: Policy, address: bytes) -> str:
    within = sorted(f"@{name}" for name, members in policy.sets.items() if address in members)
    return checksummed(address) + (f" (in {', '.join(within[:3])})" if within else "")


def _bytes(value: bytes) -> str:
    shown = "0x" + value[: _VALUE // 2].hex()
    return shown + (f"… ({len(value)} bytes)" if len(value) > _VALUE // 2 else "")


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE else text[:_VALUE] + "…"


def _decimal(number: int, places: int) -> str:
    whole, rest = divmod(number, 10**places)
    fraction = f"{rest:0{places}d}".rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)
