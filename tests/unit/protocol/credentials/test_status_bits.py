"""Packed lists of statuses: both orders, every size, pages, and an end to what is inflated."""

import gzip
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError, VerificationError
from adyton.protocol.credentials.status_bits import (
    GZIP,
    SIZES,
    ZLIB,
    StatusBits,
    StatusPage,
    inflate,
    page_number,
    reverse_bits,
    status_in,
)


@given(st.sampled_from(SIZES), st.binary(min_size=1, max_size=300))
def test_a_status_is_where_the_specification_has_it(bits: int, packed: bytes) -> None:
    made = StatusBits(bits, packed)
    number = int.from_bytes(packed, "little")
    assert made.entries == len(packed) * 8 // bits
    for index in range(made.entries):
        assert made.status(index) == number >> index * bits & (1 << bits) - 1


@given(st.binary(min_size=1, max_size=64), st.data())
def test_the_other_order_of_bits(packed: bytes, data: st.DataObject) -> None:
    """A bitstring has index 0 leftmost: the highest bit of the first byte."""
    index = data.draw(st.integers(0, len(packed) * 8 - 1))
    leftmost = "".join(f"{byte:08b}" for byte in packed)
    assert StatusBits(1, reverse_bits(packed)).status(index) == int(leftmost[index])


@given(st.sampled_from(SIZES), st.integers(1, 3 * limits.STATUS_PAGE), st.data())
def test_pages_hold_the_same_statuses(bits: int, size: int, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, size - 1))
    packed = bytes(at) + b"\xa5" + bytes(size - at - 1)
    whole = StatusBits(bits, packed)
    pages = whole.pages()
    assert len(pages) == -(-size // limits.STATUS_PAGE)
    assert [page.number for page in pages] == list(range(len(pages)))
    assert {len(page.packed) for page in pages} == {limits.STATUS_PAGE}
    index = data.draw(st.integers(at * 8 // bits, (at + 1) * 8 // bits - 1))
    page = pages[page_number(index, bits)]
    assert status_in(page, index, bits) == whole.status(index)
    assert StatusPage.decode(page.encode()) == page


def test_an_index_outside_is_refused() -> None:
    made = StatusBits(2, bytes(4))
    assert made.status(15) == 0
    for index in (16, -1, 2**64):
        with pytest.raises(VerificationError, match="outside") as refusal:
            made.status(index)
        assert refusal.value.code == "status_invalid"
    with pytest.raises(VerificationError, match="another page"):
        status_in(made.pages()[0], 8 * limits.STATUS_PAGE, 1)


@pytest.mark.parametrize("bits", [0, 3, 16, -1, True, 1.0, "1"])
def test_other_sizes_are_refused(bits: int) -> None:
    with pytest.raises(MalformedError, match="1, 2, 4 or 8"):
        StatusBits(bits, b"\0")


def test_a_list_is_not_empty_and_not_too_long() -> None:
    assert StatusBits(1, bytes(limits.STATUS_LIST)).entries == 8 * limits.STATUS_LIST
    for size in (0, limits.STATUS_LIST + 1):
        with pytest.raises(MalformedError):
            StatusBits(1, bytes(size))


@given(st.binary(max_size=2000))
def test_inflating(data: bytes) -> None:
    assert inflate(zlib.compress(data), ZLIB) == data
    assert inflate(gzip.compress(data), GZIP) == data


@pytest.mark.parametrize(
    ("form", "whole"),
    [(ZLIB, zlib.compress(b"status" * 100)), (GZIP, gzip.compress(b"status" * 100, mtime=0))],
)
def test_what_is_not_one_whole_stream_is_refused(form: int, whole: bytes) -> None:
    for wrong in (
        b"",
        whole[:-1],
        whole[: len(whole) // 2],
        whole + b"\0",
        whole + whole,
        whole[:-6] + bytes((whole[-6] ^ 1,)) + whole[-5:],
        b"\0" + whole,
        b"status",
    ):
        with pytest.raises(MalformedError):
            inflate(wrong, form)
    with pytest.raises(MalformedError):
        inflate(whole, ZLIB if form == GZIP else GZIP)


def test_the_longest_list_is_taken_and_one_byte_more_is_not() -> None:
    assert len(inflate(zlib.compress(bytes(limits.STATUS_LIST)), ZLIB)) == limits.STATUS_LIST
    with pytest.raises(MalformedError, match="split it") as refusal:
        inflate(zlib.compress(bytes(limits.STATUS_LIST + 1)), ZLIB)
    assert refusal.value.code == "too_large"


@pytest.mark.parametrize("form", [ZLIB, GZIP])
def test_a_bomb_takes_neither_memory_nor_time(form: int) -> None:
    """200 MB of zeros, in 200 KB."""
    packer = zlib.compressobj(9, wbits=form)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(200)) + packer.flush()
    assert len(bomb) < 250_000
    tracemalloc.start()
    begin = time.process_time()
    with pytest.raises(MalformedError, match="over"):
        inflate(bomb, form)
    spent = time.process_time() - begin
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * limits.STATUS_LIST
    assert spent < 1
