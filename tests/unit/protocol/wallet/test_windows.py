"""Windows: never less than an exact sliding window, little more, and one encoding."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import InvariantError, MalformedError
from adyton.protocol.wallet.windows import SLOTS, Window, _Slot, _Stored

DAY = 86_400


def test_an_amount_counts_for_its_window_and_at_most_a_slot_more() -> None:
    window = Window(DAY)
    slot = DAY // SLOTS
    window.add(10 * slot, 5)
    window.add(11 * slot - 1, 7)
    assert window.used(11 * slot - 1) == 12
    assert window.used(11 * slot + DAY - 1) == 12
    assert window.used(11 * slot + DAY) == 0
    window.add(11 * slot, 1)
    assert window.used(11 * slot + DAY) == 1
    assert window.used(12 * slot + DAY) == 0


def test_a_clock_that_stands_still_or_goes_back_forgets_nothing() -> None:
    window = Window(60)
    window.add(1000, 5)
    window.add(10, 5)
    assert window.used(0) == window.used(1000) == 10
    assert Window.decode(window.encode()).used(1000) == 10


def test_slots_that_no_longer_count_are_dropped() -> None:
    window = Window(60)
    for now in range(0, 10_000, 2):
        window.add(now, 1)
    fresh = Window(60)
    fresh.add(9_998, 1)
    assert len(window.encode()) < 34 * len(fresh.encode())
    window.add(20_000, 1)
    fresh.add(20_000, 1)
    assert window.used(20_000) == 1


def test_nothing_is_lost_where_amounts_are_greater_than_any_maximum() -> None:
    window = Window(60)
    for _ in range(3):
        window.add(0, 2**256 - 1)
    assert window.used(0) == 2**256
    assert Window.decode(window.encode()).used(0) == 2**256


def test_no_amount_is_no_slot() -> None:
    window = Window(60)
    empty = window.encode()
    window.add(0, 0)
    assert window.encode() == empty
    assert Window.decode(empty).used(0) == 0


@pytest.mark.parametrize("window_s", [0, -1, limits.WALLET_WINDOW_S + 1])
def test_lengths_that_no_policy_has(window_s: int) -> None:
    with pytest.raises(InvariantError):
        Window(window_s)


@pytest.mark.parametrize(("now", "amount"), [(-1, 1), (0, -1)])
def test_what_is_negative_is_a_defect(now: int, amount: int) -> None:
    with pytest.raises(InvariantError):
        Window(60).add(now, amount)


def stored(window_s: int, *slots: tuple[int, bytes]) -> bytes:
    return _Stored(window_s, tuple(_Slot(*slot) for slot in slots)).encode()


@pytest.mark.parametrize(
    "unverified",
    [
        b"",
        stored(0),
        stored(limits.WALLET_WINDOW_S + 1),
        stored(60, (1, b"")),
        stored(60, (1, b"\0")),
        stored(60, (1, b"\0\1")),
        stored(60, (1, b"\2" + bytes(32))),
        stored(60, (1, b"\1"), (1, b"\1")),
        stored(60, (2, b"\1"), (1, b"\1")),
        stored(60, *((n, b"\1") for n in range(35))),
        stored(60)[:-1],
        stored(60) + b"\0",
    ],
)
def test_other_forms_are_refused(unverified: bytes) -> None:
    with pytest.raises(MalformedError):
        Window.decode(unverified)


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
        window.add(now, amount)
        window = Window.decode(window.encode())
        assert window.used(now) >= exact(additions, now, window_s)
        assert len(window._amounts) <= SLOTS + 2
    end = now + later
    slot = -(-window_s // SLOTS)
    assert exact(additions, end, window_s) <= window.used(end)
    assert window.used(end) <= exact(additions, end, window_s + slot)
    assert window.used(end + window_s + slot) == 0
    assert Window.decode(window.encode()).encode() == window.encode()
