"""Windows: never less than an exact sliding window, little more, and one encoding."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import InvariantError, MalformedError
from adyton.protocol.wallet.windows import (
    SLOTS,
    Window,
    decode_windows,
    encode_windows,
)

DAY = 86_400
KEYS = [bytes((number,)) * 32 for number in range(40)]


def again(window: Window) -> Window:
    return decode_windows(encode_windows({KEYS[0]: window}))[KEYS[0]]


def test_an_amount_counts_for_its_window_and_at_most_a_slot_more() -> None:
    window = Window(DAY)
    slot = DAY // SLOTS
    window = window.added(10 * slot, 5)
    window = window.added(11 * slot - 1, 7)
    assert window.used(11 * slot - 1) == 12
    assert window.used(11 * slot + DAY - 1) == 12
    assert window.used(11 * slot + DAY) == 0
    window = window.added(11 * slot, 1)
    assert window.used(11 * slot + DAY) == 1
    assert window.used(12 * slot + DAY) == 0


def test_a_clock_that_stands_still_or_goes_back_forgets_nothing() -> None:
    window = Window(60)
    window = window.added(1000, 5)
    window = window.added(10, 5)
    assert window.used(0) == window.used(1000) == 10
    assert again(window).used(1000) == 10


def test_slots_that_no_longer_count_are_dropped() -> None:
    window = Window(60)
    for now in range(0, 10_000, 2):
        window = window.added(now, 1)
    fresh = Window(60)
    fresh = fresh.added(9_998, 1)
    assert len(window.encode()) < 34 * len(fresh.encode())
    window = window.added(20_000, 1)
    fresh = fresh.added(20_000, 1)
    assert window.used(20_000) == 1


def test_nothing_is_lost_where_amounts_are_greater_than_any_maximum() -> None:
    window = Window(60)
    for _ in range(3):
        window = window.added(0, 2**256 - 1)
    assert window.used(0) == 2**256
    assert again(window).used(0) == 2**256


def test_no_amount_is_no_slot() -> None:
    window = Window(60)
    empty = window.encode()
    window = window.added(0, 0)
    assert window.encode() == empty
    assert again(window).used(0) == 0


@pytest.mark.parametrize("window_s", [0, -1, limits.WALLET_WINDOW_S + 1])
def test_lengths_that_no_policy_has(window_s: int) -> None:
    with pytest.raises(InvariantError):
        Window(window_s)


@pytest.mark.parametrize(("now", "amount"), [(-1, 1), (0, -1)])
def test_what_is_negative_is_a_defect(now: int, amount: int) -> None:
    with pytest.raises(InvariantError):
        Window(60).added(now, amount)


def slots(*parts: tuple[int, bytes]) -> bytes:
    return bytes((len(parts),)) + b"".join(
        number.to_bytes(8, "big") + bytes((len(amount),)) + amount for number, amount in parts
    )


def page(window_s: int, encoded: bytes, key: bytes = KEYS[0]) -> bytes:
    return key + window_s.to_bytes(8, "big") + encoded


GOOD = page(60, slots((1, b"\1"), (2, b"\1\2")))


def test_a_page_is_read_as_it_was_written() -> None:
    assert encode_windows(decode_windows(GOOD)) == GOOD
    assert decode_windows(b"") == {}


@pytest.mark.parametrize(
    "unverified",
    [
        page(0, slots()),
        page(limits.WALLET_WINDOW_S + 1, slots()),
        page(60, slots((1, b""))),
        page(60, slots((1, b""), (2, b"\1"))),
        page(60, slots((1, b"\0"))),
        page(60, slots((1, b"\0\1"))),
        page(60, slots((1, b"\2" + bytes(32)))),
        page(60, slots((1, b"\1" + bytes(31) + b"\1"))),
        page(60, slots((1, b"\1"), (1, b"\1"))),
        page(60, slots((2, b"\1"), (1, b"\1"))),
        page(60, slots(*((n, b"\1") for n in range(35)))),
        *(GOOD[:end] for end in range(1, len(GOOD))),
        GOOD + b"\0",
        GOOD + GOOD,
        b"".join(page(60, slots(), key) for key in KEYS[:33]),
    ],
)
def test_other_forms_are_refused(unverified: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_windows(unverified)


def test_a_page_holds_windows_in_their_order() -> None:
    windows = {key: Window(60).added(at, at + 1) for at, key in enumerate(KEYS[:32])}
    decoded = decode_windows(encode_windows(windows))
    assert list(decoded) == KEYS[:32]
    assert [window.used(0) for window in decoded.values()] == list(range(1, 33))


def test_a_window_ends_when_nothing_of_it_counts_any_more() -> None:
    assert Window(60).end_s == 0
    window = Window(60).added(1000, 5)
    assert (window.used(window.end_s - 1), window.used(window.end_s)) == (5, 0)


def test_what_is_added_leaves_the_window_as_it_was() -> None:
    window = Window(60).added(1000, 5)
    before = window.encode()
    assert (window.added(1000, 1).used(1000), window.added(2000, 1).used(2000)) == (6, 1)
    assert (window.used(1000), window.encode()) == (5, before)


def exact(additions: Iterable[tuple[int, int]], now: int, window_s: int) -> int:
    """Return what an exact sliding window holds."""
    return sum(amount for at, amount in additions if at <= now < at + window_s)


@given(
    st.integers(1, 5000) | st.sampled_from([31, 32, 33, 60, 3600, DAY]),
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 2**70)), max_size=30),
    st.integers(0, 10_000),
)
def test_never_less_than_an_exact_window(
    window_s: int, steps: list[tuple[int, int]], later: int
) -> None:
    window = Window(window_s)
    additions: list[tuple[int, int]] = []
    now = 0
    for step, amount in steps:
        now += step
        additions.append((now, amount))
        window = window.added(now, amount)
        window = again(window)
        assert window.used(now) >= exact(additions, now, window_s)
        assert len(window._amounts) <= SLOTS + 2
    end = now + later
    slot = -(-window_s // SLOTS)
    assert exact(additions, end, window_s) <= window.used(end)
    assert window.used(end) <= exact(additions, end, window_s + slot)
    assert window.used(end + window_s + slot) == 0
    assert again(window).encode() == window.encode()
