"""A process that holds a vault and uses it, to be looked at from outside: `python -m … KIND`.

It tells each of `STEPS` when it is done, and waits for a line before the next.
"""

from __future__ import annotations

import os
import sys

from tests.vault_kit import ENTROPY, PHRASE, REQUEST, WALLET, sign_with, vault

STEPS = ("made", "wrapped", "used", "closed")
SIGNED = 1000
ACCOUNTS = 4
# What is imported lies here from the start, as it would in a request.
KEY = bytes.fromhex("8a1fd44e5d2f3a0c55e7b1c9260f7e9bd30c4b1a7795e2f864c0d7331b2ea961")


def main(kind: str) -> None:
    """Make a wallet of this kind and use it."""
    held = vault()
    _told("made")
    if kind in ("random", "careless"):
        wrapped = held.make(WALLET, REQUEST, ENTROPY)
    elif kind == "key":
        wrapped = held.import_key(WALLET, KEY)
    elif kind == "mnemonic":
        wrapped = held.import_mnemonic(WALLET, PHRASE)
    else:
        wrapped = held.make(WALLET, REQUEST, ENTROPY, words=int(kind[2:]))
    _told("wrapped")
    for number in range(SIGNED):
        account = 0 if kind == "key" else number % ACCOUNTS
        sign_with(held, wrapped, account, number.to_bytes(32, "big"))
    copies = []
    if kind == "careless":
        with held.key(WALLET, wrapped, 0) as key:
            copies.append(bytes(key.secret))
    _told("used")
    held.close()
    _told("closed")


def _told(step: str) -> None:
    print(step, flush=True)
    if not sys.stdin.readline():
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1])
