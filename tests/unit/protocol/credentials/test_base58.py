"""Base58: one text of each byte string, and an end to how long one may be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adyton.core import limits
from adyton.core.errors import MalformedError
from adyton.protocol.credentials.base58 import (
    decode_base58,
    encode_base58,
    read_multibase,
    write_multibase,
)

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@given(st.binary(max_size=90))
def test_round_trip(data: bytes) -> None:
    assert decode_base58(encode_base58(data)) == data
    assert read_multibase(write_multibase(data)) == data


@given(st.text(ALPHABET, max_size=60))
def test_a_text_is_the_only_one_of_its_bytes(text: str) -> None:
    assert encode_base58(decode_base58(text)) == text


@pytest.mark.parametrize(
    ("data", "text"),
    # The three test vectors of draft-msporny-base58-03, and zeros alone.
    [
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
        (b"", ""),
        (b"\0", "1"),
        (b"\0\0\0", "111"),
    ],
)
def test_known_texts(data: bytes, text: str) -> None:
    assert encode_base58(data) == text
    assert decode_base58(text) == data


@pytest.mark.parametrize("wrong", ["0", "O", "I", "l", "a b", "1\n", "é", "+", "\ud800"])
def test_other_characters_are_refused(wrong: str) -> None:
    with pytest.raises(MalformedError, match="not of its alphabet"):
        decode_base58(wrong)


def test_length_is_bounded_both_ways() -> None:
    assert decode_base58("1" * limits.BASE58) == bytes(limits.BASE58)
    assert encode_base58(bytes(limits.BASE58)) == "1" * limits.BASE58
    for call in (
        lambda: decode_base58("1" * (limits.BASE58 + 1)),
        lambda: encode_base58(b"\xff" * limits.BASE58),
        lambda: encode_base58(bytes(limits.BASE58 + 1)),
    ):
        with pytest.raises(MalformedError) as refusal:
            call()
        assert refusal.value.code == "too_large"


@pytest.mark.parametrize("wrong", ["", "mAAAA", "uAAAA", "Z1", "f00", " z1"])
def test_other_bases_are_refused(wrong: str) -> None:
    with pytest.raises(MalformedError, match="behind a z"):
        read_multibase(wrong)
