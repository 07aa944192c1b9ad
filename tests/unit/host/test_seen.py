"""The filter of stored hashes: never forgets, and seldom takes one for another."""

import hashlib

from adyton.host.seen import PREFIX, Seen


def name(number: int) -> bytes:
    return hashlib.sha256(b"%d" % number).digest()


def test_what_was_put_in_is_there() -> None:
    seen = Seen(16)
    for i in range(20_000):  # far more than it is made for
        seen.add(name(i))
    assert all(name(i) in seen for i in range(20_000))


def test_what_was_not_put_in_is_seldom_there() -> None:
    seen = Seen(16)
    assert not any(name(i) in seen for i in range(1000))
    for i in range(1000):
        seen.add(name(i))
    # Two bits of 2^16 each: by chance one lookup in a thousand.
    assert sum(name(i) in seen for i in range(1000, 11_000)) < 40


def test_many_at_once_are_as_one_by_one() -> None:
    one, many = Seen(16), Seen(16)
    for i in range(500):
        one.add(name(i))
    many.update(b"".join(name(i)[:PREFIX] for i in range(500)))
    assert many._bits == one._bits
    many.update(b"")
    assert many._bits == one._bits
