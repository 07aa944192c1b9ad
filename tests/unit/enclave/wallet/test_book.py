"""The book of wallets: what is said of one wallet costs nothing for the others."""

from __future__ import annotations

from typing import cast
from unittest import mock

import pytest

from adyton.core import limits
from adyton.enclave.state import State
from adyton.enclave.wallet.book import Book
from adyton.protocol.wallet.answers import Account, NextNonce, Wallet

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
