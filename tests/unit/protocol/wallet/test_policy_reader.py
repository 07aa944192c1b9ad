"""Reading a policy: what may be left out, and what is refused with its place and what to do."""

import json
from typing import Any

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.core.errors import UsageError
from adyton.protocol.wallet.policy_reader import read_policy
from tests.policy_kit import (
    ALICE,
    BOB,
    OTHER,
    STRANGER,
    VENDOR,
    address,
    allow,
    deny,
    policy,
    policy_json,
    refusal,
)


def test_the_least_policy_refuses_everything_and_depends_on_nothing() -> None:
    text = b'{"v":1,"rules":[]}'
    read = read_policy(text)
    assert (read.rules, read.limits, read.warnings, read.clients) == ((), (), (), {})
    assert (read.changes, read.export, read.time, read.needs_time) == (None, None, None, False)
    assert read.text == text
    assert read.hash == digest(Context.WALLET_POLICY, text)
    assert read_policy(text + b" ").hash != read.hash


def test_all_members_of_a_policy() -> None:
    read = policy(
        name="ops",
        time="host",
        changes={"m": 2, "of": "@treasury", "within": 3600},
        export={"m": 1, "of": "@treasury"},
        limits=[{"count": True, "window": 60, "max": 10}],
    )
    assert (read.name, read.time, read.needs_time) == ("ops", "host", True)
    assert read.changes is not None
    assert (read.changes.m, read.changes.keys, read.changes.within_s) == (
        2,
        frozenset((ALICE, BOB)),
        3600,
    )
    assert read.export is not None
    assert not isinstance(read.export, str)
    assert (read.export.m, read.export.within_s) == (1, None)
    assert policy(export="owner").export == "owner"
    assert policy(time="bft").time == "bft"


def test_who_is_named_is_known() -> None:
    direct = STRANGER[:31] + b"\1"
    read = policy(
        allow(who=[direct.hex(), "alice"]), sets={"x": [(STRANGER[:31] + b"\2").hex(), "bob"]}
    )
    for client in (ALICE, BOB, direct, STRANGER[:31] + b"\2"):
        assert read.knows(client)
    assert not read.knows(STRANGER)


def test_what_needs_time() -> None:
    assert not policy(allow(approvals={"m": 1, "of": "@treasury"})).needs_time
    assert policy(allow(approvals={"m": 1, "of": "@treasury", "within": 60})).needs_time
    assert policy(allow(limits=[{"count": True, "window": 1, "max": 1}])).needs_time
    assert policy(changes={"m": 1, "of": "@treasury", "within": 60}).needs_time


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"v": 2}, "v must be 1"),
        ({"v": "1"}, "v must be 1"),
        ({"v": True}, "v must be 1"),
        ({"rule": []}, "has no field 'rule'"),
        ({"name": "a b"}, "name must be a word"),
        ({"name": "x" * 65}, "name must be a word"),
        ({"time": "gps"}, 'time must be "host" or "bft"'),
        ({"time": None}, "time must be"),
        ({"clients": []}, "clients must be an object"),
        ({"clients": {"a": "00"}}, "clients.a must be a client's public key"),
        ({"clients": {"a": "AA" * 32}}, "64 lowercase hex digits"),
        ({"clients": {"owner": "aa" * 32}}, "cannot have"),
        ({"clients": {"aa" * 32: "aa" * 32}}, "cannot have"),
        ({"clients": {"a b": "aa" * 32}}, "must be a word"),
        ({"clients": {f"c{n}": "aa" * 32 for n in range(257)}}, "256 are the most"),
        ({"sets": {"s": "x"}}, "sets.s must be a list"),
        ({"sets": {"s": [address(0xAB).lower()]}}, "all lowercase, so it has no checksum"),
        ({"sets": {"s": [address(1), "alice"]}}, "sets.s[1] must be an address"),
        ({"sets": {"s": ["alice", address(1)]}}, "sets.s[1] is neither an address"),
        ({"sets": {"s": ["carol"]}}, "nor one of the clients: alice, bob"),
        ({"sets": {"s": [1]}}, "sets.s[0] is neither"),
        ({"sets": {"s": ["alice", ALICE.hex()]}}, "sets.s[1] is there twice"),
        ({"sets": {"s": [address(1), address(1)]}}, "there twice"),
        ({"sets": {f"s{n}": [] for n in range(65)}}, "64 are the most"),
        ({"sets": {"s": [address(1)] * 1025}}, "1024 are the most"),
        ({"changes": {"m": 3, "of": "@treasury"}}, "changes.m is over 2"),
        ({"changes": {"m": 0, "of": "@treasury"}}, "changes.m is below 1"),
        ({"changes": {"m": 1, "of": "treasury"}}, "the @name of a set of clients"),
        ({"changes": {"m": 1, "of": "@vendors"}}, "names no set of clients"),
        ({"changes": {"m": 1, "of": "@nobody"}}, "nobody could ever agree"),
        ({"changes": {"m": 1}}, "lacks 'of'"),
        ({"changes": {"m": 1, "of": "@treasury", "within": 0}}, "within is below 1"),
        ({"export": "alice"}, "export must be an object"),
        ({"rules": {}}, "rules must be a list"),
        ({"rules": [deny(id=f"d{n}") for n in range(129)]}, "128 are the most"),
        ({"limits": [{"sum": "arg:0", "window": 1, "max": 1}]}, "the rule has no `call`"),
        ({"limits": [{"sum": "field:a", "window": 1, "max": 1}]}, "has no `typedData`"),
    ],
)
def test_members_that_are_refused(members: dict[str, Any], why: str) -> None:
    assert why in refusal(**members)


