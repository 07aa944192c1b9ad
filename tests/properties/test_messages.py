"""Every message: round trip, one encoding, non-malleable under each bit, refused when cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adyton.core.encoding import decode, encode
from adyton.core.errors import MalformedError
from adyton.core.schema import Message, decode_one_of, peek_name
from tests.message_forms import annotations, every_message, samples, strategy

MESSAGES = every_message()
CLASSES = [pytest.param(cls, id=name) for name, cls in sorted(MESSAGES.items())]


def test_the_registry_is_complete() -> None:
    assert len(MESSAGES) >= 58
    assert {cls.WIRE_NAME for cls in MESSAGES.values()} == set(MESSAGES)


@pytest.mark.parametrize("cls", CLASSES)
def test_name_and_field_count_fit_the_short_form_that_peek_name_reads(cls: type[Message]) -> None:
    assert len(cls.WIRE_NAME.encode("ascii")) <= 23
    assert len(annotations(cls)) < 23
    name, version = cls.WIRE_NAME.rsplit("/", 1)
    assert name == name.lower()
    assert version.isdecimal()
    for made in samples(cls):
        assert peek_name(made.encode()) == cls.WIRE_NAME


@pytest.mark.parametrize("cls", CLASSES)
def test_round_trip(cls: type[Message]) -> None:
    @settings(max_examples=15)
    @given(strategy(cls))
    def holds(made: Message) -> None:
        encoded = made.encode()
        again = cls.decode(encoded)
        assert again == made
        assert again.encode() == encoded
        assert decode_one_of(encoded, MESSAGES) == made
        assert repr(made) == f"<{cls.WIRE_NAME}>"

    holds()


@pytest.mark.parametrize("cls", CLASSES)
def test_every_flipped_bit_is_another_message_or_refused(cls: type[Message]) -> None:
    for made in samples(cls):
        encoded = bytearray(made.encode())
        for at in range(len(encoded)):
            for bit in range(8):
                encoded[at] ^= 1 << bit
                try:
                    other = cls.decode(bytes(encoded))
                except MalformedError:
                    continue
                else:
                    assert other != made
                    assert other.encode() == encoded
                finally:
                    encoded[at] ^= 1 << bit


@pytest.mark.parametrize("cls", CLASSES)
def test_cut_or_prolonged_bytes_are_refused(cls: type[Message]) -> None:
    for made in samples(cls):
        encoded = made.encode()
        for end in range(len(encoded)):
            with pytest.raises(MalformedError):
                cls.decode(encoded[:end])
        for more in (b"\x00", b"\xf6", encoded):
            with pytest.raises(MalformedError):
                cls.decode(encoded + more)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_field_too_many_or_too_few_is_refused(cls: type[Message]) -> None:
    for made in samples(cls):
        value = decode(made.encode(), max_bytes=cls.MAX_BYTES)
        wrong = [[*value, None], [cls.WIRE_NAME + "0", *value[1:]], [None, *value]]
        if len(value) > 1:
            wrong.append(value[:-1])
        for other in wrong:
            with pytest.raises(MalformedError):
                cls.from_value(other)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_field_takes_a_value_of_a_foreign_type(cls: type[Message]) -> None:
    foreign = [-1, 2**70, 1.5, {}, {1: 2}, [None], [1.5], "a" * 2**19, [[]] * 5000]
    for made in samples(cls):
        value = decode(made.encode(), max_bytes=cls.MAX_BYTES)
        for at in range(1, len(value)):
            for wrong in foreign:
                with pytest.raises(MalformedError):
                    cls.from_value([*value[:at], wrong, *value[at + 1 :]])


@pytest.mark.parametrize("cls", CLASSES)
def test_over_its_size_bound(cls: type[Message]) -> None:
    with pytest.raises(MalformedError) as refused:
        cls.decode(bytes(cls.MAX_BYTES + 1))
    assert refused.value.code == "too_large"


@given(st.binary(max_size=80))
def test_random_bytes_raise_malformed_error_alone(unverified: bytes) -> None:
    peek_name(unverified)
    try:
        decode_one_of(unverified, MESSAGES)
    except MalformedError:
        return
    raise AssertionError("random bytes were taken for a message")


@given(st.recursive(st.none() | st.integers(0, 3) | st.binary(max_size=3), st.lists, max_leaves=8))
def test_random_values_behind_a_name_raise_malformed_error_alone(body: object) -> None:
    for name in ("proof/1", "task/1", "block-result/1", "entry/1"):
        for value in ([name, body], [name, *body] if isinstance(body, list) else [name]):
            with pytest.raises(MalformedError):
                MESSAGES[name].decode(encode(value))
