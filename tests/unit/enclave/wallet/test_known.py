"""What is remembered of who knows which wallet."""

from __future__ import annotations

from dataclasses import replace

from adyton.enclave.wallet.known import KnownWallets
from adyton.protocol.wallet.answers import Wallet

OWNER = b"o" * 32
START = (False, 0, bytes(32))
WALLET = Wallet(b"w" * 32, OWNER, "random", "single-host", (), (), 1, bytes(32), 7)


def named(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_of_whom_a_policy_no_longer_names_nothing_is_kept() -> None:
    known = KnownWallets()
    known.put(WALLET, None)
    held = WALLET
    for number in range(0, 300, 3):
        changed = replace(WALLET, clients=tuple(named(number + at) for at in range(3)))
        known.put(changed, held)
        held = changed
    assert list(known.after(named(299), START)) == [WALLET.wallet]
    assert list(known.after(named(0), START)) == []
    # Else whoever changes a policy again and again fills the enclave's memory with names.
    assert len(known._places) == len(held.clients) + 1
    known.put(WALLET, held)
    assert list(known._places) == [OWNER]


def test_a_client_that_was_loaded_and_is_named_no_more_leaves_nothing() -> None:
    known = KnownWallets()
    held = replace(WALLET, clients=(named(1),))
    known.load(held)
    known.put(WALLET, held)
    assert (list(known._places), known._unsorted) == ([OWNER], {OWNER})
    known.put(held, WALLET)
    assert list(known.after(named(1), START)) == [WALLET.wallet]