def test_a_set_may_have_1024_addresses_and_all_sets_4096() -> None:
    many = {"v": 1, "rules": [], "sets": {"s": [address(n) for n in range(256)]}}
    assert len(read_policy(json.dumps(many).encode()).sets["s"]) == 256
    hexes = [f"{n:064x}" for n in range(1, 900)]
    assert len(json.dumps(hexes)) < limits.WALLET_POLICY
    many["sets"] = {"s": hexes}
    assert len(read_policy(json.dumps(many).encode()).sets["s"]) == 899


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "not JSON at line 1"),
        (b"[]", "policy must be an object"),
        (b'{"rules":[]}', "v must be 1"),
        (b'{"v":1}', "lacks 'rules'"),
        (b'{"v":1,"v":1,"rules":[]}', "'v' is there twice"),
        (b'{"v":1.0,"rules":[]}', "fraction"),
        (b'{"v":1,"rules":[NaN]}', "NaN"),
        (b'{"v":1,"rules":' + b"[" * 17 + b"]" * 17 + b"}", "deeper than 16"),
        (b'{"v":1,"rules":[]}' + b" " * 65_536, "over 65536 bytes"),
        (b'{"v":' + b"1" * 5000 + b"}", "digits"),
    ],
)
def test_texts_that_are_no_policy(text: bytes, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_policy(text)
    assert caught.value.code == "policy_invalid"
    assert why in caught.value.message


def test_texts_of_a_stranger_do_not_steer_the_terminal() -> None:
    text = refusal(deny(typedData={"fields": {"\x1b[2J\u202e": {}}}))
    assert text.isprintable()


def test_reading_depends_on_nothing_but_the_text() -> None:
    rules = [allow(when={"fee": {"lte": 5}, "to": {"in": ["@vendors", address(OTHER)]}})]
    text = json.dumps(policy_json(*rules)).encode()
    one, other = read_policy(text), read_policy(text)
    assert one.hash == other.hash
    words = [condition.words for rule in one.rules for condition in rule.conditions]
    assert words == [condition.words for rule in other.rules for condition in rule.conditions]
    assert repr(one) == f"<policy {one.hash.hex()[:16]}>"
    assert address(VENDOR) not in repr(one)
