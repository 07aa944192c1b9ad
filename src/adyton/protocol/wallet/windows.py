"""What limits have counted in the time that their windows cover, in little space and never too little.

    page    meter (32 bytes) ‖ u64(window) ‖ u8(slots) ‖ slot …      of each window
    slot    u64(number) ‖ u8(size) ‖ amount

Numbers ascend; an amount is from 1 to 2^256, big-endian, without leading zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adyton.core import limits
from adyton.core.errors import InvariantError, MalformedError

SLOTS: Final = 32  # that a window is divided into
_KEPT: Final = SLOTS + 2  # that can hold something that counts
# One more than any maximum: what is over it need not be told apart.
_FULL: Final = 2**256
_METER: Final = 32  # bytes of its key
_HEAD: Final = _METER + 8 + 1  # of a window in a page
_SLOT: Final = 8 + 1  # of a slot, before its amount
_COUNTS: Final = tuple(bytes((count,)) for count in range(_KEPT + 1))  # in one byte
PAGE: Final = 2 * limits.WALLET_LIMITS  # windows: no decision charges more meters


class Window:
    """Amounts over a sliding window of time.

    Time is divided into slots of a 32nd of the window, rounded up. An amount counts from its slot's start until a
    window after its slot's end, so longer than it would in an exact window, by a slot at the most. What exceeds 2^256
    in one slot is kept as 2^256, which no maximum has room for.
    """

    __slots__ = ("_amounts", "_before", "_slot_s", "_total", "_window_s")

    def __init__(self, window_s: int) -> None:
        """Make an empty window of a length in seconds, from 1 to `limits.WALLET_WINDOW_S`."""
        if not 1 <= window_s <= limits.WALLET_WINDOW_S:
            raise InvariantError("invariant", "a window has a length that policies may have")
        self._window_s = window_s
        self._slot_s = -(-window_s // SLOTS)
        self._amounts: dict[int, int] = {}  # by number of the slot, ascending
        self._total = 0  # of all of them
        self._before = b""  # all but the last of them, encoded

    @classmethod
    def of(cls, window_s: int, amounts: dict[int, int]) -> Window:
        """Return a window of a length that holds amounts, by the numbers of their slots, ascending."""
        window = cls(window_s)
        window._amounts = amounts
        window._total = sum(amounts.values())
        window._before = b"".join(_slot(*each) for each in list(amounts.items())[:-1])
        return window

    def encode(self) -> bytes:
        """Return its one encoding, as a page has it behind the key of the meter."""
        amounts = self._amounts
        head = self._window_s.to_bytes(8, "big") + _COUNTS[len(amounts)]
        return head + self._slots() if amounts else head

    def _slots(self) -> bytes:
        last = next(reversed(self._amounts))
        return self._before + _slot(last, self._amounts[last])

    @property
    def end_s(self) -> int:
        """The time from which nothing of it counts, in seconds since 1970; 0 of an empty one."""
        if not self._amounts:
            return 0
        return (next(reversed(self._amounts)) + 1) * self._slot_s + self._window_s

    def used(self, now_s: int) -> int:
        """Return what counts at a time, in seconds since 1970."""
        first = self._first(now_s)
        if next(iter(self._amounts), first) >= first:
            return self._total
        return sum(amount for number, amount in self._amounts.items() if number >= first)

    def added(self, now_s: int, amount: int) -> Window:
        """Return the window with an amount that counts from a time on; slots that no longer count are dropped.

        Args:
            now_s: not before that of an earlier call; if it is, the amount counts from that on.
            amount: from 0.
        """
        if amount < 0 or now_s < 0:
            raise InvariantError("invariant", "amounts and times are not negative")
        if not amount:
            return self
        first = self._first(now_s)
        last = next(reversed(self._amounts), 0)
        number = max(now_s // self._slot_s, last)
        held = self._amounts.get(number, 0)
        grown = min(held + amount, _FULL)
        if next(iter(self._amounts), first) < first:
            kept = {at: old for at, old in self._amounts.items() if at >= first}
            kept[number] = grown
            return Window.of(self._window_s, kept)
        made = Window(self._window_s)
        made._amounts = self._amounts.copy()
        made._amounts[number] = grown
        made._total = self._total + grown - held
        made._before = self._before if held or not self._amounts else self._slots()
        return made

    def _first(self, now_s: int) -> int:
        """Return the number of the first slot that counts at a time: it ends less than a window before."""
        return (now_s - self._window_s) // self._slot_s


def encode_windows(windows: Mapping[bytes, Window]) -> bytes:
    """Return the one encoding of a page: windows by the keys of their meters, in their order, at most `PAGE`."""
    parts: list[bytes] = []
    for meter, window in windows.items():
        parts += (meter, window.encode())
    return b"".join(parts)


def decode_windows(unverified: bytes) -> dict[bytes, Window]:
    """Return the windows of a page.

    Raises:
        MalformedError: another form, more windows than a page has, or two of one meter.
    """
    windows: dict[bytes, Window] = {}
    at = 0
    while at < len(unverified):
        meter = unverified[at : at + _METER]
        window, at = _window(unverified, at + _METER)
        if meter in windows or len(windows) == PAGE:
            raise MalformedError("malformed", "two windows of one meter, or too many")
        windows[meter] = window
    return windows


def _window(unverified: bytes, at: int) -> tuple[Window, int]:
    """Return the window that is at a place, and where it ends."""
    start = at - _METER + _HEAD
    if start > len(unverified):
        raise MalformedError("malformed", "a window is cut off")
    window_s, count = int.from_bytes(unverified[at : start - 1], "big"), unverified[start - 1]
    if not 1 <= window_s <= limits.WALLET_WINDOW_S or count > _KEPT:
        raise MalformedError("malformed", "a window of a length or a size that none has")
    amounts: dict[int, int] = {}
    last, at = -1, start
    for _ in range(count):
        start = at + _SLOT
        number = int.from_bytes(unverified[at : at + 8], "big")
        end = start + unverified[start - 1] if start <= len(unverified) else start
        if end > len(unverified):
            raise MalformedError("malformed", "a slot is cut off")
        amount = int.from_bytes(unverified[start:end], "big")
        if number <= last or not 0 < amount <= _FULL or unverified[start] == 0:
            raise MalformedError("malformed", "slots are not ascending, or hold nothing")
        amounts[number] = amount
        last, at = number, end
    return Window.of(window_s, amounts), at


def _slot(number: int, amount: int) -> bytes:
    size = (amount.bit_length() + 7) // 8
    return number.to_bytes(8, "big") + _COUNTS[size] + amount.to_bytes(size, "big")
