"""Frames: bounds, kinds, and headers that break the rules."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.channel.framing import HEADER, REPLY, REQUEST, Frame, body_size, closed, pack
from adyton.core import limits
from adyton.core.errors import UnavailableError, VerificationError


def test_the_form() -> None:
    packed = pack(Frame(REQUEST, 0x0102030405060708, b"body"))
    assert packed == bytes.fromhex("0000000d 01 0102030405060708") + b"body"
    assert body_size(packed[: HEADER.size]) == (4, REQUEST, 0x0102030405060708)
    assert HEADER.size == 13


@given(st.sampled_from([REQUEST, REPLY]), st.integers(0, 2**64 - 1), st.binary(max_size=50))
def test_round_trip(kind: int, number: int, body: bytes) -> None:
    packed = pack(Frame(kind, number, body))
    assert body_size(packed[:13]) == (len(body), kind, number)
    assert packed[13:] == body


def test_a_body_at_its_bound_is_taken_and_one_over_it_refused() -> None:
    assert body_size(struct.pack(">IBQ", limits.FRAME + 9, REPLY, 1))[0] == limits.FRAME
    with pytest.raises(VerificationError) as refused:
        pack(Frame(REQUEST, 1, bytes(limits.FRAME + 1)))
    assert refused.value.code == "channel_violation"


@pytest.mark.parametrize("length", [0, 1, 8, limits.FRAME + 10, 2**31, 2**32 - 1])
def test_a_hostile_length_is_refused(length: int) -> None:
    with pytest.raises(VerificationError) as refused:
        body_size(struct.pack(">IBQ", length, REQUEST, 1))
    assert refused.value.code == "channel_violation"


def test_every_unknown_kind_is_refused() -> None:
    for kind in (0, *range(3, 256)):
        with pytest.raises(VerificationError) as refused:
            body_size(struct.pack(">IBQ", 9, kind, 1))
        assert refused.value.code == "channel_violation"


@given(st.binary(min_size=13, max_size=13))
def test_random_headers_raise_verification_error_alone(header: bytes) -> None:
    try:
        size, kind, number = body_size(header)
    except VerificationError:
        return
    assert HEADER.pack(size + 9, kind, number) == header


def test_a_closed_channel_is_unavailable() -> None:
    assert isinstance(closed(), UnavailableError)
    assert closed().code == "enclave_down"
