"""What limits have counted: windows in the state, those together that are charged together.

A page holds the windows of meters that were first charged in one decision, so that most decisions read one value and
write it anew. A meter stays on its page until nothing of the whole page counts any more; then the state drops it, and
the next charge makes another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.core.recent import Recent
from adyton.enclave.state import State
from adyton.protocol.wallet.policy import Charge, Meter
from adyton.protocol.wallet.requests import APP
from adyton.protocol.wallet.windows import Window, decode_windows, encode_windows

KIND: Final = b"m"
_NOTHING: Final[Mapping[bytes, Window]] = {}
# Kept decoded: so many pages, of so many bytes in the state; decoded, a byte takes four to ten.
_PAGES: Final = 4096
_BYTES: Final = 4 * limits.MIB


class Meters:
    """The meters of all wallets.

    Args:
        state: holds their pages, under the wallet's name and the key of the meter that was first on it.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        # Of each wallet: the page that each meter is on, or was before that ended.
        self._page_of: defaultdict[bytes, dict[bytes, bytes]] = defaultdict(dict)
        self._decoded = Recent[bytes, tuple[bytes, Mapping[bytes, Window]]](_PAGES, _BYTES)

    def visit(self, name: bytes, value: bytes) -> None:
        """Take up a page met while the state is loaded."""
        wallet, page = name[:32], name[32:]
        self._page_of[wallet].update(dict.fromkeys(decode_windows(value), page))

    def require_room(self, wallet: bytes, wanted: Iterable[bytes]) -> None:
        """Refuse meters for which there is no room.

        Raises:
            UsageError: `wallet_full`.
        """
        held, more = self._page_of[wallet], set(wanted)
        if len(held) + len(more) > limits.WALLET_METERS:
            ended = [
                meter
                for meter, page in held.items()
                if not self._state.has(APP, KIND + wallet + page)
            ]
            for meter in ended:
                del held[meter]
            if len(held.keys() | more) > limits.WALLET_METERS:
                raise UsageError("wallet_full", "the wallet counts as many limits as it can")

    def counts(self, wallet: bytes, time_ms: int) -> Counts:
        """Return what one decision looks at, and charges, of a wallet's meters."""
        return Counts(self, wallet, time_ms)

    def windows(self, wallet: bytes) -> list[tuple[bytes, Window]]:
        """Return a wallet's meters, ascending, beside their windows; for reads."""
        found: list[tuple[bytes, Window]] = []
        for page in set(self._page_of.get(wallet, {}).values()):
            held = self._state.get(APP, KIND + wallet + page)
            found += () if held is None else decode_windows(held).items()
        return sorted(found, key=lambda one: one[0])

    def page_of(self, wallet: bytes, meter: bytes) -> bytes | None:
        """Return the page that a meter is on, which may have ended; None where it never was on one."""
        return self._page_of[wallet].get(meter)

    def page(self, wallet: bytes, page: bytes) -> Mapping[bytes, Window]:
        """Return the windows of a page; none where it has ended."""
        name = wallet + page
        held = self._state.get_hot(APP, KIND + name)
        if held is None:
            return _NOTHING
        known = self._decoded.get(name)
        if known is not None and known[0] == held:  # decoded before, out of these very bytes
            return known[1]
        windows = decode_windows(held)
        self._decoded.put(name, (held, windows), len(held))
        return windows

    def open(self, wallet: bytes, page: bytes) -> None:
        """Forget what was on a page of that name before it ended."""
        held = self._page_of[wallet]
        for meter in [meter for meter, on in held.items() if on == page]:
            del held[meter]

    def write(self, wallet: bytes, page: bytes, windows: Mapping[bytes, Window]) -> None:
        """Write all windows of a page; it goes when all of it is past."""
        name, encoded = wallet + page, encode_windows(windows)
        # Invariant: a meter is on one page at the most, and on that which it is said to be on or on none.
        self._page_of[wallet].update(dict.fromkeys(windows, page))
        self._decoded.put(name, (encoded, windows), len(encoded))
        expires_ms = 1000 * max(window.end_s for window in windows.values())
        self._state.set(APP, KIND + name, encoded, expires_ms=expires_ms, hot=True)


class Counts:
    """The windows that one decision looks at, each read once; nothing is changed before `write`.

    Args:
        meters: of all wallets.
        wallet: whose decision it is.
        time_ms: block time.
    """

    __slots__ = ("_meters", "_now_s", "_pages", "_wallet")

    def __init__(self, meters: Meters, wallet: bytes, time_ms: int) -> None:
        self._meters = meters
        self._wallet = wallet
        self._now_s = time_ms // 1000
        self._pages: dict[bytes, Mapping[bytes, Window]] = {}

    def used(self, meter: Meter) -> int:
        """Return what a meter holds."""
        window = self._windows(self._page_of(meter)).get(meter.key)
        return 0 if window is None else window.used(self._now_s)

    def require_room(self, charges: Sequence[Charge]) -> None:
        """Refuse charges of meters for which there is no room.

        Raises:
            UsageError: `wallet_full`.
        """
        self._meters.require_room(self._wallet, [charge.meter.key for charge in charges])

    def write(self, charges: Sequence[Charge]) -> None:
        """Add charges to their meters, and write these."""
        changed: dict[bytes, dict[bytes, Window]] = {}
        opened: bytes | None = None  # the page of the meters that are on none
        for charge in charges:
            if not charge.amount:  # what is reserved covers it already
                continue
            meter = charge.meter
            page = self._page_of(meter)
            windows = self._windows(page)
            window = windows.get(meter.key)
            if window is None:
                window, windows = Window(meter.window_s), _NOTHING
                page = opened = opened or meter.key
            if page not in changed:
                changed[page] = dict(windows)
            changed[page][meter.key] = window.added(self._now_s, charge.amount)
        if opened is not None:
            self._meters.open(self._wallet, opened)
        for page, after in changed.items():
            self._meters.write(self._wallet, page, after)

    def _page_of(self, meter: Meter) -> bytes:
        """Return the page that a meter is on, or was; else one that is not there."""
        return self._meters.page_of(self._wallet, meter.key) or meter.key

    def _windows(self, page: bytes) -> Mapping[bytes, Window]:
        windows = self._pages.get(page)
        if windows is None:
            windows = self._pages[page] = self._meters.page(self._wallet, page)
        return windows
