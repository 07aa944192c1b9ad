"""The book of wallets: what is said of one wallet costs nothing for the others."""

from __future__ import annotations

import gc
import json
import tracemalloc
from dataclasses import replace
from typing import Any, cast
from unittest import mock

import pytest

from adyton.core import limits
from adyton.core.contexts import Context
from adyton.core.crypto import digest
from adyton.enclave.state import State
from adyton.enclave.wallet import book as books
from adyton.enclave.wallet.book import Book
from adyton.protocol.wallet.answers import Account, NextNonce, Wallet
from tests.policy_kit import allow, deny

ACCOUNTS = tuple(bytes((number,)) * 20 for number in (9, 3))
WALLET = Wallet(
    b"w" * 32, b"o" * 32, "random", "single-host",
    tuple(Account(address, "") for address in ACCOUNTS), (), 1, bytes(32), 1,
)  # fmt: skip


class _Unlisted(dict[bytes, object]):
    """Can be asked for one item, and not for all of them."""

    def __iter__(self) -> object:  # type: ignore[override]  # it is not to be called
        raise AssertionError("everything was looked at")

    items = keys = values = __iter__  # type: ignore[assignment]  # likewise


def test_next_nonces_are_found_without_a_look_at_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    book = Book(cast(State, mock.Mock()))
    for address in (*ACCOUNTS, b"x" * 20):
        for chain in (4, 1):
            book.raise_nonce(address, chain, chain + 1)
    book._next = _Unlisted(dict(book._next))  # type: ignore[assignment]  # reads alone
    nonces = [
        NextNonce(address, chain, chain + 1) for address in sorted(ACCOUNTS) for chain in (1, 4)
    ]
    assert book.nonces(WALLET) == nonces
    assert book.next_nonce(ACCOUNTS[0], 4) == 5
    assert book.next_nonce(ACCOUNTS[0], 5) == book.next_nonce(b"y" * 20, 4) == 0
    monkeypatch.setattr(limits, "WALLET_NONCES", 3)
    assert book.nonces(WALLET) == nonces[:3]


def hostile() -> list[list[dict[str, Any]]]:
    """Return rules that take much more memory than text."""
    numbers = ("value", "maxCost", "fee", "gas", "maxFeePerGas", "tip", "nonce")
    few = {name: {"lt": 9} for name in numbers}
    windows = [{"count": True, "window": window, "max": 1} for window in range(1, 8)]
    letters = [chr(0x100 + at) for at in range(600)]
    return [
        [deny(f"r{at}", chain=[at + 1], type=[1], who=["owner"], when=few) for at in range(128)],
        [allow(f"r{at}", limits=windows) for at in range(128)],
        [deny("r", typedData={"fields": {"x": {"eq": "\x7f" * 60_000 + "\U0001f600"}}})],
        [deny(f"r{at}", typedData={"fields": {"x": {"in": letters}}}) for at in range(20)],
    ]


def test_what_is_kept_of_policies_is_bounded_in_memory_whoever_writes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = 3 * limits.MIB
    monkeypatch.setattr(books, "_POLICIES_BYTES", room)
    texts = [
        json.dumps({"v": 1, "rules": rules}, separators=(",", ":"), ensure_ascii=False).encode()
        for rules in hostile()
    ]
    state = mock.Mock()
    book = Book(cast(State, state))
    taken = []
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for text in texts:
            state.get_hot.return_value = text
            policy = book.policy(replace(WALLET, policy_hash=digest(Context.WALLET_POLICY, text)))
            assert policy is not None
            assert policy.text == text
            del policy
            taken.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert max(taken) <= 1.25 * room  # with what was left lying about; all four take more
    assert min(taken) >= limits.MIB / 2  # the last ones are held
    assert 0 < len(book._policies) < len(texts)
