"""What a transaction may cost besides its value, whatever the program asks and the node suggests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from adyton.core.errors import PolicyError, UsageError
from adyton.protocol.ethereum.transaction import Transaction

GWEI: Final = 10**9
ETHER: Final = 10**18
_DECIMAL: Final = re.compile(r"([0-9]{1,30})(?:\.([0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds of one transaction.

    Attributes:
        gas: units.
        fee: wei for one gas.
        tip: wei for one gas, to the block's maker.
        cost: wei for all of the gas.
    """

    gas: int = 10_000_000
    fee: int = 200 * GWEI
    tip: int = 10 * GWEI
    cost: int = ETHER // 10

    def require(self, transaction: Transaction) -> None:
        """Refuse a transaction that could cost more.

        Raises:
            PolicyError: `payment_refused`; the text names the option.
        """
        self.require_gas(transaction.gas)
        self.require_fee(transaction.max_fee)
        if transaction.tip is not None and transaction.tip > self.tip:
            raise _over("tip", f"{shown_gwei(transaction.tip)} gwei", "--max-tip-gwei", self.tip)
        cost = transaction.gas * transaction.max_fee
        if cost > self.cost:
            raise PolicyError(
                "payment_refused",
                f"its gas may cost {shown(cost, ETHER)} ether, over --max-gas-cost "
                f"{shown(self.cost, ETHER)}",
            )

    def require_gas(self, gas: int) -> None:
        """Refuse more gas than allowed.

        Raises:
            PolicyError: `payment_refused`.
        """
        if gas > self.gas:
            raise PolicyError("payment_refused", f"it takes {gas} gas, over --max-gas {self.gas}")

    def require_fee(self, fee: int) -> None:
        """Refuse a higher fee for one gas than allowed.

        Raises:
            PolicyError: `payment_refused`.
        """
        if fee > self.fee:
            raise _over("fee for one gas", f"{shown_gwei(fee)} gwei", "--max-fee-gwei", self.fee)


def _over(what: str, found: str, option: str, most: int) -> PolicyError:
    return PolicyError(
        "payment_refused", f"its {what} is {found}, over {option} {shown_gwei(most)}"
    )


def read_decimal(text: str, unit: int, option: str) -> int:
    """Return wei of a decimal number of units, exactly.

    Args:
        text: as `0.05`.
        unit: wei of one, a power of ten.
        option: for the error text.

    Raises:
        UsageError: no such number, or it is no whole number of wei.
    """
    match = _DECIMAL.fullmatch(text)
    if match is not None:
        fraction = (match[2] or "").ljust(len(str(unit)) - 1, "0")
        wei, rest = fraction[: len(str(unit)) - 1], fraction[len(str(unit)) - 1 :]
        if not rest.strip("0"):
            return int(match[1]) * unit + int(wei or "0")
    raise UsageError("usage", f"{option} is a decimal number as 1.5, of whole wei")


def shown(wei: int, unit: int) -> str:
    """Return wei as an exact decimal number of units."""
    whole, rest = divmod(wei, unit)
    digits = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)


def shown_gwei(wei: int) -> str:
    """Return wei as an exact decimal number of gwei."""
    return shown(wei, GWEI)
