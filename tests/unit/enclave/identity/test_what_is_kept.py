"""What is kept of records has a bound in memory, however much strangers have registered."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import pytest

from adyton.core import limits
from adyton.core.crypto import HpkeKey, SigningKey
from adyton.enclave.identity import issuers, policies, uses
from adyton.enclave.identity.book import Book
from adyton.enclave.identity.issuers import Issuers
from adyton.enclave.identity.policies import Policies
from adyton.enclave.identity.uses import Uses
from adyton.enclave.keys import Keys
from adyton.enclave.state import State
from adyton.protocol.credentials.did import own_did, own_name
from adyton.protocol.credentials.did_json import write_own_document
from adyton.protocol.credentials.jwk import ed25519_key
from adyton.protocol.credentials.multikey import ED25519, X25519, Multikey
from adyton.protocol.identity.answers import NO, CredentialUse
from adyton.protocol.identity.issuer_keys import IssuerKeys
from adyton.protocol.identity.registries import (
    FEBRUARY,
    DidRecord,
    IssuerRecord,
    PolicyRecord,
    Record,
)

CHAIN = b"c" * 32
NAMES = [bytes([at]) * 32 for at in range(24)]
AGREEMENT = HpkeKey(b"a" * 32).public
EMOJI = "\U0001f600"  # one of them, and each character of a text takes four bytes of memory


def book(*records: Record) -> Book:
    """Return a book of records, under names of their own, that holds nothing but their encoding."""
    made = Book(cast(State, mock.Mock()))
    for name, record in zip(NAMES, records, strict=False):
        made._remember(name, record)
    return made


def memory_of(use: Callable[[bytes], object], names: Sequence[bytes]) -> int:
    """Return how many bytes more are taken once all of these have been used, one after another."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for name in names:
            use(name)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def policy(text: str, version: int) -> bytes:
    return PolicyRecord(
        bytes(32), bytes(16), bytes(32), "n", 18, tuple(f"{at}{text}" for at in range(16)), (),
        tuple(f"c{at}{text}" for at in range(16)), FEBRUARY, 840, 0, 0, False, False, "", False,
        "single-host", version,
    ).encode()  # fmt: skip


def test_policies_that_were_large_when_they_were_used(monkeypatch: pytest.MonkeyPatch) -> None:
    room = 500 * limits.KIB
    monkeypatch.setattr(policies, "_ROOM", room)
    large, small = policy("t" * 500 + EMOJI, 1), policy("", 2)
    held = book()
    made = Policies(held)

    def use(name: bytes) -> None:
        held._remember(name, PolicyRecord.decode(large))
        assert made.policy(name).record.version == 1
        held._remember(name, PolicyRecord.decode(small))

    assert memory_of(use, NAMES) < room
    assert len(made._held) > 1
    assert {made.policy(name).record.version for name in NAMES} == {2}


def jwk(kid: str, **more: Any) -> bytes:
    key = ed25519_key(kid.encode()[:1] * 32)
    return json.dumps({**key.members, "kid": kid, **more}, ensure_ascii=False).encode()


def test_issuers_keys_of_long_names(monkeypatch: pytest.MonkeyPatch) -> None:
    room = 800 * limits.KIB
    monkeypatch.setattr(issuers, "_ROOM", room)
    kids = [f"{place}{EMOJI}" + "k" * 8000 for place in range(7)] + ["z"]
    records = [
        IssuerRecord(
            bytes(32), bytes([at]) * 16, "n", "https://x.example",
            tuple(jwk(kid) for kid in kids), (), 1,
        )
        for at in range(12)
    ]  # fmt: skip
    held = book(*records)
    Issuers(held).key(NAMES[0], "z")  # what is made once for all of them is not counted
    made = Issuers(held)
    assert memory_of(lambda name: made.key(name, "z"), NAMES[:12]) < room
    assert 1 < len(made._held) < 12
    for name in NAMES[:12]:
        found = made.key(name, kids[3])
        assert found is not None
        assert found.data() == b"3" * 32


def test_keys_that_nobody_asks_for_are_not_kept_as_what_they_say() -> None:
    keys = tuple(jwk(f"{place}", x5c=[[]] * 1900) for place in range(7))
    record = IssuerRecord(bytes(32), bytes(16), "n", "https://x.example", keys, (), 1)
    kept: list[IssuerKeys] = []
    assert memory_of(lambda _: kept.append(IssuerKeys(record)), NAMES[:1]) < 16 * limits.KIB
    assert kept[0].key("4") == ed25519_key(b"4" * 32)
    assert kept[0].memory > sum(map(len, keys))


def test_holders_of_many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    room = 25 * limits.KIB
    monkeypatch.setattr(uses, "_ROOM", room)
    records, dids = [], {}
    signing = [Multikey(ED25519, SigningKey(bytes([at]) * 32).public) for at in range(8)]
    for name in NAMES:
        own = own_name(CHAIN, name, bytes(16))
        did = own_did(CHAIN, own)
        document = write_own_document(did, signing, Multikey(X25519, AGREEMENT))
        records.append((own, DidRecord(name, bytes(16), document, 1, True)))
        dids[name] = str(did)
    held = book()
    for own, record in records:
        held._remember(own, record)
    sealed: list[bytes] = []
    keys = SimpleNamespace(
        chain_id=CHAIN, nobody=bytes, seal_derived=lambda _, __, key, ___: sealed.append(key)
    )
    made = Uses(cast(Keys, keys), held)
    use = CredentialUse(bytes(32), bytes(32), "", bytes(32), 0, 0, 0, NO, bytes(32), "")
    holder = ed25519_key(signing[3].data)
    Uses(cast(Keys, keys), held).seal(b"", use, holder, (dids[NAMES[0]],))
    assert memory_of(lambda name: made.seal(b"", use, holder, (dids[name],)), NAMES) < room
    assert 1 < len(made._held) < len(NAMES)
    assert sealed == [AGREEMENT] * (1 + len(NAMES))
