"""Programs on this machine come in; pages in a browser do not."""

from __future__ import annotations

import pytest

from adyton.client.rpc.gate import Gate, Unwelcome, by_name, is_loopback, read_token
from adyton.core.errors import UsageError

TOKEN = b"0123456789abcdef"


def head(**headers: str) -> dict[bytes, list[bytes]]:
    given = {"host": "127.0.0.1:8545", **headers}
    return by_name(
        (name.replace("_", "-").encode(), value.encode()) for name, value in given.items()
    )


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8545", "127.0.0.1", "127.0.0.1:1", "[::1]:8545", "LOCALHOST:1"]
)
def test_names_of_loopback_are_served(host: str) -> None:
    Gate().require(head(host=host))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8545",
        "127.0.0.1.evil.example",
        "localhost.evil",
        "",
        "10.0.0.1",
    ],
)
def test_other_names_are_not(host: str) -> None:
    with pytest.raises(Unwelcome) as caught:
        Gate().require(head(host=host))
    assert caught.value.status == 403


def test_a_name_that_was_allowed_is_served() -> None:
    Gate(hosts=frozenset({"wallet.internal"})).require(head(host="wallet.internal:8545"))


def test_one_host_is_needed() -> None:
    for headers in ({}, {b"host": [b"127.0.0.1", b"127.0.0.1"]}):
        with pytest.raises(Unwelcome) as caught:
            Gate().require(headers)
        assert caught.value.status == 400


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8545", ""])
def test_pages_are_not_served(origin: str) -> None:
    with pytest.raises(Unwelcome) as caught:
        Gate(origins=frozenset({"https://app.example"})).require(head(origin=origin))
    assert caught.value.status == 403


def test_an_origin_that_was_allowed_is_served() -> None:
    gate = Gate(origins=frozenset({"https://app.example"}))
    gate.require(head(origin="https://app.example"))
    twice = {**head(), b"origin": [b"https://app.example", b"https://evil.example"]}
    with pytest.raises(Unwelcome):
        gate.require(twice)


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer 0123456789abcdeF", "0123456789abcdef", "bearer 0123456789abcdef"],
)
def test_the_token_is_needed(given: str | None) -> None:
    headers = head() if given is None else head(authorization=given)
    with pytest.raises(Unwelcome) as caught:
        Gate(token=TOKEN).require(headers)
    assert caught.value.status == 401
    Gate(token=TOKEN).require(head(authorization="Bearer 0123456789abcdef"))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"content_type": "text/plain", "content_length": "2"}, 415),
        ({"content_type": "application/x-www-form-urlencoded", "content_length": "2"}, 415),
        (
            {"content_type": "application/json", "content_encoding": "gzip", "content_length": "2"},
            415,
        ),
        ({"content_type": "application/json"}, 411),
        ({"content_type": "application/json", "transfer_encoding": "chunked"}, 411),
        ({"content_type": "application/json", "content_length": "+2"}, 400),
        ({"content_type": "application/json", "content_length": "1" * 13}, 400),
    ],
)
def test_bodies_are_json_of_a_known_size(headers: dict[str, str], status: int) -> None:
    with pytest.raises(Unwelcome) as caught:
        Gate().require_json(head(**headers))
    assert caught.value.status == status


def test_the_size_of_a_body_is_told() -> None:
    headers = head(content_type="Application/JSON; charset=utf-8", content_length="17")
    assert Gate().require_json(headers) == 17


def test_tokens_have_a_form() -> None:
    assert read_token(TOKEN + b"\n") == TOKEN
    for text in (
        b"",
        b"short",
        b"with space in it 123",
        b"0123456789abcde\xff",
        b"0123456789abcd\ne",
    ):
        with pytest.raises(UsageError):
            read_token(text)


def test_loopback_is_told_from_the_network() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))
