"""The gas that a transaction takes before any of it runs, by the rules since Prague."""

from __future__ import annotations

from typing import Final

from adyton.core.errors import UsageError
from adyton.protocol.ethereum.transaction import Transaction

_BASE: Final = 21_000
_CREATE: Final = 32_000  # EIP-2
_INIT_WORD: Final = 2  # EIP-3860, for each 32 bytes of init code
_ZERO_BYTE: Final = 4
_OTHER_BYTE: Final = 16  # EIP-2028
_FLOOR_TOKEN: Final = 10  # EIP-7623: a zero byte is one token, another byte four
_ADDRESS: Final = 2_400  # EIP-2930
_STORAGE_KEY: Final = 1_900
INIT_CODE: Final = 49_152  # bytes, EIP-3860


def intrinsic_gas(transaction: Transaction) -> int:
    """Return the gas that is taken before the first instruction."""
    data = transaction.data
    zeros = data.count(0)
    gas = _BASE + zeros * _ZERO_BYTE + (len(data) - zeros) * _OTHER_BYTE
    if transaction.to is None:
        gas += _CREATE + _INIT_WORD * ((len(data) + 31) // 32)
    for _, keys in transaction.access_list:
        gas += _ADDRESS + _STORAGE_KEY * len(keys)
    return gas


def floor_gas(transaction: Transaction) -> int:
    """Return the gas that calldata costs at the least, whatever runs (EIP-7623)."""
    zeros = transaction.data.count(0)
    return _BASE + _FLOOR_TOKEN * (zeros + 4 * (len(transaction.data) - zeros))


def require_gas(transaction: Transaction, *, floor: bool = True) -> None:
    """Refuse a transaction that no block can take, because its gas does not pay for itself.

    Args:
        transaction: which one.
        floor: with the rule of EIP-7623; chains from before Prague do not have it.

    Raises:
        UsageError: `gas` is too low, or the init code of a contract too long.
    """
    if transaction.to is None and len(transaction.data) > INIT_CODE:
        raise UsageError("bad_argument", f"data: init code is over {INIT_CODE} bytes")
    least = intrinsic_gas(transaction)
    if floor:
        least = max(least, floor_gas(transaction))
    if transaction.gas < least:
        raise UsageError("bad_argument", f"gas is {transaction.gas}; {least} are the least")
