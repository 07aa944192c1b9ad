"""Meters: pages of windows count as windows alone would, and say the same after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import UsageError
from adyton.enclave.state import State
from adyton.enclave.wallet import meters
from adyton.enclave.wallet.meters import Meters
from adyton.protocol.wallet.policy import Charge, Meter
from adyton.protocol.wallet.windows import Window, decode_windows

WALLET = b"w" * 32
LENGTHS = (1, 40, 60, 3600)
KEYS = [bytes((number,)) * 32 for number in range(6)]
METERS = [Meter(key, LENGTHS[at % len(LENGTHS)], 10**9, "") for at, key in enumerate(KEYS)]


@dataclass
class Held:
    """A state of this app alone, whose values end as they do in the enclave's."""

    values: dict[bytes, bytes] = field(default_factory=dict)
    ends: dict[bytes, int] = field(default_factory=dict)

    def get(self, _: str, name: bytes) -> bytes | None:
        return self.values.get(name)

    get_hot = get

    def has(self, _: str, name: bytes) -> bool:
        return name in self.values

    def set(self, _: str, name: bytes, value: bytes, *, expires_ms: int, hot: bool) -> None:
        assert hot
        self.values[name] = value
        self.ends[name] = expires_ms

    def end_block(self, time_ms: int) -> None:
        for name in [name for name, end in self.ends.items() if end <= time_ms]:
            del self.values[name], self.ends[name]


def over(held: Held) -> Meters:
    """Return meters as they are after a restart."""
    made = Meters(cast(State, held))
    for name, value in held.values.items():
        assert name[:1] == meters.KIND
        made.visit(name[1:], value)
    return made


def kept(made: Meters) -> int:
    """Return how many bytes those pages have that are kept decoded; they stay in their order."""
    pages = [made._decoded.get(name) for name in list(made._decoded)]
    return sum(len(page[0]) for page in pages if page is not None)


def charged(made: Meters, time_ms: int, *amounts: tuple[int, int], wallet: bytes = WALLET) -> None:
    counts = made.counts(wallet, time_ms)
    charges = [Charge(METERS[at], amount) for at, amount in amounts]
    counts.require_room(charges)
    counts.write(charges)


steps = st.lists(
    st.tuples(
        st.sampled_from([0, 500, 1000, 30_000, 61_000, 130_000, 4_000_000]),
        st.dictionaries(st.integers(0, 5), st.integers(0, 1000), max_size=4),
        st.booleans(),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=150)
def test_pages_count_as_windows_alone_do_and_a_restart_changes_nothing(
    taken: list[tuple[int, dict[int, int], bool]],
) -> None:
    held, again = Held(), Held()
    kept = over(held)
    alone = [Window(meter.window_s) for meter in METERS]
    now = 1_800_000_000_000
    for passed, amounts, rolled_back in taken:
        now += passed
        if rolled_back:
            before = dict(held.values), dict(held.ends)
            charged(kept, now, *amounts.items())
            held.values, held.ends = before
            continue
        restarted = over(again)
        for made in (kept, restarted):
            counts = made.counts(WALLET, now)
            assert [counts.used(meter) for meter in METERS] == [
                window.used(now // 1000) for window in alone
            ]
            charged(made, now, *amounts.items())
        for at, amount in amounts.items():
            alone[at] = alone[at].added(now // 1000, amount)
        assert (held.values, held.ends) == (again.values, again.ends)
        listed = [key for value in held.values.values() for key in decode_windows(value)]
        assert len(listed) == len(set(listed))
        assert [key for key, _ in kept.windows(WALLET)] == sorted(listed)
        held.end_block(now)
        again.end_block(now)


def test_what_is_charged_together_is_one_value() -> None:
    held = Held()
    made = over(held)
    charged(made, 0, (0, 1), (1, 1))
    charged(made, 0, (1, 1), (0, 1))
    assert len(held.values) == 1
    charged(made, 0, (1, 1), (2, 1), (3, 1))
    assert len(held.values) == 2
    charged(made, 0, (0, 1), (1, 1), wallet=b"v" * 32)
    assert len(held.values) == 3


def test_what_adds_nothing_writes_nothing() -> None:
    held = Held()
    charged(over(held), 0, (0, 0), (1, 0))
    assert not held.values


def test_a_page_ends_with_the_last_of_its_windows() -> None:
    held = Held()
    made = over(held)
    charged(made, 0, (1, 7), (3, 7))
    [end] = held.ends.values()
    assert made.counts(WALLET, end - 1).used(METERS[3]) == 7
    held.end_block(end - 1)
    assert held.values
    assert made.counts(WALLET, end).used(METERS[3]) == 0
    held.end_block(end)
    assert not held.values
    # On the page that ended the second was not the first, and is now.
    charged(made, end, (3, 1))
    charged(made, end, (1, 1))
    assert len(held.values) == 2
    assert [window.used(end // 1000) for _, window in made.windows(WALLET)] == [1, 1]


def test_nothing_is_counted_before_it_is_written() -> None:
    held = Held()
    made = over(held)
    charged(made, 0, (0, 5))
    before = dict(held.values)
    counts = made.counts(WALLET, 0)
    counts.require_room([Charge(METERS[0], 3)])
    assert counts.used(METERS[0]) == 5
    assert held.values == before
    # What a rolled back entry has written is not what the next one reads.
    counts.write([Charge(METERS[0], 3)])
    held.values = before
    assert made.counts(WALLET, 0).used(METERS[0]) == 5


def test_a_wallet_counts_so_many_meters_and_what_has_ended_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WALLET_METERS", 3)
    held = Held()
    made = over(held)
    charged(made, 0, (0, 1), (3, 1))
    charged(made, 0, (1, 1))
    with pytest.raises(UsageError, match="wallet_full"):
        charged(made, 0, (2, 1))
    charged(made, 0, (0, 1), (1, 1), (3, 1))
    charged(made, 0, (2, 1), wallet=b"v" * 32)
    held.end_block(90_000)  # the page of the second
    for each in (made, over(held)):
        each.counts(WALLET, 90_000).require_room([Charge(METERS[2], 1)])
    charged(made, 90_000, (2, 1))
    with pytest.raises(UsageError, match="wallet_full"):
        charged(made, 90_000, (1, 1))


def test_a_meter_is_not_counted_because_its_page_is_there_again_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "WALLET_METERS", 3)
    held = Held()
    made = over(held)
    charged(made, 0, (0, 1), (1, 1))
    held.end_block(200_000)
    charged(made, 200_000, (0, 1))
    for each in (made, over(held)):
        each.counts(WALLET, 200_000).require_room([Charge(METERS[2], 1), Charge(METERS[3], 1)])


def test_what_is_kept_decoded_is_bounded_in_bytes_whatever_is_on_the_pages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(meters, "_BYTES", 1000)
    held = Held()
    made = over(held)
    wallets = [bytes((number,)) * 32 for number in range(40)]
    for second in range(3):  # anew, and longer: by 9 bytes and an amount
        for wallet in wallets:
            charged(made, 1000 * second, (0, 2**200), (3, 2**200), wallet=wallet)
            assert 0 < kept(made) == made._decoded.weight <= 1000
    assert 1 < len(made._decoded) < len(wallets)
    # What was dropped is decoded again, and what is kept is what was written last.
    for wallet in wallets:
        assert made.counts(wallet, 2000).used(METERS[3]) == 3 * 2**200
        assert kept(made) <= 1000
