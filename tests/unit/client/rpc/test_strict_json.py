"""JSON with two meanings is not read."""

from __future__ import annotations

import pytest

from adyton.client.rpc.strict_json import parse, write
from adyton.core import limits
from adyton.core.errors import MalformedError


def test_ordinary_json_is_read() -> None:
    value = {"a": [1, 2.5, None, True, "ü"], "b": {}}
    assert parse(write(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1, "a": 2}',
        b'[{"b": {"a": 1, "a": 1}}]',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b'"\xff"',
        '{"a": 1}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[1,]",
        b"01",
        b'"\n"',
        b"1" * 5000,
        b"1e999",
        b'{"id": -1e999}',
    ],
)
def test_anything_else_is_not(text: bytes) -> None:
    with pytest.raises(MalformedError):
        parse(text)


def test_depth_is_bounded() -> None:
    deepest = limits.RPC_DEPTH
    parse(b"[" * deepest + b"]" * deepest)
    for depth in (deepest + 1, 100_000):
        with pytest.raises(MalformedError) as caught:
            parse(b"[" * depth + b"]" * depth)
        assert caught.value.code == "too_large"


def test_error_texts_repeat_nothing() -> None:
    with pytest.raises(MalformedError) as caught:
        parse(b'{"secret-key": 1, "secret-key": 2}')
    assert "secret" not in str(caught.value)
