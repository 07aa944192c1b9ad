"""Messages of the sandbox: round trips, and what is no message."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.sandbox import wire


@given(st.integers(0, 0xFFFF), st.integers(0, 2**63), st.integers(0, 2**63))
def test_ended(status: int, cpu: int, peak: int) -> None:
    ended = wire.Ended(status, cpu, peak)
    assert wire.decode_ended(wire.encode_ended(ended)) == ended


@pytest.mark.parametrize("message", [b"", b"X", b"X" + bytes(19), b"X" + bytes(21)])
def test_ended_of_another_length(message: bytes) -> None:
    with pytest.raises(ValueError, match="length"):
        wire.decode_ended(message)


def test_started() -> None:
    assert wire.decode_started(wire.encode_started(1.5)) == 1_500_000


@pytest.mark.parametrize("message", [b"S", b"S" + bytes(7), b"S" + bytes(9)])
def test_started_of_another_length(message: bytes) -> None:
    with pytest.raises(ValueError, match="length"):
        wire.decode_started(message)


@given(
    st.text(),
    st.lists(st.text(), max_size=4),
    st.binary(max_size=200),
    st.dictionaries(st.text(min_size=1), st.binary(max_size=100), max_size=4),
    st.dictionaries(st.text(), st.integers(0, 2**62), max_size=4),
)
def test_job(
    name: str, arguments: list[str], code: bytes, files: dict[str, bytes], limits: dict[str, int]
) -> None:
    descriptor = os.memfd_create("job")
    try:
        os.write(descriptor, wire.encode_job(name, tuple(arguments), code, files, limits))
        job = wire.read_job(descriptor)
    finally:
        os.close(descriptor)
    assert job == (name, arguments, code, list(files.items()), limits)
