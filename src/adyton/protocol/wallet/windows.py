"""What limits have counted in the time that their windows cover, in little space and never too little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from adyton.core import limits
from adyton.core.errors import InvariantError, MalformedError
from adyton.core.fields import AtMost
from adyton.core.schema import Bytes32, Message, Uint, message

SLOTS: Final = 32  # that a window is divided into
_KEPT: Final = SLOTS + 2  # that can hold something that counts
# One more than any maximum: what is over it need not be told apart.
_FULL: Final = 2**256
_AMOUNT: Final = 33  # bytes of it
_HEAD: Final = 9  # of a slot: its number, and how many bytes its amount has


@message("wallet-window/1", max_bytes=2 * limits.KIB)
class _Stored(Message):
    """A meter's window; `slots` are u64(number) ‖ u8(size) ‖ amount of each, ascending."""

    meter: Bytes32
    window_s: Uint
    slots: Annotated[bytes, AtMost(_KEPT * (_HEAD + _AMOUNT))]


@message("wallet-windows/1", max_bytes=64 * limits.KIB)
class _Page(Message):
    """Windows of meters that were first charged together; no decision charges more of them."""

    windows: Annotated[tuple[_Stored, ...], AtMost(2 * limits.WALLET_LIMITS)]


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
    def decode(cls, window_s: int, unverified: bytes) -> Window:
        """Return the window of a length whose slots these bytes are the one encoding of.

        Raises:
            MalformedError: another form, or a length that no policy has.
        """
        if not 1 <= window_s <= limits.WALLET_WINDOW_S:
            raise MalformedError("malformed", "a window of a length that no policy has")
        amounts: dict[int, int] = {}
        at, last = 0, -1
        while at < len(unverified):
            start = at + _HEAD
            number = int.from_bytes(unverified[at : at + 8], "big")
            at = start + unverified[start - 1] if start < len(unverified) else len(unverified) + 1
            if at > len(unverified) or len(amounts) == _KEPT:
                raise MalformedError("malformed", "a slot is cut off, or there are too many")
            amount = int.from_bytes(unverified[start:at], "big")
            if number <= last or not 0 < amount <= _FULL or unverified[start] == 0:
                raise MalformedError("malformed", "slots are not ascending, or hold nothing")
            amounts[number] = amount
            last = number
        window = cls(window_s)
        window._take(amounts)
        return window

    def encode(self) -> bytes:
        """Return the one encoding of its slots."""
        if not self._amounts:
            return b""
        last = next(reversed(self._amounts))
        return self._before + _slot(last, self._amounts[last])

    @property
    def window_s(self) -> int:
        """Its length in seconds."""
        return self._window_s

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
        made = Window(self._window_s)
        first = self._first(now_s)
        last = next(reversed(self._amounts), 0)
        number = max(now_s // self._slot_s, last)
        held = self._amounts.get(number, 0)
        grown = min(held + amount, _FULL)
        if next(iter(self._amounts), first) < first:
            kept = {at: old for at, old in self._amounts.items() if at >= first}
            kept[number] = grown
            made._take(kept)
            return made
        made._amounts = self._amounts.copy()
        made._amounts[number] = grown
        made._total = self._total + grown - held
        made._before = self._before if held else self.encode()
        return made

    def _take(self, amounts: dict[int, int]) -> None:
        self._amounts = amounts
        self._total = sum(amounts.values())
        self._before = b"".join(_slot(*each) for each in list(amounts.items())[:-1])

    def _first(self, now_s: int) -> int:
        """Return the number of the first slot that counts at a time: it ends less than a window before."""
        return (now_s - self._window_s) // self._slot_s


def encode_windows(windows: Mapping[bytes, Window]) -> bytes:
    """Return the one encoding of windows by the keys of their meters (32 bytes), at most 32 of them, in their order."""
    return _Page(
        tuple(_Stored(key, window.window_s, window.encode()) for key, window in windows.items())
    ).encode()


def decode_windows(unverified: bytes) -> dict[bytes, Window]:
    """Return the windows that `encode_windows` has encoded.

    Raises:
        MalformedError: another form, or two windows of one meter.
    """
    stored = _Page.decode(unverified).windows
    windows = {one.meter: Window.decode(one.window_s, one.slots) for one in stored}
    if len(windows) != len(stored):
        raise MalformedError("malformed", "two windows of one meter")
    return windows


def _slot(number: int, amount: int) -> bytes:
    size = (amount.bit_length() + 7) // 8
    return number.to_bytes(8, "big") + bytes((size,)) + amount.to_bytes(size, "big")
