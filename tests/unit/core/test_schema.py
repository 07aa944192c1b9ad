"""Messages: bounds, names and counts are checked; nothing secret is shown by repr."""

from dataclasses import FrozenInstanceError
from typing import Annotated, Any

import pytest

from adyton.core.encoding import decode, encode
from adyton.core.errors import InvariantError, MalformedError
from adyton.core.fields import AtMost, Exactly, OneOf
from adyton.core.schema import REGISTRY, Message, decode_one_of, message, peek_name


@message("test-inner/1", max_bytes=100)
class Inner(Message):
    flag: bool


@message("test-outer/1", max_bytes=200)
class Outer(Message):
    key: Annotated[bytes, Exactly(4)]
    text: Annotated[str, AtMost(3)]
    number: Annotated[int, AtMost(9)]
    word: Annotated[str, OneOf.of("yes", "no")]
    maybe: Annotated[bytes, AtMost(2)] | None
    inner: Inner
    listed: Annotated[tuple[Inner, ...], AtMost(2)]
    pair: tuple[bool, Annotated[int, AtMost(3)]]


@message("test-small/1", max_bytes=20)
class Small(Message):
    data: Annotated[bytes, AtMost(100)]


@pytest.fixture(autouse=True, scope="module")
def _leave_the_registry_as_it_was() -> Any:
    yield
    for name in ("test-inner/1", "test-outer/1", "test-small/1"):
        REGISTRY.pop(name, None)


GOOD = Outer(b"\1\2\3\4", "abc", 9, "yes", None, Inner(True), (Inner(False),), (True, 3))


def test_the_wire_form_is_an_array_of_name_and_fields() -> None:
    assert decode(GOOD.encode(), max_bytes=200) == [
        "test-outer/1",
        b"\1\2\3\4",
        "abc",
        9,
        "yes",
        None,
        ["test-inner/1", True],
        [["test-inner/1", False]],
        [True, 3],
    ]
    assert Outer.decode(GOOD.encode()) == GOOD


WRONG: list[tuple[int, Any]] = [
    (1, b"\1\2\3"),
    (1, b"\1\2\3\4\5"),
    (1, "abcd"),
    (1, None),
    (2, "abcd"),
    (2, b"abc"),
    (3, 10),
    (3, -1),
    (3, True),
    (3, "9"),
    (4, "maybe"),
    (4, "YES"),
    (5, b"abc"),
    (5, False),
    (6, None),
    (6, True),
    (6, ["test-inner/1", 1]),
    (6, ["test-inner/2", True]),
    (6, ["test-inner/1"]),
    (6, ["test-inner/1", True, True]),
    (7, [["test-inner/1", False]] * 3),
    (7, ["test-inner/1", False]),
    (7, None),
    (8, [True]),
    (8, [True, 4]),
    (8, [1, 1]),
]


@pytest.mark.parametrize(("field", "wrong"), WRONG)
def test_a_field_outside_its_bounds_is_refused(field: int, wrong: Any) -> None:
    value = GOOD.to_value()
    value[field] = wrong
    with pytest.raises(MalformedError):
        Outer.decode(encode(value))


def test_wrong_name_and_wrong_count_are_refused() -> None:
    value = GOOD.to_value()
    for wrong in (
        ["test-outer/2", *value[1:]],
        [b"test-outer/1", *value[1:]],
        [None, *value[1:]],
        value[1:],
        value[:-1],
        [*value, None],
        [],
        {"test-outer/1": 1},
        "test-outer/1",
        None,
    ):
        with pytest.raises(MalformedError):
            Outer.decode(encode(wrong))


def test_a_message_over_its_size_bound_is_refused() -> None:
    with pytest.raises(MalformedError) as refused:
        Small.decode(Small(bytes(30)).encode())
    assert refused.value.code == "too_large"


def test_another_encoding_of_a_message_is_refused() -> None:
    encoded = Inner(True).encode()
    assert Inner.decode(encoded) == Inner(True)
    long_count = b"\x98\x02" + encoded[1:]
    indefinite = b"\x9f" + encoded[1:] + b"\xff"
    for other in (long_count, indefinite, encoded + b"\x00", encoded[:-1]):
        with pytest.raises(MalformedError):
            Inner.decode(other)


def test_decode_one_of() -> None:
    classes: dict[str, type[Message]] = {"test-inner/1": Inner, "test-small/1": Small}
    assert decode_one_of(Inner(True).encode(), classes) == Inner(True)
    assert decode_one_of(Small(b"a").encode(), classes) == Small(b"a")
    for wrong in (GOOD.encode(), encode([]), encode([1]), encode(None), encode([["test-inner/1"]])):
        with pytest.raises(MalformedError):
            decode_one_of(wrong, classes)


def test_decode_one_of_bounds_each_class_by_itself() -> None:
    classes: dict[str, type[Message]] = {"test-inner/1": Inner, "test-small/1": Small}
    with pytest.raises(MalformedError) as refused:
        decode_one_of(Small(bytes(30)).encode(), classes)  # within the greatest bound of the two
    assert refused.value.code == "too_large"


def test_peek_name() -> None:
    assert peek_name(GOOD.encode()) == "test-outer/1"
    assert peek_name(Inner(True).encode()[:8]) == "test-i"
    for nothing in (b"", b"\x82", b"\xa1\x61a\x01", b"\x82\x41a", b"\x82\x78\x01a", b"\x01\x61a"):
        assert peek_name(nothing) == ""
    assert peek_name(b"\x81\x62\xff\xff") == "\ufffd\ufffd"


def test_repr_hides_content() -> None:
    secret = Outer(b"KEYS", "abc", 9, "yes", b"KE", Inner(True), (), (True, 3))
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret]), repr(secret.inner)):
        assert "KEYS" not in shown
        assert "abc" not in shown
        assert "True" not in shown
    assert repr(secret) == "<test-outer/1>"


def test_messages_are_frozen_and_have_no_room_for_more() -> None:
    with pytest.raises(FrozenInstanceError):
        GOOD.number = 3  # type: ignore[misc]  # what is tested
    with pytest.raises((AttributeError, TypeError)):
        GOOD.more = 3  # type: ignore[attr-defined]  # what is tested
    with pytest.raises(FrozenInstanceError):
        del GOOD.number


@pytest.mark.parametrize("annotation", [float, dict[str, int], int | str, list[int], bytes, object])
def test_an_annotation_without_wire_form_or_bound_is_a_fault_of_the_program(
    annotation: Any,
) -> None:
    cls: type[Message] = message("test-wrong/1")(
        type("Wrong", (Message,), {"__annotations__": {"x": annotation}})
    )
    try:
        with pytest.raises(InvariantError):
            cls.decode(encode(["test-wrong/1", 1]))
    finally:
        del REGISTRY["test-wrong/1"]
