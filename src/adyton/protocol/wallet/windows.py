"""What a limit has counted in the time that its window covers, in little space and never too little."""

from __future__ import annotations

from typing import Annotated, Final, Self

from adyton.core import limits
from adyton.core.errors import InvariantError, MalformedError
from adyton.core.fields import AtMost
from adyton.core.schema import Message, Uint, message

SLOTS: Final = 32  # that a window is divided into
_KEPT: Final = SLOTS + 2  # that can hold something that counts
# One more than any maximum: what is over it need not be told apart.
_FULL: Final = 2**256
_AMOUNT: Final = 33  # bytes of it


@message("wallet-slot/1")
class _Slot(Message):
    number: Uint
    amount: Annotated[bytes, AtMost(_AMOUNT)]


@message("wallet-window/1", max_bytes=8 * limits.KIB)
class _Stored(Message):
    window_s: Uint
    slots: Annotated[tuple[_Slot, ...], AtMost(_KEPT)]


class Window:
    """Amounts over a sliding window of time.

    Time is divided into slots of a 32nd of the window, rounded up. An amount counts from its slot's start until a
    window after its slot's end, so longer than it would in an exact window, by a slot at the most. What exceeds 2^256
    in one slot is kept as 2^256, which no maximum has room for.
    """

    def __init__(self, window_s: int) -> None:
        """Make an empty window of a length in seconds, from 1 to `limits.WALLET_WINDOW_S`."""
        if not 1 <= window_s <= limits.WALLET_WINDOW_S:
            raise InvariantError("invariant", "a window has a length that policies may have")
        self._window_s = window_s
        self._slot_s = -(-window_s // SLOTS)
        self._amounts: dict[int, int] = {}  # by number of the slot, ascending

    @classmethod
    def decode(cls, unverified: bytes) -> Self:
        """Return the window that `encode` wrote.

        Raises:
            MalformedError: another form.
        """
        stored = _Stored.decode(unverified)
        if not 1 <= stored.window_s <= limits.WALLET_WINDOW_S:
            raise MalformedError("malformed", "a window of a length that no policy has")
        window = cls(stored.window_s)
        last = -1
        for slot in stored.slots:
            amount = int.from_bytes(slot.amount, "big")
            if slot.number <= last or not 0 < amount <= _FULL or slot.amount[0] == 0:
                raise MalformedError("malformed", "slots are not ascending, or hold nothing")
            window._amounts[slot.number] = amount
            last = slot.number
        return window

    def encode(self) -> bytes:
        """Return its one encoding."""
        slots = (
            _Slot(number, amount.to_bytes((amount.bit_length() + 7) // 8, "big"))
            for number, amount in self._amounts.items()
        )
        return _Stored(self._window_s, tuple(slots)).encode()

    def used(self, now_s: int) -> int:
        """Return what counts at a time, in seconds since 1970."""
        return sum(amount for number, amount in self._amounts.items() if self._ends(number) > now_s)

    def add(self, now_s: int, amount: int) -> None:
        """Count an amount from a time on; slots that no longer count are dropped.

        Args:
            now_s: not before that of an earlier call; if it is, the amount counts from that on.
            amount: from 0.
        """
        if amount < 0 or now_s < 0:
            raise InvariantError("invariant", "amounts and times are not negative")
        if not amount:
            return
        number = max(now_s // self._slot_s, next(reversed(self._amounts), 0))
        held = self._amounts.get(number, 0) + amount
        kept = {at: old for at, old in self._amounts.items() if self._ends(at) > now_s}
        kept[number] = min(held, _FULL)
        self._amounts = kept

    def _ends(self, number: int) -> int:
        """Return the time from which a slot no longer counts."""
        return (number + 1) * self._slot_s + self._window_s
