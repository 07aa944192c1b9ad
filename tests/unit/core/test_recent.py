"""The cache: what was used last stays, within its bounds, as a plain list would have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core.recent import Recent

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "get", "pop", "in"]), KEYS, st.integers(), st.integers(0, 12)
    ),
    max_size=60,
)


class Plain:
    """What `Recent` must do, in a list: keys, values and weights, the one used longest ago first."""

    def __init__(self, most: int, room: int | None) -> None:
        self.most = most
        self.room = room
        self.held: list[tuple[str, int, int]] = []
        self.dropped: list[tuple[str, int]] = []

    def get(self, key: str) -> int | None:
        for entry in self.held:
            if entry[0] == key:
                self.held.remove(entry)
                self.held.append(entry)
                return entry[1]
        return None

    def pop(self, key: str) -> int | None:
        value = self.get(key)
        if value is not None:
            self.held.pop()
        return value

    def put(self, key: str, value: int, weight: int) -> None:
        self.pop(key)
        if self.room is not None and weight > self.room:
            self.dropped.append((key, value))
            return
        self.held.append((key, value, weight))
        while len(self.held) > self.most or (self.room is not None and self.weight() > self.room):
            self.dropped.append(self.held.pop(0)[:2])

    def weight(self) -> int:
        return 0 if self.room is None else sum(weight for _, _, weight in self.held)


@given(st.integers(0, 5), st.none() | st.integers(0, 30), STEPS)
def test_it_does_what_a_list_does(
    most: int, room: int | None, steps: list[tuple[str, str, int, int]]
) -> None:
    told: list[tuple[str, int]] = []
    recent = Recent[str, int](most, room, dropped=lambda key, value: told.append((key, value)))
    plain = Plain(most, room)
    for what, key, value, weight in steps:
        if what == "put":
            recent.put(key, value, weight)
            plain.put(key, value, weight)
        elif what == "get":
            assert recent.get(key) == plain.get(key)
        elif what == "pop":
            assert recent.pop(key) == plain.pop(key)
        else:
            assert (key in recent) == (key in [held for held, _, _ in plain.held])
        assert list(recent) == [held for held, _, _ in plain.held]
        assert len(recent) == len(plain.held) <= most
        assert recent.weight == plain.weight() <= (room or 0)
        assert told == plain.dropped


def test_what_is_used_stays_and_what_is_only_looked_for_goes() -> None:
    recent = Recent[str, int](2)
    recent.put("a", 1)
    recent.put("b", 0)
    assert recent.get("a") == 1
    assert "b" in recent
    recent.put("c", 3)
    assert list(recent) == ["a", "c"]


def test_one_heavy_value_drops_many_light_ones_and_none_when_it_cannot_be_held() -> None:
    recent = Recent[int, str](100, 10)
    for key in range(10):
        recent.put(key, "light", 1)
    recent.put(10, "too heavy", 11)
    assert len(recent) == 10
    recent.put(10, "heavy", 9)
    assert list(recent) == [9, 10]
    recent.put(10, "too heavy", 11)
    assert list(recent) == [9]
    assert recent.weight == 1


def test_a_replaced_value_weighs_what_the_new_one_does() -> None:
    gone: list[str] = []
    recent = Recent[str, str](8, 10, dropped=lambda _, value: gone.append(value))
    for weight in (10, 1, 7):
        recent.put("a", str(weight), weight)
        assert recent.weight == weight
    assert not gone
    recent.put("b", "other", 4)
    assert gone == ["7"]


def test_what_is_told_of_a_drop_finds_the_value_gone() -> None:
    def dropped(key: str, _: int) -> None:
        assert key not in recent
        raise OSError("nobody listens")

    recent = Recent[str, int](1, 5, dropped=dropped)
    recent.put("a", 1, 5)
    with pytest.raises(OSError, match="nobody listens"):
        recent.put("b", 2, 5)
    assert list(recent) == ["b"]
    assert recent.weight == 5
