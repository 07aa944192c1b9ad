"""Padding: round trip, one padding per content, few classes, at most 12 % of waste."""

from hypothesis import given
from hypothesis import strategies as st

from adyton.core.errors import MalformedError
from adyton.protocol.padding import pad, size_class, unpad

LEAST = st.sampled_from([16, 256, 512])


@given(st.binary(max_size=3000), LEAST)
def test_round_trip(data: bytes, least: int) -> None:
    padded = pad(data, least=least)
    assert unpad(padded, least=least) == data
    assert len(padded) == size_class(len(data) + 4, least=least)


@given(st.binary(max_size=600), LEAST)
def test_what_unpads_is_the_one_padding_of_its_content(unverified: bytes, least: int) -> None:
    try:
        data = unpad(unverified, least=least)
    except MalformedError:
        return
    assert pad(data, least=least) == unverified


@given(st.binary(max_size=600), st.data(), LEAST)
def test_an_altered_byte_is_another_content_or_refused(
    data: bytes, drawn: st.DataObject, least: int
) -> None:
    padded = bytearray(pad(data, least=least))
    at = drawn.draw(st.integers(0, len(padded) - 1))
    padded[at] ^= drawn.draw(st.integers(1, 255))
    try:
        assert unpad(bytes(padded), least=least) != data
    except MalformedError:
        return


@given(st.integers(0, 2**26), LEAST)
def test_a_class_holds_its_sizes_with_little_waste(size: int, least: int) -> None:
    held = size_class(size, least=least)
    assert held >= max(size, least)
    assert size_class(held, least=least) == held
    assert held <= max(least, size * 1.12)


@given(st.integers(0, 2**26), st.integers(0, 2**26))
def test_classes_keep_the_order(one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert size_class(small, least=16) <= size_class(large, least=16)


def test_classes_are_few() -> None:
    classes, size = set(), 256
    while size <= 2**26:
        size = size_class(size, least=256)
        classes.add(size)
        size += 1
    # 64 MiB of possible lengths tell an observer at most nine bits.
    assert len(classes) <= 512
