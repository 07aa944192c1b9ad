"""The cache of values: bounded, and never stale."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adyton.core.crypto import equal
from adyton.enclave.hot_values import HotValues

NAMES = st.sampled_from([bytes([at]) * 32 for at in range(8)])


def digest_of(value: bytes) -> bytes:
    return (value + bytes(32))[:32]


@given(
    st.lists(
        st.tuples(st.sampled_from(["put", "drop", "get"]), NAMES, st.binary(max_size=60)),
        max_size=80,
    )
)
def test_it_gives_the_value_of_the_digest_or_nothing(steps: list[tuple[str, bytes, bytes]]) -> None:
    hot = HotValues(1500)
    index: dict[bytes, bytes] = {}
    for what, name, value in steps:
        if what == "put":
            index[name] = value
            hot.keep(name, digest_of(value), value)
        elif what == "drop":
            hot.pop(name)
        elif name in index:
            found = hot.value(name, digest_of(index[name]))
            assert found is None or equal(found, index[name])
            assert hot.value(name, b"another digest") is None


def test_it_is_bounded_and_forgets_what_was_used_longest_ago() -> None:
    hot = HotValues(3 * 400)
    for name in (b"a", b"b", b"c"):
        hot.keep(name, name, bytes(100))
    assert hot.value(b"a", b"a") is not None
    hot.keep(b"d", b"d", bytes(100))
    assert hot.value(b"b", b"b") is None
    assert hot.value(b"a", b"a") is not None


def test_large_values_are_not_kept() -> None:
    hot = HotValues()
    hot.keep(b"a", b"one", b"small")
    hot.keep(b"a", b"two", bytes(20_000))
    assert hot.value(b"a", b"two") is None
    assert hot.value(b"a", b"one") is None
