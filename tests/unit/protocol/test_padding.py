"""Padding: one padding per content, few classes, little waste."""

import pytest

from adyton.core.errors import MalformedError
from adyton.protocol.padding import pad, size_class, unpad


def test_small_contents_share_one_class() -> None:
    assert {len(pad(bytes(n), least=512)) for n in range(509)} == {512}
    assert len(pad(bytes(509), least=512)) > 512


def test_the_form() -> None:
    assert pad(b"abc", least=16) == b"\x00\x00\x00\x03abc" + bytes(9)
    assert unpad(b"\x00\x00\x00\x03abc" + bytes(9), least=16) == b"abc"


@pytest.mark.parametrize("data", [b"", b"a", bytes(12), bytes(13), bytes(1000), b"\xff" * 5000])
def test_every_other_padding_is_refused(data: bytes) -> None:
    good = pad(data, least=16)
    assert unpad(good, least=16) == data
    wrong = [
        good[:-1],
        good + b"\x00",
        good + bytes(16),
        good[: 4 + len(data)] if len(good) > 4 + len(data) else good[:-1],
        (len(data) + 1).to_bytes(4, "big") + good[4:],
        b"\xff\xff\xff\xff" + good[4:],
        good[:3],
        b"",
    ]
    if len(good) > 4 + len(data):
        wrong.append(good[:-1] + b"\x01")
    for other in wrong:
        if other == good:
            continue
        try:
            assert unpad(other, least=16) != data
        except MalformedError:
            continue


def test_padding_to_another_least_size_is_refused() -> None:
    with pytest.raises(MalformedError):
        unpad(pad(b"abc", least=16), least=32)
    with pytest.raises(MalformedError):
        unpad(pad(b"abc", least=32), least=16)


def test_what_is_not_zero_behind_the_content_is_refused() -> None:
    good = pad(b"abc", least=64)
    for at in range(7, 64):
        with pytest.raises(MalformedError):
            unpad(good[:at] + b"\x01" + good[at + 1 :], least=64)


def test_classes_are_those_of_padme() -> None:
    # Values from the definition: keep the top log2(E) + 1 bits of a length of E + 1 bits.
    for size, expected in ((9, 10), (1000, 1024), (1025, 1088), (1_000_000, 1_015_808), (256, 256)):
        assert size_class(size, least=1) == expected
